"""awesomerpc by bytes: golden messages laid out by hand, and a test for each fault of the scaffold it replaces.

The scaffold aborts on a message split over two reads, reads ``pack_len`` (u32) as u16, and answers two kinds of error
with one code.
"""

from __future__ import annotations

import struct

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
    Mutation,
    ResponseStatus,
    load_codec,
)
from reference_codecs.awesomerpc.codec import CODES, AwesomerpcCodec

REQUEST = bytes.fromhex("01 00000102 00000012 0001 0000") + b"hello"
"""Version 1, flow 258, 18 bytes, command 1, code 0."""
REPLY = bytes.fromhex("01 00000102 00000010 0001 0000") + b"hi!"
FAILURE = bytes.fromhex("01 00000102 00000010 0001 fffe") + b"no!"

ANSWERS = {
    ErrorType.ROUTE_NOT_FOUND: "01 00000102 00000016 0001 0001",
    ErrorType.CLUSTER_NOT_FOUND: "01 00000102 00000016 0001 0002",
    ErrorType.NO_HEALTHY_UPSTREAM: "01 00000102 00000016 0001 0003",
    ErrorType.BAD_RESPONSE: "01 00000102 00000016 0001 0004",
    ErrorType.UNSPECIFIED: "01 00000102 00000016 0001 0005",
    ErrorType.OVER_LIMIT: "01 00000102 00000016 0001 0006",
}
"""The header of each error reply to :data:`REQUEST` that says ``not found``."""

CODEC = AwesomerpcCodec()


def read(data: bytes, side: MessageType = MessageType.REQUEST) -> Metadata:
    metadata, buffer = Metadata(side), Buffer(data)
    assert CODEC.decode(buffer, metadata) is DecodeStatus.DONE
    assert not buffer
    return metadata


def written(metadata: Metadata, **changes: str | None) -> bytes:
    buffer = Buffer()
    CODEC.encode(metadata, Mutation(changes), buffer)
    return bytes(buffer)


def answered(request: Metadata, error: Error) -> bytes:
    buffer = Buffer()
    CODEC.on_error(request, error, buffer)
    return bytes(buffer)


def test_it_is_registered_under_its_names() -> None:
    for name in ("awesomerpc", "aeraki.meta_protocol.codec.awesomerpc"):
        assert type(load_codec(name)) is AwesomerpcCodec


def test_a_request_is_described() -> None:
    metadata = read(REQUEST)
    assert dict(metadata) == {"cmd": "1"}
    assert (metadata.message_type, metadata.response_status) == (MessageType.REQUEST, ResponseStatus.OK)
    assert (metadata.request_id, metadata.operation_name) == (258, "cmd/1")
    assert (metadata.header_size, metadata.body_size, metadata.origin_message) == (13, 5, REQUEST)
    assert CODEC.body(metadata) == b"hello"


@pytest.mark.parametrize(("data", "status"), [(REPLY, ResponseStatus.OK), (FAILURE, ResponseStatus.ERROR)])
def test_a_reply_is_a_success_when_its_code_is_0(data: bytes, status: ResponseStatus) -> None:
    metadata = read(data, MessageType.RESPONSE)
    assert (metadata.message_type, metadata.response_status) == (MessageType.RESPONSE, status)
    assert metadata.request_id == 258


@pytest.mark.parametrize("error_type", ErrorType)
def test_each_error_has_its_own_reply(error_type: ErrorType) -> None:
    reply = answered(read(REQUEST), Error(error_type, "not found"))
    assert reply == bytes.fromhex(ANSWERS[error_type]) + b"not found"
    metadata = read(reply, MessageType.RESPONSE)
    assert (metadata.request_id, metadata.response_status) == (258, ResponseStatus.ERROR)
    assert CODEC.body(metadata) == b"not found"


def test_no_two_errors_have_one_code_and_none_is_success() -> None:
    assert set(CODES) == set(ErrorType)
    assert len(set(CODES.values())) == len(ErrorType)
    assert 0 not in CODES.values()
    assert len({answered(read(REQUEST), Error(each, "x")) for each in ErrorType}) == len(ErrorType)


@pytest.mark.parametrize("text", ["", "é", "\ud800", "a\r\nb\0c", "x" * 70_000])
def test_any_error_text_gives_a_reply_that_reads(text: str) -> None:
    error = Error(ErrorType.UNSPECIFIED, text)
    metadata = read(answered(read(REQUEST), error), MessageType.RESPONSE)
    assert CODEC.body(metadata).decode() == error.message


def test_an_error_reply_keeps_the_requests_version_and_command_and_not_its_body() -> None:
    request = read(struct.pack(">bIIhh", -7, 9, 19, -2, 0) + b"secret")
    assert answered(request, Error(ErrorType.ROUTE_NOT_FOUND, "no")) == struct.pack(">bIIhh", -7, 9, 15, -2, 1) + b"no"


# -- the scaffold's faults -------------------------------------------------------------------------------------------


def test_a_message_split_at_any_byte_is_read() -> None:
    """The scaffold keeps WAIT as its state and aborts when the rest arrives."""
    stream = REQUEST + REQUEST[:1] + b"\0\0\0\7" + REQUEST[5:]
    for cuts in ([cut] for cut in range(1, len(stream))):
        assert flows([stream[: cuts[0]], stream[cuts[0] :]]) == [258, 7]
    assert flows([bytes([byte]) for byte in stream]) == [258, 7]


def flows(chunks: list[bytes]) -> list[int]:
    decoder, found = Decoder(CODEC, MessageType.REQUEST), []
    for chunk in chunks:
        decoder.receive_data(chunk)
        while (metadata := decoder.next_message()) is not None:
            found.append(metadata.request_id)
    assert not decoder.buffered
    return found


@pytest.mark.parametrize("size", [65_535, 65_536, 65_536 + 13, 100_000, 1 << 20])
def test_the_length_is_read_whole(size: int) -> None:
    """The scaffold reads its low 16 bits, which cuts a message of 64 KiB and more."""
    data = struct.pack(">bIIhh", 1, 7, size, 2, 0) + b"x" * (size - 13)
    metadata = read(data)
    assert (metadata.body_size, metadata.request_id) == (size - 13, 7)
    waiting = Buffer(data[:-1])
    assert CODEC.decode(waiting, Metadata()) is DecodeStatus.WAIT_FOR_DATA
    assert waiting.needed == size


@pytest.mark.parametrize("length", [0, 1, 12])
def test_a_length_below_the_headers_is_refused(length: int) -> None:
    with pytest.raises(DecodeError) as caught:
        CODEC.decode(Buffer(struct.pack(">bIIhh", 1, 7, length, 2, 0) + b"x" * 20), Metadata())
    assert str(caught.value) == (
        f"malformed message at byte 5 in pack_len: the message says it has {length} bytes, fewer than its header's 13"
    )


@pytest.mark.parametrize("length", [1025, 1 << 31, (1 << 32) - 1])
def test_a_length_over_the_limit_is_refused_by_the_headers_end(length: int) -> None:
    codec = AwesomerpcCodec(max_message_size=1024)
    with pytest.raises(MessageTooLarge) as caught:
        codec.decode(Buffer(struct.pack(">bIIhh", 1, 7, length, 2, 0)), Metadata())
    assert (caught.value.size, caught.value.limit, caught.value.offset) == (length, 1024, 5)


def test_a_header_alone_is_a_message() -> None:
    metadata = read(struct.pack(">bIIhh", 1, 7, 13, 2, 0))
    assert (metadata.header_size, metadata.body_size) == (13, 0)


def test_negative_numbers_are_read_and_routed_as_they_are() -> None:
    metadata = read(struct.pack(">bIIhh", -128, (1 << 32) - 1, 13, -32768, -1), MessageType.RESPONSE)
    assert dict(metadata) == {"cmd": "-32768"}
    assert (metadata.request_id, metadata.operation_name) == ((1 << 32) - 1, "cmd/-32768")
    assert metadata.response_status is ResponseStatus.ERROR
    assert CODEC.frame.header(metadata.origin_message).version == -128


# -- writing ---------------------------------------------------------------------------------------------------------


def test_a_message_with_nothing_changed_is_its_origin() -> None:
    assert written(read(REQUEST)) == REQUEST


def test_the_flow_is_written_and_nothing_else() -> None:
    assert CODEC.request_ids == range(1, 1 << 32)
    metadata = read(REQUEST)
    metadata.request_id = (1 << 32) - 1
    assert written(metadata) == REQUEST[:1] + b"\xff\xff\xff\xff" + REQUEST[5:]
    for request_id in (-1, 1 << 32):
        metadata.request_id = request_id
        with pytest.raises(EncodeError, match="the field holds 4 bytes and cannot say id"):
            written(metadata)


@given(st.integers(-(1 << 15), (1 << 15) - 1))
def test_a_mutation_of_cmd_writes_the_field(cmd: int) -> None:
    data = written(read(REQUEST), CMD=str(cmd))
    assert data == REQUEST[:9] + struct.pack(">h", cmd) + REQUEST[11:]
    assert dict(read(data)) == {"cmd": str(cmd)}


@pytest.mark.parametrize("text", ["32768", "-32769", "one", "", "1.0", " 1", None])
def test_a_command_that_is_none_is_an_encode_error(text: str | None) -> None:
    with pytest.raises(EncodeError) as caught:
        written(read(REQUEST), cmd=text)
    assert caught.value.key == "cmd"


@pytest.mark.parametrize("value", ["1", None])
def test_it_carries_no_other_string(value: str | None) -> None:
    metadata = read(REQUEST)
    assert not CODEC.can_mutate(metadata)
    with pytest.raises(EncodeError, match="carries no string headers"):
        written(metadata, **{"x-request-id": value})
    with pytest.raises(EncodeError, match="carries no string headers"):
        written(metadata, cmd="2", other=value)


def test_every_byte_is_named() -> None:
    assert [(each.name, each.start, each.end, each.value) for each in CODEC.fields(REQUEST)] == [
        ("version", 0, 1, 1),
        ("pack_flow", 1, 5, 258),
        ("pack_len", 5, 9, 18),
        ("req_cmd", 9, 11, 1),
        ("rsp_code", 11, 13, 0),
        ("body", 13, 18, b"hello"),
    ]


def test_a_connection_that_cannot_be_awesomerpc_is_told_apart_by_its_length() -> None:
    assert CODEC.match(REQUEST) is True
    assert CODEC.match(REQUEST[:12]) is None
    assert CODEC.match(b"GET / HTTP/1.1\r\n") is False
