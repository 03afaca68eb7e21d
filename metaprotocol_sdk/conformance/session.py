"""A run from beginning to end: saved failures first, then what is drawn, and what fails saved in its turn.

The command, pytest's tests and :func:`verify` are callers of :func:`hold`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.conformance.outcome import Outcome, Report
from metaprotocol_sdk.conformance.report import (
    FAILURES,
    SavedFailure,
    failure_text,
    law_line,
    law_properties,
    recollect,
    report_text,
    save_failures,
    to_html,
    to_json,
    to_junit,
)
from metaprotocol_sdk.conformance.search import Watch
from metaprotocol_sdk.conformance.subject import Subject
from metaprotocol_sdk.conformance.suite import DEFAULT_EXAMPLES, Progress, make_codec, replay, run
from metaprotocol_sdk.conformance.target import home_of
from metaprotocol_sdk.conformance.vectors.judge import run_vectors
from metaprotocol_sdk.conformance.vectors.vector import Vector


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """A run and its files.

    Args:
        report: The run.
        codec: What names the bytes.
        target: What ``metaproto conformance`` finds the subject by.
        started: When it began.
        saved: Where each failure was saved, by its law.
        retired: Where the failures are that earlier runs saved, and in which the laws hold again.
        unreadable: A sentence for each file among the saved failures that holds none.
    """

    report: Report
    codec: Codec
    target: str
    started: datetime
    saved: Mapping[str, Path]
    retired: tuple[Path, ...] = ()
    unreadable: tuple[str, ...] = ()

    def text_of(self, outcome: Outcome) -> str:
        """All there is to say of a failure."""
        saved = self.saved.get(outcome.check.name)
        return failure_text(outcome, self.codec, target=self.target, saved=saved)

    def properties_of(self, outcome: Outcome) -> dict[str, str]:
        """What a test report says of a law besides the verdict."""
        return law_properties(outcome, target=self.target, saved=self.saved.get(outcome.check.name))

    def rendered(self, kind: str) -> str:
        """The run as one of :data:`REPORTS`."""
        return REPORTS[kind](self)


def _text(found: Findings) -> str:
    report = found.report
    lines = [law_line(each, standing=report.standing(each), timed=False) for each in report.outcomes]
    told = report_text(report, found.codec, target=found.target, saved=found.saved, timed=False)
    return "\n".join([*lines, "", told, ""])


def _json(found: Findings) -> str:
    return json.dumps(to_json(found.report, target=found.target, saved=found.saved), indent=2) + "\n"


def _junit(found: Findings) -> str:
    return to_junit(found.report, found.codec, target=found.target, saved=found.saved, started=found.started)


def _html(found: Findings) -> str:
    return to_html(found.report, found.codec, target=found.target, saved=found.saved, started=found.started)


REPORTS: Mapping[str, Callable[[Findings], str]] = MappingProxyType(
    {"html": _html, "json": _json, "junit": _junit, "text": _text}
)
"""The forms a run is written in."""


def hold(
    subject: Subject,
    laws: Sequence[str],
    *,
    target: str,
    max_examples: int = DEFAULT_EXAMPLES,
    seed: int = 0,
    max_seconds: float | None = None,
    strict: bool = False,
    known_failing: frozenset[str] = frozenset(),
    vectors: Iterable[Vector] = (),
    folder: Path = FAILURES,
    progress: Progress | None = None,
    watch: Watch | None = None,
) -> Findings:
    """Judges a codec by laws: what earlier runs saved first, then what is drawn; and keeps the files of failures.

    Args:
        subject: The codec and its messages.
        laws: Names of :data:`CHECKS`.
        target: What ``metaproto conformance`` finds the subject by, for the replay commands.
        max_examples: Cases drawn for each law.
        seed: What they are drawn from.
        max_seconds: How long it may take.
        strict: Whether a broken SHOULD law fails the run.
        known_failing: Laws and vectors that are expected to fail.
        vectors: Golden vectors to hold it to after the laws.
        folder: Where failing cases are.
        progress: Called with each outcome as it is known.
        watch: Called before each case.

    Raises:
        ConformanceError: As :func:`run` does.
    """
    codec = make_codec(subject)
    started = datetime.now(UTC)
    home = home_of(subject, target)
    remembered = recollect(codec.name, laws, target=home, folder=folder)
    report = run(
        subject,
        checks=laws,
        max_examples=max_examples,
        seed=seed,
        max_seconds=max_seconds,
        saved=remembered.cases,
        progress=progress,
        watch=watch,
    )
    report = replace(report, outcomes=(*report.outcomes, *run_vectors(subject, vectors, progress=progress)))
    retired = remembered.retire(report)
    return Findings(
        report=replace(report, strict=strict, known_failing=known_failing),
        codec=codec,
        target=target,
        started=started,
        saved=save_failures(report, target=home, folder=folder),
        retired=tuple(retired),
        unreadable=remembered.unreadable,
    )


def hold_again(
    subject: Subject,
    failure: SavedFailure,
    path: Path,
    *,
    target: str,
    strict: bool = False,
    known_failing: frozenset[str] = frozenset(),
    progress: Progress | None = None,
    watch: Watch | None = None,
) -> Findings:
    """Judges a codec in exactly the case that was saved; nothing is drawn, and no file is touched.

    Raises:
        ConformanceError: As :func:`run` does.
    """
    codec = make_codec(subject)
    started = datetime.now(UTC)
    report = replay(subject, failure.law, failure.case, progress=progress, watch=watch)
    return Findings(
        report=replace(report, strict=strict, known_failing=known_failing),
        codec=codec,
        target=target,
        started=started,
        saved={failure.law: path},
    )
