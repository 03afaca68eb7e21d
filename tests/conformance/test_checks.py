from __future__ import annotations

from functools import cache

import pytest
from hypothesis import Phase, given, settings

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.conformance import CHECKS, Case, Subject, Verdict, run, search
from metaprotocol_sdk.conformance.check import NotJudged
from metaprotocol_sdk.conformance.strategies import cases
from tests.conformance.broken_codecs import BROKEN
from tests.conformance.broken_proxies import SUBJECTS
from tests.conformance.right_codecs import REQUESTS, RESPONSES, RIGHT, MailCodec


@pytest.fixture(autouse=True)
def _short_shrinking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "SHRINK_TRIALS", 20)


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_codec_breaks_no_law(name: str) -> None:
    report = run(RIGHT[name], max_examples=50)
    bad = [*report.of(Verdict.FAILED), *report.of(Verdict.ERROR)]
    assert {each.check.name: each.detail for each in bad} == {}
    assert report.exit_code == 0


def test_every_law_judges_the_right_codec_that_has_everything() -> None:
    report = run(RIGHT["mail"], max_examples=50)
    assert [each.check.name for each in report.of(Verdict.SKIPPED)] == ["compiles_its_frame"]


@cache
def a_few_cases(law: str) -> list[Case]:
    """Cases of right messages, drawn once for all the codecs that should keep the law."""
    found: list[Case] = []
    examples = CHECKS[law].examples(12)

    @settings(max_examples=examples, phases=[Phase.generate])
    @given(cases(RIGHT["mail"], CHECKS[law], MailCodec.request_ids))
    def note(case: Case) -> None:
        found.append(case)

    note()
    return found


def judged(codec: type[Codec], law: str) -> str:
    """What the law finds wrong with a codec, in many cases if it should break it; empty: nothing."""
    own = SUBJECTS.get(codec)
    for case in () if own else a_few_cases(law):
        try:
            CHECKS[law].function(codec, case)
        except NotJudged:
            continue
        except AssertionError as failure:
            return str(failure)
    if law not in BROKEN[codec] and own is None:
        return ""
    outcome = run(own or Subject(codec, REQUESTS, RESPONSES), checks=[law], max_examples=200).outcomes[0]
    assert outcome.verdict is not Verdict.ERROR
    return outcome.detail if outcome.verdict is Verdict.FAILED else ""


@pytest.mark.parametrize("codec", BROKEN, ids=lambda codec: codec.__name__)
def test_a_broken_codec_breaks_exactly_its_laws(codec: type[Codec]) -> None:
    failed = {law: detail for law in CHECKS if (detail := judged(codec, law))}
    assert failed.keys() == BROKEN[codec], failed


def test_every_law_is_broken_by_a_codec_that_breaks_no_other() -> None:
    alone = {law for laws in BROKEN.values() if len(laws) == 1 for law in laws}
    # What follows a message, and bytes that are none, are what other laws try too.
    assert CHECKS.keys() - alone <= {"leaves_trailing_bytes", "rejects_only_with_decode_error"}


def test_most_laws_are_broken_by_several_codecs() -> None:
    counts = [sum(law in laws for laws in BROKEN.values()) for law in CHECKS]
    assert sum(count > 1 for count in counts) > 0.9 * len(counts)
