"""The header transport: blocks read and written, zlib, and what is refused."""

from __future__ import annotations

import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk import DecodeError, EncodeError, Mutation
from reference_codecs.thrift.binary import BINARY
from reference_codecs.thrift.codec import ThriftCodec
from reference_codecs.thrift.compact import COMPACT
from reference_codecs.thrift.frame import HEADER, HEADER_MAGIC
from reference_codecs.thrift.header_transport import (
    deflate,
    inflate,
    mutated_pairs,
    read_header,
    write_block,
    write_frame,
)
from reference_codecs.thrift.json_protocol import JSON
from reference_codecs.thrift.strategies import LIMITS
from tests.reference_codecs.thrift.helpers import ADD, ADD_HEADED, EMPTY_FRAME, REQUEST, RESPONSE, SUM, listen, read

FEW = replace(LIMITS, headers=2, header_size=32, decompressed_size=1000)


def headed(block: str, payload: bytes = ADD[4:]) -> bytes:
    """A frame with that header block, padded."""
    data = bytes.fromhex(block)
    return write_frame(0, 7, data + bytes(-len(data) % 4), payload)


def test_a_header_by_bytes() -> None:
    header = read_header(b"?" + ADD_HEADED, 1, len(ADD_HEADED), LIMITS)
    assert (header.flags, header.seqid, header.protocol, header.transforms, header.end) == (0, 7, BINARY, (), 30)
    assert [(pair.key, pair.value) for pair in header.pairs] == [("trace", "abcd")]
    assert ADD_HEADED[header.info_start : header.info_end] == bytes.fromhex("01 01 05 7472616365 04 61626364")


@given(st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=5), st.sampled_from([BINARY, COMPACT]))
def test_a_block_says_what_it_was_written_from(pairs: list[tuple[str, str]], protocol: object) -> None:
    wire = mutated_pairs(b"", (), Mutation(pairs))
    block = write_block(COMPACT if protocol is COMPACT else BINARY, (1,), wire, limits=LIMITS)
    frame = write_frame(3, -2, block, b"payload")
    header = read_header(frame, 0, len(frame), LIMITS)
    assert (header.flags, header.seqid, header.protocol, header.transforms) == (3, 0xFFFFFFFE, protocol, (1,))
    assert [(pair.key, pair.value) for pair in header.pairs] == list(Mutation(pairs).items())
    assert frame[header.end :] == b"payload"
    assert HEADER.unpack_from(frame)[:2] == (len(frame) - 4, HEADER_MAGIC)


def test_pairs_of_several_info_headers_are_all_read_and_the_last_of_a_name_counts_as_to_apaches() -> None:
    message = read(headed("00 00 01 01 01 61 01 31 01 02 01 41 01 32 01 62 01 33"))
    assert (message["a"], message["b"]) == ("2", "3")


def test_info_headers_of_other_kinds_end_what_is_read_and_are_kept() -> None:
    data = headed("00 00 01 01 01 61 01 31 02 01 01 7a 01 7a")
    message = read(data)
    assert (message.get("a"), message.get("z")) == ("1", None)


def test_a_value_that_is_no_text_can_be_seen() -> None:
    assert read(headed("00 00 01 01 01 61 02 ff31"))["a"] == "\\xff1"


def test_what_a_message_says_itself_wins_over_a_header() -> None:
    assert read(headed("00 00 01 01 06 4d4554484f44 01 78"))["method"] == "add"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (headed("01 00"), "at byte 14 in header.protocol: protocol 1 is neither binary"),
        (headed("00 01 03"), "at byte 16 in header.transforms: transform 3 is not zlib"),
        (headed("00 05 01 01 01 01 01"), "at byte 15 in header.transforms: 5 transforms are more than 4"),
        (headed("00 00 01 03"), r"at byte 17 in header.info: 3 headers are over the limit of 2 \(max_headers\)"),
        (headed("00 00 01 01 7f 61"), r"at byte 18 in headers\[0\].key: its length says 127 bytes"),
        (headed("00 00 01 01 01 61 7f 61"), r"at byte 20 in headers\[a\]: its length says 127 bytes"),
        (headed("00 00 01 01 ffffffff"), "in header: the header block ends too early"),
        (headed("00 00 01 ffffffffff"), "at byte 17 in header.info: the number is over 32 bits"),
        (headed("00" * 36), r"the header block's 36 bytes are over the limit of 32 \(max_header_size\)"),
        (write_frame(0, 0, b"", ADD[4:]), "in header: the header block ends too early"),
        (ADD_HEADED[:12] + b"\xff\xff" + ADD_HEADED[14:], "the header block has 262140 bytes and the frame ends"),
        (bytes.fromhex("00000006 0fff 00000000"), "a frame of 10 bytes is too short for a header"),
    ],
)
def test_a_header_that_is_malformed_or_over_a_limit_is_refused(data: bytes, sentence: str) -> None:
    with pytest.raises(DecodeError, match=sentence):
        read(data, codec=ThriftCodec(max_headers=2, max_header_size=32))


def test_a_compressed_message_is_read() -> None:
    message = read(headed("00 01 01", zlib.compress(ADD[4:])))
    assert (message["method"], message.request_id) == ("add", 7)
    assert (message.header_size, message.body_size) == (len(message.origin_message), 0)


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        (zlib.compress(bytes(1 << 20)), r"over the limit of 1000 \(max_decompressed_size\)"),
        (zlib.compress(zlib.compress(bytes(1 << 28))), "in kind|in name|in version|goes on|decompressed_size"),
        (b"not zlib", "it is not of zlib"),
        (zlib.compress(ADD[4:])[:-3], "the zlib stream does not end where the frame does"),
        (zlib.compress(ADD[4:]) + b"more", "the zlib stream does not end where the frame does"),
    ],
)
def test_a_payload_that_cannot_be_decompressed_within_its_limit_is_refused(payload: bytes, sentence: str) -> None:
    with pytest.raises(DecodeError, match=sentence):
        read(headed("00 01 01", payload), codec=ThriftCodec(max_decompressed_size=1000))


def test_transforms_are_undone_as_often_as_they_were_applied() -> None:
    frame = headed("00 02 01 01")
    header = read_header(frame, 0, len(frame), LIMITS)
    assert inflate(deflate(b"payload", header.transforms), header, LIMITS) == b"payload"


@pytest.mark.parametrize("step", [1, 5, 1000])
def test_frames_without_messages_are_skipped(step: int) -> None:
    compressed = headed("00 01 01", zlib.compress(b""))
    assert [each["method"] for each in listen(EMPTY_FRAME + ADD_HEADED + compressed, REQUEST, step)] == ["add"]
    assert len(listen(SUM + EMPTY_FRAME * 2 + SUM + EMPTY_FRAME, RESPONSE, step)) == 2


def test_a_mutation_keeps_the_bytes_of_the_pairs_it_does_not_name() -> None:
    data = headed("00 00 01 03 01 61 01ff 01 62 01 32 01 41 01 33")
    pairs = read_header(data, 0, len(data), LIMITS).pairs
    assert mutated_pairs(data, pairs, Mutation(B="x", c="y", d=None)) == [
        b"\x01a\x01\xff",
        b"\x01b\x01x",
        b"\x01A\x013",
        b"\x01c\x01y",
    ]
    assert mutated_pairs(data, pairs, Mutation(A="x")) == [b"\x01a\x01x", b"\x01b\x012"]
    assert mutated_pairs(data, pairs, Mutation(a=None)) == [b"\x01b\x012"]


def test_what_a_block_cannot_say_is_an_encode_error() -> None:
    with pytest.raises(EncodeError, match="cannot encode 'k': the text cannot be said in UTF-8"):
        mutated_pairs(b"", (), Mutation(k="\ud800"))
    with pytest.raises(EncodeError, match="no id for the json protocol"):
        write_block(JSON, (), [], limits=FEW)
    with pytest.raises(EncodeError, match="3 headers are over the limit of 2"):
        write_block(BINARY, (), [b"\x00\x00"] * 3, limits=FEW)
    with pytest.raises(EncodeError, match="would have 44 bytes, over the limit of 32"):
        write_block(BINARY, (), [bytes(40)], limits=FEW)
