"""Strings and binaries: chunks, and the UTF-16 units that Java counts.

A string's length is that of Java's: UTF-16 units, each written as UTF-8 of its own, so a character beyond the basic
plane is two surrogates of three bytes. hessian-lite tells a unit's bytes by the first of them alone and refuses the
four bytes that UTF-8 has for such a character; so does this module, because peers that accept them do not agree how
many units they are.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NoReturn

from reference_codecs.dubbo.hessian2.errors import Hessian2Error
from reference_codecs.dubbo.hessian2.tags import (
    BINARIES,
    BINARY,
    BINARY_CHUNK,
    DIRECT_BINARIES,
    DIRECT_LENGTH,
    SHORT_BINARIES,
    SHORT_STRINGS,
    STRING,
    STRING_CHUNK,
    STRINGS,
)

CHUNK = 0x8000
"""Units of a chunk, as Java writes them."""
BINARY_CHUNK_SIZE = 8189
"""Bytes of a chunk: what is left of hessian-lite's buffer of 8 KiB behind the chunk's three bytes."""

_UNIT = rb"(?:[\x00-\x7f]|[\xc0-\xdf][\x00-\xff]|[\xe0-\xef][\x00-\xff]{2})"
_ANY_UNITS = re.compile(_UNIT + rb"*+")
_EACH_UNIT = re.compile(_UNIT)
_SURROGATE = re.compile("[\ud800-\udfff]")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")


def skip_wide_units(data: bytes, at: int, count: int) -> int:
    """The index after ``count`` UTF-16 units, not all of them ASCII; past the end of the data where it ends before.

    Raises:
        Hessian2Error: A byte starts no unit.
    """
    start, left = at, count
    while left:
        size = left if left < DIRECT_LENGTH else 1 << left.bit_length() - 1
        found = _units(size).match(data, at)
        if found is None:
            return _refuse_units(data, at, start)
        at = found.end()
        left -= size
    return at


@cache  # of the lengths of short strings and of powers of two, no others
def _units(count: int) -> re.Pattern[bytes]:
    """So many units, tried one way only."""
    return re.compile(b"%b{%d}+" % (_UNIT, count))


def _refuse_units(data: bytes, at: int, start: int) -> int:
    """Past the end of the data where it only ends too early; else it is the data that is wrong."""
    found = _ANY_UNITS.match(data, at)
    wrong = found.end() if found else at
    if wrong >= len(data) or data[wrong] in range(0xC0, 0xF0):
        return len(data) + 1
    reason = f"the byte {data[wrong]:#04x} starts no UTF-16 unit of the string at byte {start}"
    raise Hessian2Error(reason, wrong)


def skip_string(data: bytes, at: int) -> int:
    """The index after the string at ``at``; past the end of the data where it ends within the string.

    Raises:
        Hessian2Error: No string starts there, or it is malformed.
        IndexError: The data ends before a chunk.
    """
    size = data[at]
    if size < DIRECT_LENGTH:
        return _skip_units(data, at + 1, size)
    is_last = False
    while not is_last:
        count, at, is_last = _string_chunk(data, at)
        at = _skip_units(data, at, count)
    return at


def read_string(data: bytes, at: int) -> tuple[str, int]:
    """The string at ``at`` and the index after it, both as in :func:`skip_string`; surrogates are paired."""
    size = data[at]
    if size < DIRECT_LENGTH:
        stop = at + 1 + size
        units = data[at + 1 : stop]
        if units.isascii():
            return units.decode("ascii"), stop
    texts, is_last = [], False
    while not is_last:
        count, start, is_last = _string_chunk(data, at)
        at = _skip_units(data, start, count)
        texts.append(_decoded(data[start:at]))
    return _paired("".join(texts)), at


def _skip_units(data: bytes, at: int, count: int) -> int:
    stop = at + count
    return stop if data[at:stop].isascii() else skip_wide_units(data, at, count)


def _string_chunk(data: bytes, at: int) -> tuple[int, int, bool]:
    """The units of the chunk at ``at``, where they start and whether it is the last."""
    tag = data[at]
    if tag < DIRECT_LENGTH:
        return tag, at + 1, True
    if tag in SHORT_STRINGS:
        return (tag - SHORT_STRINGS.start) << 8 | data[at + 1], at + 2, True
    if tag not in STRINGS:
        _refuse_chunk("string", tag, at)
    return data[at + 1] << 8 | data[at + 2], at + 3, tag == STRING


def _decoded(units: bytes) -> str:
    """Units as Java reads them: each a character, bytes that UTF-8 would not write among them."""
    if units.isascii():
        return units.decode("ascii")
    try:
        return units.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return "".join(_unit(found.group()) for found in _EACH_UNIT.finditer(units))


def _unit(encoded: bytes) -> str:
    if len(encoded) == 1:
        return chr(encoded[0])
    if len(encoded) == 2:
        return chr((encoded[0] & 0x1F) << 6 | encoded[1] & 0x3F)
    return chr((encoded[0] & 0x0F) << 12 | (encoded[1] & 0x3F) << 6 | encoded[2] & 0x3F)


def _paired(text: str) -> str:
    """Every pair of surrogates as the character it is; a lone one stays."""
    if text.isascii() or not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def write_string(text: str) -> bytes:
    """A string as Java writes it: chunks of 32768 units that never end within a pair of surrogates."""
    units = text if text.isascii() else _ASTRAL.sub(_pair, text)
    pieces, at = [], 0
    while len(units) - at > CHUNK:
        stop = at + CHUNK - ("\ud800" <= units[at + CHUNK - 1] <= "\udbff")
        pieces.append(_chunk(STRING_CHUNK, units[at:stop]))
        at = stop
    size = len(units) - at
    if size < DIRECT_LENGTH:
        pieces.append(bytes((size,)) + _encoded(units[at:]))
    elif size < len(SHORT_STRINGS) << 8:
        pieces.append(bytes((SHORT_STRINGS.start + (size >> 8), size & 0xFF)) + _encoded(units[at:]))
    else:
        pieces.append(_chunk(STRING, units[at:]))
    return b"".join(pieces)


def _pair(found: re.Match[str]) -> str:
    beyond = ord(found.group()) - 0x10000
    return chr(0xD800 | beyond >> 10) + chr(0xDC00 | beyond & 0x3FF)


def _encoded(units: str) -> bytes:
    return units.encode("utf-8", "surrogatepass")


def _chunk(tag: int, units: str) -> bytes:
    return b"%c%b%b" % (tag, len(units).to_bytes(2, "big"), _encoded(units))


def skip_binary(data: bytes, at: int) -> int:
    """The index after the binary at ``at``; past the end of the data where it ends within the binary.

    Raises:
        Hessian2Error: No binary starts there.
        IndexError: The data ends before a chunk.
    """
    is_last = False
    while not is_last:
        size, at, is_last = _binary_chunk(data, at)
        at += size
    return at


def read_binary(data: bytes, at: int) -> tuple[bytes, int]:
    """The bytes of the binary at ``at`` and the index after it, both as in :func:`skip_binary`."""
    pieces, is_last = [], False
    while not is_last:
        size, at, is_last = _binary_chunk(data, at)
        pieces.append(data[at : at + size])
        at += size
    return b"".join(pieces), at


def _binary_chunk(data: bytes, at: int) -> tuple[int, int, bool]:
    tag = data[at]
    if tag in DIRECT_BINARIES:
        return tag - DIRECT_BINARIES.start, at + 1, True
    if tag in SHORT_BINARIES:
        return (tag - SHORT_BINARIES.start) << 8 | data[at + 1], at + 2, True
    if tag not in BINARIES:
        _refuse_chunk("binary", tag, at)
    return data[at + 1] << 8 | data[at + 2], at + 3, tag == BINARY


def write_binary(data: bytes) -> bytes:
    """Bytes as Java writes them."""
    pieces, at = [], 0
    while len(data) - at > BINARY_CHUNK_SIZE:
        stop = at + BINARY_CHUNK_SIZE
        pieces.append(b"%c%b%b" % (BINARY_CHUNK, BINARY_CHUNK_SIZE.to_bytes(2, "big"), data[at:stop]))
        at = stop
    size = len(data) - at
    if size < len(DIRECT_BINARIES):
        pieces.append(bytes((DIRECT_BINARIES.start + size,)))
    elif size < len(SHORT_BINARIES) << 8:
        pieces.append(bytes((SHORT_BINARIES.start + (size >> 8), size & 0xFF)))
    else:
        pieces.append(b"%c%b" % (BINARY, size.to_bytes(2, "big")))
    pieces.append(data[at:])
    return b"".join(pieces)


def _refuse_chunk(kind: str, tag: int, at: int) -> NoReturn:
    raise Hessian2Error(f"the byte {tag:#04x} starts no {kind}", at)
