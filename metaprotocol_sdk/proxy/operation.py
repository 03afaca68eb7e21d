"""What an operator asks and orders of a proxy that is one process: ``admin.operated.Operated`` over a Server."""

from __future__ import annotations

import logging
from collections.abc import Callable

from metaprotocol_sdk.proxy.admin.operated import (
    ClusterStatus,
    EndpointStatus,
    HistogramValue,
    ListenerStatus,
    State,
)
from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.config.values import CircuitBreakersConfig, NodeConfig, RoutingPriority
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.metrics import Histogram
from metaprotocol_sdk.proxy.server import Server

_log = logging.getLogger(LOGGER_NAME)


class Operation:
    """One server, operated.

    Args:
        server: The server.
        stop: Called when an operator has it end.
        now: The clock, in seconds.

    Attributes:
        is_started: Whether every listener accepts clients; whoever starts the server says so.
        is_stopping: Whether it ends; whoever stops it says so.
    """

    def __init__(self, server: Server, *, stop: Callable[[], None], now: Callable[[], float]) -> None:
        self.is_started = False
        self.is_stopping = False
        self.stop = stop
        self._server = server
        self._now = now
        self._since = now()
        self._is_failed = False

    @property
    def state(self) -> State:
        """What it is doing."""
        listeners = self._server.listeners
        is_drained = bool(listeners) and all(each.is_draining for each in listeners)
        if self.is_stopping:
            return State.DRAINING
        if not self.is_started:
            return State.INITIALIZING
        return State.DRAINING if self._is_failed or is_drained else State.LIVE

    @property
    def node(self) -> NodeConfig:
        """Who it says it is."""
        return self._server.config.node

    @property
    def uptime(self) -> float:
        """Seconds since it began."""
        return self._now() - self._since

    @property
    def log_level(self) -> str:
        """What is less grave is not written."""
        return logging.getLevelName(_log.getEffectiveLevel()).lower()

    async def counters(self) -> dict[str, int]:
        """Every counter and gauge by its full name."""
        return self._server.snapshot()

    async def histograms(self) -> dict[str, HistogramValue]:
        """Every histogram by its full name."""
        return {name: value_of(each) for name, each in self._server.histograms().items()}

    async def clusters(self) -> list[ClusterStatus]:
        """The clusters, in configured order."""
        return [_status(each) for each in self._server.clusters.values()]

    async def listeners(self) -> list[ListenerStatus]:
        """The listeners that serve, in configured order."""
        return [
            ListenerStatus(
                name=each.config.name,
                address=each.bound.address,
                protocol=each.config.protocol.name,
                stat_prefix=each.config.stat_prefix,
            )
            for each in self._server.listeners
            if each.is_bound
        ]

    async def reset_counters(self) -> None:
        """Sets every counter to 0, and no gauge."""
        self._server.reset_counters()

    async def drain_listeners(self, *, graceful: bool, skip_exit: bool, inbound_only: bool) -> None:
        """As :meth:`Server.drain_listeners` has it."""
        self._server.drain_listeners(graceful=graceful, skip_exit=skip_exit, inbound_only=inbound_only)

    def fail_health_checks(self, *, is_failed: bool) -> None:
        """Is DRAINING, or is not any more, for those who ask whether it is ready."""
        self._is_failed = is_failed

    async def set_log_level(self, level: str) -> None:
        """Writes from now on what is as grave as ``level`` or graver."""
        _log.setLevel(level.upper())


def value_of(histogram: Histogram) -> HistogramValue:
    """What a histogram holds, as an operator is told."""
    return HistogramValue(bounds=histogram.bounds, counts=tuple(histogram.counts), total=histogram.total)


def _status(cluster: Cluster) -> ClusterStatus:
    config = cluster.config
    return ClusterStatus(
        name=cluster.name,
        endpoints=tuple(
            EndpointStatus(
                address=each.address,
                weight=each.weight,
                flags=int(each.flags),
                active=each.active,
                priority=each.config.priority,
            )
            for each in cluster.endpoints
        ),
        limits={
            RoutingPriority.DEFAULT.value: _limits(config.circuit_breakers),
            RoutingPriority.HIGH.value: _limits(config.high_circuit_breakers),
        },
    )


def _limits(config: CircuitBreakersConfig) -> dict[str, int]:
    return {
        "max_connections": config.max_connections,
        "max_pending_requests": config.max_pending_requests,
        "max_requests": config.max_requests,
        "max_retries": config.max_retries,
    }
