"""What the protocols share: walks, and the sentences of what is over a limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk import DecodeError, MessageTooLarge
from reference_codecs.thrift.binary import BINARY
from reference_codecs.thrift.compact import COMPACT
from reference_codecs.thrift.frame import MAX_NAME_SIZE, Kind
from reference_codecs.thrift.json_protocol import JSON
from reference_codecs.thrift.protocol import (
    Protocol,
    check_depth,
    check_name_size,
    check_waiting,
    read_kind,
    refuse_size,
)
from reference_codecs.thrift.strategies import LIMITS, Fields, arguments, write_struct
from tests.reference_codecs.thrift.walking import skipped, skipped_by_hand, skipped_in_pieces, verdict, walk_of


def test_a_walk_goes_on_where_it_was() -> None:
    body = bytes.fromhex("08 0001 00000001 0b 0002 00000005 68656c6c6f 00")
    walk = walk_of(BINARY)
    assert not BINARY.skip(body[:9], 0, walk)
    assert walk.position == 7
    assert not BINARY.skip(b"???" + body[:14], 3, walk)
    assert walk.position == len(body) - 1, "where the string will end"
    assert BINARY.skip(body, 0, walk)
    assert walk.position == len(body)


def test_kinds_are_one_to_four() -> None:
    assert [read_kind(number, 0, 0) for number in range(1, 5)] == list(Kind)
    for number in (0, 5, 255):
        with pytest.raises(DecodeError, match=f"at byte 2 in kind: the message kind is {number}"):
            read_kind(number, 5, 3)


def test_limits_are_kept_to_the_last_byte() -> None:
    check_name_size(MAX_NAME_SIZE, 0, 0)
    check_waiting(LIMITS.message_size, LIMITS)
    check_depth(LIMITS.depth - 1, LIMITS, 0)
    with pytest.raises(DecodeError, match="the name would have 16385 bytes"):
        check_name_size(MAX_NAME_SIZE + 1, 0, 0)
    with pytest.raises(MessageTooLarge, match="16777217 bytes are over the limit"):
        check_waiting(LIMITS.message_size + 1, LIMITS)
    with pytest.raises(DecodeError, match="nest deeper than 64"):
        check_depth(LIMITS.depth, LIMITS, 0)


def test_a_negative_size_is_said_as_its_writer_meant_it() -> None:
    with pytest.raises(DecodeError, match=r"a string has the negative size -1$"):
        refuse_size(0xFFFFFFFF, 5, "string", 0)
    with pytest.raises(DecodeError, match=r"a container of 6 is over the limit of 5 \(max_container_size\)"):
        refuse_size(6, 5, "container", 0)


@given(st.sampled_from((BINARY, COMPACT, JSON)), arguments, st.data())
def test_a_broken_body_is_judged_alike_whole_in_pieces_and_by_hand(
    protocol: Protocol, fields: Fields, data: st.DataObject
) -> None:
    body = bytearray(write_struct(protocol, fields) + protocol.tail)
    wrong = st.sampled_from(b'{}[]",:-09ew\\') if protocol is JSON else st.integers(0, 20) | st.integers(0, 255)
    for at in data.draw(st.lists(st.integers(0, len(body) - 1), min_size=1, max_size=2)):
        body[at] = data.draw(wrong)
    found = {verdict(skip, protocol, bytes(body)) for skip in (skipped, skipped_by_hand, skipped_in_pieces)}
    assert len(found) == 1
