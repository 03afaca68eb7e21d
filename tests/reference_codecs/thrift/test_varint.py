"""Varints, by the numbers where their length changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk import DecodeError
from reference_codecs.thrift.protocol import Short
from reference_codecs.thrift.varint import read_varint, unzigzag, write_varint, zigzag


@given(st.integers(0, 2**32 - 1), st.binary(max_size=3))
def test_what_is_written_is_read_and_nothing_after_it(number: int, rest: bytes) -> None:
    data = write_varint(number)
    assert read_varint(b"x" + data + rest, 1, 1 + len(data) + len(rest), 0, "n") == (number, 1 + len(data))


@pytest.mark.parametrize(("number", "size"), [(0, 1), (127, 1), (128, 2), (16383, 2), (16384, 3), (2**32 - 1, 5)])
def test_a_number_takes_a_byte_for_every_seven_bits(number: int, size: int) -> None:
    assert len(write_varint(number)) == size


def test_a_number_that_goes_on_is_short_by_one() -> None:
    with pytest.raises(Short) as short:
        read_varint(b"\x80\x80", 0, 2, 0, "n")
    assert short.value.needed == 3


@pytest.mark.parametrize("data", [b"\x80" * 5, b"\xff" * 20, b"\xff\xff\xff\xff\x10"])
def test_more_than_32_bits_are_refused_where_they_start(data: bytes) -> None:
    with pytest.raises(DecodeError, match=r"at byte 3 in size.*over 32 bits"):
        read_varint(bytes(5) + data, 5, 5 + len(data), 2, "size")


@given(st.integers(-(2**63), 2**63 - 1))
def test_zigzag_is_undone(number: int) -> None:
    assert unzigzag(zigzag(number)) == number


def test_zigzag_is_small_near_zero() -> None:
    assert [zigzag(number) for number in (0, -1, 1, -2, 2)] == [0, 1, 2, 3, 4]
