from __future__ import annotations

import itertools
import random
import time

import pytest
from hypothesis import strategies as st

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import DecodeStatus
from metaprotocol_sdk.conformance import CHECKS, Case, Outcome, Sample, Subject, Verdict, replay, run, search
from metaprotocol_sdk.conformance.suite import find_check, make_codec
from metaprotocol_sdk.exceptions import ConformanceError
from metaprotocol_sdk.metadata import MessageType, Metadata
from tests.conformance import broken_codecs as broken
from tests.conformance.right_codecs import REQUESTS, RESPONSES, RIGHT
from tests.helpers import TinyCodec, tiny

SAMPLES = st.builds(
    lambda body, number: Sample(tiny(body, request_id=number)), st.binary(max_size=9), st.integers(0, 999)
)


def judge(subject: Subject, law: str = "decodes_one_message", *, max_examples: int = 50) -> Outcome:
    return run(subject, checks=[law], max_examples=max_examples).outcomes[0]


def test_two_runs_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "SHRINK_TRIALS", 30)
    monkeypatch.setattr(search, "SHRINK_SECONDS", 60)
    subject = Subject(broken.TrustsTheText, REQUESTS, RESPONSES)
    first, second = (judge(subject, "rejects_only_with_decode_error", max_examples=300) for _ in range(2))
    assert first.verdict is Verdict.FAILED
    assert (first.case, first.detail) == (second.case, second.detail)


def test_a_failure_comes_in_a_moment_with_a_small_case() -> None:
    start = time.monotonic()
    outcome = judge(Subject(broken.RemembersThatItWaited, REQUESTS, RESPONSES), "split_invariance")
    assert time.monotonic() - start < 10
    assert outcome.case is not None
    assert len(outcome.case.wire) <= 24
    assert len(outcome.case.cuts) <= 2
    assert outcome.at == 0


def test_outcomes_are_told_as_they_are_known() -> None:
    told: list[Outcome] = []
    report = run(
        RIGHT["tiny"], checks=["decodes_one_message", "mutation_is_applied"], max_examples=5, progress=told.append
    )
    assert tuple(told) == report.outcomes
    assert report.codec == "tiny"
    assert [each.examples for each in told] == [5, 5]


def test_a_law_that_does_not_apply_is_skipped_by_name() -> None:
    outcome = judge(RIGHT["line"], "carries_the_request_id")
    assert (outcome.verdict, outcome.detail) == (Verdict.SKIPPED, "the codec declares no request_ids")
    outcome = judge(RIGHT["rewriting"], "passes_through_unchanged")
    assert (outcome.verdict, outcome.detail[:34]) == (Verdict.SKIPPED, "this configuration rewrites messag")


def test_a_law_that_no_case_says_anything_about_is_skipped_with_the_reason() -> None:
    outcome = judge(Subject(TinyCodec, SAMPLES, None), "describes_what_it_was_given")
    assert outcome.verdict is Verdict.SKIPPED
    assert "no sample states" in outcome.detail
    outcome = judge(Subject(TinyCodec, st.just(Sample(b"not a message")), None), "leaves_trailing_bytes")
    assert outcome.verdict is Verdict.SKIPPED
    assert "see decodes_one_message" in outcome.detail


def test_an_invalid_sample_is_blamed_on_either() -> None:
    outcome = judge(Subject(TinyCodec, st.just(Sample(b"not a message")), None))
    assert outcome.verdict is Verdict.FAILED
    assert "Either the codec is wrong, or the sample is not a valid message" in outcome.detail


def _raise() -> Sample:
    raise RuntimeError("no luck")


def _hang() -> Sample:
    while True:
        pass


@pytest.mark.parametrize(
    ("requests", "text"),
    [
        (st.builds(_raise), "raised RuntimeError: no luck"),
        (SAMPLES.filter(lambda _: False), "filter out nearly all they draw"),
        (st.nothing(), "filter out nearly all they draw"),
        (st.integers(5, 1), "drawing raised InvalidArgument"),
        (st.just(3), "gives int"),
    ],
)
def test_a_strategy_at_fault_is_an_error_that_says_so(requests: st.SearchStrategy[Sample], text: str) -> None:
    outcome = judge(Subject(TinyCodec, requests, None))
    assert outcome.verdict is Verdict.ERROR
    assert text in outcome.detail
    assert "subject's" in outcome.detail


def test_a_strategy_that_does_not_end_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "CASE_SECONDS", 0.1)
    outcome = judge(Subject(TinyCodec, st.builds(_hang), None))
    assert outcome.verdict is Verdict.ERROR
    assert "the subject's strategies did not end within 0.1 s" in outcome.detail


def test_a_factory_that_takes_no_configuration_is_an_error() -> None:
    def factory() -> TinyCodec:
        return TinyCodec()

    outcome = judge(Subject(factory, SAMPLES, None), "bounds_the_length")
    assert outcome.verdict is Verdict.ERROR
    assert "does not take max_message_size" in outcome.detail


class Looping(TinyCodec):
    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        while len(buffer) > 8:
            pass
        return super().decode(buffer, metadata)


def test_a_codec_that_loops_fails_with_the_case_and_again_in_a_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "CASE_SECONDS", 0.1)
    subject = Subject(Looping, SAMPLES, None)
    outcome = judge(subject)
    assert outcome.verdict is Verdict.FAILED
    assert "did not end within 0.1 s" in outcome.detail
    assert outcome.case is not None
    assert replay(subject, outcome.check.name, outcome.case).outcomes[0].verdict is Verdict.FAILED


def test_a_flaky_codec_is_told_what_flaky_means() -> None:
    calls = itertools.count()

    class Flaky(TinyCodec):
        def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
            if next(calls) == 7:
                raise KeyError
            return super().decode(buffer, metadata)

    outcome = judge(Subject(Flaky, SAMPLES, None))
    assert outcome.verdict is Verdict.FAILED
    assert "passed when it was tried again" in outcome.detail
    assert outcome.case is not None


def test_a_codec_that_rolls_dice_is_found_out() -> None:
    dice = random.Random(4)

    class Rolling(TinyCodec):
        def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
            status = super().decode(buffer, metadata)
            metadata.operation_name = f"{dice.random()}"
            return status

    assert judge(Subject(Rolling, SAMPLES, None), "split_invariance").verdict is Verdict.FAILED


def test_what_a_codec_raises_outside_the_three_methods_is_its_fault_too() -> None:
    class Raising(TinyCodec):
        def for_connection(self) -> Raising:
            raise OSError("no more")

    outcome = judge(Subject(Raising, SAMPLES, None))
    assert outcome.verdict is Verdict.FAILED
    assert outcome.detail == "the codec raised OSError: no more"


def test_a_replay_draws_nothing_and_judges_exactly_the_case() -> None:
    subject = Subject(broken.RefusesAPartialHeader, st.builds(_raise), None)
    case = Case(side=MessageType.REQUEST, wire=tiny(), cuts=(2,))
    told: list[Outcome] = []
    report = replay(Subject(TinyCodec, st.builds(_raise), None), "waits_without_consuming", case, progress=told.append)
    assert [each.verdict for each in report.outcomes] == [Verdict.PASSED]
    assert report.outcomes == tuple(told)
    report = replay(subject, "waits_without_consuming", case)
    assert report.outcomes[0].verdict is Verdict.SKIPPED
    assert report.outcomes[0].detail.endswith("see decodes_one_message")


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (TinyCodec, "the subject is ABCMeta; it must be a metaprotocol_sdk.conformance.Subject"),
        (Subject(TinyCodec, None, None), "neither requests nor responses"),
        (Subject(_raise, SAMPLES, None), "factory raised RuntimeError: no luck"),  # type: ignore[arg-type]
        (Subject(dict, SAMPLES, None), "factory makes dict"),  # type: ignore[arg-type]
    ],
)
def test_a_subject_that_is_none_is_a_sentence(subject: Subject, text: str) -> None:
    with pytest.raises(ConformanceError, match=text):
        make_codec(subject)


def test_an_unknown_law_is_a_sentence() -> None:
    with pytest.raises(ConformanceError, match="no law is named 'nothing'; the laws are decodes_one_message"):
        find_check("nothing")
    assert find_check("split_invariance") is CHECKS["split_invariance"]
