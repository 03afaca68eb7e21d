"""Passing values: a walk ends where a reader ends, costs no more than the bytes, and keeps what later values need."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_codecs.dubbo.hessian2 import Hessian2Error, Limits, Reader, Value, Walker
from tests.reference_codecs.dubbo.hessian2.helpers import (
    GOLDEN,
    golden,
    messages,
    nearly,
    read_end,
    stops,
    vectors,
    walked,
    written,
)


@pytest.mark.parametrize("name", GOLDEN)
def test_what_hessian_lite_writes_is_passed_value_by_value(name: str) -> None:
    assert len(stops(Walker(golden()[name]))) == len(GOLDEN[name])


def test_every_vector_is_passed_to_its_end() -> None:
    if not vectors():
        pytest.skip("the vectors are not beside this checkout")
    for row in vectors():
        data = bytes.fromhex(row["hex"])
        assert stops(Walker(data))[-1] == len(data) == row["size"], row["file"]


@given(messages())
def test_a_walk_ends_where_a_reader_ends(values: list[Value]) -> None:
    data = written(*values)
    reader, ends = Reader(data), []
    while not reader.is_at_end:
        reader.read()
        ends.append(reader.position)
    assert stops(Walker(data)) == ends


@given(nearly(), st.binary(max_size=3))
def test_what_follows_the_end_changes_nothing(data: bytes, rest: bytes) -> None:
    walker = Walker(b"\x90" + data + rest, 1, 1 + len(data))
    try:
        walker.skip()
    except Hessian2Error:
        assert isinstance(walked(data), str)
    else:
        assert walker.position - 1 == walked(data)


@given(messages())
def test_it_numbers_what_a_reader_numbers(values: list[Value]) -> None:
    data = written(*values)
    walker, reader = Walker(data), Reader(data)
    stops(walker)
    while not reader.is_at_end:
        reader.read()
    assert walker.references == len(reader._references)
    assert walker.classes == [len(each.fields) for each in reader._classes]
    assert walker.types == len(reader._types)


SIZE = 1 << 18

BOMBS = {
    "depth": b"\x79" * SIZE,
    "depth of maps": b"H\x90" * (SIZE // 2),
    "depth of lists until an end mark": b"W" * SIZE,
    "a list of 2**31 - 1 nulls": b"X\x49\x7f\xff\xff\xff" + b"N" * SIZE,
    "lists that all say they are long": b"V\x01T\x49\x00\x03\x00\x00" * (SIZE // 8),
    "a class of 2**31 - 1 fields": b"C\x01A\x49\x7f\xff\xff\xff" + bytes(SIZE),
    "classes, and no value": b"C\x00\x90" * (SIZE // 3),
    "a class of very many fields, again and again": b"C\x01A\x49\x00\x02\x00\x00" + bytes(SIZE // 2) + b"`" * SIZE,
    "empty chunks of a string": b"R\x00\x00" * (SIZE // 3),
    "empty chunks of a binary": b"A\x00\x00" * (SIZE // 3),
    "a string of surrogates, cut short": b"S\xff\xff" + b"\xed\xa0\xbd" * 60_000,
    "chunks of bytes that start nothing": b"R\x80\x00" + b"\xc3" * (SIZE - 1) + b"\x80",
    "references to nothing": b"W" + b"Q\x49\x7f\xff\xff\xff" * (SIZE // 6),
    "types that are none": b"p\x49\x7f\xff\xff\xff" * (SIZE // 6),
}
"""Hostile bytes; each is refused."""
COSTLY = {
    "empty lists": b"W" + b"x" * SIZE + b"Z",
    "objects of a class without fields": b"C\x01A\x90W" + b"`" * SIZE + b"Z",
    "references": b"W" + b"Q\x90" * (SIZE // 2) + b"Z",
    "types": b"W" + b"p\x01T" * (SIZE // 3) + b"Z",
    "short strings that are not ASCII": b"W" + b"\x01\xc3\xa9" * (SIZE // 3) + b"Z",
    "empty strings in many chunks": b"R\x00\x00" * (SIZE // 3) + b"\x00",
}
"""Values that are right and cost the most for their bytes."""


@pytest.mark.parametrize("name", [*BOMBS, *COSTLY])
def test_hostile_bytes_cost_little_time_and_less_memory(name: str) -> None:
    data = BOMBS.get(name) or COSTLY[name]
    started = time.process_time()
    end = walked(data)
    assert time.process_time() - started < 2  # a tenth on a slow machine
    assert isinstance(end, str) == (name in BOMBS)
    tracemalloc.start()
    try:
        walked(data[: SIZE // 4])
        assert tracemalloc.get_traced_memory()[1] < 2 * SIZE
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", BOMBS)
def test_hostile_bytes_are_refused_by_a_reader_too(name: str) -> None:
    assert read_end(BOMBS[name]) == walked(BOMBS[name])


CONTAINERS = {
    "empty lists": b"\x78",
    "lists of an int": b"\x79\x90",
    "maps": b"HZ",
    "objects without fields": b"\x60",
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_lists_maps_and_objects_are_counted_each_for_its_time(name: str) -> None:
    prefix = b"C\x01c\x90" if "objects" in name else b""
    ten = prefix + b"\x58\x9a" + CONTAINERS[name] * 10
    assert walked(ten, Limits(containers=11)) == len(ten)
    assert walked(ten, Limits(containers=10)) == "there are more than 10 lists, maps and objects"


@pytest.mark.parametrize("depth", [1, 2, 50])
def test_the_limit_is_the_deepest_that_passes(depth: int) -> None:
    data, limits = b"\x79" * depth + b"\x90", Limits(depth=depth)
    for end in (walked, read_end):
        assert end(data, limits) == depth + 1
        assert end(b"\x79" + data, limits) == f"values nest deeper than {depth} levels"
        assert end(b"\x79" * depth + b"\x78", limits) == depth + 1  # nothing is in the last
