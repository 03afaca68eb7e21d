"""The compact protocol.

From ``doc/specs/thrift-compact-protocol.md``; integers are varints, zigzag where they are values::

    message     | 0x82 | kind << 5 | 1 | seqid varint of the 32 bits | name length | name | struct

    struct      | id delta << 4 | type |  value          with a delta of 0 the id follows as a zigzag varint
                repeated, then | 0 |; a boolean's value is its type, 1 true and 2 false
    string      | length | bytes |
    list, set   | size << 4 | element type | elements    with a size of 15 the true size follows as a varint
    map         | size | key type << 4 | value type | key, value, ...      no types where the size is 0
    double      eight bytes, little-endian as every implementation writes it
"""

from __future__ import annotations

import re
from typing import Any, Final

from metaprotocol_sdk import DecodeError
from reference_codecs.thrift.frame import COMPACT_ID, COMPACT_VERSION, Kind
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
    small_varint,
    struct_of,
)
from reference_codecs.thrift.varint import read_varint, unzigzag, write_varint, zigzag

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY_TYPE, LIST, SET, MAP, STRUCT, UUID = range(1, 14)
"""The compact protocol's own type numbers."""

_FIXED = {TRUE: 1, FALSE: 1, BYTE: 1, DOUBLE: 8, UUID: 16}
VALUE_SIZE = tuple(_FIXED.get(code, 0) for code in range(16))
"""Bytes of an element by its type; 0 where the value tells, and where there is no such type."""
_VARINTS = (I16, I32, I64)

_VARINT = rb"[\x80-\xff]{0,9}[\x00-\x7f]"


def _headers(*types: int) -> bytes:
    """The field headers of these types with a delta."""
    return one_of(delta << 4 | code for delta in range(1, 16) for code in types)


def _sized(item: bytes, most: int, *types: int) -> bytes:
    """A list's header and its elements."""
    return group(
        b"%b(?:%b){%d}" % (one_of(size << 4 | code for code in types), item, size) for size in range(min(most, 14) + 1)
    )


def _small() -> tuple[list[bytes], dict[int, bytes]]:
    """Patterns of small fields, and of small values by their type."""
    string = counted(b".", MAX_STRING, small_varint)
    numbers = {b".": (TRUE, FALSE, BYTE), _VARINT: _VARINTS, b".{8}": (DOUBLE,), b".{16}": (UUID,)}
    sized = [_sized(item, MAX_CONTAINER, *types) for item, types in numbers.items()]
    lists = group([*sized, _sized(string, MAX_STRINGS, BINARY_TYPE)])
    maps = [
        b"%b%b(?:%b%b){%d}" % (small_varint(size), _string_to(types), string, item, size)
        for item, types in ((_VARINT, _VARINTS), (b".{8}", (DOUBLE,)))
        for size in range(1, MAX_STRINGS + 1)
    ]
    values = {BINARY_TYPE: string, LIST: lists, SET: lists, MAP: group([rb"\x00", *maps])}
    fields = [_headers(TRUE, FALSE), _headers(BYTE) + b"."]
    fields += [_headers(*types) + item for item, types in numbers.items() if BYTE not in types]
    fields += [_headers(kind) + item for kind, item in values.items()]
    return fields, values | {STRUCT: struct_of(fields)}


def _string_to(types: tuple[int, ...]) -> bytes:
    """A map's types, from strings to numbers."""
    return one_of(BINARY_TYPE << 4 | code for code in types)


_FIELDS, _VALUES = _small()
_RUN: Final = run(_FIELDS, _headers(STRUCT))
_ELEMENTS: Final = {kind: repeated(_VALUES[kind], 1) for kind in (BINARY_TYPE, STRUCT, LIST)}
_INTEGER: Final = re.compile(_VARINT)
_MANY = 64
_MANY_INTEGERS: Final = repeated(_VARINT, _MANY)
_LONGEST_INTEGER = 10


class CompactProtocol(Protocol):
    """The compact protocol."""

    name = "compact"

    def read_begin(self, data: Data, at: int, end: int, base: int, searched: int = 0) -> Begin:  # noqa: ARG002
        """A begin of version 1."""
        if end - at < 5:
            raise Short(at + 5)
        version = data[at + 1]
        if data[at] != COMPACT_ID or version & 0x1F != COMPACT_VERSION:
            raise DecodeError(
                f"the first bytes are {data[at]:#04x} {version:#04x}, not {COMPACT_ID:#04x} and version 1",
                path="version",
                offset=at - base,
            )
        kind = read_kind(version >> 5, at + 1, base)
        seqid, id_end = read_varint(data, at + 2, end, base, "seqid")
        size, start = read_varint(data, id_end, end, base, "name")
        check_name_size(size, id_end, base)
        body = start + size
        if body > end:
            raise Short(body)
        signed = seqid - (1 << 32) if seqid >> 31 else seqid
        return Begin(read_name(data, start, body, base), kind, signed, at + 2 - base, id_end - base, body - base)

    def write_begin(self, name: str, kind: Kind, seqid: int) -> bytes:
        """A begin of version 1."""
        encoded = name.encode()
        front = bytes((COMPACT_ID, kind << 5 | COMPACT_VERSION))
        return b"%b%b%b%b" % (front, self.write_seqid(seqid), write_varint(len(encoded)), encoded)

    def write_seqid(self, seqid: int) -> bytes:
        """One to five bytes."""
        return write_varint(seqid & 0xFFFFFFFF)

    def parts(self, begin: Begin, start: int) -> tuple[tuple[str, int], ...]:
        """The kind shares a byte with the version."""
        return ("protocol", start + 1), ("kind", start + 2), ("seqid", begin.id_end), ("name", begin.body)

    def result_field(self, data: Data) -> int:
        """The first field's id; 0 for a result of nothing."""
        header = data[0]
        if not header:
            return 0
        if not 1 <= header & 0x0F <= UUID:
            raise ValueError(f"{header & 0x0F} is no type")
        if header >> 4:
            return header >> 4
        try:
            number, _ = read_varint(data, 1, len(data), 0, "")
        except (Short, DecodeError) as error:
            raise LookupError("a field is cut short") from error
        return unzigzag(number)

    def outermost(self) -> list[Any]:
        """One open struct."""
        return [OPEN_STRUCT]

    def skip(self, data: Data, base: int, walk: Walk) -> bool:
        """Runs of plain fields and integers by regular expressions, strings by their length."""
        return skip_open(data, base, walk, _skip_fields, _skip_elements)

    def write_exception(self, message: str, code: int) -> bytes:
        """Field 1 is the message, field 2 the code."""
        text = message.encode()
        return b"\x18%b%b\x15%b\x00" % (write_varint(len(text)), text, write_varint(zigzag(code)))


def _skip_fields(data: Data, at: int, base: int, walk: Walk) -> int:
    """Past the fields of the innermost struct, up to its end or to a value that opened; -1 where the data ends."""
    frames = walk.open
    depth = len(frames)
    may_run = depth <= walk.runs_up_to
    try:
        while True:
            header = data[at]
            if may_run and (found := _RUN.match(data, at)):
                at = found.end()
                header = data[at]
            if not header:
                frames.pop()
                return at + 1
            value = at + 1 if header >> 4 else _skip_integer(data, at + 1, base)
            at = _skip_value(data, value, base, header & 0x0F, walk, is_field=True)
            if len(frames) != depth:
                return at
    except IndexError:
        walk.position = at - base
        return -1


def _skip_elements(data: Data, at: int, base: int, walk: Walk) -> int:
    """Past the values of the innermost container, up to its end or to a value that opened; -1 where the data ends."""
    frames = walk.open
    depth = len(frames)
    frame = frames[-1]
    kinds, left, _ = frame
    small = _ELEMENTS if depth < walk.runs_up_to else {}
    try:
        if kinds[0] in _VARINTS and kinds[1] in _VARINTS:
            at, left = _skip_integers(data, at, left)
        while left:
            kind = kinds[left & 1]
            if kind in small and (found := small[kind].match(data, at)):
                at = found.end()
            else:
                at = _skip_value(data, at, base, kind, walk, is_field=False)
            left -= 1
            if len(frames) != depth:
                frame[1] = left
                return at
    except IndexError:
        frame[1] = left
        walk.position = at - base
        return -1
    frames.pop()
    return at


def _skip_integers(data: Data, at: int, left: int) -> tuple[int, int]:
    """Past many integers at once; where the rest starts, and how many those are."""
    while left >= _MANY and (found := _MANY_INTEGERS.match(data, at)):
        at = found.end()
        left -= _MANY
    return at, left


def _skip_integer(data: Data, at: int, base: int) -> int:
    """Past a varint of up to 64 bits.

    Raises:
        IndexError: The data ends in it.
        DecodeError: It is longer than any.
    """
    found = _INTEGER.match(data, at)
    if found:
        return found.end()
    if len(data) - at < _LONGEST_INTEGER:
        raise IndexError("the data ends in a number")
    raise DecodeError("a number is over 64 bits", path="body", offset=at - base)


def _skip_value(data: Data, at: int, base: int, kind: int, walk: Walk, *, is_field: bool) -> int:
    """Past a value, or into it: a struct and a container of sizes that differ are opened.

    Raises:
        IndexError: The data ends before its size is known.
        DecodeError: It is malformed, or over a limit.
    """
    limits = walk.limits
    if kind == BINARY_TYPE:
        size, at = _read_size(data, at, base)
        if size > limits.string_size:
            refuse_size(size, limits.string_size, "string", at - base)
        return at + size
    if kind in _VARINTS:
        return _skip_integer(data, at, base)
    if VALUE_SIZE[kind]:
        return at if is_field and kind <= FALSE else at + VALUE_SIZE[kind]
    if not LIST <= kind <= STRUCT:
        raise DecodeError(f"{kind} is no type of the compact protocol", path="body", offset=at - base)
    check_depth(len(walk.open), limits, at - base)
    if kind == STRUCT:
        walk.open.append(OPEN_STRUCT)
        return at
    return _open_container(data, at, base, kind, walk)


def _read_size(data: Data, at: int, base: int) -> tuple[int, int]:
    size = data[at]
    if size < 0x80:
        return size, at + 1
    try:
        return read_varint(data, at, len(data), base, "body")
    except Short as error:
        raise IndexError("the data ends in a size") from error


def _open_container(data: Data, at: int, base: int, kind: int, walk: Walk) -> int:
    start = at
    limits = walk.limits
    if kind == MAP:
        size, at = _read_size(data, at, base)
        if not size:
            return at
        kinds = (data[at] >> 4, data[at] & 0x0F)
        count, at = 2 * size, at + 1
    else:
        header = data[at]
        size, at = (header >> 4, at + 1) if header < 0xF0 else _read_size(data, at + 1, base)
        kinds = (header & 0x0F, header & 0x0F)
        count = size
    if size > limits.container_size:
        refuse_size(size, limits.container_size, "container", start - base)
    if not size:
        return at
    for each in kinds:
        if not 1 <= each <= UUID:
            raise DecodeError(f"{each} is no type of the compact protocol", path="body", offset=start - base)
    if VALUE_SIZE[kinds[0]] and VALUE_SIZE[kinds[1]]:
        return at + (VALUE_SIZE[kinds[0]] + VALUE_SIZE[kinds[1]]) * count // 2
    check_waiting(at - base + count, limits)  # no value takes less than a byte
    walk.open.append([kinds, count, 1])
    return at


COMPACT = CompactProtocol()
