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
    ("changes", "deepest"),
    [({}, 6), ({"string_size": 31, "container_size": 15}, 6), ({"string_size": 30}, 0), ({"container_size": 14}, 0)],
)
def test_runs_are_for_limits_that_no_small_value_is_over(changes: dict[str, int], deepest: int) -> None:
    assert Limits(**FINE | changes).runs_up_to == deepest
