"""What the tests of hessian2 share: golden bytes, values drawn at random, and bytes that are nearly values."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from reference_codecs.dubbo.hessian2 import (
    LIMITS,
    Date,
    Hessian2Error,
    Limits,
    List,
    Long,
    Map,
    Object,
    Reader,
    Value,
    Walker,
    Writer,
)

_RUN = re.compile(r"\{(..)\*(\d+)\}")


def written(*values: Value) -> bytes:
    """The values of one message."""
    writer = Writer()
    for value in values:
        writer.write(value)
    return bytes(writer)


def read(data: bytes) -> list[Value]:
    """The values of one message."""
    reader, values = Reader(data), []
    while not reader.is_at_end:
        values.append(reader.read())
    return values


def walked(data: bytes, limits: Limits = LIMITS) -> int | str:
    """Where the first value ends, or what is wrong with it."""
    walker = Walker(data, limits=limits)
    try:
        walker.skip()
    except Hessian2Error as error:
        return error.reason
    return walker.position


def read_end(data: bytes, limits: Limits = LIMITS) -> int | str:
    """The same of a reader."""
    reader = Reader(data, limits=limits)
    try:
        reader.read()
    except Hessian2Error as error:
        return error.reason
    return reader.position


def stops(walker: Walker) -> list[int]:
    """Where each value that is left ends."""
    found = []
    while not walker.is_at_end:
        walker.skip()
        found.append(walker.position)
    return found


def numbers(count: int) -> list[Value]:
    """The ints below it."""
    return list(range(count))


def _node() -> Object:
    first = Object("Golden$Node", ("next", "name"), [None, "first"])
    first.values[0] = Object("Golden$Node", ("next", "name"), [first, "second"])
    return first


def _color(name: str) -> Object:
    return Object("Golden$Color", ("name",), [name])


def _itself() -> List:
    found = List()
    found.items.append(found)
    return found


_FIRST, _ITSELF = _node(), _itself()

GOLDEN: dict[str, list[Value]] = {
    "nothing and booleans": [None, True, False],
    "ints": [0, -16, 47, -17, 48, -2048, 2047, -2049, 2048, -262144, 262143, -262145, 262144, -(2**31), 2**31 - 1],
    "longs": [
        Long(each)
        for each in (
            *(0, -8, 15, -9, 16, -2048, 2047, -2049, 2048, -262144, 262143, -262145, 262144, -(2**31), 2**31 - 1),
            *(-(2**31) - 1, 2**31, -(2**63), 2**63 - 1),
        )
    ],
    "doubles": [
        *(0.0, 1.0, -1.0, 127.0, -128.0, 128.0, -129.0, 32767.0, -32768.0, 32768.0, 0.5, -12.25, 2147483.647),
        *(-2147483.648, 2147483.648, 0.1, 3.14159, 1e300, 5e-324, math.inf, -math.inf, math.nan),
    ],
    "dates": [
        Date(each)
        for each in (
            *(0, 60000, -60000, 1, -1, 1700000000123, (2**31 - 1) * 60000, 2**31 * 60000),
            -(2**63),
        )
    ],
    "strings": [
        *("", "a", "\0", "é", "你好", "\U0001f600x", "\ud83d", "\ude00\ud83d"),
        *("x" * 31, "x" * 32, "é" * 31, "é" * 32, "x" * 1023, "x" * 1024),
    ],
    "a chunk's length": ["x" * 0x8000],
    "two chunks": ["x" * 0x8001],
    "a pair at the chunk's end": ["x" * 0x7FFF + "\U0001f600"],
    "binaries": [b"", b"\x01\xff", bytes(15), bytes(16), bytes(1023), bytes(1024)],
    "a chunk of binary": [bytes(8189)],
    "two chunks of binary": [bytes(8190)],
    "lists": [
        List(),
        List(numbers(7)),
        List(numbers(8)),
        List([1, 2], "[int"),
        List(["a"], "[string"),
        List([1, "b", None], "[object"),
        List([List([1], "[int"), List([], "[int")], "[[int"),
        List([0], "java.util.LinkedHashSet"),
    ],
    "maps": [Map(), Map([(1, "one"), ("two", Map()), (None, None)], "java.util.LinkedHashMap")],
    "objects": [
        _FIRST,
        _FIRST.values[0],
        _color("GREEN"),
        _color("RED"),
        Object("java.math.BigDecimal", ("value",), ["1.50"]),
    ],
    "a list that holds itself": [_ITSELF, _ITSELF],
}
"""What ``Golden.java`` writes."""


@cache
def golden() -> dict[str, bytes]:
    """What hessian-lite 4.0.4 writes of :data:`GOLDEN`, by ``Golden.java``."""
    rows: dict[str, str] = json.loads((Path(__file__).parent / "golden.json").read_text())
    return {name: bytes.fromhex(_RUN.sub(lambda run: run[1] * int(run[2]), text)) for name, text in rows.items()}


@cache
def vectors() -> list[dict[str, Any]]:
    """Values of hessian-lite 3.2.13 and Caucho's hessian 4.0.38, where they are beside the checkout; else none."""
    path = Path(__file__).parents[5] / "shared" / "vectors" / "hessian2.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def _paired(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


TEXTS = st.text(st.characters(exclude_categories=())).map(_paired) | st.sampled_from(
    ["x" * 31, "é" * 32, "x" * 1024, "好" * 1030, "\U0001f600" * 600, "x" * 0x7FFF + "\U0001f600" * 2]
)
"""Java's strings, surrogates without a partner among them."""
SCALARS: st.SearchStrategy[Value] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**63), 2**63 - 1).map(Long),
    st.integers(-300_000, 300_000),
    st.integers(-300_000, 300_000).map(Long),
    st.floats(allow_nan=False),
    st.integers(-(2**31), 2**31 - 1).map(lambda thousandths: thousandths / 1000),
    st.integers(-33_000, 33_000).map(float),
    st.binary() | st.integers(1000, 20_000).map(bytes),
    st.integers(-(2**63), 2**63 - 1).map(Date),
    st.integers(-(2**32), 2**32).map(lambda minutes: Date(minutes * 60_000)),
    TEXTS,
)
_TYPES = st.none() | st.sampled_from(["java.util.ArrayList", "[int", "T", "", "é" * 40])
_FIELDS = st.lists(st.sampled_from(["id", "name", "größe", "x" * 40]), max_size=3).map(tuple)


@st.composite
def _objects(draw: st.DrawFn, inner: st.SearchStrategy[Value]) -> Object:
    names = draw(_FIELDS)
    types = st.sampled_from(["com.example.Person", "A", "B", ""]) | st.integers(0, 20).map("C{}".format)
    return Object(draw(types), names, [draw(inner) for _ in names])


VALUES: st.SearchStrategy[Value] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.builds(List, st.lists(inner, max_size=10), _TYPES),
        st.builds(Map, st.lists(st.tuples(inner, inner), max_size=4), _TYPES),
        _objects(inner),
    ),
    max_leaves=12,
)
"""Trees of every kind of value."""


def containers(value: Value) -> Iterator[List | Map | Object]:
    """The lists, maps and objects of a tree."""
    if isinstance(value, List | Map | Object):
        yield value
        for each in inside(value):
            yield from containers(each)


def inside(value: List | Map | Object) -> list[Value]:
    """What a value holds."""
    if isinstance(value, List):
        return value.items
    return value.values if isinstance(value, Object) else [each for entry in value.entries for each in entry]


@st.composite
def messages(draw: st.DrawFn) -> list[Value]:
    """The values of a message, which may hold each other and themselves."""
    values = draw(st.lists(VALUES, min_size=1, max_size=4))
    known = [each for value in values for each in containers(value)]
    if known:
        for _ in range(draw(st.integers(0, 3))):
            into, what = draw(st.sampled_from(known)), draw(st.sampled_from(known))
            if isinstance(into, List):
                into.items.append(what)
            elif isinstance(into, Map):
                into.entries.append(("again", what))
            elif into.values:
                into.values[-1] = what
    return values


_LIKELY = bytes.fromhex(
    "00010203 2021 3034 38 4142 434444 4849 4a4b4c4d4e4f 51525354 555657 5859 5a5a5a5b5d5e5f 60616f"
)
_LIKELY += bytes.fromhex("70717278797a 8f9091929a c8d0d4d7 e0f8ff c3a9 e4bda0 f0")


@st.composite
def nearly(draw: st.DrawFn) -> bytes:
    """Bytes that look like values: of first bytes drawn at random, or a message with a few bytes changed."""
    if draw(st.booleans()):
        return bytes(draw(st.lists(st.sampled_from(_LIKELY), max_size=24)))
    data = bytearray(written(*draw(messages()))[:300])
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 2))] = bytes(draw(st.lists(st.sampled_from(_LIKELY), max_size=2)))
    return bytes(data)
