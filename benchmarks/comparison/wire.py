"""The messages a comparison sends, and where their frames keep a length and an id."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

_BEGIN = struct.Struct(">HxBI")
_STRING_FIELD = struct.Struct(">BhI")
_CHUNK = 0x8000
METHOD = "echo"
INTERFACE = "com.example.Echo"


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


def _hessian_string(text: str) -> bytes:
    """An ASCII string of Hessian 2: in one piece with a short length, or in chunks."""
    data = text.encode()
    if len(data) < 32:
        return bytes([len(data)]) + data
    chunks = [data[start : start + _CHUNK] for start in range(0, len(data), _CHUNK)]
    kinds = [b"R"] * (len(chunks) - 1) + [b"S"]
    return b"".join(kind + struct.pack(">H", len(chunk)) + chunk for kind, chunk in zip(kinds, chunks, strict=True))


def _dubbo(flag: int, status: int, body: bytes) -> bytes:
    return struct.pack(">HBBQI", 0xDABB, flag, status, 0, len(body)) + body


def _dubbo_request(size: int) -> bytes:
    texts = ["2.0.2", INTERFACE, "0.0.0", METHOD, "Ljava/lang/String;", "x" * size]
    attachments = ["path", INTERFACE, "interface", INTERFACE, "version", "0.0.0"]
    body = b"".join(map(_hessian_string, texts)) + b"H" + b"".join(map(_hessian_string, attachments)) + b"Z"
    return _dubbo(0xC2, 0, body)


DUBBO = Wire(
    Framing(length_at=12, length_size=4, length_adds=16, id_at=4, id_size=8),
    _dubbo_request,
    lambda size: _dubbo(0x02, 20, b"\x91" + _hessian_string("x" * size)),
)
"""Dubbo 2 with Hessian 2: ``String echo(String)``."""

WIRES = {"thrift": THRIFT, "dubbo": DUBBO}
"""By the name of our codec."""
