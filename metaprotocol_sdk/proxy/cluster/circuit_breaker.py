"""What a cluster is allowed at once: ``envoy.config.cluster.v3.CircuitBreakers``."""

from __future__ import annotations

from metaprotocol_sdk.proxy.config.values import CircuitBreakersConfig
from metaprotocol_sdk.proxy.metrics import ClusterStats


class CircuitBreaker:
    """One cluster's limits, and the gauges they are held against.

    It opens nothing and refuses nothing by itself: whoever starts one of these things asks first, raises the gauge,
    and lowers it when the thing has ended.

    Args:
        config: The limits.
        stats: Counts the requests that wait and those that are at a server.

    Attributes:
        connections: Connections to the cluster's servers, those being made included.
        retries: Retries in flight, the time they wait for their turn included.
    """

    __slots__ = ("_config", "_stats", "connections", "retries")

    def __init__(self, config: CircuitBreakersConfig, stats: ClusterStats) -> None:
        self._config = config
        self._stats = stats
        self.connections = 0
        self.retries = 0

    def update(self, config: CircuitBreakersConfig) -> None:
        """Holds the gauges against other limits from now on."""
        self._config = config

    def allows_connection(self, *, is_first: bool = False) -> bool:
        """Whether there may be one more connection (``max_connections``).

        Args:
            is_first: Whether the pool that asks has none. It always gets one, as Envoy's pools do: the limit may be
                held by other servers' connections, and its requests would wait for something that never comes.
        """
        return is_first or self.connections < self._config.max_connections

    def allows_pending(self) -> bool:
        """Whether one more request may wait for a connection (``max_pending_requests``)."""
        return self._stats.upstream_rq_pending_active < self._config.max_pending_requests

    def allows_request(self) -> bool:
        """Whether one more request may be in flight, those that wait included (``max_requests``)."""
        stats = self._stats
        return stats.upstream_rq_active + stats.upstream_rq_pending_active < self._config.max_requests

    def allows_retry(self) -> bool:
        """Whether there may be one more retry: ``retry_budget`` where there is one, else ``max_retries``.

        The budget is ``budget_percent`` of the requests in flight or pending, rounded down, and never less than
        ``min_retry_concurrency``.
        """
        in_flight = self._stats.upstream_rq_active + self._stats.upstream_rq_pending_active
        return self._is_within_budget(self.retries, in_flight)

    def _is_within_budget(self, retries: int, in_flight: int) -> bool:
        config = self._config
        if config.retry_budget_percent is None:
            return retries < config.max_retries
        budget = int(config.retry_budget_percent * in_flight / 100)
        return retries < max(budget, config.min_retry_concurrency)
