from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from metaprotocol_sdk.proxy.config.document import read_document
from metaprotocol_sdk.proxy.config.fields import (
    MAX_COUNT,
    MAX_DURATION,
    Count,
    Data,
    Period,
    Port,
    Positive,
    Repeated,
    Switch,
    Text,
    Whole,
    is_ip,
    read_duration,
    read_period,
    seconds_at,
    word,
)
from metaprotocol_sdk.proxy.config.report import Report
from tests.proxy.config.reading import bad, good


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5s", 5.0), ("0s", 0.0), ("0.25s", 0.25), ("0.000000001s", 1e-9), ("1.500s", 1.5),
     ("315576000000s", MAX_DURATION)],
)  # fmt: skip
def test_a_duration_is_seconds_with_an_s(text: str, seconds: float) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize(
    ("value", "such_as"),
    [
        ("100ms", "0.1s"), ("5m", "300s"), ("2h", "7200s"), ("1ms", "0.001s"), ("0ms", "0s"), (5, "5s or 0.25s"),
        (True, "5s or 0.25s"), ("5", "5s or 0.25s"), ("-5s", "5s or 0.25s"), ("s", "5s or 0.25s"),
        ("1.s", "5s or 0.25s"), (".5s", "5s or 0.25s"), ("5 s", "5s or 0.25s"), ("5S", "5s or 0.25s"),
        ("1e3s", "5s or 0.25s"), ("1.0000000001s", "5s or 0.25s"), ("315576000001s", "5s or 0.25s"),
        ("\u0665s", "5s or 0.25s"), ("", "5s or 0.25s"), (None, "5s or 0.25s"), ({"seconds": 5}, "5s or 0.25s"),
    ],
)  # fmt: skip
def test_what_is_no_duration_is_told_how_it_is_written(value: object, such_as: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"expected seconds with an s, such as {such_as}, found ")):
        read_duration(value)


@given(st.integers(0, MAX_DURATION - 1), st.integers(0, 999_999_999))
def test_any_duration_of_protobuf_is_read(seconds: int, nanos: int) -> None:
    assert math.isclose(read_duration(f"{seconds}.{nanos:09}s"), seconds + nanos / 1e9)


def test_a_period_is_a_duration_that_is_not_0() -> None:
    assert read_period("0.5s") == 0.5
    with pytest.raises(ValueError, match="expected more than 0s, found '0s'"):
        read_period("0s")
    with pytest.raises(ValueError, match=r"expected seconds with an s, such as 0\.5s, found '500ms'"):
        read_period("500ms")


def test_a_duration_that_is_not_validated_yet_is_itself_or_the_default() -> None:
    fields = read_document("{a: 2s, b: 2, c: ~}", Report("f.yaml"))
    assert [seconds_at(fields, key, 7.0) for key in "abcd"] == [2.0, 7.0, 7.0, 7.0]


PORT = Whole(0, 65535)


@given(st.integers(0, 65535))
def test_any_whole_number_is_read_as_a_number_or_as_digits(port: int) -> None:
    assert PORT(port) == PORT(str(port)) == PORT(float(port)) == port


def test_the_ends_of_a_range_are_in_it() -> None:
    least = -(2**63)
    reader = Whole(least, 3)
    assert (reader(least), reader(str(least)), reader(3)) == (least, least, 3)
    for value in (least - 1, 4):
        with pytest.raises(ValueError, match=f"expected a whole number from {least} to 3, found {value}"):
            reader(value)


@pytest.mark.parametrize(
    "value", [-1, 65536, "abc", "", "-1", "65536", 1.5, math.inf, math.nan, True, None, [], "8_0", "\u0665", "1" * 20]
)
def test_what_is_no_whole_number_in_its_range_is_told_what_is(value: object) -> None:
    with pytest.raises(ValueError, match="expected a whole number from 0 to 65535, found "):
        PORT(value)


@pytest.mark.parametrize(
    ("host", "answer"),
    [("127.0.0.1", True), ("::", True), ("fe80::1%eth0", True), ("localhost", False), ("1.2.3", False), ("", False)],
)
def test_a_name_is_no_ip(host: str, answer: bool) -> None:
    assert is_ip(host) is answer


def test_a_word_is_known_known_for_later_or_unknown() -> None:
    read = word({"A": 1, "B": 2}, "C")
    assert read("B") == 2
    with pytest.raises(ValueError, match="'C' is not supported yet by this proxy; supported: A, B"):
        read("C")
    with pytest.raises(ValueError, match="expected one of A, B, found 'D'"):
        read("D")
    with pytest.raises(ValueError, match="expected A, found a list"):
        word({"A": 1})([])


class Sample(BaseModel):
    text: Text = "x"
    on: Switch = False
    port: Port = 0
    count: Count = 0
    positive: Positive = 1
    period: Period = 1.0
    data: Data = {}
    many: Repeated[Any] = ()


def test_fields_say_what_they_take() -> None:
    assert bad(Sample, "{text: '', on: yes, data: 5, many: x}") == [
        "1:8 error text: expected text that is not empty",
        "1:16 error on: expected true or false, found 'yes'",
        "1:27 error data: expected a mapping, found 5",
        "1:36 error many: expected a list, found 'x'",
    ]
    assert bad(Sample, "{port: 65536, count: -1, positive: 0, period: 0s}") == [
        "1:8 error port: expected a whole number from 0 to 65535, found 65536",
        f"1:22 error count: expected a whole number from 0 to {MAX_COUNT}, found -1",
        f"1:36 error positive: expected a whole number from 1 to {MAX_COUNT}, found 0",
        "1:47 error period: expected more than 0s, found '0s'",
    ]


def test_the_keys_of_data_stay_as_they_are_written() -> None:
    assert good(Sample, "data: {fooBar: {bazQux: no}, foo_bar: 1}").data == {"fooBar": {"bazQux": "no"}, "foo_bar": 1}


def test_a_single_mapping_stands_for_a_list_of_one() -> None:
    assert good(Sample, "many: {a: 1}").many == ({"a": 1},)
    assert good(Sample, "many: [{a: 1}, {b: 2}]").many == ({"a": 1}, {"b": 2})
