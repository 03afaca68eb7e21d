"""A walker reads strings, ints and maps of what it passes."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_codecs.dubbo.hessian2 import (
    Hessian2Error,
    Limits,
    List,
    Map,
    Object,
    Reader,
    Value,
    WalkedMap,
    Walker,
    write_string,
    write_string_map,
)
from tests.reference_codecs.dubbo.hessian2.helpers import (
    SCALARS,
    TEXTS,
    VALUES,
    stops,
    written,
)

SIZE = 1 << 18


@given(TEXTS)
def test_a_string_is_read_and_passed(text: str) -> None:
    walker = Walker(write_string(text) + b"N")
    assert walker.read_string() == text
    assert walker.read_string() is None
    assert walker.is_at_end


@given(st.lists(VALUES, min_size=1, max_size=3))
def test_strings_may_be_passed_by_hand(values: list[Value]) -> None:
    data = write_string("head") + written(*values)
    walker = Walker(data)
    walker.position = 5
    assert stops(walker) == stops(Walker(data))[1:]


def test_the_next_value_can_be_told_before_it_is_passed() -> None:
    walker = Walker(b"\x90\x8f\x90", 1, 2)
    assert walker.tag == 0x8F
    assert walker.read_int() == -1
    assert (walker.tag, walker.is_at_end, walker.position) == (-1, True, 2)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\x91", "at byte 0: the byte 0x91 starts no string"),
        (b"T", "at byte 0: the byte 0x54 starts no string"),
        (b"", "at byte 0: the data ends at byte 0, within the value"),
        (b"S\x00", "at byte 0: the data ends at byte 2, within the value"),
        (b"\x03ab", "at byte 0: the data ends at byte 3, within the value"),
        (b"\x02\xc3\xa9", "at byte 0: the data ends at byte 3, within the value"),
        (b"\x01\xe4\xbd", "at byte 0: the data ends at byte 3, within the value"),
        (b"R\x00\x00", "at byte 0: the data ends at byte 3, within the value"),
    ],
)
def test_what_is_no_string_is_refused(data: bytes, sentence: str) -> None:
    walker = Walker(data)
    with pytest.raises(Hessian2Error) as refused:
        walker.read_string()
    assert str(refused.value) == sentence
    assert walker.position == 0


@pytest.mark.parametrize("data", [b"\xe1", b"N", b"\x01a", b"", b"I\x00\x00\x00", b"\xc8", b"\xd4\x00"])
def test_what_is_no_int_is_refused(data: bytes) -> None:
    with pytest.raises(Hessian2Error, match=r"^at byte 0: (the byte .* starts no int|the data ends at byte \d)"):
        Walker(data).read_int()


STRINGS = {"path": "com.Shop", "größe": "XL", "long": "x" * 40, "": "", "😀": "\ud83d"}


@pytest.mark.parametrize("kind", [None, "java.util.HashMap"])
def test_the_strings_of_a_map_are_read(kind: str | None) -> None:
    data = written(Map(list(STRINGS.items()), kind))
    walker = Walker(data + b"\x90")
    assert walker.read_strings() == STRINGS
    assert walker.position == len(data)
    assert walker.references == 1


@given(st.dictionaries(TEXTS | st.text("ab", max_size=3), TEXTS | st.text("ab", max_size=3)))
def test_any_strings_of_a_map_are_read(strings: dict[str, str]) -> None:
    data = write_string_map(strings)
    walker = Walker(data)
    assert walker.read_strings() == strings
    assert walker.is_at_end


@given(st.lists(st.tuples(SCALARS, VALUES), max_size=5))
def test_a_map_is_read_as_its_entries_say(entries: list[tuple[Value, Value]]) -> None:
    data = written(Map(entries))
    expected = {key: value for key, value in entries if isinstance(key, str) and isinstance(value, str)}
    walker = Walker(data)
    found = walker.read_map()
    assert found is not None
    assert Walker(data).read_strings() == expected == found.strings()
    assert walker.position == found.end == len(data)
    assert [entry.key for entry in found.entries] == [key if isinstance(key, str) else None for key, _ in entries]
    edges = [found.first, *(entry.end for entry in found.entries)]
    assert [entry.start for entry in found.entries] == edges[:-1]
    again = Reader(data, found.first)
    again._references.append(Map())
    for entry, (_, value) in zip(found.entries, entries, strict=True):
        again.read()
        assert again.position == entry.value_start
        assert again.read() == value
        assert again.position == entry.end


def test_of_equal_keys_the_last_is_read() -> None:
    data = b"H\x01a\x011\x01a\x012Z"
    assert Walker(data).read_strings() == {"a": "2"}
    found = Walker(data).read_map()
    assert found is not None
    assert found.strings() == {"a": "2"}


def test_null_is_no_map_and_has_no_strings() -> None:
    walker = Walker(b"NN")
    assert walker.read_strings() == {}
    assert walker.read_map() is None
    assert walker.is_at_end


def test_a_reference_to_an_earlier_map_is_that_map() -> None:
    shared = Map([("a", "1"), ("b", List())], "T")
    data = written("head", Object("A", ("x",), [List([1])]), shared, shared)
    walker = Walker(data, 5)
    walker.skip()
    walker.skip()
    start = walker.position
    found = walker.read_map()
    assert found is not None
    assert found.is_reference
    assert (found.start, found.end) == (start, len(data)) == (start, walker.position)
    assert found.strings() == {"a": "1"}
    assert data[found.first : found.entries[0].end] == b"\x01a\x011"
    walker.position = start
    assert walker.read_strings() == {"a": "1"}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\x91", "at byte 0: the byte 0x91 starts no map"),
        (b"\x02ab", "at byte 0: the byte 0x02 starts no map"),
        (b"C\x01A\x90`", "at byte 0: the byte 0x43 starts no map"),
        (b"Q\x90", "at byte 0: reference 0 is to none of the 0 values before it"),
        (b"", "at byte 0: the data ends at byte 0, within the value"),
        (b"H", "at byte 0: the data ends at byte 1, within the value"),
        (b"H\x01a", "at byte 0: the data ends at byte 3, within the value"),
        (b"H\x01a\x021", "at byte 0: the data ends at byte 5, within the value"),
        (b"H\x01a\x011", "at byte 0: the data ends at byte 5, within the value"),
        (b"H\x01aZ", "at byte 3: an end mark where a value must be"),
        (b"M\x90Z", "at byte 1: type 0 is none of the 0 that were said"),
    ],
)
def test_what_is_no_map_is_refused(data: bytes, sentence: str) -> None:
    for read in (Walker.read_map, Walker.read_strings):
        with pytest.raises(Hessian2Error) as refused:
            read(Walker(data))
        assert str(refused.value) == sentence


def test_a_reference_to_a_list_is_no_map() -> None:
    walker = Walker(written(value := List([Map()]), value))
    walker.skip()
    with pytest.raises(Hessian2Error, match="at byte 0: the byte 0x79 starts no map"):
        walker.read_map()


@given(st.lists(st.tuples(st.text(max_size=40), st.text(max_size=40)), max_size=4), st.data())
def test_a_map_that_ends_too_late_is_refused(entries: list[tuple[str, str]], draw: st.DataObject) -> None:
    data = written(Map(list(entries)))
    end = draw.draw(st.integers(0, len(data) - 1))
    for read in (Walker.read_map, Walker.read_strings):
        for walker in (Walker(data[:end]), Walker(data, 0, end)):
            with pytest.raises(Hessian2Error):
                read(walker)


BIG_MAPS = {
    "a list of empty lists": b"H\x01aW" + b"x" * SIZE + b"ZZ",
    "references to the map": b"H\x01aW" + b"Q\x90" * SIZE + b"ZZ",
    "empty strings": b"H" + bytes(16_384 * 2) + b"Z",
}
"""Maps that are right and cost the most for their bytes."""
read_either = pytest.mark.parametrize("read", [Walker.read_map, Walker.read_strings])


@pytest.mark.parametrize("name", BIG_MAPS)
@read_either
def test_a_costly_map_takes_no_more_memory_than_its_limits(name: str, read: Callable[[Walker], object]) -> None:
    walker = Walker(BIG_MAPS[name])
    tracemalloc.start()
    try:
        read(walker)
        assert tracemalloc.get_traced_memory()[1] < 16_000_000
    finally:
        tracemalloc.stop()
    assert walker.is_at_end


@read_either
def test_an_earlier_map_is_found_among_any_number_of_values(read: Callable[[Walker], object]) -> None:
    walker = Walker(b"W" + b"x" * (SIZE // 4) + b"Z" + b"H\x01a\x011Z" + b"Q\x49\x00\x01\x00\x01")
    walker.skip()
    walker.skip()
    tracemalloc.start()
    try:
        found = read(walker)
        assert tracemalloc.get_traced_memory()[1] < SIZE // 4
    finally:
        tracemalloc.stop()
    assert (found.strings() if isinstance(found, WalkedMap) else found) == {"a": "1"}


@pytest.mark.parametrize(
    "entries", [b"\x00\x00" * 3, b"NN" * 3, b"\x01a\x00\x01b\x00N\x00", b"NN\x00\x00NN", "\x01é\x00".encode() * 3]
)
@read_either
def test_a_map_has_no_more_entries_than_it_may(entries: bytes, read: Callable[[Walker], object]) -> None:
    data = b"H" + entries + b"Z"
    walker = Walker(data, limits=Limits(entries=3))
    read(walker)
    assert walker.is_at_end
    with pytest.raises(Hessian2Error, match=r"^at byte \d: a map has more than 2 entries$"):
        read(Walker(data, limits=Limits(entries=2)))
