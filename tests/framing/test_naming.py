"""Names of the bytes of whole, partial and broken binary messages; the laws are in test_laws."""

from __future__ import annotations

import pytest
from construct import Bytes, Const, Int8ub, Int16ub, Int32ub, PaddedString, Padding, this

from metaprotocol_sdk.framing import FixedFrame, Frame, MessageFrame, StringMap, VarintFrame

FRAME = Frame(
    Const(b"MZ"),
    "len" / Int16ub,
    Padding(2),
    "head_len" / Int8ub,
    "tag" / PaddedString(2, "ascii"),
    Padding(1),
    length=this.len,
    headers=StringMap(length=this.head_len, prefix=Int8ub),
)
WHOLE = b"MZ\0\x10\0\0\4ok\0\1k\1vxy"


def named(frame: MessageFrame, data: bytes) -> list[tuple[object, ...]]:
    return [(each.name, each.start, each.end, each.value, each.problem) for each in frame.fields(data)]


HEADER = [
    ("magic", 0, 2, b"MZ", ""),
    ("len", 2, 4, 16, ""),
    ("padding", 4, 6, b"\0\0", ""),
    ("head_len", 6, 7, 4, ""),
    ("tag", 7, 9, "ok", ""),
    ("padding", 9, 10, b"\0", ""),
]


def test_a_whole_message_is_named() -> None:
    assert named(FRAME, WHOLE) == [
        *HEADER,
        ("headers[0].key", 10, 12, "k", ""),
        ("headers[0].value", 12, 14, "v", ""),
        ("body", 14, 16, b"xy", ""),
    ]
    assert named(FRAME, WHOLE + b"MZ")[-1] == ("next message", 16, 18, b"MZ", "")
    assert named(FRAME, b"") == []


@pytest.mark.parametrize(
    ("cut", "last"),
    [
        (1, ("magic", 0, 1, b"M", "1 of its bytes have not arrived")),
        (3, ("len", 2, 3, b"\0", "1 of its bytes have not arrived")),
        (5, ("padding", 4, 5, b"\0", "1 of its bytes have not arrived")),
        (13, ("headers", 10, 13, b"\1k\1", "1 bytes of the header block have not arrived")),
        (15, ("body", 14, 15, b"x", "1 of its bytes have not arrived")),
    ],
)
def test_a_partial_message_is_named_as_far_as_it_goes(cut: int, last: tuple[object, ...]) -> None:
    assert named(FRAME, WHOLE[:cut])[-1] == last


@pytest.mark.parametrize(
    ("at", "byte", "found"),
    [
        (0, 0, ("magic", 0, 2, b"\0Z", "parsing expected b'MZ' but parsed b'\\x00Z'")),
        (3, 9, ("rest", 10, 16, b"\1k\1vxy", "the header says the message has 9 bytes")),
        (6, 7, ("rest", 10, 16, b"\1k\1vxy", "the header says its header block has 7 bytes")),
        (7, 0xFF, ("tag", 7, 9, b"\xffk", "cannot use encoding 'ascii' to decode b'\\xffk'")),
        (10, 9, ("headers", 10, 14, b"\x09k\1v", "its length says 9 bytes and the block has 3 left")),
        (11, 0xFF, ("headers", 10, 14, b"\1\xff\1v", "the text is not utf-8")),
        (3, 0x12, ("body", 14, 16, b"xy", "2 of its bytes have not arrived")),
        (3, 0x0E, ("next message", 14, 16, b"xy", "")),
    ],
)
def test_a_broken_message_is_named_with_its_problem(at: int, byte: int, found: tuple[object, ...]) -> None:
    data = WHOLE[:at] + bytes([byte]) + WHOLE[at + 1 :]
    assert found in named(FRAME, data)


def test_a_constant_that_is_wrong_tells_no_length() -> None:
    frame = Frame("version" / Const(5, Int8ub), "len" / Int8ub, length=this.version + this.len)
    assert named(frame, b"\xff\x03abc") == [
        ("version", 0, 1, b"\xff", "parsing expected 5 but parsed 255"),
        ("len", 1, 2, 3, ""),
        ("body", 2, 5, b"abc", ""),
    ]


def test_a_message_of_fixed_size_ends_where_it_does() -> None:
    frame = FixedFrame("a" / Int16ub, size=4)
    assert named(frame, b"\0\1xyNEXT") == [
        ("a", 0, 2, 1, ""),
        ("body", 2, 4, b"xy", ""),
        ("next message", 4, 8, b"NEXT", ""),
    ]
    assert named(frame, b"\0\1x") == [
        ("a", 0, 2, 1, ""),
        ("body", 2, 3, b"x", "1 bytes of the message have not arrived"),
    ]


def test_a_varint_is_named_before_what_it_counts() -> None:
    frame = VarintFrame("a" / Int16ub)
    assert named(frame, b"\3\0\1xNEXT") == [
        ("length", 0, 1, 3, ""),
        ("a", 1, 3, 1, ""),
        ("body", 3, 4, b"x", ""),
        ("next message", 4, 8, b"NEXT", ""),
    ]
    assert named(frame, b"\x80") == [("length", 0, 1, b"\x80", "its last byte has not arrived")]
    assert named(frame, b"\xff" * 11) == [("length", 0, 11, b"\xff" * 11, "the varint has more than 64 bits")]
    assert named(frame, b"\x05\0\1x")[-1] == ("body", 3, 4, b"x", "2 bytes of the message have not arrived")
    assert named(frame, b"") == []


def test_without_a_length_all_there_is_is_the_message() -> None:
    assert named(Frame("a" / Int8ub), b"\1rest")[-1] == ("body", 1, 5, b"rest", "")


def test_what_claims_to_be_huge_is_named_at_once() -> None:
    frame = Frame("len" / Int32ub, "n" / Int32ub, length=this.len, headers=StringMap(length=this.n))
    found = named(frame, b"\xff" * 8 + b"\0\1k")
    assert found[-1][1:3] == (8, 11)
    assert named(Frame("x" / Bytes(3)), b"ab") == [("x", 0, 2, b"ab", "1 of its bytes have not arrived")]
