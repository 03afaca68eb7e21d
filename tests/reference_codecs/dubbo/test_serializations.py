from __future__ import annotations

import pytest

from reference_codecs.dubbo.hessian2 import LIMITS
from reference_codecs.dubbo.serialization import NAMES
from reference_codecs.dubbo.serializations import serializations
from tests.reference_codecs.dubbo.helpers import vectors


def test_every_id_has_one_under_dubbos_name() -> None:
    found = serializations(LIMITS)
    assert len(found) == 32
    assert {number: found[number].name for number in NAMES} == NAMES


def test_what_is_read_of_each() -> None:
    found = serializations(LIMITS)
    assert [number for number in range(32) if found[number].is_read] == [2, 3, 4, 6, 7, 10, 16, 23]
    assert [number for number in range(32) if found[number].reads_attachments] == [2, 6, 10, 16]


@pytest.mark.skipif(not vectors("dubbo.jsonl"), reason="what Dubbo for Java writes is not beside the checkout")
def test_the_names_are_those_of_the_peers() -> None:
    found = serializations(LIMITS)
    assert {(row["serialization_id"], row["serialization"]) for row in vectors("dubbo.jsonl")} == {
        (number, found[number].name) for number in (2, 3, 4, 6, 7)
    }
