"""Regular expressions that skip runs of small values: what one match passes costs no step of Python.

Every alternative is told by its first bytes, so a match never tries two ways; repetitions are bounded, so it
never keeps more than a few kB. What a pattern does not know, such as a long string, ends its run and is skipped by
hand. Small means small: a larger pattern takes longer to compile than it ever saves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

MAX_STRING = 31
"""Bytes of the longest string a run passes."""
MAX_CONTAINER = 15
"""Elements of the largest container of numbers a run passes."""
MAX_STRINGS = 3
"""Elements of the largest container with strings a run passes: each of its strings is spelt out in the pattern."""
LEVELS = 2
"""How deep values nest in a run, from the struct it is in."""

FIELDS_OF_A_RUN = 255
"""Fields a match passes at most: each costs the matcher memory until it ends."""


def group(alternatives: Iterable[bytes]) -> bytes:
    """One of them."""
    return b"(?:%b)" % b"|".join(alternatives)


def one_of(values: Iterable[int]) -> bytes:
    """A class of single bytes."""
    return b"[%b]" % b"".join(map(_byte, values))


def counted(item: bytes, most: int, count: Callable[[int], bytes], *, least: int = 0) -> bytes:
    """A count that ``count`` writes, and as many of ``item``; up to ``most``."""
    return group(b"%b(?:%b){%d}" % (count(number), item, number) for number in range(least, most + 1))


def small_u32(number: int) -> bytes:
    """A big-endian 32-bit number below 256; patterns of several share their zeros."""
    return b"\\x00\\x00\\x00" + _byte(number)


def small_varint(number: int) -> bytes:
    """A varint below 128."""
    return _byte(number)


def decimal(number: int) -> bytes:
    """A number in digits."""
    return b"%d" % number


def struct_of(fields: Iterable[bytes]) -> bytes:
    """A struct of such fields."""
    return b"%b{0,%d}\\x00" % (group(fields), FIELDS_OF_A_RUN)


def run(fields: Iterable[bytes], struct_header: bytes) -> re.Pattern[bytes]:
    """Fields one after the other, at least one, structs of such fields among them."""
    plain = list(fields)
    return re.compile(b"%b{1,%d}" % (group([*plain, struct_header + struct_of(plain)]), FIELDS_OF_A_RUN), re.DOTALL)


def repeated(item: bytes, times: int) -> re.Pattern[bytes]:
    """``item`` exactly so many times."""
    return re.compile(b"(?:%b){%d}" % (item, times), re.DOTALL)


def _byte(value: int) -> bytes:
    return b"\\x%02x" % value
