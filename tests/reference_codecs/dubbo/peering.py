"""Real peers around a proxy: server processes, client processes, and a listener between."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import pytest

from metaprotocol_sdk.proxy.config.values import (
    Address,
    ClusterConfig,
    EndpointConfig,
    FilterConfig,
    ListenerConfig,
    ProtocolConfig,
    ProxyConfig,
    RouteConfig,
    RouteTableConfig,
)
from metaprotocol_sdk.proxy.filters.filter import FilterFactory
from metaprotocol_sdk.proxy.server import Server
from tests.proxy.harness import route

ROOT = Path(__file__).parents[3]
SCRIPTS = Path(__file__).parent / "peers"
NODE_PATH = os.environ.get("DUBBO_NODE_PATH", "")
"""A ``node_modules`` folder with dubbo-remoting and sofa-rpc-node in it; without one, both are left out."""
needs_node = pytest.mark.skipif(
    not NODE_PATH, reason="DUBBO_NODE_PATH names no node_modules folder with dubbo-remoting and sofa-rpc-node"
)
PEERS = ["remoting", "sofa"]
"""npm's dubbo-remoting alone, and sofa-rpc-node, which has it encode and decode."""
PYTHONS = ["dubbo-py", "dubbo-ssl-python"]
"""Clients of PyPI."""
needs_pythons = pytest.mark.skipif(
    not all(map(find_spec, ("dubbo", "dubbo_ssl"))), reason="dubbo-py and dubbo-ssl-python are not installed"
)
EVERY_CLIENT = [
    *(pytest.param(each, marks=needs_node) for each in PEERS),
    *(pytest.param(each, marks=needs_pythons) for each in PYTHONS),
]
PATIENCE = 60.0
"""Seconds until a test is told that what it waits for will not come."""

_salts = itertools.count(1)
_T = TypeVar("_T")

Outcomes = list[Any]
"""Every different outcome of a client's conversations, once."""


def command(script: str, *arguments: str) -> list[str]:
    """Runs one of the scripts, or the client of PyPI of that name."""
    if script in PYTHONS:
        return [sys.executable, "-W", "ignore", "-m", "tests.reference_codecs.dubbo.peers.py", script, *arguments]
    return ["node", "--no-deprecation", str(SCRIPTS / f"{script}.js"), *arguments]


def environment() -> dict[str, str]:
    """What a script finds its libraries by."""
    return {**os.environ, "NODE_PATH": NODE_PATH}


@contextmanager
def serving(peer: str) -> Iterator[int]:
    """A server process of a peer, and its port."""
    with subprocess.Popen(
        command(peer, "serve"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()


async def calling(peer: str, port: int, **job: Any) -> Outcomes:
    """What a client process of a peer says of its calls.

    Args:
        peer: Whose library calls.
        port: Where it goes.
        job: ``threads``: how many connections it has, each for a conversation of its own; ``size``: bytes in the
            largest message; ``attachments`` of one of the calls; or ``calls``, pairs of a method and its arguments, to
            have instead of a conversation; clients of PyPI have ``calls`` alone.
    """
    process = await asyncio.create_subprocess_exec(
        *command(peer, "call"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment(),
        cwd=ROOT,
    )
    output, _ = await process.communicate(json.dumps({"port": port, "salt": next(_salts), **job}).encode())
    assert process.returncode == 0
    outcomes: Outcomes = json.loads(output)
    return outcomes


@dataclass(frozen=True, slots=True)
class Front:
    """A running proxy."""

    port: int
    server: Server

    def count(self, name: str) -> int:
        """The sum of every counter of that name."""
        return sum(value for key, value in self.server.snapshot().items() if key.rpartition(".")[2] == name)


@asynccontextmanager
async def proxying(
    clusters: Mapping[str, int | None],
    routes: tuple[RouteConfig, ...] = (),
    *,
    multiplexing: bool = False,
    bind: bool = False,
    filters: Mapping[str, tuple[FilterFactory, Any]] | None = None,
) -> AsyncIterator[Front]:
    """A proxy before a server for each of ``clusters``, None for one without; everything goes to the first unless there
    are ``routes``.

    Args:
        clusters: Ports by name.
        routes: What goes where.
        multiplexing: Whether clients share connections.
        bind: Whether each client has a connection of its own to its server.
        filters: By name what makes them, and their configuration.
    """
    filters = filters or {}
    listener = ListenerConfig(
        name="main",
        address=Address("127.0.0.1", 0),
        stat_prefix="dubbo",
        protocol=ProtocolConfig(
            name="dubbo",
            codec="reference_codecs.dubbo.codec:DubboCodec",
            multiplexing=multiplexing,
            bind_upstream_connection=bind,
        ),
        routes=RouteTableConfig(routes=routes or (route(next(iter(clusters))),)),
        filters=tuple(FilterConfig(name=name, config=each) for name, (_, each) in filters.items()),
    )
    made = tuple(
        ClusterConfig(name=name, endpoints=() if port is None else (EndpointConfig(Address("127.0.0.1", port)),))
        for name, port in clusters.items()
    )
    factories = {name: factory for name, (factory, _) in filters.items()}
    server = Server(ProxyConfig(listeners=(listener,), clusters=made), filters=factories)
    await server.start()
    try:
        yield Front(server.addresses["main"][1], server)
    finally:
        await server.stop()


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Runs a test to its end."""
    return asyncio.run(asyncio.wait_for(main, PATIENCE))
