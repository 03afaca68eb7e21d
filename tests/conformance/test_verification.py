from __future__ import annotations

import unittest
from pathlib import Path

import pytest
from hypothesis import strategies as st

from metaprotocol_sdk.conformance import Subject, verify
from metaprotocol_sdk.exceptions import ConformanceError
from tests.conformance import broken_codecs as broken
from tests.conformance.right_codecs import REQUESTS, RESPONSES, RIGHT


def test_a_law_that_holds_returns(tmp_path: Path) -> None:
    verify(RIGHT["tiny"], "split_invariance", max_examples=5, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_broken_law_raises_with_the_bytes_and_the_command_that_replays_them(tmp_path: Path) -> None:
    subject = Subject(broken.KeepsTheOldId, REQUESTS, RESPONSES)
    with pytest.raises(AssertionError) as caught:
        verify(subject, "carries_the_request_id", target="my.strategies:subject", folder=tmp_path)
    text = str(caught.value)
    (saved,) = (tmp_path / "mail").iterdir()
    assert text.startswith("carries_the_request_id (MUST): For every id")
    assert "00000000  4d" in text
    assert f"metaproto conformance my.strategies:subject --replay {saved}" in text


def test_pytest_shows_the_failure_and_not_the_code_that_raised_it(tmp_path: Path) -> None:
    subject = Subject(broken.KeepsTheOldId, REQUESTS, RESPONSES)
    with pytest.raises(AssertionError) as caught:
        verify(subject, "carries_the_request_id", max_examples=5, target="my.strategies:subject", folder=tmp_path)
    assert "verify" in [entry.name for entry in caught.traceback]
    assert "verify" not in [entry.name for entry in caught.traceback.filter(caught)]


def test_a_law_that_does_not_apply_is_a_skipped_test(tmp_path: Path) -> None:
    with pytest.raises(unittest.SkipTest, match="carries_the_request_id: the codec declares no request_ids"):
        verify(RIGHT["line"], "carries_the_request_id", folder=tmp_path)


def test_a_subject_at_fault_is_no_failure_of_the_codec(tmp_path: Path) -> None:
    with pytest.raises(ConformanceError, match=r"split_invariance: .* filter out"):
        verify(Subject(broken.KeepsTheOldId, st.nothing(), None), "split_invariance", folder=tmp_path)
