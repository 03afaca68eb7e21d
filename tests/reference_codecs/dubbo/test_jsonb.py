"""fastjson2, by bytes."""

from __future__ import annotations

import struct

import pytest

from metaprotocol_sdk import DecodeError, MessageType
from tests.reference_codecs.dubbo.helpers import RESPONSE, message, read, reply


def item(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


def short(text: str) -> bytes:
    return item(bytes([0x49 + len(text)]) + text.encode("latin-1"))


def called(*items: bytes) -> bytes:
    return message(b"".join(items), flags=0xC0 | 23)


def test_a_call_is_read() -> None:
    found = read(called(short("2.0.2"), short("com.größe"), item(b"\xaf"), short("buy"), short("I"), item(b"\x02")))
    assert (found["interface"], found["method"]) == ("com.größe", "buy")
    assert "version" not in found.folded
    with pytest.raises(DecodeError, match="an attachment is asked for, and written in fastjson2"):
        found.get("trace")


LONG = "a" * 70


@pytest.mark.parametrize(
    "value",
    [
        b"\x79\x38\x46" + LONG.encode(),
        b"\x7a\x48\0\0\0\x46" + LONG.encode(),
        b"\x7c\x38\x8c" + LONG.encode("utf-16-le"),
        b"\x7d\x44\0\x8c" + LONG.encode("utf-16-be"),
    ],
)
def test_a_long_string_is_read_in_each_form(value: bytes) -> None:
    assert read(called(short("2.0.2"), item(value), item(b"\xaf"), short("buy"), short("")))["interface"] == LONG


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (b"", "it is empty"),
        (b"\x91", "0x91 begins none"),
        (b"\x4bx", "it has 2 bytes in 1"),
        (b"\x7a", "out of range"),
        (b"\x7a\x30x", "0x30 begins no length"),
        (b"\x7a\x01\xff", "can't decode"),
    ],
)
def test_a_string_that_is_none_is_refused(value: bytes, sentence: str) -> None:
    with pytest.raises(DecodeError, match=f"at byte 16 in dubbo: .*{sentence}"):
        read(called(item(value), short("rest")))


@pytest.mark.parametrize("body", [b"", b"\0\0\0", b"\0\0\0\x05abc", b"\xff\xff\xff\xff\x49"])
def test_a_value_that_is_not_there_is_refused(body: bytes) -> None:
    with pytest.raises(DecodeError, match="at byte 16 in dubbo: the body ends before it does"):
        read(called(body))


def test_a_reply_tells_its_type() -> None:
    for value in (b"\xbd\x04", b"\x04"):
        assert read(reply(item(value), flags=23), RESPONSE)["response_type"] == "value"
    for value in (b"\xbd\x06", b"\x49", b"\xbe\x04"):
        with pytest.raises(DecodeError, match="in response_type: the response type is"):
            read(reply(item(value), flags=23), RESPONSE)


def test_events_are_told_apart() -> None:
    assert read(message(item(b"\xaf"), flags=0xE0 | 23)).message_type is MessageType.HEARTBEAT
    assert read(message(short("R"), flags=0xA0 | 23))["event"] == "R"
    assert read(message(item(b"\x91"), flags=0xA0 | 23))["event"] == "unknown"
