"""Envoy beside the proxy: the same bytes to Envoy's dubbo_proxy and to ours, and the same decisions and answers.

Compared are statuses, request ids, whether the connection goes on, and every byte that a server wrote. The sentence of
an error is each proxy's own; Envoy writes an int before it, which no client of Dubbo reads.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from metaprotocol_sdk import Decoder, MessageType, Metadata
from metaprotocol_sdk.proxy.config.values import (
    Address,
    ClusterConfig,
    EndpointConfig,
    ListenerConfig,
    ProtocolConfig,
    ProxyConfig,
    RouteTableConfig,
)
from metaprotocol_sdk.proxy.server import Server
from reference_codecs.dubbo.codec import DubboCodec
from reference_codecs.dubbo.frame import HEADER_SIZE, STATUS_AT
from reference_codecs.dubbo.hessian2 import write_string, write_string_map
from tests.proxy.harness import Backend, route, unused_port
from tests.proxy.harness import serving as backing
from tests.reference_codecs.dubbo.helpers import message, reply
from tests.reference_codecs.envoy import envoy, needs_envoy

pytestmark = needs_envoy
INTERFACE = "com.demo.HelloService"
SERVED = ("tenants", "sayHello", "fail", "old", "notify", "notified", "$invoke", "nothing", "echoUser", "big")
CLUSTERS = {"map": "empty", "echo": "refused", "ints": "unknown", "zzz": "", **dict.fromkeys(SERVED, "shop")}
"""By method; ``unknown`` is not defined, and ``zzz`` has no route."""
PROBE = message(b"N", flags=0xE2, request_id=4242)
ALIVE = message(b"N", flags=0x22, status=20, request_id=4242)
BIG = write_string("x" * (1 << 20))


def call(
    method: str,
    arguments: bytes = b"",
    types: str = "",
    /,
    *,
    interface: str = INTERFACE,
    tenant: str = "gold",
    **header: int,
) -> bytes:
    """A call as Dubbo for Java writes it."""
    front = b"\x052.0.2" + write_string(interface) + b"\x051.0.0" + write_string(method) + write_string(types)
    attached = write_string_map({"path": interface, "interface": interface, "tenant": tenant})
    return message(front + arguments + attached, **header)


def answered(request: Metadata) -> bytes:
    """What the server answers: an exception for ``fail``, an error for ``old``, the arguments and attachments for all
    else."""
    if request["method"] == "fail":
        return reply(b"\x93C\x07a.Error\x91\x07messageQ`\x02noHZ", request_id=request.request_id)
    if request["method"] == "old":
        return reply(write_string("no such class"), status=40, request_id=request.request_id)
    front = HEADER_SIZE + sum(
        len(write_string(request[key])) for key in ("dubbo", "interface", "version", "method", "parameter_types")
    )
    body = request.origin_message[front:]
    return reply((b"\x94" if request["parameter_types"] else b"\x95") + body, request_id=request.request_id)


def dubbo_proxy() -> dict[str, Any]:
    """Envoy's filter with those routes."""

    def of(cluster: str, headers: Sequence[Any] = (), **method: Any) -> dict[str, Any]:
        return {"match": {"method": {"name": method}, "headers": headers}, "route": {"cluster": cluster}}

    silver = [{"name": "tenant", "string_match": {"exact": "silver"}}]
    routes = [of("empty", silver, exact="tenants")]
    routes += [of(cluster, exact=method) for method, cluster in CLUSTERS.items() if cluster]
    return {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.dubbo_proxy.v3.DubboProxy",
        "stat_prefix": "dubbo",
        "route_config": [{"name": "routes", "interface": INTERFACE, "routes": routes}],
    }


@asynccontextmanager
async def ours(shop: int, refused: int) -> AsyncIterator[int]:
    """Our proxy with the same routes, and its port."""
    routes = (
        route("empty", interface=INTERFACE, method="tenants", tenant="silver"),
        *(route(cluster, interface=INTERFACE, method=method) for method, cluster in CLUSTERS.items() if cluster),
    )
    listener = ListenerConfig(
        name="main",
        address=Address("127.0.0.1", 0),
        stat_prefix="dubbo",
        protocol=ProtocolConfig(name="dubbo", codec="reference_codecs.dubbo.codec:DubboCodec"),
        routes=RouteTableConfig(routes=routes),
    )
    ports = {"shop": [shop], "empty": [], "refused": [refused]}
    clusters = tuple(
        ClusterConfig(name=name, endpoints=tuple(EndpointConfig(Address("127.0.0.1", port)) for port in each))
        for name, each in ports.items()
    )
    server = Server(ProxyConfig(listeners=(listener,), clusters=clusters))
    await server.start()
    try:
        yield server.addresses["main"][1]
    finally:
        await server.stop()


class Outcome(NamedTuple):
    """What came of some bytes."""

    replies: list[tuple[int, int, bytes]]
    """Id, status and, where a server wrote it, the whole message."""
    is_open: bool
    """Whether the connection goes on: a heartbeat behind the bytes was answered."""


async def outcome(port: int, data: bytes, count: int) -> Outcome:
    """What comes of ``data`` and ``count`` replies to it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    decoder = Decoder(DubboCodec(), MessageType.RESPONSE)
    writer.write(data + PROBE)
    replies: list[Metadata] = []
    is_open = False
    while not (is_open and len(replies) >= count):
        found = decoder.next_message()
        if found is None:
            try:
                received = await reader.read(1 << 20)
            except ConnectionResetError:
                received = b""
            if not received:
                break
            decoder.receive_data(received)
        elif found.origin_message == ALIVE:
            is_open = True
        else:
            replies.append(found)
    writer.close()
    return Outcome(sorted(map(_seen, replies)), is_open)


def _seen(found: Metadata) -> tuple[int, int, bytes]:
    status = found.origin_message[STATUS_AT]
    return found.request_id, status, b"" if status in (60, 80) else found.origin_message


HELLO = call("sayHello", b"\x05world", "Ljava/lang/String;", request_id=1)
BAD_MAGIC = b"\xda\xbc" + HELLO[2:]
ALIKE = {
    "a value": (HELLO, 1),
    "a null": (call("nothing", request_id=2), 1),
    "an exception": (call("fail", request_id=3), 1),
    "an error of the server": (call("old", request_id=4), 1),
    "a method without a route": (call("zzz", request_id=5), 1),
    "an interface without a route": (call("sayHello", interface="com.demo.Other", request_id=6), 1),
    "a cluster without servers": (call("map", request_id=7), 1),
    "a server that is not there": (call("echo", request_id=8), 1),
    "a cluster that is not there": (call("ints", request_id=9), 1),
    "routed by an attachment": (call("tenants", request_id=10), 1),
    "routed by another": (call("tenants", tenant="silver", request_id=11), 1),
    "a heartbeat": (message(b"N", flags=0xE2, request_id=12), 1),
    "a heartbeat before a call": (message(b"N", flags=0xE2, request_id=13) + HELLO, 2),
    "a oneway": (call("notify", b"\x05hello", "Ljava/lang/String;", flags=0x82, request_id=14), 0),
    "calls at once": (HELLO + call("nothing", request_id=15) + call("zzz", request_id=16), 3),
    "an id of 64 bits": (call("nothing", request_id=(1 << 64) - 2), 1),
    "a mebibyte": (call("big", BIG, "Ljava/lang/String;", request_id=17), 1),
    "another protocol": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 0),
    "another magic number": (BAD_MAGIC, 0),
    "a negative length": (HELLO[:12] + b"\xff\xff\xff\xff" + HELLO[16:], 0),
    "a length beyond all limits": (HELLO[:12] + b"\x7f\xff\xff\xff" + HELLO[16:], 0),
    "a call without a body": (message(b""), 0),
}
"""Bytes, and how many replies they get, where Envoy is right."""


def test_envoy_and_the_proxy_decide_and_answer_alike(tmp_path: Path) -> None:
    async def main() -> None:
        server, refused = Backend(DubboCodec(), answer=answered), unused_port()
        async with backing(server):
            clusters = {"shop": [server.address.port], "empty": [], "refused": [refused]}
            async with (
                envoy(tmp_path, dubbo_proxy(), clusters) as theirs,
                ours(server.address.port, refused) as front,
            ):
                for name, (data, count) in ALIKE.items():
                    found = [await outcome(port, data, count) for port in (theirs, front)]
                    assert found[0] == found[1], name
                    assert len(found[1].replies) == count, name

    asyncio.run(asyncio.wait_for(main(), 60))
