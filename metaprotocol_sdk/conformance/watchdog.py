"""Ends code that does not end itself, where the platform lets it."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_AGAIN = 0.5
"""Seconds after which it rings again: Python swallows what is raised while an object is finalised."""


class DidNotEnd(BaseException):
    """The time was up. Not an Exception, so that no ``except Exception`` of the code that hangs can swallow it."""


@contextmanager
def time_limit(seconds: float) -> Iterator[Callable[[], None]]:
    """Raises :class:`DidNotEnd` in the block after ``seconds``; calling what it yields starts the time anew.

    It takes SIGALRM for as long as the block runs and gives back whatever alarm was set, less the time that passed.
    Outside the main thread, and where there is no SIGALRM, it limits nothing.
    """
    try:
        handler = signal.signal(signal.SIGALRM, _ring)
    except (AttributeError, ValueError):
        yield lambda: None
        return
    start = time.monotonic()
    delay, interval = signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        yield lambda: _restart(seconds)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if delay:
            signal.setitimer(signal.ITIMER_REAL, max(delay - (time.monotonic() - start), 0.001), interval)


def _restart(seconds: float) -> None:
    signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)


def _ring(_signal: int, _frame: FrameType | None) -> None:
    raise DidNotEnd
