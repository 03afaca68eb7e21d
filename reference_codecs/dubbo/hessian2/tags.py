"""The first byte of a hessian2 value says what it is.

From the Hessian 2.0 serialization protocol, as hessian-lite of Apache Dubbo reads it; every number is big-endian::

    00-1f  string, length n       | n UTF-16 units as UTF-8 |            N  null     T, F  true, false
    30-33  string, length         | low byte of the length | units |     80-bf  int -16..47
    R, S   string, chunk and last | u16 length | units |                 c0-cf  int | 1 byte |
    20-2f  binary, length n       | n bytes |                            d0-d7  int | 2 bytes |
    34-37  binary, length         | low byte of the length | bytes |     I      int | i32 |
    A, B   binary, chunk and last | u16 length | bytes |                 d8-ef  long -8..15
    5b, 5c double 0.0, 1.0                                               f0-ff  long | 1 byte |
    5d     double | i8 |                                                 38-3f  long | 2 bytes |
    5e     double | i16 |                                                Y      long | i32 |
    5f     double | i32 thousandths |                                    L      long | i64 |
    D      double | f64 |                                                J      date | i64 ms |
                                                                         K      date | i32 minutes |
    70-77  list of n       | type | values |      U  list        | type | values, ... | Z |
    78-7f  list of n       | values |             W  list        | values, ... | Z |
    V      list            | type | length int | values |
    X      list            | length int | values |
    H      map             | key, value, ... | Z |
    M      map             | type | key, value, ... | Z |
    C      class, and then a value | name string | count int | field name string, ... |
    60-6f  object of class n       | field values |
    O      object                  | class int | field values |
    Q      reference               | int |

A type is a string, or the number of a type that was said before. Lists, maps and objects are numbered as they start,
classes as they are defined, types as they are said in full, each from 0; the numbers go on through all values of a
message.

hessian-lite also takes null, a boolean or another kind of number where an int or a name belongs, counts below zero, and
the end of the data for bytes of 0xff; none of its writers writes such a thing, and it is refused here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeVar

NULL, TRUE, FALSE = 0x4E, 0x54, 0x46
CLASS, OBJECT, OBJECTS = 0x43, 0x4F, range(0x60, 0x70)
REFERENCE, END = 0x51, 0x5A
MAP, TYPED_MAP = 0x48, 0x4D

STRING, STRING_CHUNK, SHORT_STRINGS, DIRECT_STRINGS = 0x53, 0x52, range(0x30, 0x34), range(0x20)
BINARY, BINARY_CHUNK, SHORT_BINARIES, DIRECT_BINARIES = 0x42, 0x41, range(0x34, 0x38), range(0x20, 0x30)
DIRECT_LENGTH = len(DIRECT_STRINGS)
"""A byte below it is the length of the string that starts there."""

STRINGS = frozenset((STRING, STRING_CHUNK, *SHORT_STRINGS, *DIRECT_STRINGS))
BINARIES = frozenset((BINARY, BINARY_CHUNK, *SHORT_BINARIES, *DIRECT_BINARIES))


class ListForm(NamedTuple):
    """How a list's length is said.

    Args:
        is_typed: Whether its type comes first.
        length: The length; ``None``: it follows; ``VARIABLE``: the list goes on to the end mark.
    """

    is_typed: bool
    length: int | None


VARIABLE = -1
LISTS = {
    0x55: ListForm(is_typed=True, length=VARIABLE),
    0x56: ListForm(is_typed=True, length=None),
    0x57: ListForm(is_typed=False, length=VARIABLE),
    0x58: ListForm(is_typed=False, length=None),
    **{0x70 + length: ListForm(is_typed=True, length=length) for length in range(8)},
    **{0x78 + length: ListForm(is_typed=False, length=length) for length in range(8)},
}
"""The lists by their first byte."""


NUMBERED = frozenset((*LISTS, MAP, TYPED_MAP, CLASS, OBJECT, *OBJECTS))
"""The first bytes of values that are numbered, or that number something before them."""

_T = TypeVar("_T")


def by_tag(known: Mapping[int, _T], other: _T) -> tuple[_T, ...]:
    """A table by the first byte of a value: what is known, and ``other`` for every other byte."""
    return tuple(known.get(tag, other) for tag in range(256))


def _sizes() -> tuple[int, ...]:
    sizes = dict.fromkeys((NULL, TRUE, FALSE, 0x5B, 0x5C, *range(0x80, 0xC0), *range(0xD8, 0xF0)), 1)
    sizes |= dict.fromkeys((0x5D, *range(0xC0, 0xD0), *range(0xF0, 0x100)), 2)
    sizes |= dict.fromkeys((0x5E, *range(0xD0, 0xD8), *range(0x38, 0x40)), 3)
    sizes |= dict.fromkeys((0x49, 0x4B, 0x59, 0x5F), 5)
    sizes |= dict.fromkeys((0x44, 0x4A, 0x4C), 9)
    sizes |= {tag: 1 + tag - 0x20 for tag in DIRECT_BINARIES}
    return by_tag(sizes, 0)


SIZES = _sizes()
"""Bytes of a value whose first byte tells them, that byte among them; 0: it does not, or there is no such value."""
