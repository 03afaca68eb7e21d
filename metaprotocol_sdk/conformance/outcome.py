"""What a run found."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from metaprotocol_sdk.conformance.case import Case
from metaprotocol_sdk.conformance.check import Check


class Verdict(enum.Enum):
    """How a codec stands under one law."""

    PASSED = "passed"
    FAILED = "failed"
    """The codec broke it; the outcome has the smallest case found."""
    SKIPPED = "skipped"
    """The law does not apply, or nothing drawn says anything about it; ``detail`` is why."""
    ERROR = "error"
    """It cannot be judged, and the fault is not the codec's: ``detail`` says whose it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a codec stands under one law.

    Args:
        check: The law's check.
        verdict: How it stands.
        detail: The failure's text, or why it was skipped, or what is at fault; empty when it passed.
        case: The smallest failing case found.
        at: The byte of ``case.wire`` where it went wrong, if known.
        examples: How many cases said something about the law.
        seconds: How long it took.
    """

    check: Check
    verdict: Verdict
    detail: str = ""
    case: Case | None = None
    at: int | None = None
    examples: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole run.

    Args:
        codec: The codec's name.
        outcomes: One for each law asked for, in order.
    """

    codec: str
    outcomes: tuple[Outcome, ...]

    def of(self, verdict: Verdict) -> tuple[Outcome, ...]:
        """The outcomes with that verdict."""
        return tuple(outcome for outcome in self.outcomes if outcome.verdict is verdict)

    @property
    def is_ok(self) -> bool:
        """Whether nothing failed and everything asked for could be judged or does not apply."""
        return not (self.of(Verdict.FAILED) or self.of(Verdict.ERROR))

    @property
    def exit_code(self) -> int:
        """What a command returns: 0 nothing failed, 1 a law is broken, 2 the subject cannot be judged."""
        if self.of(Verdict.FAILED):
            return 1
        return 0 if self.is_ok else 2

    @property
    def seconds(self) -> float:
        """How long the laws took together."""
        return sum(outcome.seconds for outcome in self.outcomes)
