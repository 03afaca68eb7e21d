"""``google.protobuf.Struct`` in bytes, always the same bytes for the same value.

::

    Struct     map<string, Value> fields = 1, each entry {1: key, 2: value}
    Value      one of  1: null (varint 0)  2: number (double)  3: string  4: bool (varint)  5: Struct  6: ListValue
    ListValue  repeated Value values = 1

A field is a varint ``number << 3 | wire type`` (0 varint, 1 eight bytes, 2 a length and bytes) and its content. Entries
are sorted by the bytes of their keys, as protobuf's deterministic serialization sorts them; both fields of an entry,
and the one of a Value, are written whatever their value. Source: protobuf's ``struct.proto`` and its encoding guide.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Value: TypeAlias = "bool | int | float | str | Mapping[str, Value] | Sequence[Value] | None"
"""What a Struct holds: what JSON does. Whole numbers become doubles."""

_NULL, _NUMBER, _STRING, _BOOL, _STRUCT, _LIST = range(1, 7)
_VARINT, _EIGHT_BYTES, _BYTES = range(3)
_DOUBLE = struct.Struct("<d")


def encode_struct(fields: Mapping[str, Value]) -> bytes:
    """A ``google.protobuf.Struct`` with those fields. A lone surrogate becomes a question mark.

    Raises:
        OverflowError: A whole number no double comes near.
    """
    entries = sorted((key.encode(errors="replace"), value) for key, value in fields.items())
    return b"".join(_delimited(1, _delimited(1, key) + _delimited(2, _value(value))) for key, value in entries)


def _value(value: Value) -> bytes:
    match value:
        case None:
            return _tag(_NULL, _VARINT) + b"\0"
        case bool():
            return _tag(_BOOL, _VARINT) + bytes([value])
        case int() | float():
            return _tag(_NUMBER, _EIGHT_BYTES) + _DOUBLE.pack(float(value))
        case str():
            return _delimited(_STRING, value.encode(errors="replace"))
        case Mapping():
            return _delimited(_STRUCT, encode_struct(value))
    return _delimited(_LIST, b"".join(_delimited(1, _value(each)) for each in value))


def _delimited(number: int, content: bytes) -> bytes:
    return _tag(number, _BYTES) + _varint(len(content)) + content


def _tag(number: int, wire_type: int) -> bytes:
    return bytes([number << 3 | wire_type])


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
