from __future__ import annotations

import pytest

from metaprotocol_sdk.conformance import CHECKS, Outcome, Report, Verdict

CHECK = CHECKS["split_invariance"]
PASSED, FAILED, SKIPPED, ERROR = Verdict.PASSED, Verdict.FAILED, Verdict.SKIPPED, Verdict.ERROR


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([PASSED, SKIPPED], 0),
        ([SKIPPED], 0),
        ([PASSED, FAILED], 1),
        ([FAILED, ERROR], 1),
        ([PASSED, ERROR], 2),
    ],
)
def test_a_broken_law_is_1_and_a_subject_that_cannot_be_judged_is_2(verdicts: list[Verdict], code: int) -> None:
    outcomes = tuple(Outcome(check=CHECK, verdict=verdict, seconds=0.5) for verdict in verdicts)
    report = Report(codec="x", outcomes=outcomes)
    assert report.exit_code == code
    assert report.is_ok == (code == 0)
    assert report.seconds == 0.5 * len(verdicts)
    assert [each.verdict for each in report.of(verdicts[0])] == [verdicts[0]]
