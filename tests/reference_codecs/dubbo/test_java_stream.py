"""java, compactedjava and nativejava, by bytes."""

from __future__ import annotations

import struct

import pytest

from metaprotocol_sdk import DecodeError, MessageType
from reference_codecs.dubbo.java_stream import JavaStream
from tests.reference_codecs.dubbo.helpers import RESPONSE, message, read, reply

MAGIC = b"\xac\xed\0\x05"
TEXTS = ("2.0.2", "com.größe", "1.0.0", "buy", "Ljava/lang/String;")


def native(*texts: str) -> bytes:
    return b"".join(struct.pack(">H", len(text.encode())) + text.encode() for text in texts)


def lengthy(*texts: str | None) -> bytes:
    return b"".join(b"\xff" * 4 if text is None else struct.pack(">i", len(text)) + native(text) for text in texts)


def block(data: bytes) -> bytes:
    return b"\x77" + bytes([len(data)]) + data


@pytest.mark.parametrize(("number", "data"), [(3, lengthy(*TEXTS)), (4, lengthy(*TEXTS)), (7, native(*TEXTS))])
def test_a_call_is_read_from_any_blocks(number: int, data: bytes) -> None:
    rest = b"t\0\x03mug"
    streams = [
        block(data) + rest,
        block(data[:9]) + block(data[9:]) + rest,
        b"\x7a" + struct.pack(">I", len(data)) + data,
    ]
    for stream in streams:
        found = read(message(MAGIC + stream, flags=0xC0 | number))
        keys = ("dubbo", "interface", "version", "method", "parameter_types")
        assert tuple(found[key] for key in keys) == TEXTS


def test_a_null_is_a_length_of_minus_one() -> None:
    found = read(message(MAGIC + block(lengthy("2.0.2", "com.Shop", None, "buy", "")), flags=0xC3))
    assert "version" not in found.folded


def test_an_attachment_that_is_asked_for_is_refused() -> None:
    found = read(message(MAGIC + block(native(*TEXTS)), flags=0xC7))
    with pytest.raises(DecodeError, match="an attachment is asked for, and written in nativejava, which is not read"):
        found.get("trace")
    assert found["method"] == "buy"


def test_a_reply_tells_its_type() -> None:
    found = read(reply(MAGIC + b"\x77\x02\x03\x01", flags=3), RESPONSE)
    assert (found["response_type"], found.is_deferred) == ("exception", False)


def test_events_are_told_apart() -> None:
    assert read(message(MAGIC + b"\x70", flags=0xA7)).message_type is MessageType.HEARTBEAT
    assert read(message(MAGIC + b"\x77\x01\0", flags=0xA3)).message_type is MessageType.HEARTBEAT
    assert read(message(MAGIC + b"t\0\x01R", flags=0xA7))["event"] == "unknown"


@pytest.mark.parametrize("body", [b"", b"\xac\xed\0\x04", b"x" * 9])
def test_what_is_no_stream_is_refused(body: bytes) -> None:
    with pytest.raises(DecodeError, match="at byte 16 in body: the body is no Java object stream"):
        read(message(body, flags=0xC7))


@pytest.mark.parametrize("data", [b"", native("2.0.2")[:-1], b"\0\x02\xff\xff", b"\0\x03\xed\xa0\x80"])
def test_a_string_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(DecodeError, match="in dubbo: the nativejava string cannot be read"):
        read(message(MAGIC + block(data), flags=0xC7))


@pytest.mark.parametrize("rest", [b"", b"\x77", b"\x7a\0", b"\x77\x01\x06", b"p"])
def test_a_response_type_that_is_none_is_refused(rest: bytes) -> None:
    with pytest.raises(DecodeError, match="in response_type: the body does not begin with a response type"):
        read(reply(MAGIC + rest, flags=7), RESPONSE)


def test_a_long_text_is_one_long_block() -> None:
    body = JavaStream(7, has_lengths=False).write_string("x" * 300)
    assert body == MAGIC + b"\x7a\0\0\x01\x2e\x01\x2c" + b"x" * 300


def test_a_block_that_says_more_than_there_is_costs_nothing() -> None:
    with pytest.raises(DecodeError, match="cannot be read"):
        read(message(MAGIC + b"\x7a\x7f\xff\xff\xff", flags=0xC7))
