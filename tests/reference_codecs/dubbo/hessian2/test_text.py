"""Strings by Java's UTF-16 units, and binaries, in chunks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_codecs.dubbo.hessian2 import Hessian2Error
from reference_codecs.dubbo.hessian2.text import (
    read_binary,
    read_string,
    skip_binary,
    skip_string,
    skip_wide_units,
    write_binary,
    write_string,
)
from tests.reference_codecs.dubbo.hessian2.helpers import TEXTS


@given(TEXTS, st.binary(max_size=3))
def test_what_is_written_is_read_and_nothing_after_it(text: str, rest: bytes) -> None:
    data = write_string(text)
    assert read_string(b"x" + data + rest, 1) == (text, 1 + len(data))
    assert skip_string(b"x" + data + rest, 1) == 1 + len(data)


@given(st.integers(0, 40_000).map(lambda size: bytes(range(256)) * (size // 256 + 1)), st.binary(max_size=3))
def test_bytes_that_are_written_are_read_and_nothing_after_them(content: bytes, rest: bytes) -> None:
    data = write_binary(content)
    assert read_binary(b"x" + data + rest, 1) == (content, 1 + len(data))
    assert skip_binary(b"x" + data + rest, 1) == 1 + len(data)


@given(st.lists(st.text(max_size=5), max_size=5), st.text(max_size=5))
def test_chunks_are_joined(texts: list[str], last: str) -> None:
    def units(text: str) -> int:
        return len(text.encode("utf-16-le")) // 2

    def cesu(text: str) -> bytes:
        return write_string(text)[1:]

    data = b"".join(b"R\x00%c%b" % (units(text), cesu(text)) for text in texts) + write_string(last)
    assert read_string(data, 0) == ("".join([*texts, last]), len(data))


def test_a_pair_of_surrogates_may_be_in_two_chunks() -> None:
    assert read_string(bytes.fromhex("52 0001 eda0bd 01 edb880"), 0) == ("\U0001f600", 10)


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 1023, 1024, 0x7FFF, 0x8000, 0x8001, 0x10001])
@pytest.mark.parametrize("unit", ["x", "é", "好", "\ud83d"])
def test_a_string_of_any_length_is_passed(size: int, unit: str) -> None:
    data = write_string(unit * size)
    assert skip_string(data, 0) == len(data)
    assert read_string(data, 0) == (unit * size, len(data))


def test_a_character_beyond_the_basic_plane_is_two_units() -> None:
    assert write_string("\U0001f600" * 15) == b"\x1e" + bytes.fromhex("eda0bdedb880") * 15
    assert write_string("\U0001f600" * 16)[:2] == b"\x30\x20"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("01 c080", "\0"),  # as Java's own modified UTF-8 has it
        ("01 c181", "A"),
        ("01 e08080", "\0"),
        ("01 c341", "Á"),  # a second byte that is no continuation
        ("02 e4bd41 41", "\u4f41A"),
        ("02 c3c3 61", "Ãa"),
    ],
)
def test_a_unit_is_read_by_its_first_byte_as_java_reads_it(data: str, text: str) -> None:
    assert read_string(bytes.fromhex(data), 0) == (text, len(bytes.fromhex(data)))


@pytest.mark.parametrize("wrong", [0x80, 0xBF, 0xF0, 0xF4, 0xFF])
@pytest.mark.parametrize("before", ["", "a", "é", "好" * 100])
def test_a_byte_that_starts_no_unit_is_refused_where_it_is(wrong: int, before: str) -> None:
    units = before.encode()
    data = units + bytes([wrong]) + b"a" * 8
    with pytest.raises(Hessian2Error) as refused:
        skip_wide_units(data, 0, len(before) + 9)
    assert refused.value.offset == len(units)
    assert refused.value.reason == f"the byte {wrong:#04x} starts no UTF-16 unit of the string at byte 0"


@pytest.mark.parametrize("data", ["é".encode(), "é".encode()[:1], "好".encode()[:2], "é好".encode()[:4]])
def test_a_string_that_goes_on_ends_past_the_data(data: bytes) -> None:
    assert skip_wide_units(data, 0, 5) > len(data)


@pytest.mark.parametrize("tag", [0x20, 0x34, 0x4E, 0x91, 0x5A])
def test_what_starts_no_string_is_refused(tag: int) -> None:
    for use in (skip_string, read_string):
        with pytest.raises(Hessian2Error, match=f"at byte 1: the byte 0x{tag:02x} starts no string"):
            use(bytes([0, tag, 0]), 1)


@pytest.mark.parametrize("tag", [0x00, 0x30, 0x4E, 0x91, 0x5A])
def test_what_starts_no_binary_is_refused(tag: int) -> None:
    for use in (skip_binary, read_binary):
        with pytest.raises(Hessian2Error, match=f"at byte 1: the byte 0x{tag:02x} starts no binary"):
            use(bytes([0, tag, 0]), 1)


@pytest.mark.parametrize("data", [b"", b"\x30", b"S\x00", b"R\x00\x00", b"R"])
def test_data_that_ends_before_a_chunk_is_an_index_error(data: bytes) -> None:
    with pytest.raises(IndexError):
        skip_string(data, 0)


def test_binaries_have_the_shortest_form() -> None:
    forms = {0: "20", 15: "2f", 16: "3410", 1023: "37ff", 1024: "420400", 8189: "421ffd"}
    assert {size: write_binary(bytes(size))[: -size or None].hex() for size in forms} == forms
