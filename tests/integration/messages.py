"""Messages of the reference codecs' protocols by hand, as peers write them, and servers that answer them."""

from __future__ import annotations

import struct

from metaprotocol_sdk.metadata import Metadata

CALL, REPLY, EXCEPTION, ONEWAY = 1, 2, 3, 4
"""Thrift's message types."""

_STRICT = 0x80010000


def thrift(kind: int, method: str, sequence_id: int) -> bytes:
    """A framed message of the strict binary protocol with an empty struct, as Apache Thrift writes it."""
    data = struct.pack(">II", _STRICT | kind, len(method)) + method.encode() + struct.pack(">I", sequence_id) + b"\0"
    return struct.pack(">I", len(data)) + data


def thrift_reply(request: Metadata) -> bytes:
    """What a Thrift server answers whose every method returns nothing."""
    return thrift(REPLY, request["method"], request.request_id)


def dubbo(body: bytes, *, flags: int, status: int = 0, request_id: int = 0) -> bytes:
    """A whole Dubbo message."""
    return struct.pack(">HBBQI", 0xDABB, flags, status, request_id, len(body)) + body


def dubbo_call(interface: str, method: str, request_id: int, **attachments: str) -> bytes:
    """A call without arguments; texts are shorter than 32 characters, or than 1024 for the interface."""
    body = _hessian("2.0.2") + _hessian(interface) + _hessian("0.0.0") + _hessian(method) + _hessian("")
    body += b"H" + b"".join(_hessian(key) + _hessian(value) for key, value in attachments.items()) + b"Z"
    return dubbo(body, flags=0xC2, request_id=request_id)


def dubbo_reply(request: Metadata) -> bytes:
    """What a Dubbo server answers whose every method returns nothing: no value, and attachments that are empty."""
    return dubbo(b"\x95HZ", flags=2, status=20, request_id=request.request_id)


def _hessian(text: str) -> bytes:
    """A Hessian 2 string: its length in one byte below 32, in two below 1024."""
    head = bytes([len(text)]) if len(text) < 32 else bytes([0x30 + (len(text) >> 8), len(text) & 0xFF])
    return head + text.encode()
