"""Whole conversations through the proxy, byte for byte in both directions: recorded ones of Dubbo for Java and
sofa-rpc-node where they are beside the checkout, and a few of our own making."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaprotocol_sdk import MessageType, Metadata
from metaprotocol_sdk.conformance import Sample
from reference_codecs.dubbo.codec import DubboCodec
from reference_codecs.dubbo.frame import ID_AT, LENGTH_AT
from reference_codecs.dubbo.hessian2 import write_string
from reference_codecs.dubbo.strategies import requests, responses
from tests.proxy.harness import Backend, proxy, run, until
from tests.reference_codecs.dubbo.helpers import (
    ATTACHMENTS,
    CALL,
    CALL_BODY,
    REQUEST,
    RESPONSE,
    listen,
    message,
    reply,
    vectors,
)

both_modes = pytest.mark.parametrize("multiplexing", [False, True], ids=["one at a time", "multiplexed"])
MAX_ID = (1 << 64) - 1


@dataclass(frozen=True)
class Session:
    """What each side of a connection wrote."""

    name: str
    client: bytes
    server: bytes


def call(method: str, types: str, arguments: bytes, **header: int) -> bytes:
    """A call as Dubbo for Java writes it."""
    front = b"\x052.0.2" + write_string("com.demo.Shop") + b"\x051.0.0" + write_string(method) + write_string(types)
    return message(front + arguments + ATTACHMENTS, **header)


def java_reply(body: bytes, request_id: int) -> bytes:
    """An answer whose attachments are Dubbo's version."""
    return reply(body + b"H\x05dubbo\x052.0.2Z", request_id=request_id)


ITEM = b"C\x0dcom.demo.Item\x93\x04name\x04next\x03tag`\x03mugQ\x90N"
"""An object that holds itself."""
TWO_ITEMS = b"\x7a" + ITEM + b"`\x03cupQ\x91T"
"""A list of two objects of one class, each of which holds itself."""
OURS = [
    Session(
        "values",
        call("buy", "Ljava/lang/String;I", b"\x03mug\x92", request_id=0)
        + call("echo", "Lcom/demo/Item;", ITEM, request_id=1)
        + call("echo", "Ljava/util/List;", TWO_ITEMS, request_id=2)
        + call("nothing", "", b"", request_id=3)
        + call("big", "Ljava/lang/String;", write_string("größe 😀" * 20_000), request_id=4),
        java_reply(b"\x94\x97", 0)
        + java_reply(b"\x94" + ITEM, 1)
        + java_reply(b"\x94" + TWO_ITEMS, 2)
        + java_reply(b"\x95", 3)
        + java_reply(b"\x94" + write_string("größe 😀" * 20_000), 4),
    ),
    Session(
        "ends that are no value",
        call("fail", "", b"", request_id=5)
        + call("fail", "I", b"\x91", request_id=6)
        + call("old", "", b"", request_id=7),
        java_reply(b"\x93C\x18java.lang.IllegalStateEx\x91\x0ddetailMessage`\x06no mug", 5)
        + reply(write_string("Fail to decode request due to: no item"), status=40, request_id=6)
        + reply(b"\x92", request_id=7),
    ),
    Session(
        "oneways and heartbeats",
        call("note", "Ljava/lang/String;", b"\x05hello", flags=0x82, request_id=1)
        + message(b"N", flags=0xE2, request_id=2)
        + call("noted", "", b"", request_id=3)
        + message(b"N", flags=0xE2, request_id=4),
        message(b"N", flags=0x22, status=20, request_id=2)
        + java_reply(b"\x94\xe1", 3)
        + message(b"N", flags=0x22, status=20, request_id=4),
    ),
    Session(
        "ids and serializations",
        b"".join(message(CALL_BODY, request_id=each) for each in (MAX_ID, MAX_ID >> 1, 0))
        + message(b'"2.0.2"\n"com.demo.Shop"\n"1.0.0"\n"buy"\n""\n{"path":"com.demo.Shop"}\n', flags=0xC6, request_id=8)
        + message(b"\x00kryo's own", flags=0xC8, request_id=9),
        b"".join(
            java_reply(b"\x94" + bytes([0x90 + each]), request_id)
            for each, request_id in enumerate((MAX_ID, MAX_ID >> 1, 0))
        )
        + reply(b"1\n7\n", flags=6, request_id=8)
        + reply(b"\x00kryo's own", flags=8, request_id=9),
    ),
]
RECORDED = [
    Session(each["session"], bytes.fromhex(each["client_to_server_hex"]), bytes.fromhex(each["server_to_client_hex"]))
    for each in vectors("dubbo_sessions.jsonl")
]
NONE_RECORDED = pytest.param(None, id="recorded", marks=pytest.mark.skip("no recorded ones are beside the checkout"))
sessions = pytest.mark.parametrize(
    "session",
    [*(pytest.param(each, id=each.name) for each in (*OURS, *RECORDED)), *(() if RECORDED else [NONE_RECORDED])],
)


def without_id(data: bytes) -> bytes:
    return data[:ID_AT] + data[LENGTH_AT:]


class Provider(Backend):
    """A server that answers each request with what the recorded one answered it with."""

    def __init__(self, session: Session) -> None:
        super().__init__(DubboCodec(), answer=self.recorded)
        replies = {each.request_id: each.origin_message for each in messages(session.server, RESPONSE)}
        self._left: dict[bytes, list[bytes]] = defaultdict(list)
        for each in messages(session.client, REQUEST):
            if each.message_type is MessageType.REQUEST:
                self._left[without_id(each.origin_message)].append(replies[each.request_id])

    def recorded(self, request: Metadata) -> bytes:
        """The next answer that such a request got, with this one's id."""
        answer = self._left[without_id(request.origin_message)].pop(0)
        return answer[:ID_AT] + request.request_id.to_bytes(8, "big") + answer[LENGTH_AT:]


def messages(data: bytes, side: MessageType) -> list[Metadata]:
    return listen(data, side, 1 << 20)


async def check_server_side(session: Session, provider: Provider, *, multiplexing: bool) -> None:
    """The server got what the client sent, but for heartbeats, and for ids where connections are shared."""
    sent = [
        each.origin_message
        for each in messages(session.client, REQUEST)
        if each.message_type is not MessageType.HEARTBEAT
    ]
    await until(lambda: len(provider.requests) == len(sent))
    came = [each.origin_message for each in provider.requests]
    if multiplexing:
        sent, came = [*map(without_id, sent)], [*map(without_id, came)]
        assert len(provider.links) == bool(sent)
    assert sorted(came) == sorted(sent)


@both_modes
@sessions
def test_a_conversation_passes_message_by_message(session: Session, multiplexing: bool) -> None:
    async def main() -> None:
        provider = Provider(session)
        async with proxy(provider, codec=DubboCodec, multiplexing=multiplexing) as running:
            client = await running.client()
            received = b""
            for each in messages(session.client, REQUEST):
                await client.send(each.origin_message)
                if each.message_type is not MessageType.ONEWAY:
                    received += (await client.reply()).origin_message
            assert received == session.server
            await check_server_side(session, provider, multiplexing=multiplexing)

    run(main())


def pieces(data: bytes) -> Iterator[bytes]:
    """The data cut at random, now and then in the middle of a header."""
    rng = random.Random(4)
    at = 0
    while at < len(data):
        size = rng.choice((1, 7, 15, 40, 300, 9000, 70_000))
        yield data[at : at + size]
        at += size


async def pass_in_pieces(session: Session, *, multiplexing: bool) -> None:
    provider = Provider(session)
    async with proxy(provider, codec=DubboCodec, multiplexing=multiplexing) as running:
        client = await running.client()
        await client.send(*pieces(session.client))
        expected = [each.origin_message for each in messages(session.server, RESPONSE)]
        received = [(await client.reply()).origin_message for _ in expected]
        assert sorted(received) == sorted(expected)
        await check_server_side(session, provider, multiplexing=multiplexing)


@both_modes
@sessions
def test_a_conversation_passes_in_pieces_though_no_reply_is_waited_for(session: Session, multiplexing: bool) -> None:
    run(pass_in_pieces(session, multiplexing=multiplexing))


def drawn(pairs: list[tuple[Sample, Sample]]) -> Session:
    """A conversation of requests and answers, as far as they are such, each pair with an id of its own."""
    client, server = b"", b""
    for number, (asked, answered) in enumerate(pairs):
        number_bytes = number.to_bytes(8, "big")
        (request,), (found,) = messages(asked.data, REQUEST), messages(answered.data, RESPONSE)
        if request.message_type is MessageType.HEARTBEAT or found.message_type not in (RESPONSE, MessageType.ERROR):
            continue
        client += asked.data[:ID_AT] + number_bytes + asked.data[LENGTH_AT:]
        if request.message_type is MessageType.REQUEST:
            server += answered.data[:ID_AT] + number_bytes + answered.data[LENGTH_AT:]
    return Session("drawn", client, server)


@given(st.lists(st.tuples(requests, responses), max_size=6).map(drawn), st.booleans())
@settings(max_examples=40)
def test_any_conversation_passes(session: Session, multiplexing: bool) -> None:
    run(pass_in_pieces(session, multiplexing=multiplexing))


@both_modes
def test_clients_of_the_same_ids_have_the_same_conversation_at_once(multiplexing: bool) -> None:
    session = OURS[0]

    async def main() -> None:
        provider = Provider(session)
        provider._left = defaultdict(list, {key: each * 5 for key, each in provider._left.items()})
        async with proxy(provider, codec=DubboCodec, multiplexing=multiplexing) as running:
            clients = [await running.client() for _ in range(5)]
            for each in messages(session.client, REQUEST):
                for client in clients:
                    await client.send(each.origin_message)
            for client in clients:
                received = [(await client.reply()).origin_message for _ in messages(session.server, RESPONSE)]
                assert sorted(received) == sorted(each.origin_message for each in messages(session.server, RESPONSE))

    run(main())


@both_modes
def test_a_servers_heartbeats_and_events_reach_no_client_and_its_heartbeats_are_answered(multiplexing: bool) -> None:
    closing = message(b"\x01R", flags=0xA2, request_id=6)
    beat = message(b"N", flags=0xE2, request_id=77)

    async def main() -> None:
        provider = Backend(DubboCodec(), answer=lambda request: reply(b"\x91\x97", request_id=request.request_id))
        async with proxy(provider, codec=DubboCodec, multiplexing=multiplexing) as running:
            client = await running.client()
            for _ in range(2):
                await client.send(CALL)
                assert (await client.reply()).origin_message == reply(b"\x91\x97")
                (link,) = provider.links
                count = len(provider.requests)
                link.transport.write(closing + beat)
                await until(lambda: len(provider.requests) > count)  # noqa: B023
                answer = message(b"N", flags=0x22, status=20, request_id=77)
                assert provider.requests[-1].origin_message == answer
            assert running.count("response_unmatched") == 2

    run(main())
