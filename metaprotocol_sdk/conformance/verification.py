"""One law as a test: what a project's own tests call."""

from __future__ import annotations

import unittest
from pathlib import Path

from metaprotocol_sdk.conformance.outcome import Verdict
from metaprotocol_sdk.conformance.report import FAILURES
from metaprotocol_sdk.conformance.session import hold
from metaprotocol_sdk.conformance.subject import Subject
from metaprotocol_sdk.conformance.suite import DEFAULT_EXAMPLES
from metaprotocol_sdk.conformance.target import target_of
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

    It is for tests of any kind; with pytest, :class:`CodecConformance` makes one test of each law.

    Args:
        subject: The codec and its messages.
        law: A name of :data:`CHECKS`.
        max_examples: Cases drawn.
        target: What ``metaproto conformance`` finds the subject by, for the replay command; default what
            :func:`target_of` finds.
        folder: Where a failing case is saved; cases saved there earlier are judged first.

    Raises:
        AssertionError: The codec breaks the law; the text has the smallest bytes and the command that replays them.
        ConformanceError: The subject cannot be judged; the fault is its own, not the codec's.
        unittest.SkipTest: The law does not apply to this codec, or no case said anything about it. pytest counts it as
            a skipped test.
    """
    __tracebackhide__ = True  # pytest shows the law and its text, not this function
    found = hold(subject, [law], target=target or target_of(subject), max_examples=max_examples, folder=folder)
    (outcome,) = found.report.outcomes
    if outcome.verdict is Verdict.SKIPPED:
        raise unittest.SkipTest(f"{law}: {outcome.detail}")
    if outcome.verdict is Verdict.ERROR:
        raise ConformanceError(f"{law}: {outcome.detail}")
    if outcome.verdict is Verdict.FAILED:
        raise AssertionError(found.text_of(outcome))
