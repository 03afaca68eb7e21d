"""What Envoy's dubbo_proxy did when it was asked, and where the proxy does otherwise because Dubbo for Java does.

A message of a server's that a client sends ends Envoy's process, in both of its filters for Dubbo.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from reference_codecs.dubbo.codec import DubboCodec
from reference_codecs.dubbo.hessian2 import write_string
from tests.proxy.harness import Backend, proxy, run, unused_port
from tests.proxy.harness import serving as backing
from tests.reference_codecs.dubbo.helpers import CALL, message, reply, vectors
from tests.reference_codecs.dubbo.test_envoy import HELLO, Outcome, answered, call, ours, outcome

RECORDED = {
    row["name"].removeprefix("dubbo_proxy_"): row
    for row in vectors("envoy_dubbo.jsonl")
    if row["name"].startswith("dubbo_proxy_") and "request_hex" in row
}
"""Requests and Envoy's replies, but for those that are too long to be there."""
SEVERAL = {"heartbeat_then_call": 2, "two_pipelined": 2}
"""How many replies Envoy gave where they are not one."""
DIFFERENT = {
    "heartbeat_oneway": "asks for no answer",
    "event_readonly": "is no heartbeat, and asks for no answer",
    "oneway_no_route": "asks for no answer",
    "ser_fastjson": "can be routed, as its interface and method can be read",
    "ser_java": "can be routed, as its interface and method can be read",
    "response_as_request": "ends its connection alone",
    "truncated": "is a beginning that a heartbeat would be taken into, which tells here that a connection is open",
}


async def of_ours(data: bytes, count: int) -> Outcome:
    """What comes of ``data`` at a proxy of Envoy's routes."""
    server = Backend(DubboCodec(), answer=answered)
    async with backing(server), ours(server.address.port, unused_port()) as front:
        return await outcome(front, data, count)


@pytest.mark.skipif(not RECORDED, reason="what Envoy answers is not beside the checkout")
def test_every_difference_is_of_a_recorded_reply() -> None:
    assert set(DIFFERENT) < set(RECORDED)


@pytest.mark.parametrize(
    "row",
    [pytest.param(row, id=name) for name, row in RECORDED.items() if name not in DIFFERENT]
    or [pytest.param(None, marks=pytest.mark.skip("what Envoy answers is not beside the checkout"), id="recorded")],
)
def test_what_envoy_decided_is_decided(row: dict[str, Any]) -> None:
    name = row["name"].removeprefix("dubbo_proxy_")
    count = SEVERAL.get(name, int(row["reply_size"] > 0))
    found = asyncio.run(asyncio.wait_for(of_ours(bytes.fromhex(row["request_hex"]), count), 20))
    assert found.is_open is not row["closed"]
    assert len(found.replies) == count
    if count:
        first = row["reply"]
        # A provider answered two_pipelined that knew no such method; ours knows every one.
        status = 20 if first["status"] == 70 else first["status"]
        assert (first["request_id"] % (1 << 64), status) in [(each[0], each[1]) for each in found.replies]


JSON = b'"2.0.2"\n"com.demo.HelloService"\n"1.0.0"\n"sayHello"\n""\n{}\n'
TEXTS = b"".join(
    bytes([0, len(each)]) + each for each in (b"2.0.2", b"com.demo.HelloService", b"1.0.0", b"nothing", b"")
)
JAVA = b"\xac\xed\x00\x05w" + bytes([len(TEXTS)]) + TEXTS
OTHERWISE = {
    "heartbeat_oneway": (message(b"N", flags=0xA2), []),
    "event_readonly": (message(b"\x01R", flags=0xA2), []),
    "oneway_no_route": (call("zzz", flags=0x82), []),
    "ser_fastjson": (message(JSON, flags=0xC6, request_id=5), [(5, 20)]),
    "ser_java": (message(JAVA, flags=0xC7, request_id=5), [(5, 20)]),
}


@pytest.mark.parametrize("name", OTHERWISE)
def test_what_envoy_does_otherwise_is_done_as_dubbo_for_java_does(name: str) -> None:
    for data, expected in (OTHERWISE[name], *as_recorded(name)):
        found = asyncio.run(asyncio.wait_for(of_ours(data, len(expected)), 20))
        assert [each[:2] for each in found.replies] == expected, DIFFERENT[name]
        assert found.is_open


def as_recorded(name: str) -> list[tuple[bytes, list[tuple[int, int]]]]:
    """The same of the recorded bytes, with the request's own id."""
    if name not in RECORDED:
        return []
    data = bytes.fromhex(RECORDED[name]["request_hex"])
    return [(data, [(int.from_bytes(data[4:12], "big"), each) for _, each in OTHERWISE[name][1]])]


@pytest.mark.parametrize("multiplexing", [False, True], ids=["one at a time", "multiplexed"])
@pytest.mark.parametrize(
    "frame",
    [
        reply(b"\x94\x0chello, worldH\x05dubbo\x052.0.2Z"),
        reply(b"\x92", request_id=0),
        reply(write_string("no such class"), status=40),
        *([bytes.fromhex(RECORDED["response_as_request"]["request_hex"])] if RECORDED else []),
    ],
)
def test_a_reply_that_a_client_sends_ends_its_connection_and_nothing_else(frame: bytes, multiplexing: bool) -> None:
    async def main() -> None:
        server = Backend(DubboCodec(), answer=None)
        async with proxy(server, codec=DubboCodec, multiplexing=multiplexing) as running:
            other, client = await running.client(), await running.client()
            await other.send(CALL)
            link = await server.request(0)
            await client.send(frame)
            assert await client.replies() == []
            link.transport.write(reply(b"\x91\x97", request_id=server.requests[0].request_id))
            assert (await other.reply()).origin_message == reply(b"\x91\x97")
            assert len(server.requests) == 1
            newcomer = await running.client()
            await newcomer.send(HELLO)
            link = await server.request(1)
            link.transport.write(reply(b"\x91\x98", request_id=server.requests[1].request_id))
            assert (await newcomer.reply()).request_id == 1

    run(main())
