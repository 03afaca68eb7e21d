"""Numbers, dates, booleans and null."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable

from reference_codecs.dubbo.hessian2.errors import Hessian2Error
from reference_codecs.dubbo.hessian2.tags import FALSE, NULL, OBJECT, OBJECTS, TRUE
from reference_codecs.dubbo.hessian2.values import Date, Long, Value

_DOUBLE = struct.Struct(">d")


def _fits(number: int, bits: int) -> bool:
    return -(1 << bits - 1) <= number < 1 << bits - 1


def read_int(data: bytes, at: int) -> tuple[int, int]:
    """The int at ``at`` and the index after it, which may be past the end of the data.

    Raises:
        Hessian2Error: No int starts there.
        IndexError: The data ends within it.
    """
    tag = data[at]
    if 0x80 <= tag < 0xC0:
        return tag - 0x90, at + 1
    if 0xC0 <= tag < 0xD0:
        return (tag - 0xC8) << 8 | data[at + 1], at + 2
    if 0xD0 <= tag < 0xD8:
        return (tag - 0xD4) << 16 | data[at + 1] << 8 | data[at + 2], at + 3
    if tag == 0x49:
        return _signed(data, at + 1, 4), at + 5
    raise Hessian2Error(f"the byte {tag:#04x} starts no int", at)


def _signed(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big", signed=True)


def _compact(kind: type[int], zero: int, size: int) -> Callable[[bytes, int], int]:
    """Reads a number whose first byte holds its highest bits."""

    def read(data: bytes, at: int) -> int:
        return kind((data[at] - zero) << 8 * size | int.from_bytes(data[at + 1 : at + 1 + size], "big"))

    return read


def _readers() -> dict[int, Callable[[bytes, int], Value]]:
    found: dict[int, Callable[[bytes, int], Value]] = {
        NULL: lambda _data, _at: None,
        TRUE: lambda _data, _at: True,
        FALSE: lambda _data, _at: False,
        0x49: lambda data, at: _signed(data, at + 1, 4),
        0x59: lambda data, at: Long(_signed(data, at + 1, 4)),
        0x4C: lambda data, at: Long(_signed(data, at + 1, 8)),
        0x5B: lambda _data, _at: 0.0,
        0x5C: lambda _data, _at: 1.0,
        0x5D: lambda data, at: float(_signed(data, at + 1, 1)),
        0x5E: lambda data, at: float(_signed(data, at + 1, 2)),
        0x5F: lambda data, at: 0.001 * _signed(data, at + 1, 4),
        0x44: lambda data, at: float(_DOUBLE.unpack_from(data, at + 1)[0]),
        0x4A: lambda data, at: Date(_signed(data, at + 1, 8)),
        0x4B: lambda data, at: Date(_signed(data, at + 1, 4) * 60_000),
    }
    ranges: list[tuple[range, type[int], int, int]] = [
        (range(0x80, 0xC0), int, 0x90, 0),
        (range(0xC0, 0xD0), int, 0xC8, 1),
        (range(0xD0, 0xD8), int, 0xD4, 2),
        (range(0xD8, 0xF0), Long, 0xE0, 0),
        (range(0xF0, 0x100), Long, 0xF8, 1),
        (range(0x38, 0x40), Long, 0x3C, 2),
    ]
    for tags, kind, zero, size in ranges:
        found |= dict.fromkeys(tags, _compact(kind, zero, size))
    return found


READERS = _readers()
"""By their first byte, readers of values of a known size; the caller has seen that all its bytes are there."""


def write_int(number: int) -> bytes:
    """A Java int.

    Raises:
        ValueError: It has more than 32 bits.
    """
    if -0x10 <= number < 0x30:
        return bytes((0x90 + number,))
    if -0x800 <= number < 0x800:
        return (0xC800 + number).to_bytes(2, "big")
    if -0x40000 <= number < 0x40000:
        return (0xD40000 + number).to_bytes(3, "big")
    if not _fits(number, 32):
        raise ValueError(f"{number} has more than the 32 bits of a Java int; say Long({number})")
    return b"I" + number.to_bytes(4, "big", signed=True)


def write_object_start(number: int) -> bytes:
    """What comes before the fields of an object of the class with that number."""
    if number < len(OBJECTS):
        return bytes((OBJECTS.start + number,))
    return b"%c%b" % (OBJECT, write_int(number))


def write_long(number: int) -> bytes:
    """A Java long.

    Raises:
        ValueError: It has more than 64 bits.
    """
    if -0x08 <= number < 0x10:
        return bytes((0xE0 + number,))
    if -0x800 <= number < 0x800:
        return (0xF800 + number).to_bytes(2, "big")
    if -0x40000 <= number < 0x40000:
        return (0x3C0000 + number).to_bytes(3, "big")
    if _fits(number, 32):
        return b"Y" + number.to_bytes(4, "big", signed=True)
    if not _fits(number, 64):
        raise ValueError(f"{number} has more than the 64 bits of a Java long")
    return b"L" + number.to_bytes(8, "big", signed=True)


def write_double(number: float) -> bytes:
    """A Java double in its shortest form. Minus zero keeps its sign, which Java's writer drops."""
    if not math.isfinite(number) or (number == 0 and math.copysign(1, number) < 0):
        return b"D" + _DOUBLE.pack(number)
    whole = int(number)
    if whole == number and -0x8000 <= whole < 0x8000:
        if whole in (0, 1):
            return bytes((0x5B + whole,))
        if -0x80 <= whole < 0x80:
            return b"\x5d" + whole.to_bytes(1, "big", signed=True)
        return b"\x5e" + whole.to_bytes(2, "big", signed=True)
    thousandths = number * 1000
    if -(1 << 31) <= thousandths < 1 << 31 and 0.001 * int(thousandths) == number:
        return b"\x5f" + int(thousandths).to_bytes(4, "big", signed=True)
    return b"D" + _DOUBLE.pack(number)


def write_date(date: Date) -> bytes:
    """A date: whole minutes in four bytes where they fit.

    Raises:
        ValueError: It has more milliseconds than the 64 bits of a Java long.
    """
    minutes, rest = divmod(date.milliseconds, 60_000)
    if not rest and _fits(minutes, 32):
        return b"K" + minutes.to_bytes(4, "big", signed=True)
    if not _fits(date.milliseconds, 64):
        raise ValueError(f"a date of {date.milliseconds} ms is beyond the 64 bits of a Java date")
    return b"J" + date.milliseconds.to_bytes(8, "big", signed=True)
