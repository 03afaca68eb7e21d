"""Ends code that does not end itself, where the platform lets it."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_AGAIN = 0.5
"""Seconds after which it rings again: Python swallows what is raised while an object is finalised."""
_PATIENCE = 4
"""How many times as long a process may take by the clock: on a loaded machine it is mostly waiting for its turn."""


class DidNotEnd(BaseException):
    """The time was up. Not an Exception, so that no ``except Exception`` of the code that hangs can swallow it."""


@contextmanager
def time_limit(seconds: float) -> Iterator[Callable[[], None]]:
    """Raises :class:`DidNotEnd` in the block after ``seconds`` of work; calling what it yields starts the time anew.

    What counts is the CPU time of this process. Code that waits and does not work has four times as long by the clock.
    It takes SIGALRM for as long as the block runs and gives back whatever alarm was set, less the time that passed.
    Outside the main thread, and where there is no SIGALRM, it limits nothing.
    """
    alarm = _Alarm(seconds)
    try:
        handler = signal.signal(signal.SIGALRM, alarm.ring)
    except (AttributeError, ValueError):
        yield lambda: None
        return
    start = time.monotonic()
    delay, interval = signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        yield alarm.restart
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if delay:
            signal.setitimer(signal.ITIMER_REAL, max(delay - (time.monotonic() - start), 0.001), interval)


class _Alarm:
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._start()

    def _start(self) -> None:
        self._worked = time.process_time()
        self._began = time.monotonic()

    def restart(self) -> None:
        self._start()
        signal.setitimer(signal.ITIMER_REAL, self._seconds, _AGAIN)

    def ring(self, _signal: int, _frame: FrameType | None) -> None:
        has_worked = time.process_time() - self._worked >= self._seconds
        if has_worked or time.monotonic() - self._began >= self._seconds * _PATIENCE:
            raise DidNotEnd
