"""Expressions over header fields, found by asking, and run backwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from construct import len_, this
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.exceptions import EncodeError
from metaprotocol_sdk.framing.expression import Linear

NAMES = ("a", "b", "c", "d")

scales = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 1 << 20), min_size=1)
offsets = st.integers(-(1 << 20), 1 << 20)


def summed(scales: dict[str, int], offset: int) -> Any:
    """The expression ``a*3 + b*1 + offset``, as construct writes it."""
    expression: Any = offset
    for name, scale in scales.items():
        expression = this[name] * scale + expression
    return expression


def ordered(scales: dict[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple((name, scales[name]) for name in NAMES if name in scales)


@given(scales, offsets)
def test_a_sum_gives_back_its_terms_and_offset(scales: dict[str, int], offset: int) -> None:
    linear = Linear.from_expression("length", summed(scales, offset), NAMES)
    assert linear == Linear(ordered(scales), offset)
    assert linear.is_field is (list(scales.values()) == [1] and not offset)


@given(scales, offsets, st.fixed_dictionaries({name: st.integers(-5, 1 << 64) for name in NAMES}))
def test_it_tells_what_the_expression_tells(scales: dict[str, int], offset: int, values: dict[str, int]) -> None:
    expected = offset + sum(values[name] * scale for name, scale in scales.items())
    assert Linear(ordered(scales), offset).of(values) == expected


@given(scales, offsets, st.fixed_dictionaries({name: st.integers(0, 1 << 64) for name in NAMES}), st.data())
def test_it_runs_backwards(scales: dict[str, int], offset: int, values: dict[str, int], data: st.DataObject) -> None:
    linear = Linear(ordered(scales), offset)
    free = data.draw(st.sampled_from(sorted(scales)))
    known = {name: value for name, value in values.items() if name != free}
    number = linear.of(values)
    fixed = frozenset(known)
    assert linear.solve(number, known, fixed=fixed, what="length") == {free: values[free]}
    assert linear.solve(number, values, fixed=frozenset(NAMES), what="length") == {}
    if scales[free] > 1:
        with pytest.raises(EncodeError, match=f"cannot be said by {free}, which counts in steps of {scales[free]}"):
            linear.solve(number + 1, known, fixed=fixed, what="length")
    with pytest.raises(EncodeError, match=f"it cannot be {number + 1}: no field is left to say 1 of it"):
        linear.solve(number + 1, values, fixed=frozenset(NAMES), what="length")


def test_two_free_fields_are_explained() -> None:
    linear = Linear((("head", 1), ("body", 1)), 4)
    with pytest.raises(EncodeError) as caught:
        linear.solve(10, {}, fixed=frozenset(), what="length")
    assert str(caught.value) == (
        "cannot encode 'length': head and body share it, so the field to write is not known: give all but one"
    )
    assert linear.solve(10, {"head": 2}, fixed=frozenset({"head"}), what="length") == {"body": 4}


@pytest.mark.parametrize(
    "expression",
    [
        this.a + this.b * 4 - 3,
        this["a"] + 4 * this["b"] - 3,
        lambda header: header.a + (header.b << 2) - 3,
        lambda header: header["a"] + header["b"] * 4 - 3,
    ],
)
def test_every_way_to_write_it_is_read(expression: Callable[[Any], Any]) -> None:
    assert Linear.from_expression("length", expression, NAMES) == Linear((("a", 1), ("b", 4)), -3)


def backwards(what: str) -> str:
    return (
        f"{what} is not a sum of header fields times whole numbers plus a constant, so it cannot be run backwards; "
        "leave it out and override frame_length() instead"
    )


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("a", "length='a' is not an expression; write it as length=this.a"),
        (16, "length=16 is not an expression; write it as length=this.a"),
        (this.a * this.b, backwards("length")),
        (this.a // 2, backwards("length")),
        (this.a % 7, backwards("length")),
        (this.a & 0xFFFF, backwards("length")),
        (this.a**2, backwards("length")),
        (lambda header: max(header.a, header.b), backwards("length")),
        (lambda header: header.a if header.a < 1000 else 0, backwards("length")),
        (lambda header: abs(header.a - header.b), backwards("length")),
        (lambda header: 5, "length reads no header field; write it over one, as length=this.a"),
        (this.a - this.a, "length reads no header field; write it over one, as length=this.a"),
        (-this.a + 100, "length falls when a field grows; override frame_length() instead"),
        (this.a - this.b, "length falls when a field grows; override frame_length() instead"),
        (this.a / 2, "length gives float, not a whole number; override frame_length() instead"),
        (this.a > 3, "length gives bool, not a whole number; override frame_length() instead"),
        (this.a * 1.0, "length gives float, not a whole number; override frame_length() instead"),
        (lambda header: None, "length gives NoneType, not a whole number; override frame_length() instead"),
        (this.zzz, "length reads 'zzz', which is no field of the header; there are a, b, c, d"),
        (this.a.b, "length cannot be computed from the header's fields: 'int' object is not subscriptable"),
        (100 // this.a, "length cannot be computed from the header's fields: integer division or modulo by zero"),
        (len_(this.a), "length cannot be computed from the header's fields: object of type 'int' has no len()"),
        (lambda: 5, "length cannot be computed from the header's fields: "),
    ],
)
def test_what_is_no_sum_is_refused(expression: Any, sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        Linear.from_expression("length", expression, NAMES)
    assert str(caught.value).startswith(sentence)


def test_a_misspelt_field_is_answered_with_the_one_that_is_meant() -> None:
    with pytest.raises(ValueError) as caught:
        Linear.from_expression("length", this.pack_lne, ["pack_flow", "pack_len"])
    assert str(caught.value) == ("length reads 'pack_lne', which is no field of the header; did you mean pack_len?")


def test_a_header_without_fields_has_none_to_name() -> None:
    with pytest.raises(ValueError, match="length reads 'a', which is no field of the header; there are none"):
        Linear.from_expression("length", this.a, ())
    with pytest.raises(ValueError, match=r"write it over one, as length=this\.field"):
        Linear.from_expression("length", lambda header: 5, ())
