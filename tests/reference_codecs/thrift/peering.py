"""Real peers around a proxy: server processes by form, client processes, and a listener before each server's port."""

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
from pathlib import Path
from typing import Any, TypeVar

import pytest

from metaprotocol_sdk.proxy.config.values import (
    Address,
    ClusterConfig,
    EndpointConfig,
    ListenerConfig,
    ProtocolConfig,
    ProxyConfig,
    RouteConfig,
    RouteTableConfig,
)
from metaprotocol_sdk.proxy.server import Server
from tests.proxy.harness import route

ROOT = Path(__file__).parents[3]
SCRIPTS = Path(__file__).parent / "peers"
PEERS = "tests.reference_codecs.thrift.peers"
NODE_PATH = os.environ.get("THRIFT_NODE_PATH", "")
"""A ``node_modules`` folder with thrift in it; without one npm's thrift is left out."""
needs_node = pytest.mark.skipif(not NODE_PATH, reason="THRIFT_NODE_PATH names no node_modules folder with npm's thrift")
EVERY_PEER = ["apache", "py2", pytest.param("node", marks=needs_node)]
PATIENCE = 100.0
"""Seconds until a test is told that what it waits for will not come."""

Ports = Mapping[str, int]
"""Ports by form."""
Outcomes = dict[str, list[dict[str, Any]]]
"""What came of the calls of each form, every different outcome once."""

_salts = itertools.count(1)
_T = TypeVar("_T")


def command(peer: str, mode: str) -> list[str]:
    """Runs a peer."""
    if peer == "node":
        return ["node", "--no-deprecation", str(SCRIPTS / "node.js"), mode]
    return [sys.executable, "-W", "ignore", "-m", f"{PEERS}.{peer}", mode]


def environment() -> dict[str, str]:
    """What a peer's process finds its library by."""
    return {**os.environ, "NODE_PATH": NODE_PATH}


@contextmanager
def serving(peer: str) -> Iterator[Ports]:
    """A server process of a peer, and its ports."""
    with subprocess.Popen(
        command(peer, "serve"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(), cwd=ROOT
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()


async def calling(peer: str, ports: Ports, **job: Any) -> Outcomes:
    """What a client process of a peer says of its calls; ``job`` is the rest of a ``talk.Job``."""
    return (await _working(peer, ports, job))["said"]  # type: ignore[no-any-return]


async def rounds_of(peer: str, ports: Ports, **job: Any) -> tuple[int, Outcomes]:
    """The same, and how many conversations there were."""
    done = await _working(peer, ports, job)
    return done["rounds"], done["said"]


async def _working(peer: str, ports: Ports, job: dict[str, Any]) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *command(peer, "call"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment(),
        cwd=ROOT,
    )
    output, _ = await process.communicate(json.dumps({"ports": ports, "salt": next(_salts), **job}).encode())
    assert process.returncode == 0
    done: dict[str, Any] = json.loads(output)
    return done


@dataclass(frozen=True, slots=True)
class Front:
    """A running proxy."""

    ports: Ports
    server: Server

    def count(self, name: str) -> int:
        """The sum of every counter of that name."""
        return sum(value for key, value in self.server.snapshot().items() if key.rpartition(".")[2] == name)


def straight(ports: Ports) -> dict[str, tuple[RouteConfig, ...]]:
    """For each form the routes to the cluster of the same name; ``buy`` has one of its own."""
    return {form: (route(form, method="buy"), route(form)) for form in ports}


@asynccontextmanager
async def proxying(
    clusters: Ports,
    routes: Mapping[str, tuple[RouteConfig, ...]] | None = None,
    *,
    multiplexing: bool = False,
    config: Mapping[str, Any] | None = None,
    do_clients_leave: bool = False,
) -> AsyncIterator[Front]:
    """A proxy with a listener for each of ``routes`` (:func:`straight` ones) and a cluster for each port; ``config`` is
    the codec's.

    Checks at the end that every message was read, and every reply was of a request, which those of clients that leave
    early are not.
    """
    listeners = tuple(
        ListenerConfig(
            name=name,
            address=Address("127.0.0.1", 0),
            stat_prefix=name,  # whose counters are then its own
            protocol=ProtocolConfig(
                name="thrift",
                codec="reference_codecs.thrift.codec:ThriftCodec",
                codec_config=config or {},
                multiplexing=multiplexing,
            ),
            routes=RouteTableConfig(routes=each),
        )
        for name, each in (routes if routes is not None else straight(clusters)).items()
    )
    made = tuple(
        ClusterConfig(name=name, endpoints=(EndpointConfig(Address("127.0.0.1", port)),))
        for name, port in clusters.items()
    )
    server = Server(ProxyConfig(listeners=listeners, clusters=made))
    await server.start()
    front = Front({each.name: server.addresses[each.name][1] for each in listeners}, server)
    try:
        yield front
        unmatched = () if do_clients_leave else ("response_unmatched",)
        for counter in ("request_decoding_error", "response_decoding_error", *unmatched):
            assert front.count(counter) == 0, f"{counter} is {front.count(counter)}"
    finally:
        await server.stop()


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Runs a test to its end."""
    return asyncio.run(asyncio.wait_for(main, PATIENCE))
