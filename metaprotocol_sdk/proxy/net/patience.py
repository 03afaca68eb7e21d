"""How long a client may take over one message: ``request_timeout``.

A client that sends a byte now and then is never idle. What bounds it is the time from the first byte of a message
until the message is whole, while the proxy reads.
"""

from __future__ import annotations

from typing import Protocol

from metaprotocol_sdk.proxy.timers import Slot, TimerWheel


class Sender(Protocol):
    """A client's connection, as its patience sees it."""

    @property
    def partial(self) -> int:
        """Bytes of a message that is not whole, or of many that may not be taken now."""

    @property
    def is_read(self) -> bool:
        """Whether bytes are taken as they come: a client can send nothing that is not."""

    def tire(self) -> None:
        """The time is over, and the message is not whole."""


class Patience:
    """Looks after the message that one client has begun.

    Args:
        sender: The client's connection.
        wheel: What the time is waited on.
    """

    __slots__ = ("_partial", "_seconds", "_sender", "_slot", "_wheel")

    def __init__(self, sender: Sender, wheel: TimerWheel) -> None:
        self._sender = sender
        self._wheel = wheel
        self._seconds = 0.0
        self._partial = 0
        self._slot: Slot | None = None

    def received(self, count: int, seconds: float) -> None:
        """So many bytes have come, and every message they made whole has been taken; a message that begins now has
        ``seconds``."""
        partial = self._sender.partial
        is_another = partial < self._partial + count  # something was whole, so that what is left begins here
        self._partial = partial
        if is_another or not partial:
            self.end()
        if partial and self._slot is None:
            self._seconds = seconds
            self._slot = self._wheel.add(self, seconds)

    def on_timer(self, now: float) -> None:  # noqa: ARG002
        """The time of the message that was begun then is over."""
        self._slot = None
        partial = self._sender.partial
        if not partial:
            return
        if self._sender.is_read and partial >= self._partial:
            self._sender.tire()
            return
        self._partial = partial  # it was not the client that kept it waiting
        self._slot = self._wheel.add(self, self._seconds)

    def end(self) -> None:
        """Waits for nothing any more."""
        if self._slot is not None:
            self._slot.pop(self, None)
            self._slot = None
