"""Varints: seven bits a byte, the lowest first, the highest bit set on all bytes but the last."""

from __future__ import annotations

from metaprotocol_sdk import DecodeError
from reference_codecs.thrift.protocol import Data, Short


def read_varint(data: Data, at: int, end: int, base: int, path: str) -> tuple[int, int]:
    """The unsigned 32-bit number at ``at``, and the index after it.

    Raises:
        Short: It goes on past ``end``.
        DecodeError: It is over 32 bits.
    """
    value = 0
    for index in range(at, at + 5):
        if index >= end:
            raise Short(index + 1)
        byte = data[index]
        value |= (byte & 0x7F) << 7 * (index - at)
        if byte < 0x80:
            if value >> 32:
                break
            return value, index + 1
    raise DecodeError("the number is over 32 bits", path=path, offset=at - base)


def write_varint(number: int) -> bytes:
    """An unsigned number."""
    if number < 0x80:
        return bytes((number,))
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def zigzag(number: int) -> int:
    """A signed number of 64 bits at most as an unsigned one that is small when the number is near zero."""
    return number << 1 if number >= 0 else (-number << 1) - 1


def unzigzag(number: int) -> int:
    """The signed number that :func:`zigzag` was given."""
    return (number >> 1) ^ -(number & 1)
