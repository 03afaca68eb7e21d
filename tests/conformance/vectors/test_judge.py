from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.conformance import Sample, Verdict
from metaprotocol_sdk.conformance.report import load_failure
from metaprotocol_sdk.conformance.suite import replay
from metaprotocol_sdk.conformance.vectors import Vector, run_vectors, verify_vector
from metaprotocol_sdk.exceptions import ConformanceError
from metaprotocol_sdk.metadata import MessageType
from tests.conformance.right_codecs import RIGHT as SUBJECTS
from tests.helpers import tiny

TINY = SUBJECTS["tiny"]
RIGHT = Vector(
    name="right",
    side=MessageType.REQUEST,
    sample=Sample(tiny(b"hi", request_id=7), request_id=7),
    file=Path("some/v.yaml"),
    line=3,
    provenance="the C++ client",
)
WRONG = replace(RIGHT, name="wrong", sample=Sample(RIGHT.sample.data, request_id=8))


def test_each_vector_is_an_outcome_of_its_own() -> None:
    told: list[str] = []
    outcomes = run_vectors(TINY, [RIGHT, WRONG], progress=lambda outcome: told.append(outcome.check.name))
    assert [outcome.verdict for outcome in outcomes] == [Verdict.PASSED, Verdict.FAILED]
    assert told == ["v.yaml::right", "v.yaml::wrong"]
    assert outcomes[1].case == WRONG.case


def test_a_test_of_a_vector_passes_or_says_all_there_is(tmp_path: Path) -> None:
    verify_vector(TINY, RIGHT, folder=tmp_path)
    with pytest.raises(AssertionError) as caught:
        verify_vector(TINY, WRONG, target="m:s", folder=tmp_path)
    text = str(caught.value)
    assert "the sample states request_id 8 and decode finds 7" in text
    assert "ab 00 00 07 00 02 68 69" in text
    assert "replay:   metaproto conformance m:s --replay" in text
    assert text.endswith("the vector: some/v.yaml:3, made by: the C++ client")


def test_a_saved_failure_of_a_vector_is_replayed_without_its_file(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        verify_vector(TINY, WRONG, folder=tmp_path)
    (path,) = tmp_path.glob("*/*.json")
    saved = load_failure(path)
    (outcome,) = replay(TINY, saved.law, saved.case).outcomes
    assert (outcome.check.name, outcome.verdict) == ("v.yaml::wrong", Verdict.FAILED)


def test_a_subject_at_fault_is_no_broken_law() -> None:
    def factory() -> Codec:
        raise OSError("no licence")

    with pytest.raises(ConformanceError, match="factory raised OSError: no licence"):
        verify_vector(replace(TINY, factory=factory), RIGHT)
