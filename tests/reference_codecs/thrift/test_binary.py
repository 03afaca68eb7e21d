"""The binary protocol: begins by bytes, structs skipped whole and in pieces, and what is refused."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk import DecodeError, MessageTooLarge
from reference_codecs.thrift.binary import BINARY, NON_STRICT
from reference_codecs.thrift.frame import Kind
from reference_codecs.thrift.limits import Limits
from reference_codecs.thrift.protocol import Begin, Short
from reference_codecs.thrift.strategies import Fields, arguments, write_struct
from tests.reference_codecs.thrift.walking import WITHOUT_RUNS, skipped, skipped_in_pieces

ADD = bytes.fromhex("80010001 00000003 616464 00000007 00")
ADD_NON_STRICT = bytes.fromhex("00000003 616464 01 00000007 00")
TIGHT = Limits(
    message_size=1000, string_size=8, container_size=4, depth=3, header_size=4, headers=1, decompressed_size=1
)


def test_a_strict_begin_by_bytes() -> None:
    assert BINARY.read_begin(b"??" + ADD, 2, 18, 2) == Begin("add", Kind.CALL, 7, 11, 15, 15)
    assert BINARY.write_begin("add", Kind.CALL, 7) + b"\0" == ADD
    assert BINARY.parts(BINARY.read_begin(ADD, 0, 16, 0), 0) == (
        ("version", 3),
        ("kind", 4),
        ("name", 11),
        ("seqid", 15),
    )


def test_a_non_strict_begin_by_bytes() -> None:
    begin = NON_STRICT.read_begin(ADD_NON_STRICT, 0, len(ADD_NON_STRICT), 0)
    assert begin == Begin("add", Kind.CALL, 7, 8, 12, 12)
    assert NON_STRICT.write_begin("add", Kind.CALL, 7) + b"\0" == ADD_NON_STRICT
    assert NON_STRICT.parts(begin, 0) == (("name", 7), ("kind", 8), ("seqid", 12))


@pytest.mark.parametrize("data", [ADD, ADD_NON_STRICT])
def test_a_begin_that_is_cut_short_says_how_much_it_needs(data: bytes) -> None:
    for end in range(len(data) - 1):
        with pytest.raises(Short) as short:
            BINARY.read_begin(data[:end], 0, end, 0)
        assert end < short.value.needed <= len(data) - 1


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("80020001 00000003 616464 00000007", "at byte 0 in version: the version is 0x8002, not 0x8001"),
        ("80010009 00000003 616464 00000007", "at byte 3 in kind: the message kind is 9"),
        ("80010001 ffffffff 616464 00000007", "at byte 4 in name: the name would have 4294967295 bytes"),
        ("80010001 00000003 61ff64 00000007", "at byte 9 in name: the name is not UTF-8"),
        ("00000003 616464 00 00000007", "at byte 7 in kind: the message kind is 0"),
        ("00000003 ff6464 01 00000007", "at byte 4 in name: the name is not UTF-8"),
        ("00100000 616464 01 00000007", "at byte 0 in name: the name would have 1048576 bytes"),
    ],
)
def test_a_begin_that_is_none_is_refused_where_it_is_wrong(data: str, sentence: str) -> None:
    wire = b"?" + bytes.fromhex(data)
    with pytest.raises(DecodeError, match=sentence):
        BINARY.read_begin(wire, 1, len(wire), 1)


@given(arguments, st.binary(max_size=5))
def test_a_struct_ends_where_it_ends_whole_in_pieces_and_by_hand(fields: Fields, after: bytes) -> None:
    body = write_struct(BINARY, fields)
    assert skipped(BINARY, body + after) == len(body)
    assert skipped_in_pieces(BINARY, body + after) == len(body)
    assert skipped(BINARY, body[:-1]) is None


FLAT = [
    "02 0001 01 03 0002 ff 06 0003 0001 08 0004 00000001 0a 0005 0000000000000001 04 0006 3ff0000000000000 00",
    "10 0001 00112233445566778899aabbccddeeff 00",
    "0b 0001 00000003 616263 0f 0002 0b 00000002 00000001 61 00000000 00",
    "0d 0001 08 0b 00000001 00000001 00000001 61 0d 0002 00 00 00000000 00",
    "0f 0001 02 00000003 010001 0e 0002 08 00000001 00000005 00",
    "0f 0001 0b 0000000a" + "00000001 61" * 10 + "00",
]


@pytest.mark.parametrize("body", FLAT)
def test_values_of_every_type_are_skipped_with_runs_and_without(body: str) -> None:
    data = bytes.fromhex(body)
    for limits in (WITHOUT_RUNS, TIGHT) if "0000000a" not in body else (WITHOUT_RUNS,):
        assert skipped(BINARY, data, limits) == skipped_in_pieces(BINARY, data, limits) == len(data)
    assert skipped(BINARY, data) == skipped_in_pieces(BINARY, data) == len(data)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("0b 0001 00000009", "at byte 3 in body: a string of 9 is over the limit of 8"),
        ("0b 0001 ffffffff", "at byte 3 in body: a string has the negative size -1"),
        ("0f 0001 0b 00000001 80000000", "at byte 8 in body: a string has the negative size -2147483648"),
        ("0f 0001 08 00000005", "at byte 3 in body: a container of 5 is over the limit of 4"),
        ("0d 0001 08 08 fffffffe", "at byte 3 in body: a container has the negative size -2"),
        ("0c 0001 0c 0001 0c 0001", "at byte 9 in body: values nest deeper than 3"),
        ("0f 0001 0f 00000001 0f 00000001 0b 00000001", "at byte 13 in body: values nest deeper than 3"),
        ("01 0001", "at byte 3 in body: 1 is no type of Thrift's"),
        ("0f 0001 05 00000001", "at byte 3 in body: 5 is no type of Thrift's"),
        ("0d 0001 08 11 00000001", "at byte 3 in body: 17 is no type of Thrift's"),
    ],
)
def test_a_body_that_is_malformed_or_over_a_limit_is_refused(body: str, sentence: str) -> None:
    for skip in (skipped, skipped_in_pieces):
        with pytest.raises(DecodeError, match=sentence):
            skip(BINARY, bytes.fromhex(body), TIGHT)


def test_what_cannot_fit_a_message_is_refused_before_it_comes() -> None:
    limits = Limits(
        message_size=1000, string_size=9999, container_size=9999, depth=9, header_size=4, headers=1, decompressed_size=1
    )
    for body in ("0b 0001 000003e8", "0f 0001 0a 000003e8", "0f 0001 0c 000003e8"):
        with pytest.raises(MessageTooLarge):
            skipped(BINARY, bytes.fromhex(body), limits)


def test_deep_nesting_ends_at_its_limit_and_costs_little_before() -> None:
    deep = b"\x0c\x00\x01" * 100_000
    with pytest.raises(DecodeError, match="deeper than 64"):
        skipped(BINARY, deep)


def test_an_exception_by_bytes() -> None:
    assert BINARY.write_exception("no", 6) == bytes.fromhex("0b0001 00000002 6e6f 080002 00000006 00")


@pytest.mark.parametrize("struct_bytes", [b"", b"\x08", b"\x08\x00", b"\x01\x00\x00"])
def test_a_result_that_is_no_struct_has_no_field(struct_bytes: bytes) -> None:
    with pytest.raises((LookupError, ValueError)):
        BINARY.result_field(struct_bytes)


def test_a_negative_field_id_is_one() -> None:
    assert BINARY.result_field(struct.pack(">Bh", 8, -1)) == -1
