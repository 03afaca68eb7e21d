"""What a cluster is allowed at once: ``envoy.config.cluster.v3.CircuitBreakers``."""

from __future__ import annotations

from typing import NamedTuple

from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.config.values import CircuitBreakersConfig
from metaprotocol_sdk.proxy.metrics import ClusterStats, Counters


class InUse(NamedTuple):
    """What there is of each thing that has a limit."""

    connections: int
    pending: int
    active: int
    retries: int


class CircuitBreaker(Counters):
    """One cluster's limits for requests of one priority, and the gauges they are held against.

    It opens nothing and refuses nothing by itself: whoever starts one of these things asks first, raises the gauge,
    and lowers it when the thing has ended.

    Args:
        config: The limits.
        stats: Counts the requests that wait and those that are at a server.

    Attributes:
        stats: The same. Each priority has its own, so that a gauge is one number to change and to test.
        connections: Connections to the cluster's servers, those being made included.
        retries: Retries in flight, the time they wait for their turn included.
    """

    __slots__ = ("_config", "connections", "retries", "stats")

    def __init__(self, config: CircuitBreakersConfig, stats: ClusterStats) -> None:
        self._config = config
        self.stats = stats
        self.connections = 0
        self.retries = 0

    def update(self, config: CircuitBreakersConfig) -> None:
        """Holds the gauges against other limits from now on."""
        self._config = config

    def allows_connection(self, endpoint: Endpoint, *, is_first: bool = False) -> bool:
        """Whether there may be one more connection to ``endpoint``: ``max_connections``, its own and the cluster's.

        Args:
            endpoint: The server.
            is_first: Whether the pool that asks has none. It always gets one, as Envoy's pools do: the limit may be
                held by other servers' connections, and its requests would wait for something that never comes.
        """
        config = self._config
        if is_first:
            return True
        most = config.max_connections_per_host
        return self.connections < config.max_connections and (most is None or endpoint.connections < most)

    def allows_pending(self) -> bool:
        """Whether one more request may wait for a connection (``max_pending_requests``)."""
        return self.stats.upstream_rq_pending_active < self._config.max_pending_requests

    def allows_request(self) -> bool:
        """Whether one more request may be in flight, those that wait included (``max_requests``)."""
        stats = self.stats
        return stats.upstream_rq_active + stats.upstream_rq_pending_active < self._config.max_requests

    def allows_retry(self) -> bool:
        """Whether there may be one more retry: ``retry_budget`` where there is one, else ``max_retries``.

        The budget is ``budget_percent`` of the requests in flight or pending, rounded down, and never less than
        ``min_retry_concurrency``.
        """
        in_flight = self.stats.upstream_rq_active + self.stats.upstream_rq_pending_active
        return self._is_within_budget(self.retries, in_flight)

    def _is_within_budget(self, retries: int, in_flight: int) -> bool:
        config = self._config
        if config.retry_budget_percent is None:
            return retries < config.max_retries
        budget = int(config.retry_budget_percent * in_flight / 100)
        return retries < max(budget, config.min_retry_concurrency)

    @property
    def in_use(self) -> InUse:
        """What there is of each thing that has a limit."""
        stats = self.stats
        return InUse(self.connections, stats.upstream_rq_pending_active, stats.upstream_rq_active, self.retries)

    def reset(self) -> None:
        """Nothing: what it says is what there is now."""

    def snapshot(self, prefix: str = "") -> dict[str, int]:
        """Which limits are reached, and with ``track_remaining`` what is left of each, under Envoy's names.

        ``max_requests`` counts those that wait, too. With a retry budget nothing is said to be left of it, as in Envoy.
        """
        config = self._config
        connections, pending, active, retries = self.in_use
        found = {
            "cx_open": int(connections >= config.max_connections),
            "rq_open": int(not self.allows_request()),
            "rq_pending_open": int(not self.allows_pending()),
            "rq_retry_open": int(not self.allows_retry()),
        }
        if config.track_remaining:
            found |= {
                "remaining_cx": max(config.max_connections - connections, 0),
                "remaining_pending": max(config.max_pending_requests - pending, 0),
                "remaining_retries": max(config.max_retries - retries, 0),
                "remaining_rq": max(config.max_requests - active - pending, 0),
            }
            if config.retry_budget_percent is not None:
                found["remaining_retries"] = 0
        return {prefix + name: value for name, value in found.items()}
