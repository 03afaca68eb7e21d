"""Structs of the JSON protocol, skipped: every value by the type that is written before it.

::

    struct      {field,...}          field    "id":{"type":value}
    list, set   ["type",size,element,...]
    map         ["key type","value type",size,{key:value,...}]
    a key that is a number is in quotes, and so is a double that is none: "NaN", "Infinity", "-Infinity"

No writer of Thrift's puts blanks between them, and no reader takes any.
"""

from __future__ import annotations

import re
from typing import Final, NoReturn

from metaprotocol_sdk import DecodeError
from reference_codecs.thrift.protocol import (
    OPEN_STRUCT,
    Data,
    Walk,
    check_depth,
    check_waiting,
    refuse_size,
    skip_open,
)
from reference_codecs.thrift.runs import (
    FIELDS_OF_A_RUN,
    MAX_CONTAINER,
    MAX_STRING,
    MAX_STRINGS,
    counted,
    decimal,
    group,
)

_NUMBERS: Final = (b"tf", b"i8", b"i16", b"i32", b"i64", b"dbl")
_TEXTS: Final = (b"str", b"uid")
_SEQUENCES: Final = (b"lst", b"set")
KNOWN: Final = frozenset((*_NUMBERS, *_TEXTS, *_SEQUENCES, b"rec", b"map"))
"""The names of types."""
_BRACE, _CLOSING_BRACE, _QUOTE, _COLON, _COMMA = b'{}":,'

_NUMERAL = rb"[-+.0-9eE]{1,400}+"  # a double without an exponent has at most 325 characters
_SHORT_STRING = rb'"[^"\\]{0,%d}+"' % MAX_STRING
_ID = rb'"-?\d{1,6}":'
_END_OF_FIELD = rb'\}(?:,(?=")|(?=\}))'


def _types(*names: bytes) -> bytes:
    return b'"%b"' % group(names)


def _pairs(value: bytes) -> bytes:
    """A map's size and its pairs of a short string and ``value``."""
    pair = _SHORT_STRING + b":" + value
    return group(rb"%d,\{%b\}" % (size, b",".join([pair] * size)) for size in range(MAX_STRINGS + 1))


def _small() -> tuple[bytes, dict[bytes, bytes]]:
    """The pattern of a field with a small value, and those of small values by their type."""
    numbers, texts = _types(*_NUMBERS), _types(*_TEXTS)
    lists = [numbers + b"," + counted(b"," + _NUMERAL, MAX_CONTAINER, decimal)]
    lists.append(texts + b"," + counted(b"," + _SHORT_STRING, MAX_STRINGS, decimal))
    sequence = rb"\[%b\]" % group(lists)
    pairs = group([numbers + b"," + _pairs(_NUMERAL), texts + b"," + _pairs(_SHORT_STRING)])
    mapping = rb"\[%b,%b\]" % (_types(*_NUMBERS, *_TEXTS), pairs)
    kinds = {numbers: _NUMERAL, texts: _SHORT_STRING, _types(*_SEQUENCES): sequence, _types(b"map"): mapping}
    field = rb"%b\{%b%b" % (_ID, group(b"%b:%b" % each for each in kinds.items()), _END_OF_FIELD)
    struct = rb"\{(?:%b){0,%d}\}" % (field, FIELDS_OF_A_RUN)
    return field, {b"rec": struct, b"lst": sequence, b"set": sequence, b"map": mapping}


_SMALL_FIELD, _SMALL_VALUES = _small()
_FIELD_WITH_STRUCT = rb'%b\{"rec":%b%b' % (_ID, _SMALL_VALUES[b"rec"], _END_OF_FIELD)
_RUN: Final = re.compile(rb"%b{0,%d}" % (group([_SMALL_FIELD, _FIELD_WITH_STRUCT]), FIELDS_OF_A_RUN))
_SMALL: Final = {kind: re.compile(pattern) for kind, pattern in _SMALL_VALUES.items()}
_AT_ONCE = 16
_MANY: Final = {
    **dict.fromkeys(_NUMBERS, re.compile(rb"(?:,%b){%d}(?=[],])" % (_NUMERAL, _AT_ONCE))),
    **dict.fromkeys(_TEXTS, re.compile(rb"(?:,%b){%d}" % (_SHORT_STRING, _AT_ONCE))),
}

FIELD_HEADER: Final = re.compile(rb'"(-?\d{1,6})":\{"(\w{2,3})":')
LIST_HEADER: Final = re.compile(rb'\["(\w{2,3})",(-?\d{1,9})(?=[],])')
MAP_HEADER: Final = re.compile(rb'\["(\w{2,3})","(\w{2,3})",(-?\d{1,9}),\{')
NUMBER: Final = re.compile(_NUMERAL)
_REST_OF_STRING: Final = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+("?)', re.DOTALL)


def _so_far(*parts: bytes) -> re.Pattern[bytes]:
    """What may become those parts, one after the other, once more of it is there."""
    pattern = b""
    for part in reversed(parts):
        pattern = rb"%b(?:%b)?" % (part, pattern)
    return re.compile(pattern)


_END: Final = re.compile(_END_OF_FIELD)
_END_SO_FAR: Final = _so_far(rb"\}", b",")
_FIELD_SO_FAR: Final = _so_far(b'"', rb"-?\d{0,6}", b'"', b":", rb"\{", b'"', rb"\w{0,3}", b'"')
_LIST_SO_FAR: Final = _so_far(rb"\[", b'"', rb"\w{0,3}", b'"', b",", rb"-?\d{0,9}")
_MAP_SO_FAR: Final = _so_far(
    rb"\[", b'"', rb"\w{0,3}", b'"', b",", b'"', rb"\w{0,3}", b'"', b",", rb"-?\d{0,9}", b",", rb"\{"
)


def skip_struct(data: Data, base: int, walk: Walk) -> bool:
    """Moves ``walk`` as far as the data goes; whether the end of the message's array was reached.

    Raises:
        DecodeError: The body is malformed, or over a limit.
    """
    if walk.position == walk.begin.body and len(data) > base + walk.position:
        if data[base + walk.position] != _BRACE:
            raise DecodeError("the struct is not a JSON object", path="body", offset=walk.position)
        walk.position += 1
    return skip_open(data, base, walk, _skip_fields, _skip_elements)


def _skip_fields(data: Data, at: int, base: int, walk: Walk) -> int:
    """Past the fields of the innermost struct, up to its end or to a value that opened; -1 where the data ends."""
    frames = walk.open
    depth = len(frames)
    may_run = depth <= walk.runs_up_to
    start = at
    try:
        while True:
            if may_run and (found := _RUN.match(data, at)):
                at = found.end()
            start = at
            if data[at] == _CLOSING_BRACE:
                return _close(data, at, base, b"}", walk)
            header = FIELD_HEADER.match(data, at)
            if header is None:
                _refuse_unless_short(data, at, base, _FIELD_SO_FAR)
            at = _skip_value(data, header.end(), base, header[2], walk)
            if len(frames) != depth:
                return at
            at = _end_field(data, at, base)
    except IndexError:
        walk.position = start - base
        return -1


def _skip_elements(data: Data, at: int, base: int, walk: Walk) -> int:
    """Past the values of the innermost container, up to its end or to a value that opened; -1 where the data ends."""
    frames = walk.open
    depth = len(frames)
    frame = frames[-1]
    kinds, left, _, of_map = frame
    small = _SMALL if depth < walk.runs_up_to else {}
    start = at
    try:
        if small and of_map < 0:
            at, left = _skip_many(data, at, left, kinds[0])
        while left:
            start = at
            kind = kinds[left & 1]
            at = _skip_separator(data, at, base, left, of_map)
            if kind in small and (found := small[kind].match(data, at)):
                at = found.end()
            else:
                at = _skip_value(data, at, base, kind, walk, is_key=of_map >= 0 and not left & 1)
            left -= 1
            if len(frames) != depth:
                frame[1] = left
                return at
        start = at
        return _close(data, at, base, b"]" if of_map < 0 else b"}]", walk)
    except IndexError:
        frame[1] = left
        walk.position = start - base
        return -1


def _skip_many(data: Data, at: int, left: int, kind: bytes) -> tuple[int, int]:
    """Past many plain elements at once; where the rest starts, and how many those are."""
    many = _MANY.get(kind)
    while many and left >= _AT_ONCE and (found := many.match(data, at)):
        at = found.end()
        left -= _AT_ONCE
    return at, left


def _skip_separator(data: Data, at: int, base: int, left: int, of_map: int) -> int:
    """Past what stands before a value: nothing before a map's first key, a colon before a map's value."""
    if left == of_map:
        return at
    wanted = _COLON if of_map >= 0 and left & 1 else _COMMA
    if data[at] != wanted:
        _refuse(data, at, base)
    return at + 1


def _skip_value(data: Data, at: int, base: int, kind: bytes, walk: Walk, *, is_key: bool = False) -> int:
    """Past a value, or into it: a struct and a container are opened.

    Raises:
        IndexError: The data ends before the value does.
        DecodeError: It is malformed, or over a limit.
    """
    if kind in _TEXTS or (kind in _NUMBERS and (is_key or (kind == b"dbl" and data[at] == _QUOTE))):
        return _skip_string(data, at, base, walk)
    if kind in _NUMBERS:
        found = NUMBER.match(data, at)
        if not found:
            _refuse(data, at, base)
        if found.end() == len(data):
            raise IndexError("the data ends in a number")
        return found.end()
    if kind not in KNOWN:
        _refuse_type(kind, at - base)
    check_depth(len(walk.open), walk.limits, at - base)
    if kind != b"rec":
        return _open_container(data, at, base, walk, is_map=kind == b"map")
    if data[at] != _BRACE:
        _refuse(data, at, base)
    walk.open.append(OPEN_STRUCT)
    return at + 1


def _skip_string(data: Data, at: int, base: int, walk: Walk) -> int:
    """Past a string; of one that is cut short, ``walk`` keeps how far its end was looked for."""
    if data[at] != _QUOTE:
        _refuse(data, at, base)
    end, is_whole = find_end(data, max(at + 1, base + walk.searched), len(data))
    if end - at - 1 > walk.limits.string_size:
        limit = walk.limits.string_size
        raise DecodeError(f"a string is over the limit of {limit} (max_string_size)", path="body", offset=at - base)
    if not is_whole:
        walk.searched = end - base
        raise IndexError("the data ends in a string")
    return end + 1


def find_end(data: Data, at: int, end: int) -> tuple[int, bool]:
    """Where the quote is that ends the string ``at`` is in, and True; or up to where there is none, and False.

    A backslash right before ``end`` is left for when what it escapes is there.
    """
    quote = data.find(b'"', at, end)
    stop = end if quote < 0 else quote
    if data.find(b"\\", at, stop) < 0:
        return stop, quote >= 0
    found = _REST_OF_STRING.match(data, at, end)
    assert found is not None
    return (found.end() - 1, True) if found[1] else (found.end(), False)


def _open_container(data: Data, at: int, base: int, walk: Walk, *, is_map: bool) -> int:
    header = (MAP_HEADER if is_map else LIST_HEADER).match(data, at)
    if header is None:
        _refuse_unless_short(data, at, base, _MAP_SO_FAR if is_map else _LIST_SO_FAR)
    *kinds, digits = header.groups()
    size, limits = int(digits), walk.limits
    if not 0 <= size <= limits.container_size:
        refuse_size(size & 0xFFFFFFFF, limits.container_size, "container", at - base)
    for kind in kinds:
        if size and kind not in KNOWN:
            _refuse_type(kind, at - base)
    count = 2 * size if is_map else size
    least = 2 if is_map or kinds[0] in _NUMBERS else 3  # with what separates them; numbers are keys in quotes
    check_waiting(header.end() - base + count * least, limits)
    walk.open.append([(kinds[0], kinds[-1]), count, least, count if is_map else -1])
    return header.end()


def _close(data: Data, at: int, base: int, closing: bytes, walk: Walk) -> int:
    """Past the end of the innermost value, and of the field or the message it is the value of.

    Raises:
        IndexError: The data ends before them.
        DecodeError: Something else is there.
    """
    frames = walk.open
    if len(frames) == 1:
        closing += b"]"
    for wanted in closing:
        if data[at] != wanted:
            _refuse(data, at, base)
        at += 1
    if len(frames) > 1 and frames[-2] is OPEN_STRUCT:
        at = _end_field(data, at, base)
    frames.pop()
    return at


def _end_field(data: Data, at: int, base: int) -> int:
    """Past a field's end, up to the next field or the struct's end."""
    found = _END.match(data, at)
    if found is None:
        _refuse_unless_short(data, at, base, _END_SO_FAR)
    return found.end()


def _refuse_unless_short(data: Data, at: int, base: int, so_far: re.Pattern[bytes]) -> NoReturn:
    """Raises IndexError when what is there may become what is wanted, else DecodeError."""
    found = so_far.match(data, at)
    good = found.end() if found else at
    if good >= len(data):
        raise IndexError("the data ends too early")
    _refuse(data, good, base)


def _refuse_type(kind: bytes, offset: int) -> NoReturn:
    raise DecodeError(f"{kind.decode()!r} is no type of the JSON protocol", path="body", offset=offset)


def _refuse(data: Data, at: int, base: int) -> NoReturn:
    """Raises the DecodeError of a byte that is out of place."""
    raise DecodeError(f"{bytes((data[at],))!r} has no place in a JSON message here", path="body", offset=at - base)
