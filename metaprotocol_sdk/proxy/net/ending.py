"""How a client's connection ends: half-closed, drained, idle, or lingering behind a malformed message."""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from contextlib import suppress

from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.metrics import ListenerStats
from metaprotocol_sdk.proxy.net.connection import Connection
from metaprotocol_sdk.proxy.net.context import Context
from metaprotocol_sdk.proxy.net.patience import Patience
from metaprotocol_sdk.proxy.peer import Peer, Told

QUIET = 0.2
"""Seconds without a byte after which a client by TLS counts as one that has read its replies."""

_log = logging.getLogger(LOGGER_NAME)


class EndingConnection(Connection):
    """A client's connection that closes once it has a reason to and nothing is left to do.

    Args:
        context: The listener's.
        idle_timeout: Seconds without a byte in either direction, and no request in flight, until it is closed.
        told: Whom the client speaks for, where it has said so.
    """

    __slots__ = (
        "_active_at",
        "_client",
        "_idle_timeout",
        "_is_draining",
        "_is_ending",
        "_is_eof",
        "_is_leaving",
        "_is_lingering",
        "_is_paused",
        "_is_reading",
        "_linger_until",
        "_now",
        "_patience",
        "_stats",
        "_told",
        "is_lost",
    )

    def __init__(self, context: Context, *, idle_timeout: float | None, told: Told | None = None) -> None:
        super().__init__(context, watermark=context.limits.watermark)
        self._stats: ListenerStats = context.stats
        self._now = context.turns.loop.time
        self._idle_timeout = idle_timeout
        self._active_at = 0.0
        self._client: Peer | None = None
        self._told = told
        self._patience: Patience | None = None
        self._is_reading = False  # inside the loop that decodes
        self._is_paused = False  # nothing is read from the client
        self._is_eof = False  # the client sends no more
        self._is_ending = False  # we read no more
        self.is_lost = False
        self._is_lingering = False
        self._linger_until = 0.0
        self._is_draining = False
        self._is_leaving = False  # any of the four before: what is looked at after every message

    @property
    def client(self) -> Peer:
        """Who is at the other end; worked out when it is first asked for."""
        if self._client is None:
            self._client = Peer.from_transport(self._transport.get_extra_info, self._told)
        return self._client

    @property
    @abstractmethod
    def in_flight(self) -> int:
        """How many requests wait for their reply, or to be on their way."""

    @property
    @abstractmethod
    def partial(self) -> int:
        """Bytes of a request that is half read."""

    @property
    def is_read(self) -> bool:
        """Whether what the client sends is taken as it comes."""
        return not (self._is_paused or self._is_ending or self.is_closing)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop once a client has connected."""
        super().connection_made(transport)
        self._stats.downstream_cx_total += 1
        self._stats.downstream_cx_active += 1
        self._active_at = self._now()
        if self._idle_timeout is not None:
            self._arm(self._idle_timeout)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop when the connection has ended, by whichever side."""
        self._stats.downstream_cx_active -= 1
        self.is_lost = True
        if self._patience is not None:
            self._patience.end()
        super().connection_lost(exc)

    def eof_received(self) -> bool:
        """Called by the loop when the client sends no more; True keeps our half open for the replies to come. The
        loops' TLS has no halves: there the client's end is the connection's."""
        self._is_eof = self._is_leaving = True
        if self._is_lingering:
            self.close()
        else:
            self._settle()
        return self._has_halves

    @property
    def _has_halves(self) -> bool:
        """Whether one direction can be closed without the other: not by the loops' TLS."""
        can_write_eof: bool = self._transport.can_write_eof()
        return can_write_eof

    def _set_idle_timeout(self, idle_timeout: float | None) -> None:
        """Counts from now on with another timeout."""
        if idle_timeout != self._idle_timeout and not (self.is_closing or self._is_lingering):
            self._idle_timeout = idle_timeout
            self._disarm()
            if idle_timeout is not None:
                self._arm(idle_timeout)

    def _watch_request(self, count: int, seconds: float) -> None:
        """Gives the request that the client has begun, if it has, ``seconds``; so many bytes have just come."""
        if self._patience is None:
            self._patience = Patience(self, self._context.turns.wheel)
        if self._is_ending:
            self._patience.end()  # what is left is never read
        else:
            self._patience.received(count, seconds)

    def tire(self) -> None:
        """Reads no more of a client that takes too long over one request; the replies that are to come still go out."""
        seconds = self._context.limits.request_timeout
        if seconds is not None:
            self._stats.downstream_rq_timeout += 1
            self._end_reading(f"took over {seconds:g} s to send one request")
            self._settle()

    def _end_reading(self, what: str) -> None:
        _log.warning("listener %s: client %s %s; no more is read of it", self._context.listener, self.peer, what)
        self._is_ending = self._is_leaving = True

    def drain(self) -> None:
        """Closes as soon as no request is in flight and none is half read."""
        self._is_draining = self._is_leaving = True
        self._settle()

    def finish(self) -> None:
        """Takes no more requests, delivers the replies that are to come, and closes."""
        self._is_ending = self._is_leaving = True
        if not self.is_closing:
            self._settle()

    def _settle(self) -> None:
        """Closes if nothing is left to do."""
        if self.in_flight or self._is_lingering or self._is_reading or self._transport.is_closing():
            return
        if self._is_draining and not self.partial:
            self._is_ending = True  # what comes now was sent before the client could know
        if self._is_eof:
            self.close()
        elif self._is_ending:
            self._linger()

    def _linger(self) -> None:
        """Says that no more will come and waits for the client's end: closing a socket that has unread bytes resets
        it, and the client would lose replies it has not read yet. Over TLS nothing can be said before the close, so it
        waits until the client is quiet."""
        self._is_lingering = True
        self.flush()
        if self._is_paused:
            self._transport.resume_reading()
        if not self._has_halves:
            self._linger_until = self._now() + self._context.limits.linger_timeout
            self._arm(QUIET)
            return
        with suppress(OSError):  # the client has reset the connection, which the loop will tell
            self._transport.write_eof()
        self._arm(self._context.limits.linger_timeout)

    def on_timer(self, now: float) -> None:
        """A close that took too long, a client that lingers, or one that may have been idle for long enough."""
        if self.is_closing:
            super().on_timer(now)
            return
        if self._is_lingering:
            if now < self._linger_until and now < self._active_at + QUIET:
                self._arm(QUIET)
            else:
                self.close()
            return
        assert self._idle_timeout is not None
        left = self._active_at + self._idle_timeout - now
        if self.in_flight or left > 0 or self._is_read_by_peer():
            self._arm(left if left > 0 else self._idle_timeout)
            return
        self._stats.idle_timeout += 1
        self.close()
