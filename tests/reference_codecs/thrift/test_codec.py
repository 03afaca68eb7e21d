"""The codec by bytes: golden messages of real peers, hostile ones, errors as Envoy answers them, and cost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk import (
    Buffer,
    DecodeError,
    Decoder,
    DecodeStatus,
    EncodeError,
    Error,
    ErrorType,
    MessageTooLarge,
    MessageType,
    Metadata,
    ResponseStatus,
    load_codec,
)
from reference_codecs.thrift.application_exception import CODES
from reference_codecs.thrift.binary import BINARY, NON_STRICT
from reference_codecs.thrift.codec import ThriftCodec
from reference_codecs.thrift.compact import COMPACT
from reference_codecs.thrift.frame import Kind, Transport
from reference_codecs.thrift.json_protocol import JSON
from reference_codecs.thrift.protocol import Protocol, Walk
from reference_codecs.thrift.strategies import Wire, write_message
from tests.reference_codecs.thrift.helpers import (
    ADD,
    ADD_HEADED,
    CODEC,
    EMPTY_FRAME,
    REQUEST,
    RESPONSE,
    SUM,
    answer,
    golden,
    listen,
    read,
    vectors,
    written,
)

TYPES = {1: MessageType.REQUEST, 2: MessageType.RESPONSE, 3: MessageType.ERROR, 4: MessageType.ONEWAY}
TRANSPORTS = {"buffered": "unframed", "framed": "framed", "header": "header"}
FORMS = [
    *((transport, each) for transport in ("framed", "unframed") for each in (BINARY, NON_STRICT, COMPACT, JSON)),
    ("header", BINARY),
    ("header", COMPACT),
]


def side_of(kind: int) -> MessageType:
    return REQUEST if kind in (Kind.CALL, Kind.ONEWAY) else RESPONSE


def name_of(message: Metadata) -> str:
    return f"{message['service']}:{message['method']}" if "service" in message else message["method"]


def test_a_request_by_bytes() -> None:
    message = read(ADD)
    assert dict(message) == {"transport": "framed", "protocol": "binary", "method": "add"}
    assert (message.message_type, message.request_id, message.operation_name) == (REQUEST, 7, "add")
    assert (message.header_size, message.body_size, message.origin_message) == (19, 15, ADD)


def test_a_reply_by_bytes() -> None:
    message = read(SUM, RESPONSE)
    assert (message["result"], message.message_type) == ("success", RESPONSE)
    assert message.response_status is ResponseStatus.OK


def test_the_codec_is_found_by_its_name() -> None:
    codec = load_codec("aeraki.meta_protocol.codec.thrift", transport="framed", max_message_size=100)
    assert isinstance(codec, ThriftCodec)
    assert codec.request_ids == range(1, 2**31)


@pytest.mark.parametrize("step", [1, 3, 100_000])
def test_what_peers_write_is_read_in_any_pieces(step: int) -> None:
    assert {row["encoder"].split()[0] for row in golden()} == {"thrift", "thriftpy2"}
    for row in golden():
        data = bytes.fromhex(row["hex"])
        (message,) = listen(data, side_of(row["kind"]), step)
        assert message.origin_message == data
        assert (name_of(message), message.request_id) == (row["name"], row["seqid"])
        assert message.message_type is TYPES[row["kind"]]
        assert f"{message['transport']} {message['protocol']}" == row["form"]
        assert {key: message[key] for key in row["headers"]} == row["headers"]


@pytest.mark.skipif(not vectors("thrift.jsonl"), reason="the vectors of more peers are not beside the checkout")
@pytest.mark.parametrize("step", [7, 100_000])
def test_what_more_peers_write_is_read_as_apaches_reader_does(step: int) -> None:
    rows = [row for row in vectors("thrift.jsonl") if row["transport"] in TRANSPORTS and "oracle" in row]
    assert len(rows) > 600
    for row in rows:
        data, oracle = bytes.fromhex(row["hex"]), row["oracle"]
        (message,) = listen(data, side_of(oracle["type"]), step)
        assert (name_of(message), message.request_id) == (oracle["name"], oracle["seqid"])
        assert message.message_type is TYPES[oracle["type"]]
        assert {key: message[key] for key in oracle.get("header", {}).get("headers", ())} == oracle.get(
            "header", {}
        ).get("headers", {})
        if not row.get("note"):  # which says that the transport is not what the row calls it
            assert message["transport"] == TRANSPORTS[row["transport"]]
            assert row["protocol"] in ("header", message["protocol"])


def envoys() -> list[dict[str, Any]]:
    return [row for row in vectors("envoy_thrift.jsonl") if row.get("oracle") and "app_exception" in row["oracle"]]


@pytest.mark.skipif(not envoys(), reason="what Envoy answers is not beside the checkout")
def test_an_error_is_answered_with_envoys_bytes() -> None:
    compared = 0
    for row in envoys():
        said = row["oracle"]["app_exception"]
        request = bytes.fromhex(row["request_hex"])
        if said["type"] not in (1, 6):
            continue
        try:
            (message,) = listen(request, REQUEST, len(request))
        except (DecodeError, ValueError):
            continue  # Envoy answers a malformed request too; here it ends the connection
        kind = ErrorType.ROUTE_NOT_FOUND if said["type"] == 1 else ErrorType.UNSPECIFIED
        if message["transport"] == "header":
            reply = read(answer(message, Error(kind, said["message"])), RESPONSE)
            theirs = read(bytes.fromhex(row["reply_hex"]), RESPONSE)
            assert reply.origin_message[reply.header_size :] == theirs.origin_message[theirs.header_size :]
            assert (reply["method"], reply.request_id) == (theirs["method"], theirs.request_id)
        else:
            assert answer(message, Error(kind, said["message"])).hex() == row["reply_hex"], row["name"]
        compared += 1
    assert compared > 8


@pytest.mark.parametrize(("transport", "protocol"), FORMS)
@pytest.mark.parametrize("error", ErrorType)
def test_an_error_reply_is_written_as_its_request_was(transport: str, protocol: Protocol, error: ErrorType) -> None:
    wire = Wire(Transport(transport), protocol, seqid=3)
    struct = b"{}" if protocol is JSON else b"\0"
    request = read(write_message(wire, "Shop:buy", Kind.CALL, -9, struct))
    data = answer(request, Error(error, 'say "größe"'))
    reply = read(data, RESPONSE)
    assert (reply["transport"], reply["protocol"], reply["method"]) == (transport, protocol.name, "buy")
    assert (reply.message_type, reply.request_id) == (MessageType.ERROR, -9)
    assert data.endswith(protocol.write_exception('say "größe"', CODES[error]) + protocol.tail)


def test_a_oneway_is_never_answered() -> None:
    request = read(write_message(Wire(Transport.FRAMED, BINARY), "note", Kind.ONEWAY, 0, b"\0"))
    assert request.message_type is MessageType.ONEWAY
    assert answer(request, Error(ErrorType.UNSPECIFIED, "no")) == b""


def test_what_is_no_message_cannot_be_encoded_or_answered() -> None:
    message = read(ADD)
    for origin in (b"", b"\0\0", ADD[:10], EMPTY_FRAME):
        message.origin_message = origin
        with pytest.raises(EncodeError, match="its origin is"):
            answer(message, Error(ErrorType.UNSPECIFIED, "no"))
        assert CODEC.can_mutate(message) is (origin is EMPTY_FRAME)
        assert not ThriftCodec(upstream_transport="header").can_mutate(message)
        with pytest.raises(EncodeError, match="its origin is"):
            written(message, x="1")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (ADD[:7] + b"\x02" + ADD[8:], "in kind: a client sends no REPLY"),
        (ADD[:7] + b"\x09" + ADD[8:], "at byte 7 in kind: the message kind is 9"),
        (ADD[:11] + b"\xff" + ADD[12:], "in name: the message begin goes on past the end"),
        (ADD[:8] + b"\xff" + ADD[9:], "in name: the name would have 4278190083 bytes"),
        (ADD[:13] + b"\xff" + ADD[14:], "at byte 13 in name: the name is not UTF-8"),
        (b"\0\0\0\x0f" + ADD[4:19], "at byte 19 in body: the message has no struct"),
    ],
)
def test_a_framed_message_that_is_malformed_is_refused_where_it_is(data: bytes, sentence: str) -> None:
    with pytest.raises(DecodeError, match=sentence):
        read(data)


@pytest.mark.parametrize("size", [1 << 24, 0x7FFFFFFF])
def test_a_length_over_the_limit_is_refused_at_once(size: int) -> None:
    front = size.to_bytes(4, "big")
    for data in (front + b"\x80\x01", front + b"\x82\x21", front + b"\x0f\xff", front + ADD[4:12]):
        with pytest.raises(MessageTooLarge):
            read(data)


FRONTS = [b"", ADD[:12], ADD_HEADED[:14], b"\x80\x01\0\x01", b"\x82\x21", b"[1,"]


@given(st.binary(max_size=200), st.sampled_from(FRONTS), st.sampled_from((REQUEST, RESPONSE)))
def test_anything_is_a_message_a_wait_or_a_decode_error(rest: bytes, front: bytes, side: MessageType) -> None:
    decoder = Decoder(CODEC, side)
    decoder.receive_data(front + rest)
    refused: DecodeError | None = None
    try:
        while decoder.next_message() is not None:
            pass
    except DecodeError as error:
        refused = error
    assert refused is None or (refused.path and str(refused))


@pytest.mark.parametrize(("transport", "protocol"), FORMS)
def test_a_prefix_is_recognised_before_the_message_is_whole(transport: str, protocol: Protocol) -> None:
    struct = b'{"1":{"str":"' + b"a" * 99 + b'"}}' if protocol is JSON else bytes(99)
    data = write_message(Wire(Transport(transport), protocol), "add", Kind.CALL, 1, struct)
    assert CODEC.match(b"") is None
    assert CODEC.match(data[:60]) is True
    assert True not in [CODEC.match(data[:end]) for end in range(4)]
    assert False not in [CODEC.match(data[:end]) for end in range(len(data))]
    assert ThriftCodec(transport="framed").match(data) is (transport == "framed")


@pytest.mark.parametrize("prefix", [b"GET / HTTP/1.1\r\n", b"\0\0\0\x09\x01\x02", SUM, b"[2,"])
def test_other_protocols_and_replies_are_not_recognised(prefix: bytes) -> None:
    assert CODEC.match(prefix) is False


BIG = {
    "binary": (BINARY, bytes.fromhex("0f 0001 0b 00002000") + b"\0\0\0\x7c".ljust(128, b"x") * 8192 + b"\0"),
    "compact": (COMPACT, bytes.fromhex("19 f8 8040") + b"\x7f".ljust(128, b"x") * 8192 + b"\0"),
    "json": (JSON, json.dumps({"1": {"lst": ["str", 8192, *["x" * 120] * 8192]}}, separators=(",", ":")).encode()),
}


@pytest.mark.parametrize("name", BIG)
def test_a_large_unframed_message_in_pieces_is_walked_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    protocol, struct = BIG[name]
    data = write_message(Wire(Transport.UNFRAMED, protocol), "put", Kind.CALL, 1, struct)
    starts: list[int] = []
    skip = type(protocol).skip

    def counted(self: Protocol, wire: bytes, base: int, walk: Walk) -> bool:
        starts.append(walk.position)
        return skip(self, wire, base, walk)

    monkeypatch.setattr(type(protocol), "skip", counted)
    (message,) = listen(data, REQUEST, 1024)
    assert message.origin_message == data
    assert starts == sorted(starts)
    # Each look begins where the last one ended, and where values are counted, not every read is looked at.
    assert len(starts) <= 1 + len(data) // 1024
    assert protocol is JSON or len(starts) < len(data) // 2048


def test_a_value_that_is_cut_at_the_limit_is_not_waited_for() -> None:
    begin = BINARY.write_begin("put", Kind.CALL, 1)
    data = begin + b"\x08\0\1\0\0\0\7" + b"\x0d\0\2\x0b\x0b\0\0\0"
    codec = ThriftCodec(max_message_size=len(data))
    buffer = Buffer(data[:-1])
    assert codec.decode(buffer, Metadata(REQUEST)) is DecodeStatus.WAIT_FOR_DATA
    assert buffer.needed == len(data)
    buffer.append(data[-1:])
    with pytest.raises(MessageTooLarge):
        codec.decode(buffer, Metadata(REQUEST))


def test_a_long_string_is_waited_for_and_not_looked_at() -> None:
    struct = b"\x0b\0\1\0\x10\0\0" + bytes(1 << 20) + b"\0"
    data = write_message(Wire(Transport.UNFRAMED, BINARY), "put", Kind.CALL, 1, struct)
    buffer, metadata = Buffer(data[:100]), Metadata(REQUEST)
    assert CODEC.decode(buffer, metadata) is DecodeStatus.WAIT_FOR_DATA
    assert buffer.needed == len(data)
    assert not dict(metadata)
