"""Writing values: what hessian-lite writes, byte for byte, and what a reader makes of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from reference_codecs.dubbo.hessian2 import (
    Date,
    List,
    Long,
    Map,
    Object,
    Value,
    Writer,
    write_entry,
    write_int,
    write_string_map,
)
from tests.reference_codecs.dubbo.hessian2.helpers import GOLDEN, SCALARS, VALUES, golden, messages, read, written


@pytest.mark.parametrize("name", GOLDEN)
def test_what_is_written_is_what_hessian_lite_writes(name: str) -> None:
    assert written(*GOLDEN[name]) == golden()[name]


def test_nothing_golden_is_left_out() -> None:
    assert list(GOLDEN) == list(golden())


@given(VALUES)
def test_what_is_written_is_read(value: Value) -> None:
    assert read(written(value)) == [value]


@given(SCALARS)
def test_what_is_written_is_read_as_the_same_type(value: Value) -> None:
    assert [type(each) for each in read(written(value))] == [type(value)]


@given(messages())
def test_what_is_read_is_written_as_it_was(values: list[Value]) -> None:
    data = written(*values)
    assert written(*read(data)) == data


def test_only_the_very_same_value_is_a_reference() -> None:
    one = List([1])
    assert written(one, List([1]), one) == bytes.fromhex("7991 7991 5190")


def test_a_value_that_lived_for_a_moment_is_never_taken_for_another() -> None:
    writer = Writer()
    for _ in range(100):
        writer.write(List())
    assert bytes(writer) == b"\x78" * 100


def test_classes_from_the_seventeenth_on_are_said_by_an_int() -> None:
    data = written(*(Object(f"C{each}", (), []) for each in range(18)), Object("C16", (), []))
    assert data.endswith(bytes.fromhex("43 03433136 90 4fa0 43 03433137 90 4fa1 4fa0"))


def test_a_class_with_other_fields_is_another_class() -> None:
    data = written(Object("A", ("x",), [1]), Object("A", ("y",), [1]))
    assert data == bytes.fromhex("43 0141 91 0178 60 91  43 0141 91 0179 61 91")


def test_a_type_is_said_once() -> None:
    assert written(List([], "T"), Map([], "T"), List(list(range(8)), "T")) == bytes.fromhex(
        "70 0154  4d 90 5a  56 90 98 9091929394959697"
    )


def test_a_chain_of_lists_of_any_length_is_written() -> None:
    value = List()
    for _ in range(20_000):
        value = List([value])
    assert written(value) == b"\x79" * 20_000 + b"\x78"


def test_a_map_of_strings_is_untyped() -> None:
    assert write_string_map({"a": "1", "b": ""}) == b"H\x01a\x011\x01b\x00Z"
    assert write_string_map({}) == b"HZ"
    assert write_entry("a", "1") == b"\x01a\x011"


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (2**31, "2147483648 has more than the 32 bits of a Java int; say Long(2147483648)"),
        (-(2**31) - 1, "-2147483649 has more than the 32 bits of a Java int; say Long(-2147483649)"),
        (Long(2**63), "9223372036854775808 has more than the 64 bits of a Java long"),
        (Date(2**63), "a date of 9223372036854775808 ms is beyond the 64 bits of a Java date"),
        (Object("A", ("x",), []), "a A has 0 values for 1 fields"),
    ],
)
def test_what_java_has_no_value_for_is_refused(value: Value, sentence: str) -> None:
    with pytest.raises(ValueError) as refused:
        written(value)
    assert str(refused.value) == sentence


@pytest.mark.parametrize("value", [[], {}, (), object(), 1j])
def test_what_is_no_value_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match=r"cannot be written; say None, bool, int, Long"):
        written(value)


def test_an_int_of_a_subclass_is_not_written_as_another_type() -> None:
    class Port(int):
        pass

    with pytest.raises(TypeError, match="a Port cannot be written"):
        written(Port(1))


@pytest.mark.parametrize(("number", "data"), [(0, "90"), (-1, "8f"), (48, "c830"), (2**31 - 1, "497fffffff")])
def test_an_int_by_itself(number: int, data: str) -> None:
    assert write_int(number).hex() == data
