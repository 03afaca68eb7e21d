"""Bodies in the other protocol: there and back, a peer's list of booleans by bytes, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from metaprotocol_sdk import EncodeError
from reference_codecs.thrift.binary import BINARY
from reference_codecs.thrift.compact import COMPACT
from reference_codecs.thrift.json_protocol import JSON
from reference_codecs.thrift.limits import MAX_DEPTH
from reference_codecs.thrift.protocol import Protocol
from reference_codecs.thrift.reencode import reencode
from reference_codecs.thrift.strategies import LIMITS, Fields, arguments, write_struct
from tests.reference_codecs.thrift.helpers import REQUEST, RESPONSE, golden, read

TIGHT = replace(LIMITS, string_size=4, container_size=3, depth=2)


@given(arguments)
def test_there_and_back_is_the_same(fields: Fields) -> None:
    compact = reencode(write_struct(BINARY, fields), BINARY, COMPACT, LIMITS)
    back = reencode(compact, COMPACT, BINARY, LIMITS)
    assert reencode(back, BINARY, COMPACT, LIMITS) == compact
    # A map without pairs has no types in the compact protocol; all else is there again.
    assert len(back) == len(write_struct(BINARY, fields))


def bodies(protocol: str) -> list[bytes]:
    rows = [row for row in golden() if row["form"] == f"framed {protocol}" and row.get("is_strict", True)]
    found = []
    for row in rows:
        data = bytes.fromhex(row["hex"])
        found.append(data[read(data, RESPONSE if row["kind"] in (2, 3) else REQUEST).header_size :])
    return found


def test_what_a_peer_writes_in_one_protocol_becomes_what_it_writes_in_the_other() -> None:
    binary, compact = bodies("binary"), bodies("compact")
    assert len(binary) == len(compact) >= 7
    for one, other in zip(binary, compact, strict=True):
        assert reencode(one, BINARY, COMPACT, LIMITS) == other
        assert reencode(other, COMPACT, BINARY, LIMITS) == one


def test_a_list_of_booleans_by_bytes() -> None:
    compact, binary = bytes.fromhex("19 31 010201 00"), bytes.fromhex("0f 0001 02 00000003 010001 00")
    assert reencode(compact, COMPACT, BINARY, LIMITS) == binary
    assert reencode(binary, BINARY, COMPACT, LIMITS) == compact
    assert reencode(bytes.fromhex("19 32 010200 00"), COMPACT, BINARY, LIMITS)[8:11] == b"\x01\x00\x00"


@pytest.mark.parametrize(
    ("compact", "binary"),
    [
        ("11 12 00", "02 0001 01 02 0002 00 00"),
        ("01 c801 00", "02 0064 01 00"),
        ("13ff 14 01 15 03 16 05 00", "03 0001 ff 06 0002 ffff 08 0003 fffffffe 0a 0004 fffffffffffffffd 00"),
        ("17 000000000000f03f 00", "04 0001 3ff0000000000000 00"),
        ("17 010000000000f07f 17 341200000000fcff 00", "04 0001 7ff0000000000001 04 0002 fffc000000001234 00"),
        ("1d 00112233445566778899aabbccddeeff 00", "10 0001 00112233445566778899aabbccddeeff 00"),
        ("1b 00 00", "0d 0001 00 00 00000000 00"),
    ],
)
def test_values_by_bytes(compact: str, binary: str) -> None:
    one, other = bytes.fromhex(compact), bytes.fromhex(binary)
    assert reencode(one, COMPACT, BINARY, LIMITS) == other
    assert reencode(other, BINARY, COMPACT, LIMITS) == one


def test_an_empty_container_needs_no_type() -> None:
    assert reencode(bytes.fromhex("0f 0001 00 00000000 00"), BINARY, COMPACT, LIMITS) == bytes.fromhex("19 03 00")
    assert reencode(bytes.fromhex("19 00 00"), COMPACT, BINARY, LIMITS) == bytes.fromhex("0f 0001 03 00000000 00")


@pytest.mark.parametrize(
    ("source", "body", "sentence"),
    [
        (BINARY, "", "at its byte 0"),
        (BINARY, "08 0001 0000", "at its byte 3: it ends too early"),
        (BINARY, "08 00", "it ends too early"),
        (BINARY, "01 0001 00", "1 is no type"),
        (BINARY, "63 0001 00", "99 is no type"),
        (BINARY, "0b 0001 00000005 6161616161 00", "a string of 5 is over the limit of 4"),
        (BINARY, "0f 0001 03 00000004 00000000 00", "a container of 4 is over the limit of 3"),
        (BINARY, "0f 0001 03 00000003 00", "a container of 3 is over the 1 bytes that are left"),
        (BINARY, "0c 0001 0c 0001 00 00 00", "values nest deeper than 2"),
        (BINARY, "00 00", "1 bytes follow its body"),
        (COMPACT, "", "at its byte 0: it ends too early"),
        (COMPACT, "1e 00", "14 is no type"),
        (COMPACT, "16 ffffffffffffffffffff 00", "over 64 bits"),
        (COMPACT, "14 ffff7f 00", "at its byte 4: a number is over the bits of its type"),
        (COMPACT, "05 feff03 02 15 02 15 02 00", "at its byte 6: a number is over the bits of its type"),
        (COMPACT, "18 05 6161616161 00", "a string of 5 is over the limit of 4"),
        (COMPACT, "19 43 00000000 00", "a container of 4 is over the limit of 3"),
        (COMPACT, "1c 1c 00 00 00", "values nest deeper than 2"),
        (COMPACT, "00 00", "1 bytes follow its body"),
    ],
)
def test_a_body_that_is_malformed_or_over_a_limit_cannot_be_written(source: Protocol, body: str, sentence: str) -> None:
    with pytest.raises(EncodeError, match=sentence):
        reencode(bytes.fromhex(body), source, COMPACT if source is BINARY else BINARY, TIGHT)


@pytest.mark.parametrize("compact", ["19 fb 64" + "00" * 100 + "00", "19 f8 64" + "00" * 100 + "00", "11" * 100 + "00"])
def test_a_body_that_would_grow_over_the_limit_of_a_message_is_not_written(compact: str) -> None:
    body = bytes.fromhex(compact)
    size = len(reencode(body, COMPACT, BINARY, LIMITS))
    assert reencode(body, COMPACT, BINARY, replace(LIMITS, message_size=size))
    with pytest.raises(EncodeError, match=r"over the limit of \d+ \(max_message_size\)"):
        reencode(body, COMPACT, BINARY, replace(LIMITS, message_size=size - 1))


def test_a_body_that_grows_is_given_up_once_it_is_over_the_limit() -> None:
    lists = "19 f9 64" + ("f5 64" + "00" * 100) * 100 + "00"
    with pytest.raises(EncodeError, match=r"a message of 1\d{3} is over the limit of 1000"):
        reencode(bytes.fromhex(lists), COMPACT, BINARY, replace(LIMITS, message_size=1000))


@pytest.mark.parametrize(("source", "target"), [(JSON, BINARY), (JSON, COMPACT), (BINARY, JSON)])
def test_json_needs_its_idl(source: Protocol, target: Protocol) -> None:
    with pytest.raises(EncodeError, match="without its IDL"):
        reencode(b"{}", source, target, LIMITS)


def test_the_deepest_body_that_a_configuration_takes_is_written() -> None:
    limits = replace(LIMITS, depth=MAX_DEPTH)
    for nest, innermost in (("1c", "00"), ("19 1c", "00"), ("1b 01 5c 00", "00")):
        levels = (MAX_DEPTH - 1) // (1 if nest == "1c" else 2)
        compact = bytes.fromhex(nest * levels + innermost + "00" * levels)
        binary = reencode(compact, COMPACT, BINARY, limits)
        assert reencode(binary, BINARY, COMPACT, limits) == compact
