"""Limits: what a configuration may say."""

from __future__ import annotations

from typing import Any

import pytest

from reference_codecs.thrift.codec import ThriftCodec
from reference_codecs.thrift.limits import MAX_DEPTH, Limits

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
    ("changes", "depth", "allowed"),
    [({}, 6, True), ({}, 7, False), ({"string_size": 30}, 1, False), ({"container_size": 14}, 1, False)],
)
def test_runs_are_for_limits_that_no_small_value_is_over(changes: dict[str, int], depth: int, allowed: bool) -> None:
    assert Limits(**FINE | changes).allows_runs(depth) is allowed
