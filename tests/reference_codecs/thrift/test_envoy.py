"""Envoy beside the proxy: the same requests through Envoy's thrift_proxy and through ours, and the same answers.

Compared are the decision, the reply's kind, method and sequence id, and the type of an error. What an error's sentence
says is each proxy's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from metaprotocol_sdk import Decoder, MessageType, Metadata
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
from reference_codecs.thrift.binary import BINARY
from reference_codecs.thrift.codec import ThriftCodec
from reference_codecs.thrift.compact import COMPACT
from reference_codecs.thrift.frame import Kind, Transport, Type
from reference_codecs.thrift.protocol import Protocol
from reference_codecs.thrift.strategies import Wire, write_message, write_struct
from tests.proxy.harness import unused_port
from tests.reference_codecs.envoy import envoy, needs_envoy
from tests.reference_codecs.thrift.processes import Ports

pytestmark = needs_envoy
ROUTES = {"buy": "shop", "fail": "shop", "note": "shop", "lost": "unknown", "empty": "empty", "refused": "refused"}
"""Clusters by method; ``unknown`` is not defined, and a method that is not here has no route."""
TEXT = [(1, (Type.STRING, b"kettle"))]
FORMS = [(transport, each) for transport in (Transport.FRAMED, Transport.UNFRAMED) for each in (BINARY, COMPACT)]


def thrift_proxy() -> dict[str, Any]:
    """Envoy's filter with those routes."""
    routes = [{"match": {"method_name": each}, "route": {"cluster": name}} for each, name in ROUTES.items()]
    extension = "type.googleapis.com/envoy.extensions.filters.network.thrift_proxy"
    return {
        "@type": f"{extension}.v3.ThriftProxy",
        "stat_prefix": "thrift",
        "route_config": {"name": "routes", "routes": routes, "validate_clusters": False},
        "thrift_filters": [
            {
                "name": "envoy.filters.thrift.router",
                "typed_config": {"@type": f"{extension}.router.v3.Router"},
            }
        ],
    }


@asynccontextmanager
async def ours(port: int, refused: int) -> AsyncIterator[int]:
    """Our proxy with the same routes, and its port."""
    routes = tuple(
        RouteConfig(cluster=name, metadata=(MatcherConfig("method", MatchKind.EXACT, each),))
        for each, name in ROUTES.items()
    )
    listener = ListenerConfig(
        name="main",
        address=Address("127.0.0.1", 0),
        stat_prefix="thrift",
        protocol=ProtocolConfig(name="thrift", codec="reference_codecs.thrift.codec:ThriftCodec"),
        routes=RouteTableConfig(routes=routes),
    )
    endpoints = {"shop": (Address("127.0.0.1", port),), "empty": (), "refused": (Address("127.0.0.1", refused),)}
    clusters = tuple(
        ClusterConfig(name=name, endpoints=tuple(map(EndpointConfig, each))) for name, each in endpoints.items()
    )
    server = Server(ProxyConfig(listeners=(listener,), clusters=clusters))
    await server.start()
    try:
        yield server.addresses["main"][1]
    finally:
        await server.stop()


async def asked(port: int, request: bytes) -> Metadata:
    """The reply to one request on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    decoder = Decoder(ThriftCodec(), MessageType.RESPONSE)
    writer.write(request)
    while (reply := decoder.next_message()) is None:
        data = await reader.read(65536)
        assert data, "the connection ended without a reply"
        decoder.receive_data(data)
    writer.close()
    return reply


def outcome(reply: Metadata, protocol: Protocol) -> tuple[Any, ...]:
    """What both proxies must agree on."""
    body = reply.origin_message[reply.header_size :]
    said = (reply["transport"], reply["protocol"], reply["method"], reply.request_id, reply["result"])
    if reply["result"] != "exception" or reply["method"] == "fail":
        return (*said, body)
    code = body[-5:-1] if protocol is BINARY else body[-2:-1]
    return (*said, code)


@pytest.mark.parametrize(("transport", "protocol"), FORMS, ids=lambda each: getattr(each, "name", str(each)))
def test_envoy_and_the_proxy_decide_and_answer_alike(
    transport: Transport, protocol: Protocol, servers: dict[str, Ports], tmp_path: Path
) -> None:
    def request(method: str) -> bytes:
        return write_message(Wire(transport, protocol), method, Kind.CALL, 300, write_struct(protocol, TEXT))

    async def main() -> None:
        refused = unused_port()
        port = servers["apache"][f"{transport} {protocol.name}"]
        clusters = {"shop": [port], "empty": [], "refused": [refused]}
        async with envoy(tmp_path, thrift_proxy(), clusters) as theirs, ours(port, refused) as front:
            for method in ("buy", "fail", "lost", "empty", "refused", "nowhere"):
                found = [outcome(await asked(each, request(method)), protocol) for each in (theirs, front)]
                assert found[0] == found[1], method

    asyncio.run(asyncio.wait_for(main(), 60))
