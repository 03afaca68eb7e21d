"""Numbers and dates, by the values where their form changes."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_codecs.dubbo.hessian2 import Date, Hessian2Error, Long
from reference_codecs.dubbo.hessian2.numbers import (
    READERS,
    read_int,
    write_date,
    write_double,
    write_int,
    write_long,
    write_object_start,
)
from reference_codecs.dubbo.hessian2.tags import DIRECT_BINARIES, SIZES

INTS = {1: (-16, 47), 2: (-2048, 2047), 3: (-262144, 262143), 5: (-(2**31), 2**31 - 1)}
LONGS = {1: (-8, 15), 2: (-2048, 2047), 3: (-262144, 262143), 5: (-(2**31), 2**31 - 1), 9: (-(2**63), 2**63 - 1)}


@pytest.mark.parametrize("size", INTS)
def test_an_int_has_the_shortest_form(size: int) -> None:
    for number in INTS[size]:
        assert len(write_int(number)) == size
    shorter = [INTS[each] for each in INTS if each < size]
    for low, high in shorter[-1:]:
        assert len(write_int(low - 1)) == len(write_int(high + 1)) == size


@pytest.mark.parametrize("size", LONGS)
def test_a_long_has_the_shortest_form(size: int) -> None:
    for number in LONGS[size]:
        assert len(write_long(number)) == size
    shorter = [LONGS[each] for each in LONGS if each < size]
    for low, high in shorter[-1:]:
        assert len(write_long(low - 1)) == len(write_long(high + 1)) == size


@given(st.integers(-(2**31), 2**31 - 1) | st.integers(-300_000, 300_000), st.binary(max_size=3))
def test_an_int_is_read_and_nothing_after_it(number: int, rest: bytes) -> None:
    data = write_int(number)
    assert read_int(b"x" + data + rest, 1) == (number, 1 + len(data))
    assert READERS[data[0]](data + rest, 0) == number
    assert SIZES[data[0]] == len(data)


@given(st.integers(-(2**63), 2**63 - 1) | st.integers(-300_000, 300_000), st.binary(max_size=3))
def test_a_long_is_read_and_nothing_after_it(number: int, rest: bytes) -> None:
    data = write_long(number)
    found = READERS[data[0]](data + rest, 0)
    assert (type(found), found, SIZES[data[0]]) == (Long, number, len(data))


@given(st.floats() | st.integers(-(2**31), 2**31 - 1).map(lambda each: each / 1000))
def test_a_double_is_read_to_the_bit(number: float) -> None:
    data = write_double(number)
    found = READERS[data[0]](data, 0)
    assert isinstance(found, float)
    assert struct.pack(">d", found) == struct.pack(">d", number)
    assert SIZES[data[0]] == len(data)


def test_minus_zero_keeps_its_sign() -> None:
    assert write_double(-0.0) == b"D" + struct.pack(">d", -0.0)
    assert write_double(0.0) == b"\x5b"


def test_a_thousandth_is_what_java_makes_of_it() -> None:
    assert READERS[0x5F](bytes.fromhex("5f 00000bb9"), 0) == 0.001 * 3001  # not 3.001
    assert write_double(0.001 * 3001) == bytes.fromhex("5f 00000bb9")
    assert math.isclose(0.001 * 3001, 3.001)


@given(st.integers(-(2**63), 2**63 - 1) | st.integers(-(2**32), 2**32).map(lambda minutes: minutes * 60_000))
def test_a_date_is_read(milliseconds: int) -> None:
    data = write_date(Date(milliseconds))
    assert READERS[data[0]](data, 0) == Date(milliseconds)
    assert SIZES[data[0]] == len(data)


@pytest.mark.parametrize("data", ["e1", "4e", "54", "5b", "59 00000000", "01 61", "5a", "38 0000"])
def test_what_is_no_int_is_refused(data: str) -> None:
    with pytest.raises(Hessian2Error, match=f"at byte 0: the byte 0x{data[:2]} starts no int"):
        read_int(bytes.fromhex(data), 0)


def test_an_int_cut_short_is_an_index_error_or_ends_past_the_data() -> None:
    for data in (b"", b"\xc8", b"\xd4", b"\xd4\x00"):
        with pytest.raises(IndexError):
            read_int(data, 0)
    assert read_int(b"I\x00", 0)[1] == 5


def test_every_value_of_a_known_size_has_a_reader() -> None:
    assert {tag for tag, size in enumerate(SIZES) if size} == {*READERS, *DIRECT_BINARIES}


@pytest.mark.parametrize(("number", "data"), [(0, "60"), (15, "6f"), (16, "4fa0"), (300, "4fc92c")])
def test_an_object_says_its_class(number: int, data: str) -> None:
    assert write_object_start(number).hex() == data
