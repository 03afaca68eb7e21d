"""Limits: what a configuration may say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk import DecodeError
from reference_codecs.thrift.binary import BINARY
from reference_codecs.thrift.codec import ThriftCodec
from reference_codecs.thrift.compact import COMPACT
from reference_codecs.thrift.json_protocol import JSON
from reference_codecs.thrift.limits import MAX_DEPTH, Limits
from reference_codecs.thrift.protocol import Protocol
from reference_codecs.thrift.reencode import reencode
from reference_codecs.thrift.strategies import LIMITS, Fields, arguments, write_struct
from tests.reference_codecs.thrift.walking import skipped, skipped_by_hand, skipped_in_pieces

FINE: dict[str, int] = {
    "message_size": 100,
    "string_size": 100,
    "container_size": 100,
    "depth": 8,
    "header_size": 100,
    "headers": 4,
    "decompressed_size": 100,
}


@pytest.mark.parametrize("name", FINE)
def test_no_limit_is_below_one(name: str) -> None:
    with pytest.raises(ValueError, match=f"max_{name} is 0; it is a number, at least 1"):
        Limits(**FINE | {name: 0})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"max_depth": MAX_DEPTH + 1}, "it is at most 256"),
        ({"max_header_size": 1 << 20}, "a header block has at most 262140 bytes"),
    ],
)
def test_a_limit_that_cannot_be_kept_is_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        ThriftCodec(**changes)


@pytest.mark.parametrize(
    ("changes", "deepest"),
    [({}, 6), ({"string_size": 31, "container_size": 15}, 6), ({"string_size": 30}, 0), ({"container_size": 14}, 0)],
)
def test_runs_are_for_limits_that_no_small_value_is_over(changes: dict[str, int], deepest: int) -> None:
    assert Limits(**FINE | changes).runs_up_to == deepest


Skip = Callable[[Protocol, bytes, Limits], int | None]


def is_within(protocol: Protocol, fields: Fields, limits: Limits, skip: Skip = skipped) -> bool:
    body = write_struct(protocol, fields) + protocol.tail
    try:
        return skip(protocol, body, limits) == len(body)
    except DecodeError:
        return False


@given(arguments, st.integers(1, 5), st.integers(1, 18))
def test_depth_and_containers_are_bounded_alike_in_every_protocol(fields: Fields, depth: int, size: int) -> None:
    limits = replace(LIMITS, depth=depth, container_size=size)
    ways = (skipped, skipped_by_hand, skipped_in_pieces)
    found = {is_within(each, fields, limits, skip) for each in (BINARY, COMPACT, JSON) for skip in ways}
    assert len(found) == 1
    if True in found:
        assert reencode(write_struct(BINARY, fields), BINARY, COMPACT, limits) == write_struct(COMPACT, fields)


@given(arguments, st.integers(1, 40))
def test_strings_are_bounded_alike_by_hand_and_in_runs(fields: Fields, size: int) -> None:
    limits = replace(LIMITS, string_size=size)
    for protocol in (BINARY, COMPACT, JSON):
        assert is_within(protocol, fields, limits) is is_within(protocol, fields, limits, skipped_by_hand)
    assert is_within(BINARY, fields, limits) is is_within(COMPACT, fields, limits)
    if is_within(JSON, fields, limits):  # it says bytes in Base64
        assert is_within(BINARY, fields, limits)
