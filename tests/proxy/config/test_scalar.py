from __future__ import annotations

import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.config.scalar import read_scalar, read_tagged


@pytest.mark.parametrize("text", ["no", "yes", "on", "off", "y", "n", "No", "NO", "Off", "ON", "tRUE", "nULL"])
def test_words_of_yaml_1_1_are_text(text: str) -> None:
    assert read_scalar(text) == text


@pytest.mark.parametrize(
    "text", ["1:30", "22:22", "010", "007", "-01", "1_000", "0b11", "0x", "0o8", "1e", "+", "-", ".", "2001-12-14"]
)
def test_numbers_of_yaml_1_1_and_near_numbers_are_text(text: str) -> None:
    assert read_scalar(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("Null", None), ("NULL", None),
        ("true", True), ("True", True), ("TRUE", True), ("false", False), ("False", False), ("FALSE", False),
        ("0", 0), ("-0", 0), ("+12", 12), ("-12", -12), ("0o14", 12), ("0xFf", 255),
        ("1.5", 1.5), (".5", 0.5), ("1.", 1.0), ("1e3", 1000.0), ("-1.5E-1", -0.15), ("0.5", 0.5),
        (".inf", math.inf), ("-.INF", -math.inf), ("+.Inf", math.inf),
    ],
)  # fmt: skip
def test_what_yaml_1_2_calls_a_value_is_one(text: str, value: object) -> None:
    found = read_scalar(text)
    assert found == value
    assert type(found) is type(value)


def test_not_a_number_is_a_float() -> None:
    assert isinstance(found := read_scalar(".nan"), float)
    assert math.isnan(found)


def test_digits_are_bounded() -> None:
    assert read_scalar("9" * 100) == int("9" * 100)
    assert read_scalar("9" * 5000) == math.inf
    assert read_scalar("0x" + "f" * 5000) == "0x" + "f" * 5000


@given(st.integers(-(10**18), 10**18))
def test_integers_are_read_as_written(number: int) -> None:
    assert read_scalar(str(number)) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_are_read_as_written(number: float) -> None:
    assert read_scalar(repr(number)) == number


@given(st.text())
def test_any_text_has_a_value(text: str) -> None:
    value = read_scalar(text)
    assert value is None or isinstance(value, bool | int | float) or value == text


@given(st.text(alphabet="0123456789+-.eExobafn_:~", max_size=8))
def test_what_yaml_1_2_calls_a_number_yaml_1_1_reads_alike_but_for_octals_and_exponents(text: str) -> None:
    """The two versions may differ in what is text, never in the value of a plain decimal number."""
    value = read_scalar(text)
    if isinstance(value, int) and not isinstance(value, bool) and not text.startswith("0o"):
        assert yaml.safe_load(text) == value


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [("12", "str", "12"), ("12", "int", 12), ("12", "float", 12.0), ("true", "bool", True), ("", "null", None)],
)
def test_a_tag_says_what_a_scalar_is(text: str, kind: str, value: object) -> None:
    found = read_tagged(text, kind)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "kind"), [("x", "int"), ("1.5", "int"), ("yes", "bool"), ("1", "bool"), ("0", "null"), ("a", "binary")]
)
def test_a_tag_that_does_not_fit_is_refused(text: str, kind: str) -> None:
    with pytest.raises(ValueError, match=f"'{text}' is no {kind}"):
        read_tagged(text, kind)
