"""The example in C++: right, it keeps every law that applies; with one fault, it breaks that law and no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from metaprotocol_sdk.conformance import CHECKS, Verdict, find_subject, run
from metaprotocol_sdk.conformance.vectors import run_vectors, vectors_of
from tests.conformance.foreign.helpers import built

NOT_DECLARED = {"compiles_its_frame", "heartbeats_end", "tells_a_deadline_in_seconds"}
"""Laws of what a codec in another language cannot have: a declared frame, calls that no question asks for."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cpp")


def test_the_example_keeps_every_law_and_agrees_with_every_vector(folder: Path) -> None:
    subject = find_subject(f"awesomerpc@{built(folder)}")
    report = run(subject, max_examples=20)
    wrong = {
        each.check.name: each.detail
        for each in report.outcomes
        if each.verdict not in (Verdict.PASSED, Verdict.SKIPPED)
    }
    assert wrong == {}
    near = run(find_subject("awesomerpc"), max_examples=20)
    skipped = [{each.check.name for each in found.of(Verdict.SKIPPED)} for found in (report, near)]
    assert skipped[0] <= skipped[1] | NOT_DECLARED
    vectors = vectors_of(subject)
    assert len(vectors) >= 4
    assert {each.verdict for each in run_vectors(subject, vectors.values())} == {Verdict.PASSED}


BROKEN = {
    "BROKEN_UNBOUNDED": {"bounds_the_length", "survives_hostile_input"},
    "BROKEN_COMMAND": {"describes_what_it_was_given"},
    "BROKEN_ID": {"carries_the_request_id", "keeps_request_ids"},
    "BROKEN_MUTATION": {"mutation_is_applied"},
    "BROKEN_REPLY": {"error_reply_answers_the_request"},
}
"""What each fault breaks. Two laws see an unbounded length, and two an id that is not written."""


@pytest.mark.parametrize("fault", BROKEN)
def test_each_fault_breaks_its_law_and_no_other(folder: Path, fault: str) -> None:
    subject = find_subject(f"awesomerpc@{built(folder, fault)}")
    checks = [name for name in CHECKS if name != "mutation_is_applied"]
    outcomes = run(subject, checks=checks, max_examples=20).outcomes
    # A number that fits the field is drawn as a new value in one case of many.
    outcomes += run(subject, checks=["mutation_is_applied"], max_examples=200).outcomes
    assert {each.check.name for each in outcomes if each.verdict is Verdict.ERROR} == set()
    assert {each.check.name for each in outcomes if each.verdict is Verdict.FAILED} == BROKEN[fault]


@pytest.mark.parametrize(("fault", "kind"), [("CRASHES", "crash"), ("HANGS", "hang"), ("PRINTS", "garbage")])
def test_a_fault_of_the_program_is_told_apart_from_a_broken_law(folder: Path, fault: str, kind: str) -> None:
    subject = find_subject(f"awesomerpc@{built(folder, f'BROKEN_{fault}')}")
    report = run(subject, checks=["decodes_one_message", "error_reply_answers_the_request"], max_examples=5)
    assert [each.verdict for each in report.outcomes] == [Verdict.PASSED, Verdict.ERROR]
    assert report.outcomes[1].detail.startswith(f"{kind}: the far side, `")
    assert "when it was asked on_error of 13 bytes" in report.outcomes[1].detail
