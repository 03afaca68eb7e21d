"""Servers that have just become usable get a growing share: ``envoy.config.cluster.v3.Cluster.SlowStartConfig``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heapreplace

from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.least_request import MOST_BIAS
from metaprotocol_sdk.proxy.config.values import SlowStartConfig

_SHORTEST = 0.001
"""Seconds; Envoy counts whole milliseconds, and at least one."""
_LEAST = 1e-6
"""However small the share is configured to be, a turn comes."""


def factor(config: SlowStartConfig, seconds: float) -> float:
    """What a server's weight is multiplied by, 0 to 1, so many seconds after it became usable.

    ``max(min_weight_percent, (seconds / slow_start_window) ** (1 / aggression))``.
    """
    if seconds >= config.window:
        return 1.0
    share: float = (max(seconds, _SHORTEST) / config.window) ** (1 / config.aggression)
    return min(1.0, max(share, config.minimum, _LEAST))


def ends(config: SlowStartConfig, endpoints: Sequence[Endpoint], now: float) -> float | None:
    """When the last of ``endpoints`` has its whole share; None: all have."""
    latest = max((each.since for each in endpoints if not each.flags), default=now - config.window) + config.window
    return latest if latest > now else None


class SlowStart:
    """Endpoints in turns by weight, as long as one of them has not its whole share.

    An endpoint's next turn comes ``1 / weight`` after this one, by the weight it has when it is picked; so nothing has
    to run while its share grows. The shares and the turns are Envoy's.

    Args:
        endpoints: At least two.
        config: How the share grows.
        bias: The power of the requests in flight that a weight is divided by: ``active_request_bias`` of LEAST_REQUEST;
            0: they do not count.
        now: The clock.
        until: When all have their whole share.
        on_end: Called by picks from then on: others can do this cheaper.
        start: How many picks are passed over.
    """

    __slots__ = ("_bias", "_config", "_count", "_now", "_on_end", "_turns", "_until")

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        config: SlowStartConfig,
        *,
        bias: float,
        now: Callable[[], float],
        until: float,
        on_end: Callable[[], None],
        start: int = 0,
    ) -> None:
        self._config = config
        self._bias = min(bias, MOST_BIAS)
        self._now = now
        self._until = until
        self._on_end = on_end
        self._count = len(endpoints)
        time = now()
        self._turns = sorted((1 / self._weight(each, time), index, each) for index, each in enumerate(endpoints))
        for _ in range(start):
            self._advance(time)

    def _weight(self, endpoint: Endpoint, now: float) -> float:
        weight: float = endpoint.weight / (endpoint.active + 1) ** self._bias
        return weight if endpoint.flags else weight * factor(self._config, now - endpoint.since)

    def _advance(self, now: float) -> Endpoint:
        time, _, endpoint = self._turns[0]
        self._count = count = self._count + 1  # of turns at one time, the one that was set first
        heapreplace(self._turns, (time + 1 / self._weight(endpoint, now), count, endpoint))
        return endpoint

    def pick(self, _hash_value: int | None = None, /) -> Endpoint:
        """The endpoint whose turn it is."""
        now = self._now()
        if now >= self._until:
            self._on_end()
        return self._advance(now)
