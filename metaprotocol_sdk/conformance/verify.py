"""One law as a test: what a project's own tests call."""

from __future__ import annotations

import unittest
from pathlib import Path

from metaprotocol_sdk.conformance.outcome import Verdict
from metaprotocol_sdk.conformance.report import FAILURES, failure_text, save_failure
from metaprotocol_sdk.conformance.subject import Subject
from metaprotocol_sdk.conformance.suite import DEFAULT_EXAMPLES, make_codec, run
from metaprotocol_sdk.exceptions import ConformanceError


def verify(
    subject: Subject,
    law: str,
    *,
    max_examples: int = DEFAULT_EXAMPLES,
    target: str | None = None,
    folder: Path = FAILURES,
) -> None:
    """Returns when the subject's codec keeps a law.

    With pytest it makes one test of each law::

        @pytest.mark.parametrize("law", CHECKS)
        def test_law(law: str) -> None:
            verify(subject, law)

    Args:
        subject: The codec and its messages.
        law: A name of :data:`CHECKS`.
        max_examples: Cases drawn.
        target: What ``metaproto conformance`` finds the subject by, for the replay command; default the codec's name.
        folder: Where a failing case is saved.

    Raises:
        AssertionError: The codec breaks the law; the text has the smallest bytes and the command that replays them.
        ConformanceError: The subject cannot be judged; the fault is its own, not the codec's.
        unittest.SkipTest: The law does not apply to this codec, or no case said anything about it. pytest counts it as
            a skipped test.
    """
    report = run(subject, checks=[law], max_examples=max_examples)
    outcome = report.outcomes[0]
    if outcome.verdict is Verdict.PASSED:
        return
    if outcome.verdict is Verdict.SKIPPED:
        raise unittest.SkipTest(f"{law}: {outcome.detail}")
    if outcome.verdict is Verdict.ERROR:
        raise ConformanceError(f"{law}: {outcome.detail}")
    target = target or report.codec
    saved = save_failure(outcome, codec=report.codec, target=target, folder=folder)
    raise AssertionError(failure_text(outcome, make_codec(subject), target=target, saved=saved))
