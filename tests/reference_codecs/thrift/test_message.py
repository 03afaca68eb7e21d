"""Messages: what their first bytes tell, and their parts."""

from __future__ import annotations

import pytest

from metaprotocol_sdk import DecodeError
from reference_codecs.thrift.binary import BINARY, NON_STRICT
from reference_codecs.thrift.compact import COMPACT
from reference_codecs.thrift.frame import Transport
from reference_codecs.thrift.json_protocol import JSON
from reference_codecs.thrift.message import detect, is_told_by_first_byte, take_apart
from reference_codecs.thrift.protocol import Form, Protocol
from reference_codecs.thrift.strategies import LIMITS
from tests.reference_codecs.thrift.helpers import ADD, ADD_HEADED, EMPTY_FRAME, read


@pytest.mark.parametrize(
    ("data", "transport", "protocol"),
    [
        ("80 01 00 01 00 00", Transport.UNFRAMED, BINARY),
        ("82 21 00 03 61 64", Transport.UNFRAMED, COMPACT),
        ("5b 31 2c 22 61 22", Transport.UNFRAMED, JSON),
        ("00 00 00 03 61 64", Transport.UNFRAMED, NON_STRICT),
        ("00 00 00 1e 80 01", Transport.FRAMED, BINARY),
        ("00 00 00 1e 82 21", Transport.FRAMED, COMPACT),
        ("00 00 00 1e 5b 31", Transport.FRAMED, JSON),
        ("00 00 00 1e 00 00", Transport.FRAMED, NON_STRICT),
        ("00 00 00 1e 0f ff", Transport.HEADER, BINARY),
    ],
)
def test_six_bytes_tell_every_form(data: str, transport: Transport, protocol: Protocol) -> None:
    wire = b"?" + bytes.fromhex(data)
    assert detect(wire, 1) == Form(transport, protocol)
    assert is_told_by_first_byte(wire[1]) == (wire[1] >= 0x5B)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"GET / HTTP/1.1\r\n", "HTTP"),
        (b"POST / HTTP/1.1\r\n", "HTTP"),
        (b"PRI * HTTP/2.0\r\n", "HTTP/2"),
        (b"\x16\x03\x01\x02\x00\x01\x00", "TLS"),
        (b"\x78\x9c\x6b\x60\x64\x60\x64", "a zlib stream"),
    ],
)
def test_what_speaks_instead_of_thrift_is_named(data: bytes, name: str) -> None:
    with pytest.raises(DecodeError, match=f"this is {name}; the codec reads Thrift's"):
        read(data + bytes(20))


def test_what_is_nothing_is_shown() -> None:
    with pytest.raises(DecodeError, match="at byte 0 in transport: 00 00 00 09 01 02 is how no Thrift message starts"):
        read(b"\0\0\0\x09\x01\x02" + bytes(20))


def test_a_framed_message_in_its_parts() -> None:
    message = take_apart(b"??" + ADD + b"??", 2, len(ADD), Form(Transport.FRAMED, BINARY), LIMITS)
    assert message is not None
    assert (message.start, message.end, message.begin.body) == (4, len(ADD), 19)
    assert bytes(message.part(message.begin.id_start, message.begin.id_end)) == b"\0\0\0\x07"
    assert message.header is None


def test_a_header_frame_says_its_protocol() -> None:
    message = take_apart(ADD_HEADED, 0, len(ADD_HEADED), Form(Transport.HEADER, BINARY), LIMITS)
    assert message is not None
    assert message.header is not None
    assert (message.protocol, message.start, message.begin.name) == (BINARY, 30, "add")


def test_a_header_frame_without_a_message_has_no_parts() -> None:
    assert take_apart(EMPTY_FRAME, 0, len(EMPTY_FRAME), Form(Transport.HEADER, BINARY), LIMITS) is None


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (ADD[:19], "at byte 19 in body: the message has no struct"),
        (ADD[:17], "at byte 17 in name: the message begin goes on past the end"),
        (ADD[:4], "goes on past the end"),
    ],
)
def test_a_frame_that_ends_too_early_is_malformed(data: bytes, sentence: str) -> None:
    with pytest.raises(DecodeError, match=sentence):
        take_apart(data, 0, len(data), Form(Transport.FRAMED, BINARY), LIMITS)
