"""Random fixed-size headers, as construct declares them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import construct
from construct import (
    BitsInteger,
    BitStruct,
    Bytes,
    BytesInteger,
    Const,
    Default,
    Enum,
    Flag,
    FlagsEnum,
    Float16b,
    Float16l,
    Float32b,
    Float32l,
    Float64b,
    Float64l,
    Hex,
    Padded,
    PaddedString,
    Padding,
    Renamed,
)
from hypothesis import strategies as st


@dataclass(frozen=True, slots=True)
class Declared:
    """One field of a random header.

    Args:
        construct: The field as an author declares it.
        values: What to build it from: good values mostly, and bad ones.
        order: The byte order ``struct`` needs for it; empty: any; None: it takes construct.
    """

    construct: Any
    values: st.SearchStrategy[Any]
    order: str | None


INTEGERS = {
    f"Int{bits}{sign}{order}": (bits, sign == "s", {"b": ">", "l": "<", "n": "="}[order])
    for bits in (8, 16, 32, 64)
    for sign in "us"
    for order in "bln"
}
"""construct's names of the integers that ``struct`` has too."""

FLOATS = [(Float16b, ">"), (Float16l, "<"), (Float32b, ">"), (Float32l, "<"), (Float64b, ">"), (Float64l, "<")]

STRANGE = st.sampled_from([None, -1, 1 << 64, 1.5, "x", b"x", b"", [1], {}, True, object()])
"""Values few fields take."""


def numbers(bits: int, *, signed: bool) -> st.SearchStrategy[int]:
    """Whole numbers such a field holds."""
    return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1) if signed else st.integers(0, (1 << bits) - 1)


@st.composite
def _integers(draw: st.DrawFn) -> Declared:
    name, (bits, signed, order) = draw(st.sampled_from(sorted(INTEGERS.items())))
    return Declared(getattr(construct, name), numbers(bits, signed=signed), "" if bits == 8 else order)


@st.composite
def _wide(draw: st.DrawFn) -> Declared:
    width, signed = draw(st.integers(1, 9)), draw(st.booleans())
    return Declared(
        BytesInteger(width, signed=signed, swapped=draw(st.booleans())), numbers(8 * width, signed=signed), ""
    )


@st.composite
def _bytes(draw: st.DrawFn) -> Declared:
    size = draw(st.integers(0, 9))
    values = st.binary(min_size=size, max_size=size) | st.binary(max_size=9)
    return Declared(Bytes(size), values | values.map(bytearray), "" if size else None)


@st.composite
def _floats(draw: st.DrawFn) -> Declared:
    declared, order = draw(st.sampled_from(FLOATS))
    return Declared(declared, st.floats(width=16) | st.floats(), order)


def _through_construct() -> st.SearchStrategy[Declared]:
    labels = st.sampled_from(["one", "two", "none such", 1, 2, 200])
    bits = st.fixed_dictionaries({"a": st.booleans(), "b": st.integers(0, 8), "c": st.integers(0, 16)})
    return st.sampled_from(
        [
            Declared(Enum(construct.Int8ub, one=1, two=2), labels, None),
            Declared(Enum(construct.Int16ul, one=1, two=2), labels, None),
            Declared(FlagsEnum(construct.Int8ub, one=1, two=2), st.sampled_from([1, {"one": True}, "two"]), None),
            Declared(BitStruct("a" / Flag, "b" / BitsInteger(3), "c" / BitsInteger(4)), bits, None),
            Declared(PaddedString(5, "utf8"), st.text(max_size=6), None),
            Declared(PaddedString(6, "utf16"), st.text(max_size=3), None),
            Declared(Hex(construct.Int32ub), numbers(32, signed=False), None),
            Declared(Hex(Bytes(3)), st.binary(max_size=4), None),
        ]
    )


def values() -> st.SearchStrategy[Declared]:
    """Fields of every kind that hold a value."""
    flags = st.just(Declared(Flag, st.booleans(), ""))
    return st.one_of(_integers(), _integers(), _wide(), _bytes(), _floats(), flags, _through_construct())


@st.composite
def _wrapped(draw: st.DrawFn) -> Declared:
    """A field, perhaps in a Const or Default that holds a value it can hold."""
    field = draw(values())
    wrap: Callable[..., Any] | None = draw(st.sampled_from([None, None, Default, Const]))
    if wrap is None:
        return field
    try:
        # Read back what is built: 1.1 is not what a Float32b reads, and a Const would never match.
        value = field.construct.parse(field.construct.build(draw(field.values)))
    except (construct.ConstructError, ValueError, TypeError):
        return field
    declared = Default(field.construct, value) if wrap is Default else Const(value, field.construct)
    return Declared(declared, st.none() | st.just(value) | field.values, field.order)


@st.composite
def headers(draw: st.DrawFn) -> tuple[list[Any], dict[str, st.SearchStrategy[Any]], bool]:
    """A header's fields, strategies of the values to build them from, and whether they compile to ``struct``."""
    fields: list[Any] = []
    given: dict[str, st.SearchStrategy[Any]] = {}
    orders: set[str | None] = set()
    for index in range(draw(st.integers(0, 7))):
        if draw(st.integers(0, 5)) == 0:
            size = draw(st.integers(0, 4))
            fields.append(draw(st.sampled_from([Padding(size), Renamed(Padding(size), "reserved")])))
            continue
        field = draw(_wrapped())
        orders.add(field.order)
        if isinstance(field.construct, Const) and draw(st.booleans()):
            fields.append(field.construct)
        else:
            fields.append(f"f{index}" / field.construct)
            given[f"f{index}"] = field.values
    orders.discard("")
    return fields, given, None not in orders and len(orders) <= 1


NATIVE = "<" if sys.byteorder == "little" else ">"
"""The byte order that ``=`` is here."""

PADDED = Padded(4, construct.Int16ub)
"""Has a size, and more bytes than its value."""
