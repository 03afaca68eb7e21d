"""A token bucket, filled by looking at the clock: there is no timer."""

from __future__ import annotations

from typing import Protocol


class Bucket:
    """``envoy.type.v3.TokenBucket``: full at the start; a number of tokens is added whenever an interval has passed.

    Intervals are counted from the start, whole ones only, each for itself: after two and a half of them without a
    request two fills are due, and the next comes half an interval later. What does not fit is lost.

    Args:
        max_tokens: Tokens it holds.
        tokens_per_fill: Tokens added at a time.
        fill_interval: Seconds between two fills.
        now: The time it starts at.
    """

    __slots__ = ("_due", "_fill_interval", "_max_tokens", "_tokens", "_tokens_per_fill")

    def __init__(self, *, max_tokens: int, tokens_per_fill: int, fill_interval: float, now: float) -> None:
        self._max_tokens = max_tokens
        self._tokens_per_fill = tokens_per_fill
        self._fill_interval = fill_interval
        self._start(now)

    def _start(self, now: float) -> None:
        self._tokens = self._max_tokens
        self._due = now + self._fill_interval

    def take(self, now: float) -> bool:
        """Takes one token, if there is one.

        Args:
            now: The time, on the clock it was started with.
        """
        if now >= self._due:
            self._fill(now)
        if not self._tokens:
            return False
        self._tokens -= 1
        return True

    def _fill(self, now: float) -> None:
        intervals = int((now - self._due) // self._fill_interval) + 1
        self._tokens = min(self._max_tokens, self._tokens + intervals * self._tokens_per_fill)
        self._due += intervals * self._fill_interval


class MakeBucket(Protocol):
    """Makes a bucket; :class:`Bucket` itself where one process is the whole proxy."""

    def __call__(self, *, max_tokens: int, tokens_per_fill: int, fill_interval: float, now: float) -> Bucket:
        """A bucket with those properties; see :class:`Bucket`."""
