"""What a run found, and what that means for whoever asked."""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass

from metaprotocol_sdk.conformance.case import Case
from metaprotocol_sdk.conformance.check import Check, Level


class Verdict(enum.Enum):
    """How a codec stands under one law."""

    PASSED = "passed"
    FAILED = "failed"
    """The codec broke it; the outcome has the smallest case found."""
    SKIPPED = "skipped"
    """The law does not apply, or nothing drawn says anything about it; ``detail`` is why."""
    ERROR = "error"
    """It cannot be judged, and the fault is not the codec's: ``detail`` says whose it is."""


class Standing(enum.Enum):
    """What a verdict means for the run, which may count SHOULD or expect failures."""

    PASSED = "passed"
    FAILED = "failed"
    UNEXPECTED = "unexpectedly passed"
    """The law is listed as known to fail, and holds. It fails the run, so that the list stays true."""
    ERROR = "error"
    ADVISED = "advised"
    """A SHOULD law is broken, and the run does not count those."""
    KNOWN = "known failing"
    """The law is broken, and listed as known to fail."""
    SKIPPED = "skipped"

    @property
    def fails_the_run(self) -> bool:
        """Whether the run's exit code is 1 for it."""
        return self in (Standing.FAILED, Standing.UNEXPECTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a codec stands under one law.

    Args:
        check: The law's check.
        verdict: How it stands.
        detail: The failure's text, or why it was skipped, or what is at fault; empty when it passed.
        case: The smallest failing case found.
        at: The byte of ``case.wire`` where it went wrong, if known.
        mistake: What the codec most likely does wrong, where more is known than what breaks the law as a rule.
        examples: How many cases said something about the law.
        seconds: How long it took.
        mended: Cases that earlier runs saved, and in which the law holds now.
    """

    check: Check
    verdict: Verdict
    detail: str = ""
    case: Case | None = None
    at: int | None = None
    mistake: str = ""
    examples: int = 0
    seconds: float = 0.0
    mended: tuple[Case, ...] = ()

    @property
    def likely_mistake(self) -> str:
        """What the codec most likely does wrong, as a sentence."""
        return self.mistake or self.check.mistake


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole run.

    Args:
        codec: The codec's name.
        outcomes: One for each law asked for, in order.
        max_examples: Cases drawn for each law; 0 when nothing was drawn.
        seed: What they were drawn from; 0 draws the same in every run.
        strict: Whether a broken SHOULD law fails the run.
        known_failing: The laws that are expected to fail, by name.
    """

    codec: str
    outcomes: tuple[Outcome, ...]
    max_examples: int = 0
    seed: int = 0
    strict: bool = False
    known_failing: frozenset[str] = frozenset()

    def of(self, verdict: Verdict) -> tuple[Outcome, ...]:
        """The outcomes with that verdict."""
        return tuple(outcome for outcome in self.outcomes if outcome.verdict is verdict)

    def standing(self, outcome: Outcome) -> Standing:
        """What an outcome of this run means for it."""
        is_known = outcome.check.name in self.known_failing
        if outcome.verdict is Verdict.PASSED and is_known:
            return Standing.UNEXPECTED
        if outcome.verdict is Verdict.FAILED and is_known:
            return Standing.KNOWN
        if outcome.verdict is Verdict.FAILED and outcome.check.level is Level.SHOULD and not self.strict:
            return Standing.ADVISED
        return Standing(outcome.verdict.value)

    @property
    def counts(self) -> dict[Standing, int]:
        """How many outcomes have each standing, those that none has left out."""
        counted = Counter(self.standing(outcome) for outcome in self.outcomes)
        return {standing: counted[standing] for standing in Standing if counted[standing]}

    @property
    def is_ok(self) -> bool:
        """Whether nothing fails the run and everything asked for could be judged or does not apply."""
        return self.exit_code == 0

    @property
    def exit_code(self) -> int:
        """What a command returns: 0 all is well, 1 a law is broken (or kept unexpectedly), 2 not to be judged.

        A broken law weighs more than an error: 1 says that the codec must change, whatever else must.
        """
        standings = self.counts.keys()
        if any(standing.fails_the_run for standing in standings):
            return 1
        return 2 if Standing.ERROR in standings else 0

    @property
    def seconds(self) -> float:
        """How long the laws took together."""
        return sum(outcome.seconds for outcome in self.outcomes)
