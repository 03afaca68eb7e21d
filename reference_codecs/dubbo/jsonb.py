"""The serialization fastjson2: each value is a length (u32) and JSONB, fastjson2's binary JSON.

From Apache Dubbo's ``FastJson2ObjectOutput`` and the constants of fastjson2's ``JSONB``. Only what a call begins with
is read::

    string   0x49 + length | ISO 8859-1, up to 47 bytes
             0x79 | length | ISO 8859-1;  0x7a UTF-8;  0x7c UTF-16, little end first;  0x7d UTF-16, big end first
    length   0x00-0x2f itself; 0x38-0x3f and one byte; 0x44-0x47 and two; 0x48 and four
    null     0xaf
    byte     0xbd and itself
"""

from __future__ import annotations

from collections.abc import Iterable

from metaprotocol_sdk import DecodeError
from reference_codecs.dubbo.frame import HEADER_SIZE, RESPONSE_TYPES
from reference_codecs.dubbo.serialization import UNREAD_EVENT, Call, Opaque

_SHORT_STRING, _LONGEST_SHORT = 0x49, 0x78
_CODECS = {0x79: "latin-1", 0x7A: "utf-8", 0x7C: "utf-16-le", 0x7D: "utf-16-be"}
_INT8, _NULL = 0xBD, 0xAF
_WIDTHS = ((0x38, 0x3F, 1), (0x44, 0x47, 2), (0x48, 0x48, 4))
"""First byte of the least and the greatest such number, and how many bytes follow."""


class Jsonb(Opaque):
    """fastjson2.

    Args:
        number: Its id in the flags.
    """

    is_read = True

    def read_call(self, message: bytes) -> Call:
        """The first five values."""
        at = HEADER_SIZE
        found: list[str | None] = []
        for name in Call._fields:
            value, end = _value(message, at, name)
            try:
                found.append(_string(value))
            except (ValueError, IndexError) as error:
                raise DecodeError(f"the JSONB string cannot be read: {error}", path=name, offset=at) from error
            at = end
        return Call(*found)

    def read_attachments(self, message: bytes) -> Iterable[tuple[str, str]]:
        """Refuses: they are not read."""
        raise self.refused("an attachment")

    def read_response_type(self, message: bytes) -> int | None:
        """The first value, a byte."""
        value, _ = _value(message, HEADER_SIZE, "response_type")
        found = value[-1] if len(value) == 1 or (len(value) == 2 and value[0] == _INT8) else len(RESPONSE_TYPES)
        if found >= len(RESPONSE_TYPES):
            raise DecodeError(f"the response type is {value.hex(' ')}", path="response_type", offset=HEADER_SIZE)
        return found

    def read_event(self, message: bytes) -> str | None:
        """The first value."""
        value, _ = _value(message, HEADER_SIZE, "event")
        try:
            return _string(value)
        except (ValueError, IndexError):
            return UNREAD_EVENT

    def write_string(self, text: str) -> bytes:
        """One value."""
        encoded = text.encode()
        value = bytes([0x7A, 0x48]) + len(encoded).to_bytes(4, "big") + encoded
        return len(value).to_bytes(4, "big") + value


def _value(message: bytes, at: int, name: str) -> tuple[bytes, int]:
    """The value at ``at``, and where it ends.

    Raises:
        DecodeError: It is not there, or not whole.
    """
    start = at + 4
    end = start + int.from_bytes(message[at:start], "big")
    if start >= len(message) or end > len(message):
        raise DecodeError("the body ends before it does", path=name, offset=at)
    return message[start:end], end


def _string(value: bytes) -> str | None:
    if not value:
        raise ValueError("it is empty")
    kind = value[0]
    if kind == _NULL:
        return None
    if _SHORT_STRING <= kind <= _LONGEST_SHORT:
        encoding, start, size = "latin-1", 1, kind - _SHORT_STRING
    elif kind in _CODECS:
        encoding = _CODECS[kind]
        size, start = _length(value)
    else:
        raise ValueError(f"{kind:#04x} begins none")
    if start + size != len(value):
        raise ValueError(f"it has {size} bytes in {len(value) - start}")
    return value[start:].decode(encoding)


def _length(value: bytes) -> tuple[int, int]:
    """The length after a string's first byte, and where it ends."""
    first = value[1]
    if first < 0x30:
        return first, 2
    for least, greatest, width in _WIDTHS:
        if least <= first <= greatest:
            return int.from_bytes(bytes([first - least]) + value[2 : 2 + width], "big"), 2 + width
    raise ValueError(f"{first:#04x} begins no length")
