"""Holds a codec to golden vectors, one verdict each."""

from __future__ import annotations

import unittest
from collections.abc import Iterable
from pathlib import Path

from metaprotocol_sdk.conformance.outcome import Outcome, Verdict
from metaprotocol_sdk.conformance.report import FAILURES, failure_text, save_failure
from metaprotocol_sdk.conformance.subject import Subject
from metaprotocol_sdk.conformance.suite import Progress, make_codec, replay
from metaprotocol_sdk.conformance.vectors.vector import Vector
from metaprotocol_sdk.exceptions import ConformanceError


def run_vectors(
    subject: Subject, vectors: Iterable[Vector], *, progress: Progress | None = None
) -> tuple[Outcome, ...]:
    """How a codec stands under each vector, in their order; what a :class:`Report` shows after the laws.

    Args:
        subject: The codec; its strategies are not asked.
        vectors: What to hold it to.
        progress: Called with each outcome as it is known.

    Raises:
        ConformanceError: The subject is no subject, or its factory makes no codec.
    """
    return tuple(replay(subject, each.id, each.case, progress=progress).outcomes[0] for each in vectors)


def verify_vector(subject: Subject, vector: Vector, *, target: str | None = None, folder: Path = FAILURES) -> None:
    """Returns when the subject's codec agrees with a vector; for a test of each, see :func:`vectors_of`.

    Args:
        subject: The codec.
        vector: What to hold it to.
        target: What ``metaproto conformance`` finds the subject by, for the replay command; default the codec's name.
        folder: Where a failing case is saved.

    Raises:
        AssertionError: It does not; the text has the bytes, and the command that replays them.
        ConformanceError: The subject cannot be judged.
        unittest.SkipTest: Nothing can be said, for the reason in the text.
    """
    (outcome,) = run_vectors(subject, [vector])
    if outcome.verdict is Verdict.PASSED:
        return
    if outcome.verdict is Verdict.SKIPPED:
        raise unittest.SkipTest(f"{vector.id}: {outcome.detail}")
    if outcome.verdict is Verdict.ERROR:
        raise ConformanceError(f"{vector.id}: {outcome.detail}")
    codec = make_codec(subject)
    target = target or codec.name
    saved = save_failure(outcome, codec=codec.name, target=target, folder=folder)
    made = f", made by: {vector.provenance}" if vector.provenance else ""
    text = failure_text(outcome, codec, target=target, saved=saved)
    raise AssertionError(f"{text}\n  the vector: {vector.file}:{vector.line}{made}")
