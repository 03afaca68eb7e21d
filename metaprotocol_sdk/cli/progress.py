"""One line on a terminal that says how far a long run is, and is gone when there is something to read."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import TextIO

_EVERY = 0.1
"""Seconds between two drawings."""
_CLEAR = "\r\x1b[K"
_WIDTH = 20


@dataclass
class ProgressLine:
    """A line that is drawn over itself.

    Args:
        stream: Where; usually stderr.
        is_shown: Whether at all; :func:`can_redraw` knows.
        ascii_only: Whether it must be ASCII.
    """

    stream: TextIO
    is_shown: bool
    ascii_only: bool = False
    _drawn_at: float = field(default=0.0, init=False)
    _is_there: bool = field(default=False, init=False)

    def show(self, text: str, done: int, total: int) -> None:
        """Draws ``text`` with a bar, unless it was drawn a moment ago."""
        now = time.monotonic()
        if not self.is_shown or now - self._drawn_at < _EVERY:
            return
        filled = min(_WIDTH, _WIDTH * done // max(total, 1))
        full, empty = ("#", ".") if self.ascii_only else ("█", "░")
        self.stream.write(f"{_CLEAR}  {full * filled}{empty * (_WIDTH - filled)} {text} {done}/{total}")
        self.stream.flush()
        self._drawn_at, self._is_there = now, True

    def clear(self) -> None:
        """Takes the line away."""
        if self._is_there:
            self.stream.write(_CLEAR)
            self.stream.flush()
            self._is_there = False


def can_redraw(stream: TextIO) -> bool:
    """Whether a stream is a terminal on which a line can be drawn over."""
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
