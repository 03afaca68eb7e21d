"""awesomerpc keeps every law, one test each."""

from __future__ import annotations

import pytest

from metaprotocol_sdk.conformance import CHECKS, find_subject, verify
from reference_codecs.awesomerpc.strategies import subject


@pytest.mark.parametrize("law", CHECKS)
def test_awesomerpc_keeps_the_law(law: str) -> None:
    verify(subject, law, target="awesomerpc")


def test_the_subject_is_found_by_the_codecs_name() -> None:
    assert find_subject("awesomerpc") is subject
