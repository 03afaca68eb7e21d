"""When a worker that has died starts again."""

from __future__ import annotations

import random

FIRST_DELAY = 0.1
"""Seconds until a worker that has lived a while starts again."""
LONGEST_DELAY = 10.0
"""Seconds; the delay doubles with every death that soon follows a start, up to this."""
LIVED = 30.0
"""Seconds a worker lives until its next death is no more a failure of its start."""


class BackOff:
    """One worker's delays.

    Args:
        rng: The source of chance: up to a half is added to a delay, so that workers that die together do not start
            together again and again.

    Attributes:
        failures: Deaths that soon followed a start, one after another.
    """

    __slots__ = ("_rng", "failures")

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.failures = 0

    def delay(self, lived: float) -> float:
        """Seconds to wait now that it has died.

        Args:
            lived: Seconds since it was started.
        """
        if lived >= LIVED:
            self.failures = 0
        delay: float = FIRST_DELAY * 2 ** min(self.failures, 30)
        self.failures += 1
        return min(delay, LONGEST_DELAY) * (1 + self._rng.random() / 2)
