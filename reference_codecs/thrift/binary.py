"""The binary protocol, strict and non-strict.

From ``doc/specs/thrift-binary-protocol.md``; every number is big-endian::

    strict      | 0x8001 | 0 | kind u8 | name length u32 | name | seqid i32 | struct
    non-strict  | name length u32 | name | kind u8 | seqid i32 | struct

    struct      | type u8 | field id i16 | value |  repeated, then | 0 |
    string      | length u32 | bytes |
    list, set   | element type u8 | size u32 | elements
    map         | key type u8 | value type u8 | size u32 | key, value, ...
"""

from __future__ import annotations

import struct
from typing import Any

from metaprotocol_sdk import DecodeError
from reference_codecs.thrift.frame import BINARY_LIST, BINARY_MAP, SIZE, VERSION_1, Kind, Type
from reference_codecs.thrift.protocol import (
    OPEN_STRUCT,
    Begin,
    Data,
    Protocol,
    Short,
    Walk,
    check_depth,
    check_name_size,
    check_waiting,
    read_kind,
    read_name,
    refuse_size,
    skip_open,
)
from reference_codecs.thrift.runs import (
    MAX_CONTAINER,
    MAX_STRING,
    MAX_STRINGS,
    counted,
    group,
    one_of,
    repeated,
    run,
    small_u32,
    struct_of,
)

_STRICT = struct.Struct(">HxBI")
_SEQID = struct.Struct(">i")
_KIND_AND_SEQID = struct.Struct(">Bi")
_FIELD_ID = struct.Struct(">h")

# Plain integers: comparing with an enum's members costs four times as much, and skipping does little else.
_STRING, _STRUCT, _MAP_TYPE = int(Type.STRING), int(Type.STRUCT), int(Type.MAP)
_SET_TYPE, _LIST_TYPE = int(Type.SET), int(Type.LIST)
_SEQUENCES = frozenset((_LIST_TYPE, _SET_TYPE))
_FIXED: dict[int, int] = {
    Type.BOOL: 1,
    Type.BYTE: 1,
    Type.DOUBLE: 8,
    Type.I16: 2,
    Type.I32: 4,
    Type.I64: 8,
    Type.UUID: 16,
}

VALUE_SIZE = tuple(_FIXED.get(code, 0) for code in range(256))
"""Bytes of a value by its type; 0 where the value tells, and where there is no such type."""
_FIELD_SIZE = tuple(size and size + 3 for size in VALUE_SIZE)
_CHANGING = {_STRING: 4, _STRUCT: 1, _LIST_TYPE: 5, _SET_TYPE: 5, _MAP_TYPE: 6}
_LEAST = tuple({**_FIXED, **_CHANGING}.get(code, 0) for code in range(256))
"""Bytes that a value of a type has at least; 0 where there is no such type."""


def _small() -> tuple[list[bytes], dict[int, bytes]]:
    """Patterns of small fields, and of small values by their type."""
    sizes = {1: (2, 3), 2: (6,), 4: (8,), 8: (4, 10), 16: (16,)}
    numbers = {b".{%d}" % size: one_of(types) for size, types in sizes.items()}
    string = counted(b".", MAX_STRING, small_u32)
    lists = [types + counted(item, MAX_CONTAINER, small_u32) for item, types in numbers.items()]
    lists.append(rb"\x0b" + counted(string, MAX_STRINGS, small_u32))
    maps = [numbers[item] + counted(string + item, MAX_STRINGS, small_u32) for item in (b".{4}", b".{8}")]
    values = {_STRING: string, _LIST_TYPE: group(lists), _MAP_TYPE: rb"\x0b" + group(maps)}
    fields = [b"%b..%b" % (types, item) for item, types in numbers.items()]
    fields += [b"\\x%02x..%b" % (kind, item) for kind, item in values.items()]
    fields.append(rb"\x0e.." + values[_LIST_TYPE])
    values |= {_SET_TYPE: values[_LIST_TYPE], _STRUCT: struct_of(fields)}
    return fields, values


_FIELDS, _VALUES = _small()
_match_run = run(_FIELDS, rb"\x0c..").match
_STRINGS_AT_ONCE = 8
_STRINGS = repeated(_VALUES[_STRING], _STRINGS_AT_ONCE)
_ELEMENTS = {kind: repeated(_VALUES[kind], 1).match for kind in (_STRUCT, _LIST_TYPE)}


class BinaryProtocol(Protocol):
    """The binary protocol.

    Args:
        is_strict: Whether message begins are written with the version.
    """

    name = "binary"

    def __init__(self, *, is_strict: bool = True) -> None:
        self.is_strict = is_strict

    def read_begin(self, data: Data, at: int, end: int, base: int, searched: int = 0) -> Begin:  # noqa: ARG002
        """A strict begin, or a non-strict one where the first bit is not set, however this instance writes."""
        if end - at < 8:
            raise Short(at + 8)
        version, kind, size = _STRICT.unpack_from(data, at)
        if version < 0x8000:
            return self._read_without_version(data, at, end, base)
        if version != VERSION_1:
            raise DecodeError(f"the version is {version:#06x}, not {VERSION_1:#06x}", path="version", offset=at - base)
        known = read_kind(kind, at + 3, base)
        check_name_size(size, at + 4, base)
        id_start = at + 8 + size
        if id_start + 4 > end:
            raise Short(id_start + 4)
        name = read_name(data, at + 8, id_start, base)
        (seqid,) = _SEQID.unpack_from(data, id_start)
        id_start -= base
        return Begin(name, known, seqid, id_start, id_start + 4, id_start + 4)

    @staticmethod
    def _read_without_version(data: Data, at: int, end: int, base: int) -> Begin:
        (size,) = SIZE.unpack_from(data, at)
        check_name_size(size, at, base)
        kind_at = at + 4 + size
        if kind_at + 5 > end:
            raise Short(kind_at + 5)
        kind, seqid = _KIND_AND_SEQID.unpack_from(data, kind_at)
        name = read_name(data, at + 4, kind_at, base)
        known = read_kind(kind, kind_at, base)
        kind_at -= base
        return Begin(name, known, seqid, kind_at + 1, kind_at + 5, kind_at + 5)

    def write_begin(self, name: str, kind: Kind, seqid: int) -> bytes:
        """A begin, strict or not as this instance is."""
        encoded = name.encode()
        if self.is_strict:
            return b"%b%b%b" % (_STRICT.pack(VERSION_1, kind, len(encoded)), encoded, _SEQID.pack(seqid))
        return b"%b%b%b" % (SIZE.pack(len(encoded)), encoded, _KIND_AND_SEQID.pack(kind, seqid))

    def write_seqid(self, seqid: int) -> bytes:
        """Four bytes."""
        return _SEQID.pack(seqid)

    def parts(self, begin: Begin, start: int) -> tuple[tuple[str, int], ...]:
        """Strict or not, as this instance is."""
        if self.is_strict:
            return ("version", start + 3), ("kind", start + 4), ("name", begin.id_start), ("seqid", begin.body)
        return ("name", begin.id_start - 1), ("kind", begin.id_start), ("seqid", begin.body)

    def result_field(self, data: Data) -> int:
        """The first field's id; 0 for a result of nothing."""
        if not data[0]:
            return 0
        if len(data) < 3:
            raise LookupError("a field is cut short")
        if not _LEAST[data[0]]:
            raise ValueError(f"{data[0]} is no type")
        field: int = _FIELD_ID.unpack_from(data, 1)[0]
        return field

    def outermost(self) -> list[Any]:
        """One open struct."""
        return [OPEN_STRUCT]

    def skip(self, data: Data, base: int, walk: Walk) -> bool:
        """Fixed sizes by a table, strings by their length, containers of fixed sizes by a multiplication."""
        return skip_open(data, base, walk, _skip_fields, _skip_elements)

    def write_exception(self, message: str, code: int) -> bytes:
        """Field 1 is the message, field 2 the code."""
        text = message.encode()
        return b"\x0b\x00\x01%b%b\x08\x00\x02%b\x00" % (SIZE.pack(len(text)), text, _SEQID.pack(code))


def _skip_fields(data: Data, at: int, base: int, walk: Walk) -> int:
    """Past the fields of the innermost struct, up to its end or to a value that opened; -1 where the data ends."""
    frames = walk.open
    depth = len(frames)
    may_run = depth <= walk.runs_up_to
    try:
        while True:
            kind = data[at]
            if may_run and (found := _match_run(data, at)):
                at = found.end()
                kind = data[at]
            if size := _FIELD_SIZE[kind]:
                at += size
            elif kind == _STRING:
                at = _skip_string(data, at + 3, base, walk)
            elif not kind:
                frames.pop()
                return at + 1
            else:
                at = _enter(data, at + 3, base, kind, walk)
                if at < 0 or len(frames) != depth:
                    return at
    except (IndexError, struct.error):
        walk.position = at - base
        return -1


def _skip_elements(data: Data, at: int, base: int, walk: Walk) -> int:
    """Past the values of the innermost container, up to its end or to a value that opened; -1 where the data ends."""
    frames = walk.open
    depth = len(frames)
    frame = frames[-1]
    kinds, left, _ = frame
    small = _ELEMENTS if depth < walk.runs_up_to else {}
    if small and kinds == (_STRING, _STRING):
        at, left = _skip_strings(data, at, left)
    try:
        while left:
            kind = kinds[left & 1]
            if kind == _STRING:
                at = _skip_string(data, at, base, walk)
            elif size := VALUE_SIZE[kind]:
                at += size
            elif (match := small.get(kind)) and (found := match(data, at)):
                at = found.end()
            else:
                at = _open(data, at, base, kind, walk)
                if len(frames) != depth:
                    frame[1] = left - 1
                    return at
            left -= 1
    except (IndexError, struct.error):
        frame[1] = left
        walk.position = at - base
        return -1
    frames.pop()
    return at


def _skip_strings(data: Data, at: int, left: int) -> tuple[int, int]:
    """Past many short strings at once; where the rest starts, and how many those are."""
    while left >= _STRINGS_AT_ONCE and (found := _STRINGS.match(data, at)):
        at = found.end()
        left -= _STRINGS_AT_ONCE
    return at, left


def _skip_string(data: Data, at: int, base: int, walk: Walk) -> int:
    size: int = SIZE.unpack_from(data, at)[0]
    if size > walk.limits.string_size:
        refuse_size(size, walk.limits.string_size, "string", at - base)
    return at + 4 + size


def _enter(data: Data, at: int, base: int, kind: int, walk: Walk) -> int:
    """Opens the value that starts at ``at``; of a container goes past the values as :func:`_skip_elements` does."""
    depth = len(walk.open)
    at = _open(data, at, base, kind, walk)
    if len(walk.open) == depth or walk.open[-1] is OPEN_STRUCT:
        return at
    return _skip_elements(data, at, base, walk)


def _open(data: Data, at: int, base: int, kind: int, walk: Walk) -> int:
    """Opens the struct or container whose value starts at ``at``; one of fixed sizes is skipped whole instead."""
    frames = walk.open
    if len(frames) >= walk.limits.depth:
        check_depth(len(frames), walk.limits, at - base)  # says so; its call costs what a struct's opening does
    if kind == _STRUCT:
        frames.append(OPEN_STRUCT)
        return at
    if kind in _SEQUENCES:
        one, size = BINARY_LIST.unpack_from(data, at)
        return _open_values(at + 5, base, (one, one, size, size), walk) if size else at + 5
    if kind == _MAP_TYPE:
        one, other, size = BINARY_MAP.unpack_from(data, at)
        return _open_values(at + 6, base, (one, other, size, 2 * size), walk) if size else at + 6
    raise DecodeError(f"{kind} is no type of Thrift's", path="body", offset=at - base)


def _open_values(at: int, base: int, head: tuple[int, int, int, int], walk: Walk) -> int:
    """Opens the container whose values start at ``at``.

    Args:
        at: An index into the data.
        base: Where the message starts.
        head: The types of its values, in turn; its size, which is not 0; how many values that are.
        walk: The walk.
    """
    one, other, size, count = head
    limits = walk.limits
    if size > limits.container_size:
        refuse_size(size, limits.container_size, "container", _start(at, head) - base)
    least, least_other = _LEAST[one], _LEAST[other]
    if not least or not least_other:
        wrong = other if least else one
        raise DecodeError(f"{wrong} is no type of Thrift's", path="body", offset=_start(at, head) - base)
    if VALUE_SIZE[one] and VALUE_SIZE[other]:
        return int(at + count * (VALUE_SIZE[one] + VALUE_SIZE[other]) // 2)
    if one != other:
        least = min(least, least_other)
    if at - base + count * least > limits.message_size:
        check_waiting(at - base + count * least, limits)
    walk.open.append([(one, other), count, least])
    return at


def _start(at: int, head: tuple[int, int, int, int]) -> int:
    """Where a container starts whose values start at ``at``: a map has a byte more before them."""
    return at - 5 if head[2] == head[3] else at - 6


BINARY = BinaryProtocol()
NON_STRICT = BinaryProtocol(is_strict=False)
