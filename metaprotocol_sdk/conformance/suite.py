"""Runs checks over what a subject's strategies draw, and says how the codec stands under each law.

The smallest failing case is kept by our own measure (:attr:`Case.weight`) as it is met, so shrinking can be ended
after a moment, and the verdict is what the check says of that very case when it is asked once more.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.errors import Unsatisfiable

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.conformance.case import Case
from metaprotocol_sdk.conformance.check import Check, Draw, NotJudged
from metaprotocol_sdk.conformance.checks import CHECKS
from metaprotocol_sdk.conformance.outcome import Outcome, Report, Verdict
from metaprotocol_sdk.conformance.strategies import StrategyFault, cases
from metaprotocol_sdk.conformance.subject import Subject
from metaprotocol_sdk.conformance.watchdog import DidNotEnd, time_limit
from metaprotocol_sdk.exceptions import ConformanceError

PROFILES = {"quick": 30, "default": 200, "thorough": 5000}
"""Cases drawn for each law, and twice as many of hostile bytes: while editing, in a test run, in a nightly."""
DEFAULT_EXAMPLES = PROFILES["default"]
_HOSTILE_TIMES = 2
"""How many times more cases are drawn of hostile bytes: there are more ways to be wrong than right."""
SHRINK_TRIALS = 250
"""Cases tried to find a smaller failing one: a number and not a time, so that two runs find the same."""
SHRINK_SECONDS = 5.0
"""How long that may take when a codec is slow."""
CASE_SECONDS = 3.0
"""How long one case may take before the codec counts as looping: thousands of times what a slow codec needs."""

Progress = Callable[[Outcome], None]


def run(
    subject: Subject,
    *,
    checks: Iterable[str] = CHECKS,
    max_examples: int = DEFAULT_EXAMPLES,
    progress: Progress | None = None,
) -> Report:
    """Judges a codec by each law. Two runs of the same code draw the same cases.

    Args:
        subject: The codec and its messages.
        checks: Names from :data:`CHECKS`; default all.
        max_examples: Cases drawn for each law.
        progress: Called with each outcome as it is known.

    Raises:
        ConformanceError: The subject is no subject, its factory makes no codec, or a check has no such name.
    """
    codec = make_codec(subject)
    # Hypothesis makes its table of Unicode once on a machine, which takes seconds; no law's time may pay for it.
    hypothesis.strategies.text().validate()
    outcomes = []
    for name in checks:
        outcome = _judge(subject, codec, find_check(name), max_examples)
        outcomes.append(outcome)
        if progress is not None:
            progress(outcome)
    return Report(codec=codec.name, outcomes=tuple(outcomes))


def replay(subject: Subject, check: str, case: Case, *, progress: Progress | None = None) -> Report:
    """Judges a codec by one law in exactly one case; nothing is drawn.

    Raises:
        ConformanceError: As :func:`run` does.
    """
    codec = make_codec(subject)
    search = _Search(subject, find_check(check))
    start = time.monotonic()
    outcome = replace(search.verdict_on(case), examples=1, seconds=time.monotonic() - start)
    if progress is not None:
        progress(outcome)
    return Report(codec=codec.name, outcomes=(outcome,))


def keep_files_in(folder: Path) -> None:
    """Has Hypothesis keep what it learns of Python and Unicode in ``folder``, not in a folder of its own."""
    set_hypothesis_home_dir(folder / "hypothesis")


def find_check(name: str) -> Check:
    """The check of a name.

    Raises:
        ConformanceError: There is none.
    """
    if name not in CHECKS:
        raise ConformanceError(f"no law is named {name!r}; the laws are {', '.join(CHECKS)}")
    return CHECKS[name]


def make_codec(subject: Subject) -> Codec:
    """The subject's codec in its default configuration.

    Raises:
        ConformanceError: The subject is no subject, or its factory makes no codec.
    """
    if not isinstance(subject, Subject):
        raise ConformanceError(f"the subject is {type(subject).__name__}; it is a metaprotocol_sdk.conformance.Subject")
    if not subject.sides:
        raise ConformanceError("the subject has neither requests nor responses: there is nothing to judge its codec by")
    try:
        codec = subject.factory()
    except Exception as error:
        raise ConformanceError(f"the subject's factory raised {type(error).__name__}: {error}") from error
    if not isinstance(codec, Codec):
        raise ConformanceError(f"the subject's factory makes {type(codec).__name__}; it makes a metaprotocol_sdk.Codec")
    return codec


def _judge(subject: Subject, codec: Codec, check: Check, max_examples: int) -> Outcome:
    if why := check.exempts(codec):
        return Outcome(check=check, verdict=Verdict.SKIPPED, detail=why)
    search = _Search(subject, check)
    start = time.monotonic()
    outcome = search.run(codec.request_ids, max_examples)
    return replace(outcome, examples=search.judged, seconds=time.monotonic() - start)


class _ShrunkEnough(BaseException):
    """Shrinking took its time; Hypothesis ends at once."""


class _Search:
    """The search for the smallest case in which one codec breaks one law."""

    def __init__(self, subject: Subject, check: Check) -> None:
        self.subject = subject
        self.check = check
        self.judged = 0
        self._unjudged = ""
        self._current: Case | None = None
        self._smallest: Case | None = None
        self._shrink_until = 0.0
        self._shrinks = 0

    def run(self, ids: range, max_examples: int) -> Outcome:
        """Draws cases until one fails or there are enough of them."""
        try:
            with time_limit(CASE_SECONDS) as restart:
                self._draw(ids, max_examples, restart)
        except DidNotEnd:
            if self._smallest is None:
                return self._outcome_of_hang()
        except StrategyFault as fault:
            return self._outcome(Verdict.ERROR, f"{fault}. {_NOT_THE_CODECS}")
        except Unsatisfiable:
            return self._outcome(
                Verdict.ERROR, "the subject's strategies filter out nearly all they draw; build valid messages instead"
            )
        except Exception as error:
            if self._smallest is None:
                return self._outcome(
                    Verdict.ERROR,
                    f"drawing raised {type(error).__name__}: {error}. {_NOT_THE_CODECS}",
                )
        if self._smallest is not None:
            return self.verdict_on(self._smallest, again=True)
        return self._outcome(Verdict.PASSED) if self.judged else self._outcome(Verdict.SKIPPED, self._unjudged)

    def _draw(self, ids: range, max_examples: int, restart: Callable[[], None]) -> None:
        def trial(case: Case) -> None:
            restart()
            self._try(case)
            restart()

        wideness = _HOSTILE_TIMES if self.check.draws & (Draw.CORRUPTION | Draw.HOSTILITY) else 1
        search = hypothesis.given(cases(self.subject, self.check, ids))(trial)
        with suppress(_ShrunkEnough):
            hypothesis.seed(zlib.crc32(self.check.name.encode()))(_settings(max_examples * wideness)(search))()

    def _try(self, case: Case) -> None:
        if self._smallest is not None:
            self._shrinks += 1
            if self._shrinks > SHRINK_TRIALS or time.monotonic() > self._shrink_until:
                raise _ShrunkEnough
        self._current = case
        try:
            self.check.function(self.subject.factory, case)
            self.judged += 1
        except NotJudged as reason:
            self._unjudged = str(reason)
        except ConformanceError as fault:
            raise StrategyFault(str(fault)) from fault
        except Exception:
            self.judged += 1
            if self._smallest is None:
                self._shrink_until = time.monotonic() + SHRINK_SECONDS
            if self._smallest is None or case.weight < self._smallest.weight:
                self._smallest = case
            raise
        self._current = None

    def verdict_on(self, case: Case, *, again: bool = False) -> Outcome:
        """What the check says of one case; ``again``: it has failed in it before."""
        self._current = case
        try:
            with time_limit(CASE_SECONDS):
                self.check.function(self.subject.factory, case)
        except NotJudged as reason:
            return self._outcome(Verdict.SKIPPED, str(reason))
        except AssertionError as failure:
            return self._outcome(Verdict.FAILED, str(failure), case, getattr(failure, "at", None))
        except ConformanceError as fault:
            return self._outcome(Verdict.ERROR, str(fault))
        except DidNotEnd:
            return self._outcome_of_hang()
        except Exception as error:
            return self._outcome(Verdict.FAILED, f"the codec raised {type(error).__name__}: {error}", case)
        return self._outcome(Verdict.FAILED, _FLAKY, case) if again else self._outcome(Verdict.PASSED)

    def _outcome_of_hang(self) -> Outcome:
        if self._current is None:
            return self._outcome(
                Verdict.ERROR,
                f"the subject's strategies did not end within {CASE_SECONDS:g} s. {_NOT_THE_CODECS}",
            )
        return self._outcome(
            Verdict.FAILED, f"the codec did not end within {CASE_SECONDS:g} s on these bytes; it loops", self._current
        )

    def _outcome(self, verdict: Verdict, detail: str = "", case: Case | None = None, at: int | None = None) -> Outcome:
        return Outcome(check=self.check, verdict=verdict, detail=detail, case=case, at=at)


_NOT_THE_CODECS = "The fault is the subject's, not the codec's"
_FLAKY = (
    "this case failed, and passed when it was tried again: the codec's answer depends on more than what it was given "
    "(a global, a class attribute, the clock, randomness, something kept between calls)"
)


def _settings(max_examples: int) -> settings:
    return settings(
        max_examples=max_examples,
        phases=(Phase.generate, Phase.shrink),
        database=None,
        derandomize=True,
        deadline=None,
        report_multiple_bugs=False,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
