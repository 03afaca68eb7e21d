"""Layouts: every byte has a name, whatever the bytes are."""

from __future__ import annotations

import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk import Field
from metaprotocol_sdk.conformance import Sample
from reference_codecs.thrift.header_transport import write_frame
from reference_codecs.thrift.strategies import requests
from tests.reference_codecs.thrift.helpers import ADD, ADD_HEADED, CODEC, golden


def said(data: bytes) -> dict[str, object]:
    return {field.name: field.value for field in CODEC.fields(data)}


def check_covers(fields: list[Field], data: bytes) -> None:
    assert [field.start for field in fields[:1]] == [0] * bool(data)
    assert [field.end for field in fields[-1:]] == [len(data)] * bool(data)
    assert all(one.end == other.start for one, other in pairwise(fields))
    assert all(field.start < field.end for field in fields)


@given(requests, st.data())
def test_every_byte_of_a_message_and_of_its_front_has_one_name(sample: Sample, data: st.DataObject) -> None:
    for end in (len(sample.data), data.draw(st.integers(0, len(sample.data)))):
        check_covers(list(CODEC.fields(sample.data[:end])), sample.data[:end])


@given(st.binary(max_size=40), st.sampled_from([b"", b"\0\0\0\x20\x0f\xff", ADD_HEADED[:14], b"\x80\x01", b"[1,"]))
def test_every_byte_of_anything_has_one_name(rest: bytes, front: bytes) -> None:
    check_covers(list(CODEC.fields(front + rest)), front + rest)


def test_all_that_peers_wrote_is_named_to_its_end() -> None:
    for row in golden():
        data = bytes.fromhex(row["hex"])
        found = list(CODEC.fields(data))
        check_covers(found, data)
        assert not any(field.problem for field in found)
        assert found[-1].name in ("end", "payload")


def test_a_framed_message_by_name() -> None:
    assert said(ADD) == {
        "length": 30,
        "version": b"\x80\x01\0",
        "kind": "CALL",
        "name": "add",
        "seqid": 7,
        "1:i32": 40,
        "2:i32": 2,
        "end": None,
    }


def test_a_header_frame_by_name() -> None:
    found = said(ADD_HEADED)
    assert (found["header.seqid"], found["header.protocol"]) == (7, "binary")
    assert (found["headers[0].key"], found["headers[0].value"]) == ("trace", "abcd")
    assert (found["header.rest"], found["name"]) == (b"\0", "add")


def test_a_compressed_payload_is_shown_as_it_was() -> None:
    data = write_frame(0, 0, b"\0\1\1\0", zlib.compress(ADD[4:]))
    assert said(data)["payload"] == ADD[4:]
    broken = next(field for field in CODEC.fields(data[:-2]) if field.name == "payload")
    assert "does not end" in broken.problem


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"\0\0", "it ends before its transport can be told"),
        (b"\0\0\0\x09\x01\x02", "is how no Thrift message starts"),
        (b"POST /thrift HTTP/1.1\r\n", "this is HTTP"),
        (ADD[:9], "it ends in the message begin"),
        (ADD[:7] + b"\x09" + ADD[8:], "the message kind is 9"),
        (ADD_HEADED[:9], "it ends in the header"),
        (ADD_HEADED[:20], "the header block has 16 bytes and the frame ends before"),
    ],
)
def test_what_is_partial_or_broken_says_so(data: bytes, problem: str) -> None:
    assert any(problem in field.problem for field in CODEC.fields(data))
