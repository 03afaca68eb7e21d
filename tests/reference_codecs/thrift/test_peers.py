"""Real peers: Apache Thrift for Python and thriftpy2, clients and servers, through a proxy of every form they speak."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from metaprotocol_sdk.proxy.config.values import (
    Address,
    ClusterConfig,
    EndpointConfig,
    ListenerConfig,
    MatcherConfig,
    MatchKind,
    ProtocolConfig,
    ProxyConfig,
    RouteConfig,
    RouteTableConfig,
)
from metaprotocol_sdk.proxy.server import Server

pytest.importorskip("thrift", reason="Apache Thrift for Python is not installed")
pytest.importorskip("thriftpy2", reason="thriftpy2 is not installed")

PEERS = Path(__file__).parent / "peers"
PLAIN = ["framed binary", "framed compact", "unframed binary", "unframed compact"]
ALL = [*PLAIN, "framed json", "unframed json", "header binary", "header compact"]
SPEAKS = {"apache": ALL, "py2": PLAIN}
SAID = {"echo": True, "buy": [7, "sold out: no mug"], "noted": True, "big": True}
FAILED = {"fail": "application exception 6: no reason"}
PATIENCE = 60.0
NODE_PATH = os.environ.get("THRIFT_NODE_PATH", "")
"""A ``node_modules`` folder with thrift in it."""


async def start(peer: str, mode: str, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(PEERS / f"{peer}.py"),
        mode,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )


@asynccontextmanager
async def serving(peer: str) -> AsyncIterator[dict[str, int]]:
    """A server process of a peer, and its ports by form."""
    process = await start(peer, "serve")
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield json.loads(await process.stdout.readline())
    finally:
        process.stdin.close()
        await process.wait()


async def calling(peer: str, ports: dict[str, int]) -> dict[str, Any]:
    """What a client process of a peer says of its calls."""
    process = await start(peer, "call")
    output, _ = await process.communicate(json.dumps(ports).encode())
    said: dict[str, Any] = json.loads(output)
    return said


@asynccontextmanager
async def proxying(ports: dict[str, int], *, multiplexing: bool, **config: str) -> AsyncIterator[dict[str, int]]:
    """A proxy with a listener before each port; its own ports by the same names. ``buy`` has a route of its own."""
    buy = MatcherConfig("method", MatchKind.EXACT, "buy")
    listeners = [
        ListenerConfig(
            name=name,
            address=Address("127.0.0.1", 0),
            stat_prefix="thrift",
            protocol=ProtocolConfig(
                name="thrift",
                codec="reference_codecs.thrift.codec:ThriftCodec",
                codec_config=config,
                multiplexing=multiplexing,
            ),
            routes=RouteTableConfig(
                routes=(RouteConfig(cluster=name, metadata=(buy,)), RouteConfig(cluster=name, metadata=()))
            ),
        )
        for name in ports
    ]
    clusters = [
        ClusterConfig(name=name, endpoints=(EndpointConfig(Address("127.0.0.1", port)),))
        for name, port in ports.items()
    ]
    server = Server(ProxyConfig(listeners=tuple(listeners), clusters=tuple(clusters)))
    await server.start()
    try:
        yield {name: server.addresses[name][1] for name in ports}
    finally:
        await server.stop()


async def converse(client: str, server: str, *, multiplexing: bool = False, **config: str) -> dict[str, Any]:
    """Every call of every form that both peers speak, through a proxy."""
    async with serving(server) as ports:
        shared = {form: ports[form] for form in SPEAKS[client] if form in ports}
        async with proxying(shared, multiplexing=multiplexing, **config) as fronts:
            return await calling(client, fronts)


def run(main: Any) -> Any:
    return asyncio.run(asyncio.wait_for(main, PATIENCE))


def expected(client: str, forms: list[str]) -> dict[str, Any]:
    return {form: SAID | (FAILED if client == "apache" else {}) for form in forms}


@pytest.mark.parametrize("multiplexing", [False, True], ids=["one at a time", "multiplexed"])
@pytest.mark.parametrize("server", SPEAKS)
@pytest.mark.parametrize("client", SPEAKS)
def test_every_form_that_two_peers_speak_passes_the_proxy(client: str, server: str, multiplexing: bool) -> None:
    forms = [form for form in SPEAKS[client] if form in SPEAKS[server]]
    assert run(converse(client, server, multiplexing=multiplexing)) == expected(client, forms)


@pytest.mark.parametrize("target", ALL)
def test_clients_of_every_form_reach_a_server_of_another(target: str) -> None:
    transport, protocol = target.split()
    # JSON cannot be written in another protocol: its clients reach servers of JSON, and only its transport changes.
    forms = [form for form in ALL if ("json" in form) == (protocol == "json")]
    config = {"upstream_transport": transport} | ({} if protocol == "json" else {"upstream_protocol": protocol})
    if protocol == "json":
        forms = [form for form in forms if form.split()[0] != "header"]

    async def main() -> dict[str, Any]:
        async with (
            serving("apache") as ports,
            proxying(dict.fromkeys(forms, ports[target]), multiplexing=False, **config) as fronts,
        ):
            return await calling("apache", fronts)

    assert run(main()) == expected("apache", forms)


@pytest.mark.skipif(
    not (NODE_PATH and shutil.which("node")),
    reason="THRIFT_NODE_PATH names no folder with npm's thrift, or node is not there",
)
def test_npms_client_passes_the_proxy_in_every_form_it_speaks() -> None:
    forms = [form for form in ALL if not form.startswith("header")]  # its THeader clients write none

    async def main() -> Any:
        async with (
            serving("apache") as ports,
            proxying({form: ports[form] for form in forms}, multiplexing=True) as fronts,
        ):
            process = await asyncio.create_subprocess_exec(
                "node",
                str(PEERS / "node.js"),
                *(each for form in forms for each in (form, str(fronts[form]))),
                stdout=asyncio.subprocess.PIPE,
                env={**os.environ, "NODE_PATH": NODE_PATH},
            )
            output, _ = await process.communicate()
            return json.loads(output)

    assert run(main()) == dict.fromkeys(forms, {"buy": SAID["buy"], "noted": True} | FAILED)


def test_many_clients_at_once_each_get_their_own_answers() -> None:
    async def main() -> list[dict[str, Any]]:
        async with (
            serving("py2") as ports,
            proxying({form: ports[form] for form in PLAIN}, multiplexing=False) as fronts,
        ):
            return await asyncio.gather(*(calling("py2", fronts) for _ in range(8)))

    assert run(main()) == [expected("py2", PLAIN)] * 8
