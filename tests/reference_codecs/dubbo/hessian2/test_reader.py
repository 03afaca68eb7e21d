"""Reading values: everybody's bytes, references, and every kind of bytes that are no values."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given

from reference_codecs.dubbo.hessian2 import (
    Date,
    Hessian2Error,
    Limits,
    List,
    Long,
    Map,
    Object,
    Reader,
    Value,
    write_int,
)
from tests.reference_codecs.dubbo.hessian2.helpers import (
    GOLDEN,
    containers,
    golden,
    messages,
    nearly,
    read,
    read_end,
    vectors,
    walked,
    written,
)


@pytest.mark.parametrize("name", GOLDEN)
def test_what_hessian_lite_writes_is_read(name: str) -> None:
    # Compared as text: NaN equals nothing, and values that hold themselves are not compared at all.
    assert repr(read(golden()[name])) == repr(GOLDEN[name])


def test_every_vector_is_read_to_its_end_and_written_as_it_was() -> None:
    if not vectors():
        pytest.skip("the vectors are not beside this checkout")
    for row in vectors():
        data = bytes.fromhex(row["hex"])
        assert written(*read(data)) == data, row["file"]


def test_every_vector_is_read_as_its_writer_meant() -> None:
    if not vectors():
        pytest.skip("the vectors are not beside this checkout")
    simple = [row for row in vectors() if isinstance(row["value"], dict) and len(row["value"]) == 1]
    assert len(simple) > 100
    for row in simple:
        ((kind, meant),) = row["value"].items()
        (value,) = read(bytes.fromhex(row["hex"]))[:1]
        assert matches(value, kind, meant), (row["file"], value)


def matches(value: Value, kind: str, meant: Any) -> bool:
    """Whether ``value`` is what a vector says it is."""
    if kind == "int":
        return type(value) is int and value == meant
    if kind == "long":
        return type(value) is Long and value == int(meant)
    if kind == "double":
        expected = float(meant)
        return isinstance(value, float) and (value == expected or (math.isnan(value) and math.isnan(expected)))
    if kind == "date_ms":
        return value == Date(meant)
    if kind == "string_repeat":
        return bool(value == meant[0] * meant[1])
    if kind == "bytes_mod256":
        return value == bytes(each % 256 for each in range(meant))
    return (kind == "string" and value == meant) or kind in ("class", "k")


@given(nearly())
def test_a_reader_takes_what_a_walker_passes_and_refuses_what_it_refuses(data: bytes) -> None:
    assert read_end(data) == walked(data)


def read_all(reader: Reader) -> None:
    """Reads what is left."""
    while not reader.is_at_end:
        reader.read()


@given(messages())
def test_a_value_cut_short_is_refused(values: list[Value]) -> None:
    reader = Reader(data := written(*values)[:500])
    ends = {0}
    while not reader.is_at_end:
        try:
            reader.read()
        except Hessian2Error:
            break
        ends.add(reader.position)
    for end in range(len(data)):
        if end not in ends:
            again = Reader(data, end=end)
            with pytest.raises(Hessian2Error):
                read_all(again)


def test_a_reference_is_the_very_value() -> None:
    outer = read(bytes.fromhex("7a 7991 5191"))[0]
    assert isinstance(outer, List)
    assert outer.items[0] is outer.items[1]


def test_a_map_may_hold_itself_as_key_and_value() -> None:
    (found,) = read(bytes.fromhex("48 5190 5190 5a"))
    assert isinstance(found, Map)
    assert found.entries[0][0] is found.entries[0][1] is found


@given(messages())
def test_references_are_left_as_they_are_where_they_are_not_followed(values: list[Value]) -> None:
    data = written(*values)
    reader, found = Reader(data, follow_references=False), []
    while not reader.is_at_end:
        found.append(reader.read())
    seen = [id(each) for value in found for each in containers(value)]
    assert len(seen) == len(set(seen)) == len(reader._references)
    # The numbers of classes and types are the same, because the same values define them; so the bytes are.
    assert written(*found) == data


def test_what_refers_to_itself_many_times_over_can_be_shown() -> None:
    data = b"\x7a" * 100 + b"\x90\x90" + b"".join(b"Q" + write_int(number) for number in range(99, 0, -1))
    found = Reader(data, follow_references=False).read()
    assert len(repr(found)) < 10_000
    assert "Reference(number=99)" in repr(found)


def test_a_list_until_its_end_mark_is_as_any_other() -> None:
    assert read(bytes.fromhex("57 91 92 5a  55 0154 91 5a")) == [List([1, 2]), List([1], "T")]


def test_a_class_may_have_two_fields_of_a_name() -> None:
    assert read(bytes.fromhex("43 0141 92 0178 0178 60 91 92")) == [Object("A", ("x", "x"), [1, 2])]


def test_a_class_may_be_defined_before_any_value() -> None:
    assert read(bytes.fromhex("43 0141 90 43 0142 90 91 60 61")) == [1, Object("A"), Object("B")]


def test_every_chunk_of_a_string_and_of_a_binary_is_read() -> None:
    assert read(bytes.fromhex("52 0001 61 52 0000 3001 62 41 0001 ff 41 0000 22 0102")) == ["ab", b"\xff\x01\x02"]


def test_numbers_of_types_and_of_classes_go_on_through_a_message() -> None:
    assert read(bytes.fromhex("70 0154 4d 90 5a 43 0141 90 60 4f 90")) == [
        List([], "T"),
        Map([], "T"),
        Object("A"),
        Object("A"),
    ]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("40", "at byte 0: the byte 0x40 starts no value"),
        ("79 45", "at byte 1: the byte 0x45 starts no value"),
        ("79", "at byte 1: 1 values cannot be in the 0 bytes that are left"),
        ("4c 00", "at byte 0: the data ends at byte 2, within the value"),
        ("05 6162", "at byte 0: the data ends at byte 3, within the value"),
        ("52 0001 61 91", "at byte 4: the byte 0x91 starts no string"),
        ("41 0001 61 01", "at byte 4: the byte 0x01 starts no binary"),
        ("03 61 80 61", "at byte 2: the byte 0x80 starts no UTF-16 unit of the string at byte 1"),
        ("04 f09f9880 616161", "at byte 1: the byte 0xf0 starts no UTF-16 unit of the string at byte 1"),
        ("58 8f", "at byte 1: the count -1 is negative"),
        ("58 e1 91", "at byte 1: the byte 0xe1 starts no int"),
        ("58 93 91 91", "at byte 2: 3 values cannot be in the 2 bytes that are left"),
        ("5a", "at byte 0: an end mark where a value must be"),
        ("79 5a", "at byte 1: an end mark where a value must be"),
        ("48 91 5a", "at byte 2: a map ends after a key, without its value"),
        ("48 91 92", "at byte 0: the data ends at byte 3, within the value"),
        ("51 90", "at byte 0: reference 0 is to none of the 0 values before it"),
        ("79 51 91", "at byte 1: reference 1 is to none of the 1 values before it"),
        ("79 51 8f", "at byte 1: reference -1 is to none of the 1 values before it"),
        ("60", "at byte 0: class 0 is none of the 0 that are defined"),
        ("4f 8f", "at byte 0: class -1 is none of the 0 that are defined"),
        ("70 90", "at byte 1: type 0 is none of the 0 that were said"),
        ("4d 8f", "at byte 1: type -1 is none of the 0 that were said"),
        ("43 0141 92 0178 0179 60 91", "at byte 9: 2 values cannot be in the 1 bytes that are left"),
        ("43 0141 95 01", "at byte 4: 5 fields cannot be in the 1 bytes that are left"),
        ("43 0141 91 91 60", "at byte 4: the byte 0x91 starts no string"),
        ("43 4e", "at byte 1: the byte 0x4e starts no string"),
        ("57 43 0141 90 5a", "at byte 5: an end mark where the value of a new class must be"),
    ],
)
def test_bytes_that_are_no_value_are_refused_with_a_sentence(data: str, sentence: str) -> None:
    with pytest.raises(Hessian2Error) as refused:
        Reader(bytes.fromhex(data)).read()
    assert str(refused.value) == sentence
    assert walked(bytes.fromhex(data)) == refused.value.reason


@pytest.mark.parametrize(
    ("data", "limits", "reason"),
    [
        ("79 79 79 78", Limits(depth=2), "values nest deeper than 2 levels"),
        ("48 91 79 48 5a 5a", Limits(depth=2), "values nest deeper than 2 levels"),
        ("43 0141 90 43 0142 90 60", Limits(classes=1), "more than 1 classes are defined"),
    ],
)
def test_a_value_beyond_a_limit_is_refused_and_one_within_is_not(data: str, limits: Limits, reason: str) -> None:
    assert read_end(bytes.fromhex(data), limits) == reason == walked(bytes.fromhex(data), limits)
    assert read_end(bytes.fromhex(data)) == len(bytes.fromhex(data)) == walked(bytes.fromhex(data))


def test_a_reader_builds_no_more_values_than_it_may() -> None:
    data = bytes.fromhex("7b 78 91 4e")
    assert Reader(data, limits=Limits(values=4)).read() == List([List(), 1, None])
    with pytest.raises(Hessian2Error, match="at byte 3: there are more than 3 values"):
        Reader(data, limits=Limits(values=3)).read()


def test_a_reader_reads_from_one_index_to_another() -> None:
    reader = Reader(b"\x05\x91\x02ab\x03", 1, 5)
    assert (reader.read(), reader.read(), reader.is_at_end, reader.position) == (1, "ab", True, 5)
    with pytest.raises(Hessian2Error, match="at byte 2: the data ends at byte 4, within the value"):
        Reader(b"\x05\x91\x02ab\x03", 2, 4).read()
