from __future__ import annotations

import pytest

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.conformance import CHECKS, Subject, Verdict, run, suite
from tests.conformance.broken_codecs import BROKEN
from tests.conformance.right_codecs import REQUESTS, RESPONSES, RIGHT


@pytest.fixture(autouse=True)
def _short_shrinking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite, "SHRINK_TRIALS", 20)


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_codec_breaks_no_law(name: str) -> None:
    report = run(RIGHT[name], max_examples=50)
    bad = [*report.of(Verdict.FAILED), *report.of(Verdict.ERROR)]
    assert {each.check.name: each.detail for each in bad} == {}
    assert report.exit_code == 0


@pytest.mark.parametrize("codec", BROKEN, ids=lambda codec: codec.__name__)
def test_a_broken_codec_breaks_exactly_its_laws(codec: type[Codec]) -> None:
    subject = Subject(codec, REQUESTS, RESPONSES)
    outcomes = [
        run(subject, checks=[law], max_examples=200 if law in BROKEN[codec] else 10).outcomes[0] for law in CHECKS
    ]
    failed = {each.check.name: each.detail for each in outcomes if each.verdict is Verdict.FAILED}
    assert failed.keys() == BROKEN[codec], failed
    assert not [each for each in outcomes if each.verdict is Verdict.ERROR]


def test_every_law_is_broken_by_a_codec_that_breaks_no_other() -> None:
    alone = {law for laws in BROKEN.values() if len(laws) == 1 for law in laws}
    assert CHECKS.keys() - alone <= {"leaves_trailing_bytes"}
