from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import strategies as st

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.conformance import Sample, Subject, Verdict
from metaprotocol_sdk.conformance.report import load_failure
from metaprotocol_sdk.conformance.session import REPORTS, Findings, hold, hold_again
from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.mutation import Mutation
from tests.helpers import TinyCodec, tiny

SAMPLES = st.builds(
    lambda body, number: Sample(tiny(body, request_id=number)), st.binary(max_size=4), st.integers(0, 99)
)
LAW = "carries_the_request_id"


class KeepsItsId(TinyCodec):
    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        buffer.append(metadata.origin_message)


BROKEN, RIGHT = Subject(KeepsItsId, SAMPLES, SAMPLES), Subject(TinyCodec, SAMPLES, SAMPLES)


def held(subject: Subject, folder: Path, *, target: str = "a:b") -> Findings:
    return hold(subject, [LAW, "sizes_add_up"], target=target, max_examples=20, folder=folder)


def test_a_failure_is_saved_and_found_again_in_the_same_words(tmp_path: Path) -> None:
    first, second = held(BROKEN, tmp_path), held(BROKEN, tmp_path)
    assert first.rendered("text") == second.rendered("text")
    assert first.saved == second.saved
    assert len(list(tmp_path.rglob("*.json"))) == 1


def test_a_failure_that_passes_now_is_moved(tmp_path: Path) -> None:
    saved = held(BROKEN, tmp_path).saved[LAW]
    found = held(RIGHT, tmp_path)
    assert found.report.is_ok
    assert found.retired == (saved.parent / "fixed" / saved.name,)
    assert not saved.exists()
    assert held(RIGHT, tmp_path).retired == ()


def test_a_saved_failure_fails_the_law_though_nothing_drawn_does(tmp_path: Path) -> None:
    class Narrow(KeepsItsId):
        """Wrong for what earlier strategies drew, and these do not."""

        def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
            codec = KeepsItsId() if metadata.body_size == 0 else TinyCodec()
            codec.encode(metadata, mutation, buffer)

    saved = held(Subject(Narrow, SAMPLES, None), tmp_path).saved[LAW]
    later = Subject(Narrow, st.just(Sample(tiny(b"xy"))), None)
    found = held(later, tmp_path)
    outcome = found.report.outcomes[0]
    assert outcome.verdict is Verdict.FAILED
    assert outcome.case == load_failure(saved).case
    assert outcome.detail.endswith("If messages of this protocol look otherwise by now, delete the file")
    assert found.saved[LAW] == saved
    saved.unlink()
    assert held(later, tmp_path).report.is_ok


def test_another_subject_of_the_same_codec_has_failures_of_its_own(tmp_path: Path) -> None:
    held(BROKEN, tmp_path, target="a:b")
    assert held(RIGHT, tmp_path, target="a:c").retired == ()
    assert len(held(RIGHT, tmp_path, target="a:b").retired) == 1


def test_a_file_that_holds_no_failure_is_told_of_and_does_not_end_the_run(tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "x.json").write_text("{}")
    found = held(RIGHT, tmp_path)
    assert found.report.is_ok
    assert "x.json is no saved failure" in found.unreadable[0]


def test_a_replay_touches_no_file(tmp_path: Path) -> None:
    saved = held(BROKEN, tmp_path).saved[LAW]
    before = saved.read_bytes()
    failure = load_failure(saved)
    again = hold_again(BROKEN, failure, saved, target="t")
    assert [each.verdict for each in again.report.outcomes] == [Verdict.FAILED]
    assert str(saved) in again.rendered("text")
    assert hold_again(RIGHT, failure, saved, target="t").report.is_ok
    assert saved.read_bytes() == before


def test_a_list_of_known_failures_is_held_to_the_truth(tmp_path: Path) -> None:
    def code(subject: Subject, *known: str) -> int:
        return hold(
            subject, [LAW], target="a:b", max_examples=20, known_failing=frozenset(known), folder=tmp_path
        ).report.exit_code

    assert (code(BROKEN), code(BROKEN, LAW), code(RIGHT), code(RIGHT, LAW)) == (1, 0, 0, 1)


@pytest.mark.parametrize("kind", REPORTS)
def test_every_report_says_the_law_and_the_command(tmp_path: Path, kind: str) -> None:
    found = held(BROKEN, tmp_path)
    text = found.rendered(kind)
    assert LAW in text
    assert "--replay" in text
    if kind == "json":
        assert json.loads(text)["codec"] == "tiny"
