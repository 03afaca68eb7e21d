"""How long one connection to a server is used: its age, its requests, its idleness."""

from __future__ import annotations

import math

from metaprotocol_sdk.proxy.config.values import ConnectionConfig
from metaprotocol_sdk.proxy.metrics import ClusterStats


class Lifespan:
    """One connection's age and use, on a clock that is handed in.

    Args:
        config: What its cluster allows.
        stats: What its end is counted in.

    Attributes:
        uses: Requests it has carried; whoever sends one raises it, and calls :meth:`use_up` at ``limit``.
        limit: How many it may carry; 0: any number.
    """

    __slots__ = ("_expires_at", "_idle", "_max_duration", "_stats", "_uses_then", "limit", "uses")

    def __init__(self, config: ConnectionConfig, stats: ClusterStats) -> None:
        self._idle = config.idle_timeout
        self._max_duration = config.max_duration
        self.limit = config.max_requests or 0
        self._stats = stats
        self._expires_at = math.inf
        self._uses_then = 0
        self.uses = 0

    def begin(self, now: float) -> None:
        """The connection is there to be used."""
        if self._max_duration is not None:
            self._expires_at = now + self._max_duration

    def use_up(self) -> None:
        """The last request has been sent."""
        self._stats.upstream_cx_max_requests += 1

    def delay(self, now: float) -> float | None:
        """Seconds until :meth:`is_over` has something to say; None: never."""
        left = max(self._expires_at - now, 0)
        delay = left if self._idle is None else min(self._idle, left)
        return None if delay == math.inf else delay

    def is_over(self, now: float, *, is_unused: bool) -> bool:
        """Whether no more requests may be sent: it is too old, or was not used since this was last asked.

        Args:
            now: The time.
            is_unused: Whether no request is in flight.
        """
        if now >= self._expires_at:
            self._stats.upstream_cx_max_duration_reached += 1
            self._expires_at = math.inf
            return True
        if is_unused and self.uses == self._uses_then and self._idle is not None:
            self._stats.upstream_cx_idle_timeout += 1
            return True
        self._uses_then = self.uses
        return False
