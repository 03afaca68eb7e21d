"""The serializations java, compactedjava and nativejava: what Java's ``ObjectOutputStream`` writes.

From the Java Object Serialization Specification, 6.4, and Apache Dubbo's ``NativeJavaObjectOutput`` and
``JavaObjectOutput``. Strings that Dubbo writes itself stand in block data, before the first object::

    stream   0xaced 0x0005 | block data ... | objects, more block data
    block    0x77 length u8 | data, or 0x7a length i32 | data
    string   length u16 | modified UTF-8; in java and compactedjava after its length as i32, -1 being null

The objects, and with them the attachments, are not read.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable

from metaprotocol_sdk import DecodeError
from reference_codecs.dubbo.frame import HEADER_SIZE, RESPONSE_TYPES
from reference_codecs.dubbo.serialization import UNREAD_EVENT, Call, Opaque

_MAGIC = b"\xac\xed\x00\x05"
_BLOCK, _LONG_BLOCK, _NULL = 0x77, 0x7A, 0x70
_MOST = 64 * 1024
"""Bytes of block data that are read for a call: names are not longer."""
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")


class JavaStream(Opaque):
    """One of the three.

    Args:
        number: Its id in the flags.
        has_lengths: Whether an i32 stands before each string, and a byte before each object: java and compactedjava.
    """

    is_read = True

    def __init__(self, number: int, *, has_lengths: bool) -> None:
        super().__init__(number)
        self._has_lengths = has_lengths
        self._null = _MAGIC + (b"\x77\x01\x00" if has_lengths else bytes([_NULL]))

    def read_call(self, message: bytes) -> Call:
        """The strings of the first blocks."""
        data = _block_data(message)
        at = 0
        found: list[str | None] = []
        for name in Call._fields:
            try:
                text, at = self._read_string(data, at)
            except (struct.error, UnicodeDecodeError) as error:
                raise DecodeError(f"the {self.name} string cannot be read: {error}", path=name) from error
            found.append(text)
        return Call(*found)

    def _read_string(self, data: bytes, at: int) -> tuple[str | None, int]:
        if self._has_lengths:
            (characters,) = struct.unpack_from(">i", data, at)
            at += 4
            if characters < 0:
                return None, at
        (size,) = struct.unpack_from(">H", data, at)
        (raw,) = struct.unpack_from(f"{size}s", data, at + 2)
        text = raw.replace(b"\xc0\x80", b"\0").decode("utf-8", "surrogatepass")
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le"), at + 2 + size

    def read_attachments(self, message: bytes) -> Iterable[tuple[str, str]]:
        """Refuses: they are behind objects."""
        raise self.refused("an attachment")

    def read_response_type(self, message: bytes) -> int | None:
        """The first byte of the first block."""
        data = _block_data(message)
        if not data or data[0] >= len(RESPONSE_TYPES):
            raise DecodeError("the body does not begin with a response type", path="response_type", offset=HEADER_SIZE)
        return data[0]

    def read_event(self, message: bytes) -> str | None:
        """Whether it is a null."""
        return None if message[HEADER_SIZE:] == self._null else UNREAD_EVENT

    def write_string(self, text: str) -> bytes:
        """A stream of one block."""
        encoded = _ASTRAL.sub(_surrogates, text).encode("utf-8", "surrogatepass").replace(b"\0", b"\xc0\x80")
        data = struct.pack(">H", len(encoded)) + encoded
        if self._has_lengths:
            data = struct.pack(">i", len(text.encode("utf-16-le")) // 2) + data
        front = struct.pack(">BB", _BLOCK, len(data)) if len(data) < 256 else struct.pack(">Bi", _LONG_BLOCK, len(data))
        return _MAGIC + front + data


def _surrogates(found: re.Match[str]) -> str:
    high, low = struct.unpack(">HH", found[0].encode("utf-16-be"))
    return chr(high) + chr(low)


def _block_data(message: bytes) -> bytes:
    """What the blocks at the front of the stream hold together.

    Raises:
        DecodeError: There is no stream.
    """
    at = HEADER_SIZE + len(_MAGIC)
    if message[HEADER_SIZE:at] != _MAGIC:
        raise DecodeError("the body is no Java object stream", path="body", offset=HEADER_SIZE)
    parts: list[bytes] = []
    size = 0
    while at < len(message) and size < _MOST:
        kind, front = message[at], message[at + 1 : at + 5]
        if kind == _BLOCK and front:
            start, stop = at + 2, at + 2 + front[0]
        elif kind == _LONG_BLOCK and len(front) == 4:
            start, stop = at + 5, at + 5 + int.from_bytes(front, "big")
        else:
            break
        parts.append(message[start:stop])
        size += stop - start
        at = stop
    return b"".join(parts)
