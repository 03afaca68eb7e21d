"""One coarse timer wheel for every timeout of a proxy.

Adding and cancelling cost a dictionary entry each, so a request can have a timeout without a timer of the event
loop. Time is handed in: whoever drives the wheel calls :meth:`TimerWheel.advance` when :attr:`TimerWheel.next_due`
has come.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Protocol

RESOLUTION = 0.01
"""Seconds a timer may fire late. It never fires early."""


class Timed(Protocol):
    """What a wheel calls when its time has come."""

    def on_timer(self, now: float) -> None:
        """Called once, at or after the time it was added for; the item is off the wheel by then."""


Slot = dict[Timed, None]
"""The items due at one tick. ``slot.pop(item, None)`` cancels an item, before and after it has fired."""


class TimerWheel:
    """Items by the tick they are due at.

    Args:
        now: The clock, in seconds; it never goes back.
        resolution: Seconds of one tick.
        on_earlier: Called with a new ``next_due`` when an item is due before all others: the time to set an alarm.
    """

    __slots__ = ("_now", "_on_earlier", "_resolution", "_slots", "_ticks")

    def __init__(
        self,
        now: Callable[[], float],
        *,
        resolution: float = RESOLUTION,
        on_earlier: Callable[[float], None] | None = None,
    ) -> None:
        self._now = now
        self._resolution = resolution
        self._on_earlier = on_earlier
        self._slots: dict[int, Slot] = {}
        self._ticks: list[int] = []

    def __len__(self) -> int:
        """How many items wait."""
        return sum(map(len, self._slots.values()))

    @property
    def next_due(self) -> float | None:
        """When :meth:`advance` may have something to do; None: nothing waits."""
        return self._ticks[0] * self._resolution if self._ticks else None

    def add(self, item: Timed, delay: float) -> Slot:
        """Calls ``item.on_timer`` after ``delay`` seconds; the slot that is returned cancels it."""
        tick = int((self._now() + delay) / self._resolution) + 1
        slot = self._slots.get(tick)
        if slot is None:
            slot = self._open(tick)
        slot[item] = None
        return slot

    def _open(self, tick: int) -> Slot:
        slot = self._slots[tick] = {}
        is_earliest = not self._ticks or tick < self._ticks[0]
        heapq.heappush(self._ticks, tick)
        if is_earliest and self._on_earlier is not None:
            self._on_earlier(tick * self._resolution)
        return slot

    def advance(self) -> None:
        """Fires everything that is due. An item that raises leaves the rest for the next call."""
        now = self._now()
        while self._ticks and self._ticks[0] * self._resolution <= now:
            slot = self._slots[self._ticks[0]]
            while slot:
                item = next(iter(slot))  # not a copy: an item that fires may cancel its neighbours
                del slot[item]
                item.on_timer(now)
            del self._slots[heapq.heappop(self._ticks)]
