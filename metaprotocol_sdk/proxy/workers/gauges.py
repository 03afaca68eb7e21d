"""A cluster's gauges, of which each worker writes its own and a circuit breaker reads all.

Asking and raising are two steps, so workers that ask at the same moment may all be let in: what is allowed is passed
by one for each other worker at most.
"""

from __future__ import annotations

from metaprotocol_sdk.proxy.cluster.circuit_breaker import CircuitBreaker, InUse
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.config.values import CircuitBreakersConfig
from metaprotocol_sdk.proxy.metrics import ClusterStats, is_gauge
from metaprotocol_sdk.proxy.workers.memory import Block

_ACTIVE, _PENDING, _CONNECTIONS, _RETRIES = range(4)


class SharedClusterStats(ClusterStats):
    """One worker's counts of a cluster; those its circuit breaker asks for are in the block.

    Args:
        block: Where they are.
        place: The cluster's place there.
        worker: Whose they are, from 0.

    Attributes:
        gauges: Those of all workers, one gauge after another.
        workers: How many workers there are.
        worker: Whose they are.
    """

    __slots__ = ("_active", "_pending", "gauges", "worker", "workers")

    def __init__(self, block: Block, place: int, worker: int) -> None:
        self.gauges = block.gauges(place)
        self.workers = block.workers
        self.worker = worker
        self._active = _ACTIVE * block.workers + worker
        self._pending = _PENDING * block.workers + worker
        super().__init__()

    @property
    def upstream_rq_active(self) -> int:
        """Requests at a server."""
        return self.gauges[self._active]

    @upstream_rq_active.setter
    def upstream_rq_active(self, count: int) -> None:
        self.gauges[self._active] = count

    @property
    def upstream_rq_pending_active(self) -> int:
        """Requests that wait for a connection."""
        return self.gauges[self._pending]

    @upstream_rq_pending_active.setter
    def upstream_rq_pending_active(self, count: int) -> None:
        self.gauges[self._pending] = count

    def snapshot(self, prefix: str = "") -> dict[str, int]:
        """Every count by ``prefix`` and its name."""
        return {prefix + name: getattr(self, name) for name in ClusterStats.__slots__}

    def reset(self) -> None:
        """Starts at 0 again, gauges left as they are."""
        for name in ClusterStats.__slots__:
            if not is_gauge(name):
                setattr(self, name, 0)


class SharedCircuitBreaker(CircuitBreaker):
    """Holds the gauges of all workers against the limits.

    What is in use is for the parent to say, once for all: a worker's says nothing.

    Args:
        config: The limits.
        stats: This worker's counts.
    """

    __slots__ = ("_connections", "_in_flight", "_mine", "_pending", "_retries")

    def __init__(self, config: CircuitBreakersConfig, stats: SharedClusterStats) -> None:
        view = _View(stats.gauges, stats.workers)
        self._mine = stats.worker
        self._in_flight, self._pending = view.of(_ACTIVE, 2), view.of(_PENDING)
        self._connections, self._retries = view.of(_CONNECTIONS), view.of(_RETRIES)
        super().__init__(config, stats)

    @property
    def connections(self) -> int:
        """Connections of this worker."""
        return self._connections[self._mine]

    @connections.setter
    def connections(self, count: int) -> None:
        self._connections[self._mine] = count

    @property
    def retries(self) -> int:
        """Retries of this worker."""
        return self._retries[self._mine]

    @retries.setter
    def retries(self, count: int) -> None:
        self._retries[self._mine] = count

    def snapshot(self, prefix: str = "") -> dict[str, int]:  # noqa: ARG002
        """Nothing."""
        return {}

    def allows_connection(self, endpoint: Endpoint, *, is_first: bool = False) -> bool:
        """As of one process, of which each pool has a first connection: so every worker may have one. What one server
        may have (``per_host_thresholds``) each worker counts for itself."""
        most = self._config.max_connections_per_host
        is_below = most is None or endpoint.connections < most
        return is_first or (is_below and sum(self._connections) < self._config.max_connections)

    def allows_pending(self) -> bool:
        """Whether one more request may wait for a connection (``max_pending_requests``)."""
        return sum(self._pending) < self._config.max_pending_requests

    def allows_request(self) -> bool:
        """Whether one more request may be in flight, those that wait included (``max_requests``)."""
        return sum(self._in_flight) < self._config.max_requests

    def allows_retry(self) -> bool:
        """Whether there may be one more retry; the budget is a share of what all workers have in flight."""
        return self._is_within_budget(sum(self._retries), sum(self._in_flight))


class WholeCircuitBreaker(CircuitBreaker):
    """The parent's: says what all workers have in use.

    Args:
        config: The limits.
        block: Where the gauges are.
        place: The cluster's place there.
    """

    __slots__ = ("_view",)

    def __init__(self, config: CircuitBreakersConfig, block: Block, place: int) -> None:
        self._view = _View(block.gauges(place), block.workers)
        super().__init__(config, ClusterStats())

    @property
    def in_use(self) -> InUse:
        """What there is of each thing that has a limit, in all workers."""
        of = self._view.of
        return InUse(sum(of(_CONNECTIONS)), sum(of(_PENDING)), sum(of(_ACTIVE)), sum(of(_RETRIES)))

    def allows_pending(self) -> bool:
        """Whether one more request may wait for a connection (``max_pending_requests``)."""
        return self.in_use.pending < self._config.max_pending_requests

    def allows_request(self) -> bool:
        """Whether one more request may be in flight, those that wait included (``max_requests``)."""
        _, pending, active, _ = self.in_use
        return pending + active < self._config.max_requests

    def allows_retry(self) -> bool:
        """Whether there may be one more retry."""
        _, pending, active, retries = self.in_use
        return self._is_within_budget(retries, pending + active)


class _View:
    """The gauges of one cluster, by gauge."""

    def __init__(self, gauges: memoryview[int], workers: int) -> None:
        self._gauges = gauges
        self._workers = workers

    def of(self, gauge: int, count: int = 1) -> memoryview[int]:
        """Of all workers, one gauge's, or those of several that stand behind one another."""
        return self._gauges[gauge * self._workers : (gauge + count) * self._workers]
