"""Holds a codec to the laws: over what its subject's strategies draw, or in exactly one case."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import hypothesis
from hypothesis.configuration import set_hypothesis_home_dir

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.conformance.case import Case
from metaprotocol_sdk.conformance.check import Check
from metaprotocol_sdk.conformance.checks import CHECKS
from metaprotocol_sdk.conformance.laws.agreeing import VECTOR_MARK, vector_check
from metaprotocol_sdk.conformance.memory import address_space, memory_limit
from metaprotocol_sdk.conformance.outcome import Outcome, Report, Verdict
from metaprotocol_sdk.conformance.search import CASE_SECONDS, MEMORY_MIB, Search, Watch
from metaprotocol_sdk.conformance.subject import Subject
from metaprotocol_sdk.conformance.watchdog import DidNotEnd, time_limit
from metaprotocol_sdk.exceptions import ConformanceError
from metaprotocol_sdk.names import nearest

PROFILES = {"quick": 30, "default": 200, "thorough": 5000}
"""Cases asked for of each law, see :attr:`Check.share`: while editing, in a test run, in a nightly."""
DEFAULT_EXAMPLES = PROFILES["default"]

Progress = Callable[[Outcome], None]

_NOTHING_SAVED: Mapping[str, Sequence[Case]] = {}


def run(
    subject: Subject,
    *,
    checks: Iterable[str] = CHECKS,
    max_examples: int = DEFAULT_EXAMPLES,
    seed: int = 0,
    max_seconds: float | None = None,
    saved: Mapping[str, Sequence[Case]] = _NOTHING_SAVED,
    progress: Progress | None = None,
    watch: Watch | None = None,
) -> Report:
    """Judges a codec by each law. Two runs of the same code with the same seed draw the same cases.

    Args:
        subject: The codec and its messages.
        checks: Names from :data:`CHECKS`; default all.
        max_examples: Cases drawn for each law.
        seed: What they are drawn from.
        max_seconds: How long the run may take; each law that is left gets an equal share of what is left. A law whose
            share is up is judged by the cases it had.
        saved: Cases that failed in earlier runs, by law. They are judged before any is drawn.
        progress: Called with each outcome as it is known.
        watch: Called before each case.

    Raises:
        ConformanceError: The subject is no subject, its factory makes no codec, or a check has no such name.
    """
    codec = make_codec(subject)
    # Hypothesis makes its table of Unicode once on a machine, which takes seconds; no law's time may pay for it.
    hypothesis.strategies.text().validate()
    laws = [find_check(name) for name in checks]
    room = _Room(max_examples)
    clock = _Clock(max_seconds, len(laws))
    outcomes = []
    for check in laws:
        search = Search(subject, check, watch=watch, until=clock.share())
        start = time.monotonic()
        with memory_limit(room.most):
            outcome = room.refusal(check) or _judged(search, codec, saved.get(check.name, ()), max_examples, seed)
        outcome = replace(outcome, examples=search.judged, seconds=time.monotonic() - start)
        outcomes.append(outcome)
        if progress is not None:
            progress(outcome)
    return Report(codec=codec.name, outcomes=tuple(outcomes), max_examples=max_examples, seed=seed)


def replay(
    subject: Subject, check: str, case: Case, *, progress: Progress | None = None, watch: Watch | None = None
) -> Report:
    """Judges a codec by one law in exactly one case; nothing is drawn.

    Raises:
        ConformanceError: As :func:`run` does.
    """
    codec = make_codec(subject)
    search = Search(subject, find_check(check), watch=watch)
    start = time.monotonic()
    with memory_limit(_Room().most):
        outcome = search.verdict_on(case)
    outcome = replace(outcome, examples=1, seconds=time.monotonic() - start)
    if progress is not None:
        progress(outcome)
    return Report(codec=codec.name, outcomes=(outcome,))


def _judged(search: Search, codec: Codec, saved: Sequence[Case], max_examples: int, seed: int) -> Outcome:
    if why := search.check.exempts(codec):
        return Outcome(check=search.check, verdict=Verdict.SKIPPED, detail=why)
    again = [(case, search.verdict_on(case)) for case in saved]
    drawn = search.run(codec.request_ids, max_examples, seed=seed)
    mended = tuple(case for case, told in again if told.verdict is Verdict.PASSED and case != drawn.case)
    still = [told for case, told in again if told.verdict is Verdict.FAILED]
    if drawn.verdict is Verdict.FAILED or not still:
        return replace(drawn, mended=mended)
    return replace(still[0], mended=mended, detail=f"{still[0].detail}. {_RECALLED}")


_RECALLED = (
    "An earlier run saved this case, and nothing drawn in this run shows the fault. If messages of this protocol look "
    "otherwise by now, delete the file"
)


class _Clock:
    """Shares out the time of a run."""

    def __init__(self, seconds: float | None, laws: int) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds
        self._left = laws

    def share(self) -> float | None:
        """When the next law must end, if it must."""
        if self._end is None:
            return None
        now = time.monotonic()
        self._left -= 1
        return now + max(self._end - now, 0) / (self._left + 1)


_CASE_BYTES = 96 << 10
"""What remembering the cases of one law takes for each that was asked for. Hypothesis remembers what it drew as long as
a law lasts, and Python has the addresses mapped ever after, for the next law's; up to 60 kB were seen, of messages that
are drawn in a hundred choices, in laws that take twice the cases.
"""


class _Room:
    """The memory a run may take. A codec that keeps what it sees fills it, and then no law can be judged.

    Args:
        max_examples: Cases asked for of each law.
    """

    def __init__(self, max_examples: int = 0) -> None:
        self._start = address_space()
        self._drawn = max_examples * _CASE_BYTES
        self.most = None if self._start is None else self._start + self._drawn + (MEMORY_MIB << 20)

    def refusal(self, check: Check) -> Outcome | None:
        """Why there is no room for one more law; None: there is."""
        used = address_space()
        if used is None or self._start is None:
            return None
        held = (used - self._start) >> 20
        if held < (self._drawn >> 20) + MEMORY_MIB // 2:
            return None
        return Outcome(
            check=check,
            verdict=Verdict.ERROR,
            detail=f"not judged: {held} MiB of memory were not given back after the laws before. The codec, or the "
            "subject's strategies, keep what they see",
        )


def keep_files_in(folder: Path) -> None:
    """Has Hypothesis keep what it learns of Python and Unicode in ``folder``, not in a folder of its own."""
    set_hypothesis_home_dir(folder / "hypothesis")


def find_check(name: str) -> Check:
    """The check of a name: a law's, or a golden vector's.

    Raises:
        ConformanceError: There is none.
    """
    if VECTOR_MARK in name:
        return vector_check(name)
    if name not in CHECKS:
        advice = f"did you mean {guess!r}?" if (guess := nearest(name, list(CHECKS))) else _all_laws()
        raise ConformanceError(f"no law is named {name!r}; {advice}")
    return CHECKS[name]


def _all_laws() -> str:
    return f"the laws are {', '.join(CHECKS)}"


def make_codec(subject: Subject) -> Codec:
    """The subject's codec in its default configuration.

    Raises:
        ConformanceError: The subject is no subject, or its factory makes no codec.
    """
    if not isinstance(subject, Subject):
        raise ConformanceError(
            f"the subject is {type(subject).__name__}; it must be a metaprotocol_sdk.conformance.Subject"
        )
    if not subject.sides:
        raise ConformanceError("the subject has neither requests nor responses: there is nothing to judge its codec by")
    # A factory that starts a program says itself how long that may take.
    seconds = getattr(subject.factory, "seconds", CASE_SECONDS)
    try:
        with time_limit(seconds):
            codec = subject.factory()
    except DidNotEnd:
        raise ConformanceError(f"the subject's factory did not end within {seconds:g} s") from None
    except ConformanceError:
        raise
    except (Exception, SystemExit) as error:
        raise ConformanceError(f"the subject's factory raised {type(error).__name__}: {error}") from error
    if not isinstance(codec, Codec):
        raise ConformanceError(f"the subject's factory makes {type(codec).__name__}; it makes a metaprotocol_sdk.Codec")
    return codec
