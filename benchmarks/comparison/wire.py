"""The messages a comparison sends, and where their frames keep a length and an id."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

_BEGIN = struct.Struct(">HxBI")
_STRING_FIELD = struct.Struct(">BhI")
METHOD = "echo"


@dataclass(frozen=True, slots=True)
class Framing:
    """Where a frame says its length and its id, both big-endian.

    Args:
        length_at: Index of the length's first byte.
        length_size: Bytes of the length.
        length_adds: Bytes of the frame that the length does not count.
        id_at: Index of the id's first byte.
        id_size: Bytes of the id.
    """

    length_at: int
    length_size: int
    length_adds: int
    id_at: int
    id_size: int

    def __str__(self) -> str:
        return f"{self.length_at},{self.length_size},{self.length_adds},{self.id_at},{self.id_size}"


@dataclass(frozen=True, slots=True)
class Wire:
    """One protocol's request and reply with a body of any size.

    Args:
        framing: Of both.
        request: The request with a body of so many bytes.
        reply: The reply that echoes it.
    """

    framing: Framing
    request: Callable[[int], bytes]
    reply: Callable[[int], bytes]


def _thrift(kind: int, field: int, size: int) -> bytes:
    name = METHOD.encode()
    begin = _BEGIN.pack(0x8001, kind, len(name)) + name + bytes(4)
    message = begin + _STRING_FIELD.pack(11, field, size) + b"x" * size + b"\0"
    return struct.pack(">I", len(message)) + message


THRIFT = Wire(
    Framing(length_at=0, length_size=4, length_adds=4, id_at=12 + len(METHOD), id_size=4),
    lambda size: _thrift(1, 1, size),
    lambda size: _thrift(2, 0, size),
)
"""Framed strict binary: ``string echo(1: string text)``. One string is the least a Thrift proxy can have to parse."""
