"""Whose fault it is when a case cannot be judged, or judged twice."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import strategies as st

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import DecodeStatus
from metaprotocol_sdk.conformance import CHECKS, Case, Outcome, Sample, Subject, Verdict
from metaprotocol_sdk.conformance.memory import address_space
from metaprotocol_sdk.conformance.search import MEMORY_MIB, Search
from metaprotocol_sdk.conformance.suite import run
from metaprotocol_sdk.metadata import MessageType, Metadata
from tests.helpers import TinyCodec, tiny

SAMPLES = st.binary(max_size=9).map(lambda body: Sample(tiny(body)))


def judge(subject: Subject, law: str = "decodes_one_message", **options: float) -> Outcome:
    return run(subject, checks=[law], max_examples=40, **options).outcomes[0]  # type: ignore[arg-type]


@pytest.mark.skipif(address_space() is None, reason="this platform does not limit memory")
def test_a_codec_that_takes_the_memory_is_told_so() -> None:
    class Trusting(TinyCodec):
        def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
            if len(buffer) > 6:
                bytearray(MEMORY_MIB << 21)
            return super().decode(buffer, metadata)

    outcome = judge(Subject(Trusting, SAMPLES, None))
    assert outcome.verdict is Verdict.FAILED
    assert outcome.detail == f"the codec asked for memory beyond the {MEMORY_MIB} MiB that it is let have"
    assert outcome.likely_mistake.startswith("room is made for a length")
    assert outcome.case is not None
    assert len(outcome.case.wire) == 7


@pytest.mark.skipif(address_space() is None, reason="this platform does not limit memory")
def test_a_codec_that_keeps_what_it_sees_leaves_later_laws_unjudged() -> None:
    kept: list[bytearray] = []

    class Hoarding(TinyCodec):
        def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
            if not kept:
                kept.append(bytearray((MEMORY_MIB << 20) * 3 // 4))
            return super().decode(buffer, metadata)

    report = run(Subject(Hoarding, SAMPLES, None), checks=["decodes_one_message", "sizes_add_up"], max_examples=5)
    kept.clear()
    assert [each.verdict for each in report.outcomes] == [Verdict.PASSED, Verdict.ERROR]
    assert "MiB of memory were not given back" in report.outcomes[1].detail


@pytest.mark.skipif(address_space() is None, reason="this platform does not limit memory")
@pytest.mark.parametrize(("max_examples", "verdict"), [(200, Verdict.ERROR), (5000, Verdict.PASSED)])
def test_what_remembering_many_cases_takes_is_not_held_against_the_codec(
    max_examples: int, verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = address_space()
    assert start is not None
    used = itertools.chain((start,), itertools.repeat(start + (330 << 20)))
    monkeypatch.setattr("metaprotocol_sdk.conformance.suite.address_space", lambda: next(used))
    report = run(
        Subject(TinyCodec, SAMPLES, None), checks=["sizes_add_up"], max_examples=max_examples, max_seconds=0.05
    )
    assert report.outcomes[0].verdict is verdict


@pytest.mark.parametrize("error", [SystemExit(0), GeneratorExit(), BaseException("all")])
def test_a_codec_that_would_end_the_program_fails_the_law(error: BaseException) -> None:
    class Ending(TinyCodec):
        def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
            if len(buffer) > 6:
                raise error
            return super().decode(buffer, metadata)

    outcome = judge(Subject(Ending, SAMPLES, None))
    assert outcome.verdict is Verdict.FAILED
    assert type(error).__name__ in outcome.detail
    assert "ends a whole program" in outcome.detail


def test_an_interrupt_is_an_interrupt() -> None:
    class Interrupted(TinyCodec):
        def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge(Subject(Interrupted, SAMPLES, None))


def test_a_codec_whose_strings_change_is_no_fault_of_the_strategies() -> None:
    numbers = itertools.count()

    class Counting(TinyCodec):
        def can_mutate(self, metadata: Metadata) -> bool:
            return True

        def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
            status = super().decode(buffer, metadata)
            if status is DecodeStatus.DONE:
                metadata.update({f"key-{number}": "x" for number in range(next(numbers) % 3)})
            return status

    outcome = judge(Subject(Counting, SAMPLES, None), "mutation_is_applied")
    assert outcome.verdict is Verdict.FAILED


def test_strategies_that_draw_otherwise_each_time_are_at_fault() -> None:
    dice = random.Random(1)

    @st.composite
    def rolled(draw: st.DrawFn) -> Sample:
        draw(st.integers() if dice.random() < 0.5 else st.text())
        return Sample(tiny(draw(st.binary(max_size=dice.randrange(9)))))

    outcome = judge(Subject(TinyCodec, rolled(), None))
    assert outcome.verdict in (Verdict.ERROR, Verdict.PASSED), outcome.detail
    if outcome.verdict is Verdict.ERROR:
        assert "subject's" in outcome.detail


def test_a_search_is_watched_case_by_case() -> None:
    seen: list[tuple[str, int, int]] = []
    search = Search(
        Subject(TinyCodec, SAMPLES, None),
        CHECKS["decodes_one_message"],
        watch=lambda check, case, begun, total: seen.append((check.name, begun, total)),
    )
    assert search.run(TinyCodec.request_ids, 5).verdict is Verdict.PASSED
    assert seen == [("decodes_one_message", number, 5) for number in range(5)]


def test_a_seed_draws_other_cases_and_the_same_again() -> None:
    def drawn(seed: int) -> list[Case]:
        cases: list[Case] = []
        run(
            Subject(TinyCodec, SAMPLES, None),
            checks=["decodes_one_message"],
            max_examples=20,
            seed=seed,
            watch=lambda check, case, begun, total: cases.append(case),
        )
        return cases

    assert drawn(0) == drawn(0)
    assert drawn(5) == drawn(5)
    assert drawn(0) != drawn(5)


def test_a_law_whose_time_is_up_is_judged_by_what_it_had() -> None:
    subject = Subject(TinyCodec, SAMPLES, None)
    outcome = run(subject, checks=["decodes_one_message"], max_examples=10**6, max_seconds=0.5).outcomes[0]
    assert outcome.verdict is Verdict.PASSED
    assert 0 < outcome.examples < 10**6
    assert outcome.seconds < 5


def test_a_law_that_had_no_time_is_not_called_kept() -> None:
    report = run(Subject(TinyCodec, SAMPLES, None), max_examples=10, max_seconds=1e-9)
    assert {each.verdict for each in report.outcomes} <= {Verdict.ERROR, Verdict.SKIPPED}
    assert report.exit_code == 2
    assert "the time was up before a case was judged" in report.of(Verdict.ERROR)[0].detail


def test_a_law_that_says_nothing_of_any_case_is_skipped_though_its_time_was_up() -> None:
    subject = Subject(TinyCodec, SAMPLES, None)
    law = "describes_what_it_was_given"
    outcome = run(subject, checks=[law], max_examples=10**6, max_seconds=0.5).outcomes[0]
    assert outcome.verdict is Verdict.SKIPPED
    assert "no sample states" in outcome.detail


def test_a_replay_is_one_case() -> None:
    search = Search(Subject(TinyCodec, st.nothing(), None), CHECKS["decodes_one_message"])
    assert search.verdict_on(Case(side=MessageType.REQUEST, wire=tiny(b"x"))).verdict is Verdict.PASSED
