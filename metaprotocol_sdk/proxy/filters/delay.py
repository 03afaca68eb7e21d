"""A wait of a given time, for a filter to return: it is a place on the timer wheel, and costs no task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from metaprotocol_sdk.errors import Error
from metaprotocol_sdk.proxy.timers import TimerWheel


class Delay:
    """Lets a request, or a reply, wait; others go on. It begins when it is made, and a hook returns it at once.

    Args:
        wheel: ``context.wheel``.
        seconds: How long; it takes up to a hundredth more.
        verdict: What the hook says then: None to go on, or an Error.
        on_end: Called with the delay once, when the time has passed or the client has left.

    Attributes:
        verdict: As it was given.
    """

    __slots__ = ("_callback", "_is_given_up", "_on_end", "_slot", "verdict")

    def __init__(
        self,
        wheel: TimerWheel,
        seconds: float,
        verdict: Error | None = None,
        *,
        on_end: Callable[[Delay], None] | None = None,
    ) -> None:
        self.verdict = verdict
        self._on_end = on_end
        self._is_given_up = False
        self._callback: Callable[[Any], None] | None = None
        self._slot = wheel.add(self, seconds)

    def add_done_callback(self, callback: Callable[[Any], None], /) -> None:
        """Has the chain told when the time has passed."""
        self._callback = callback

    def on_timer(self, now: float) -> None:  # noqa: ARG002
        """Called by the wheel."""
        if self._on_end is not None:
            self._on_end(self)
        if self._callback is not None:
            self._callback(self)

    def cancel(self) -> None:
        """Gives it up: the client has left."""
        self._slot.pop(self, None)
        self._is_given_up = True
        if self._on_end is not None:
            self._on_end(self)

    def cancelled(self) -> bool:
        """Whether it was given up."""
        return self._is_given_up

    def result(self) -> Error | None:
        """What the hook says: the verdict."""
        return self.verdict
