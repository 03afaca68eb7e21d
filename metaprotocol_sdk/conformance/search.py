"""The search for the smallest case in which one codec breaks one law.

The smallest failing case is kept by our own measure (:attr:`Case.weight`) as it is met, so shrinking can be ended
after a moment, and the verdict is what the check says of that very case when it is asked once more.
"""

from __future__ import annotations

import time
import warnings
import zlib
from collections.abc import Callable
from contextlib import suppress

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis.errors import Flaky, HypothesisWarning, Unsatisfiable

from metaprotocol_sdk.conformance.case import Case
from metaprotocol_sdk.conformance.check import Broken, Check, NotJudged
from metaprotocol_sdk.conformance.foreign.fault import ForeignFault
from metaprotocol_sdk.conformance.outcome import Outcome, Verdict
from metaprotocol_sdk.conformance.strategies import StrategyFault, cases
from metaprotocol_sdk.conformance.subject import Sample, Subject
from metaprotocol_sdk.conformance.watchdog import DidNotEnd, time_limit
from metaprotocol_sdk.exceptions import ConformanceError

SHRINK_TRIALS = 250
"""Cases tried to find a smaller failing one: a number and not a time, so that two runs find the same."""
SHRINK_SECONDS = 5.0
"""How long that may take when a codec is slow."""
CASE_SECONDS = 3.0
"""How long one case may take before the codec counts as looping: thousands of times what a slow codec needs."""
MEMORY_MIB = 512
"""What a codec and the messages drawn for it may take together; a message is at most 16 MiB unless it says else."""

Watch = Callable[[Check, Case, int, int], None]
"""Called before each case with the check, the case, the cases begun before it and those there may be."""


class _Fatal(Broken):
    """A codec did what ends programs; the law it was asked for is not what it got wrong."""

    def __init__(self, text: str, mistake: str, *, at: int | None = None) -> None:
        super().__init__(text, at=at)
        self.mistake = mistake


class _ShrunkEnough(BaseException):
    """Shrinking took its time; Hypothesis ends at once."""


class _TimeIsUp(BaseException):
    """The law had its share of the run's time; Hypothesis ends at once."""


class Search:
    """One codec under one law.

    Args:
        subject: The codec and its messages.
        check: The law's check.
        watch: Told of each case before it is tried.
        until: When to stop drawing, on :func:`time.monotonic`'s clock; None: when all are drawn.
    """

    def __init__(
        self, subject: Subject, check: Check, *, watch: Watch | None = None, until: float | None = None
    ) -> None:
        self.subject = subject
        self.check = check
        self.judged = 0
        self._watch = watch
        self._until = until
        self._total = self._begun = 0
        self._unjudged = ""
        self._current: Case | None = None
        self._last: Case | None = None
        self._smallest: Case | None = None
        self._shrink_until = 0.0
        self._shrinks = 0

    def run(self, ids: range, max_examples: int, *, seed: int = 0) -> Outcome:
        """Draws cases until one fails or there are enough of them.

        Args:
            ids: The codec's ``request_ids``.
            max_examples: How many are asked for, see :attr:`Check.share`.
            seed: What to draw from; the same seed draws the same cases.
        """
        fault = self._drawn(ids, max_examples, seed)
        if self._smallest is not None:
            return self.verdict_on(self._smallest, again=True)
        if fault is not None:
            return fault
        return self._outcome(Verdict.PASSED) if self.judged else self._outcome(Verdict.SKIPPED, self._unjudged)

    def _drawn(self, ids: range, max_examples: int, seed: int) -> Outcome | None:
        """Draws; what kept it from being judged, if anything did."""
        try:
            with time_limit(CASE_SECONDS) as restart:
                self._draw(ids, max_examples, seed, restart)
        except DidNotEnd:
            return self._outcome_of_hang()
        except _TimeIsUp:
            return None if self.judged or self._unjudged else self._outcome(Verdict.ERROR, _NO_TIME)
        except (Exception, StrategyFault, ForeignFault) as error:
            return self._outcome_of(error)
        return None

    def _outcome_of(self, error: BaseException) -> Outcome:
        """What an exception that came between two cases says of whose fault it is."""
        match error:
            case StrategyFault():
                return self._outcome(Verdict.ERROR, f"{error}. {_NOT_THE_CODECS}")
            case ForeignFault():
                return self._outcome(Verdict.ERROR, str(error))
            case Unsatisfiable():
                return self._outcome(Verdict.ERROR, _FILTERED)
            case Flaky():
                return self._outcome_of_flakiness()
            case MemoryError():
                return self._failed(f"memory ran out between two cases: {_GREEDY}", self._last, mistake=_GREEDY_MISTAKE)
        return self._outcome(Verdict.ERROR, f"drawing raised {type(error).__name__}: {error}. {_NOT_THE_CODECS}")

    def _draw(self, ids: range, max_examples: int, seed: int, restart: Callable[[], None]) -> None:
        def trial(case: Case) -> None:
            restart()
            self._try(case)
            restart()

        self._total = self.check.examples(max_examples)
        search = hypothesis.given(cases(self.subject, self.check, ids))(trial)
        source = f"{self.check.name}:{seed}" if seed else self.check.name
        with suppress(_ShrunkEnough), warnings.catch_warnings():
            # A codec that rolls dice is found out by the laws, not by a warning of Hypothesis'.
            warnings.simplefilter("ignore", HypothesisWarning)
            hypothesis.seed(zlib.crc32(source.encode()))(_settings(self._total)(search))()

    def _try(self, case: Case) -> None:
        self._check_time()
        self._current = self._last = case
        try:
            self._ask(case)
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

    def _check_time(self) -> None:
        if self._smallest is not None:
            self._shrinks += 1
            if self._shrinks > SHRINK_TRIALS or time.monotonic() > self._shrink_until:
                raise _ShrunkEnough
        elif self._until is not None and time.monotonic() > self._until:
            raise _TimeIsUp

    def _ask(self, case: Case) -> None:
        """Asks the check; whatever it raises is an Exception, and one that teaches."""
        if self._watch is not None:
            self._watch(self.check, case, self._begun, max(self._total, 1))
            self._begun += 1
        try:
            self.check.function(self.subject.factory, case)
        except (DidNotEnd, KeyboardInterrupt, ForeignFault):
            raise
        except Exception as error:
            if isinstance(error, MemoryError) or isinstance(error.__context__, MemoryError):
                raise _Fatal(_GREEDY, _GREEDY_MISTAKE, at=getattr(error, "at", None)) from error
            raise
        except BaseException as error:  # SystemExit and its like, which would end the run as if all were well
            text = f"the codec raised {type(error).__name__}: {error}, which ends a whole program"
            raise _Fatal(text, "a codec answers or raises DecodeError or EncodeError; nothing else") from error

    def verdict_on(self, case: Case, *, again: bool = False) -> Outcome:
        """What the check says of one case; ``again``: it has failed in it before."""
        self._current = case
        try:
            with time_limit(CASE_SECONDS):
                self._ask(case)
        except NotJudged as reason:
            return self._outcome(Verdict.SKIPPED, str(reason))
        except AssertionError as failure:
            return self._failed(str(failure), case, getattr(failure, "at", None), getattr(failure, "mistake", ""))
        except (ConformanceError, ForeignFault) as fault:
            return self._outcome(Verdict.ERROR, str(fault))
        except DidNotEnd:
            return self._outcome_of_hang()
        except Exception as error:
            return self._failed(f"the codec raised {type(error).__name__}: {error}", case)
        return self._failed(_FLAKY, case, mistake=_FLAKY_MISTAKE) if again else self._outcome(Verdict.PASSED)

    def _outcome_of_hang(self) -> Outcome:
        if self._current is None:
            return self._outcome(
                Verdict.ERROR,
                f"the subject's strategies did not end within {CASE_SECONDS:g} s. {_NOT_THE_CODECS}",
            )
        return self._failed(
            f"the codec did not end within {CASE_SECONDS:g} s on these bytes; it loops",
            self._current,
            mistake="a loop that a length, count or offset of the message never lets end",
        )

    def _outcome_of_flakiness(self) -> Outcome:
        """Drawing depends on the strategies, and where keys are drawn for a mutation, on what decode finds."""
        if self._last is not None and _draws_alike(self.subject):
            text = f"decode found other strings in the same bytes: the codec's answer depends on {_MORE}"
            return self._failed(text, self._last, mistake=_FLAKY_MISTAKE)
        return self._outcome(
            Verdict.ERROR,
            f"the subject's strategies do not draw the same twice: they depend on {_MORE}. {_NOT_THE_CODECS}",
        )

    def _outcome(self, verdict: Verdict, detail: str = "") -> Outcome:
        return Outcome(check=self.check, verdict=verdict, detail=detail)

    def _failed(self, detail: str, case: Case | None, at: int | None = None, mistake: str = "") -> Outcome:
        return Outcome(check=self.check, verdict=Verdict.FAILED, detail=detail, case=case, at=at, mistake=mistake)


def _draws_alike(subject: Subject) -> bool:
    """Whether the subject's strategies draw the same samples from the same seed."""

    def drawn() -> list[Sample]:
        found: list[Sample] = []
        for strategy in (subject.requests, subject.responses):
            if strategy is not None:
                hypothesis.seed(0)(_settings(20)(hypothesis.given(strategy)(found.append)))()
        return found

    try:
        return drawn() == drawn()
    except Exception:
        return False


_NOT_THE_CODECS = "The fault is the subject's, not the codec's"
_FILTERED = "the subject's strategies filter out nearly all they draw; build valid messages instead"
_NO_TIME = "the time was up before a case was judged; give the run more"
_GREEDY = f"the codec asked for memory beyond the {MEMORY_MIB} MiB that it is let have"
_GREEDY_MISTAKE = "room is made for a length that is not checked yet, or what was seen is kept"
_FLAKY_MISTAKE = "something is kept between two calls, or drawn"
_MORE = "more than what it was given (a global, a class attribute, the clock, randomness, something kept between calls)"
_FLAKY = f"this case failed, and passed when it was tried again: the codec's answer depends on {_MORE}"


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
