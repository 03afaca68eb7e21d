"""A whole message in its parts: what tells transports and protocols apart, and where everything is."""

from __future__ import annotations

from typing import NamedTuple

from metaprotocol_sdk import DecodeError
from reference_codecs.thrift.binary import BINARY, NON_STRICT
from reference_codecs.thrift.compact import COMPACT
from reference_codecs.thrift.frame import COMPACT_ID, FRAME, HEADER_MAGIC, Transport
from reference_codecs.thrift.header_transport import Header, inflate, read_header
from reference_codecs.thrift.json_protocol import JSON
from reference_codecs.thrift.limits import Limits
from reference_codecs.thrift.protocol import Begin, Data, Form, Protocol, Short

DETECTED_BY = 6
"""Bytes that tell every transport and protocol apart: a frame's length and two of its message."""
_FIRST_OF_A_NAME = 0x20
"""Names have no control characters."""
_FOREIGN = {
    b"GET": "HTTP",
    b"POS": "HTTP",
    b"PUT": "HTTP",
    b"HTT": "HTTP",
    b"PRI": "HTTP/2",
    b"\x16\x03\x01": "TLS",
    b"\x78\x01": "a zlib stream",
    b"\x78\x9c": "a zlib stream",
    b"\x78\xda": "a zlib stream",
}


class Message(NamedTuple):
    """One message, taken apart."""

    transport: Transport
    protocol: Protocol
    begin: Begin
    content: Data
    """What the protocol wrote is in here: the bytes the message is in, or its payload decompressed."""
    base: int
    """The index in ``content`` that positions count from."""
    start: int
    """Where the message begin starts."""
    end: int
    """Where the message ends."""
    header: Header | None = None

    def part(self, start: int, end: int) -> memoryview:
        """What is between two positions."""
        return memoryview(self.content)[self.base + start : self.base + end]


def detect(data: Data, at: int) -> Form:
    """What a message starts as. At least :data:`DETECTED_BY` bytes are there, or its first byte tells alone.

    Raises:
        DecodeError: It is none that is known.
    """
    if unframed := _first_byte(data[at]):
        return Form(Transport.UNFRAMED, unframed)
    protocol = _first_byte(data[at + 4])
    if protocol is not None:
        return Form(Transport.FRAMED, protocol)
    if data[at + 4] << 8 | data[at + 5] == HEADER_MAGIC:
        return Form(Transport.HEADER, BINARY)  # its header says which
    if not data[at + 4]:
        return Form(Transport.FRAMED, NON_STRICT)
    if data[at + 4] >= _FIRST_OF_A_NAME:  # a method's name, after its length
        return Form(Transport.UNFRAMED, NON_STRICT)
    refuse_foreign(data, at)
    raise DecodeError(
        f"{bytes(data[at : at + DETECTED_BY]).hex(' ')} is how no Thrift message starts", path="transport", offset=0
    )


def _first_byte(byte: int) -> Protocol | None:
    """The protocol whose messages start with that byte; None: non-strict binary, or none."""
    if byte == 0x80:
        return BINARY
    return COMPACT if byte == COMPACT_ID else JSON if byte == 0x5B else None


def is_told_by_first_byte(byte: int) -> bool:
    """Whether a message that starts so is known to be unframed, and its protocol with it."""
    return _first_byte(byte) is not None


def refuse_foreign(data: Data, at: int) -> None:
    """Says what speaks there instead of Thrift, when it is something often met.

    Raises:
        DecodeError: It is.
    """
    for front, name in _FOREIGN.items():
        if data[at : at + len(front)] == front:
            raise DecodeError(
                f"this is {name}; the codec reads Thrift's framed, unframed and header transports",
                path="transport",
                offset=0,
            )


def take_apart(data: Data, base: int, total: int, form: Form, limits: Limits) -> Message | None:
    """The parts of the whole message ``data[base:base + total]``; None: a header frame without a message.

    Raises:
        DecodeError: It is malformed. In a payload that was compressed, offsets count from its first byte.
    """
    header = None
    transport, protocol = form
    content, start, end = data, 0, total
    if transport is Transport.FRAMED:
        start = FRAME.size
    elif transport is Transport.HEADER:
        header = read_header(data, base, total, limits)
        protocol, start = header.protocol, header.end
        if header.transforms:
            content = inflate(data[base + start : base + end], header, limits)
            base, start, end = 0, 0, len(content)
        if start == end:
            return None
    try:
        begin = protocol.read_begin(content, base + start, base + end, base)
    except Short as error:
        raise DecodeError("the message begin goes on past the end", path="name", offset=end) from error
    if begin.body >= end:
        raise DecodeError("the message has no struct", path="body", offset=end)
    return Message(transport, protocol, begin, content, base, start, end, header)
