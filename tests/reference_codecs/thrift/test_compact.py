"""The compact protocol: begins by bytes, structs skipped whole and in pieces, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk import DecodeError
from reference_codecs.thrift.compact import COMPACT
from reference_codecs.thrift.frame import Kind
from reference_codecs.thrift.limits import Limits
from reference_codecs.thrift.protocol import Begin, Short
from reference_codecs.thrift.strategies import Fields, arguments, write_struct
from tests.reference_codecs.thrift.walking import WITHOUT_RUNS, skipped, skipped_in_pieces

ADD = bytes.fromhex("82 21 ac02 03 616464 00")
TIGHT = Limits(
    message_size=1000, string_size=8, container_size=4, depth=3, header_size=4, headers=1, decompressed_size=1
)


def test_a_begin_by_bytes() -> None:
    begin = COMPACT.read_begin(b"??" + ADD, 2, 11, 2)
    assert begin == Begin("add", Kind.CALL, 300, 2, 4, 8)
    assert COMPACT.write_begin("add", Kind.CALL, 300) + b"\0" == ADD
    assert COMPACT.parts(begin, 0) == (("protocol", 1), ("kind", 2), ("seqid", 4), ("name", 8))


@given(st.integers(-(2**31), 2**31 - 1))
def test_a_sequence_id_is_the_32_bits_of_a_signed_number(seqid: int) -> None:
    data = COMPACT.write_begin("a", Kind.CALL, seqid)
    assert COMPACT.read_begin(data, 0, len(data), 0).seqid == seqid


def test_a_begin_that_is_cut_short_says_how_much_it_needs() -> None:
    for end in range(len(ADD) - 1):
        with pytest.raises(Short) as short:
            COMPACT.read_begin(ADD[:end], 0, end, 0)
        assert end < short.value.needed <= len(ADD)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("82 22 01 01 61", "at byte 0 in version: the first bytes are 0x82 0x22"),
        ("81 21 01 01 61", "at byte 0 in version"),
        ("82 a1 01 01 61", "at byte 1 in kind: the message kind is 5"),
        ("82 21 ffffffffff 01 61", "at byte 2 in seqid: the number is over 32 bits"),
        ("82 21 01 ffffff7f 61", "at byte 3 in name: the name would have 268435455 bytes"),
        ("82 21 01 01 ff", "at byte 4 in name: the name is not UTF-8"),
    ],
)
def test_a_begin_that_is_none_is_refused_where_it_is_wrong(data: str, sentence: str) -> None:
    wire = b"?" + bytes.fromhex(data)
    with pytest.raises(DecodeError, match=sentence):
        COMPACT.read_begin(wire, 1, len(wire), 1)


@given(arguments, st.binary(max_size=5))
def test_a_struct_ends_where_it_ends_whole_and_in_pieces(fields: Fields, after: bytes) -> None:
    body = write_struct(COMPACT, fields)
    assert skipped(COMPACT, body + after) == len(body)
    assert skipped_in_pieces(COMPACT, body + after) == len(body)
    assert skipped(COMPACT, body[:-1]) is None


FLAT = [
    "11 12 13ff 14ff01 1501 16ffffffffffffffffff01 17 0000000000000000 00",
    "1d 00112233445566778899aabbccddeeff 00",
    "18 03 616263 19 28 0161 00 00",
    "1b 01 58 01 01 61 1b 00 00",
    "05 2a 02 01 2c 00",
    "19 31 010201 1a 15 05 00",
    "19 f5 50" + "01" * 0x50 + "00",
    "1b 50 55" + "01" * 0xA0 + "00",
]


@pytest.mark.parametrize("body", FLAT)
def test_values_of_every_type_are_skipped_with_runs_and_without(body: str) -> None:
    data = bytes.fromhex(body)
    assert skipped(COMPACT, data) == skipped_in_pieces(COMPACT, data) == len(data)
    assert skipped(COMPACT, data, WITHOUT_RUNS) == skipped_in_pieces(COMPACT, data, WITHOUT_RUNS) == len(data)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("18 09", "a string of 9 is over the limit of 8"),
        ("18 ffffffff0f", "a string has the negative size -1"),
        ("18 ffffffffff", "the number is over 32 bits"),
        ("19 58", "a container of 5 is over the limit of 4"),
        ("19 f8 ffffffff0f", "a container has the negative size -1"),
        ("1b 05", "a container of 5 is over the limit of 4"),
        ("1c 1c 1c", "at byte 3 in body: values nest deeper than 3"),
        ("1e", "14 is no type of the compact protocol"),
        ("10", "0 is no type of the compact protocol"),
        ("19 10", "0 is no type of the compact protocol"),
        ("1b 01 8f", "15 is no type of the compact protocol"),
        ("15" + "ff" * 10, "a number is over 64 bits"),
        ("05" + "ff" * 10, "a number is over 64 bits"),
    ],
)
def test_a_body_that_is_malformed_or_over_a_limit_is_refused(body: str, sentence: str) -> None:
    data = bytes.fromhex(body) + (b"\0" if body == "1b 05" else b"")  # a map's types follow its size
    for skip in (skipped, skipped_in_pieces):
        with pytest.raises(DecodeError, match=sentence):
            skip(COMPACT, data, TIGHT)


def test_an_exception_by_bytes() -> None:
    assert COMPACT.write_exception("no", 6) == bytes.fromhex("18 02 6e6f 15 0c 00")


@pytest.mark.parametrize(("data", "field"), [("00", 0), ("080000", 0), ("1c00", 1), ("0c2000", 16)])
def test_a_results_first_field(data: str, field: int) -> None:
    assert COMPACT.result_field(bytes.fromhex(data)) == field


@pytest.mark.parametrize("data", [b"", b"\x0c", b"\x0c\x80", b"\x1e"])
def test_a_result_that_is_no_struct_has_no_field(data: bytes) -> None:
    with pytest.raises((LookupError, ValueError)):
        COMPACT.result_field(data)
