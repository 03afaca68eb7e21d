"""What a running proxy can be asked, whether it is one process or many: plain values, which can be sent and merged."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from metaprotocol_sdk.proxy.config.values import AnyAddress, NodeConfig


class State(enum.IntEnum):
    """``envoy.admin.v3.ServerInfo.State``, and what the gauge ``server.state`` says."""

    LIVE = 0
    """Every listener accepts clients."""
    DRAINING = 1
    """It stops, an operator has said that it should not be sent clients, or no listener accepts any more."""
    PRE_INITIALIZING = 2
    """Its listeners are not bound yet."""
    INITIALIZING = 3
    """It waits until its clusters can be used, or until a worker serves again where all have died."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointStatus:
    """One server of a cluster.

    Args:
        address: Where it listens.
        weight: Its ``load_balancing_weight``.
        flags: What is known against it, as a ``HealthFlag``'s number.
        active: Requests in flight there.
        priority: Its priority; 0 is the highest.
    """

    address: AnyAddress
    weight: int = 1
    flags: int = 0
    active: int = 0
    priority: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterStatus:
    """One cluster.

    Args:
        name: What routes call it.
        endpoints: Its servers, in configured order.
        limits: ``max_connections``, ``max_pending_requests``, ``max_requests`` and ``max_retries`` by name, of
            ``DEFAULT`` and of ``HIGH``.
    """

    name: str
    endpoints: tuple[EndpointStatus, ...] = ()
    limits: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerStatus:
    """One listener that serves.

    Args:
        name: What logs call it.
        address: Where it listens, with the port that the kernel chose when the configuration says 0.
        protocol: ``protocol.name``, which its counters have in their names.
        stat_prefix: The same of ``stat_prefix``.
    """

    name: str
    address: AnyAddress
    protocol: str
    stat_prefix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HistogramValue:
    """What a :class:`~metaprotocol_sdk.proxy.metrics.Histogram` holds.

    Args:
        bounds: The upper bounds of the buckets.
        counts: How many values each bucket has; one more than there are bounds.
        total: The sum of all values.
    """

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float


class Operated(Protocol):
    """A running proxy, as its operator sees it. What must be asked of other processes is awaited."""

    @property
    def state(self) -> State:
        """What it is doing."""

    @property
    def node(self) -> NodeConfig:
        """Who it says it is."""

    @property
    def uptime(self) -> float:
        """Seconds since it began."""

    @property
    def log_level(self) -> str:
        """What is less grave is not written: one of ``log.LEVELS``."""

    async def counters(self) -> dict[str, int]:
        """Every counter and gauge by its full name; ``metrics.is_gauge`` tells them apart."""

    async def histograms(self) -> dict[str, HistogramValue]:
        """Every histogram by its full name."""

    async def clusters(self) -> Sequence[ClusterStatus]:
        """The clusters, in configured order."""

    async def listeners(self) -> Sequence[ListenerStatus]:
        """The listeners that serve, in configured order."""

    async def reset_counters(self) -> None:
        """Sets every counter to 0, and no gauge."""

    async def drain_listeners(self, *, graceful: bool, skip_exit: bool, inbound_only: bool) -> None:
        """Has the clients leave: each connection is closed as soon as it has no request in flight. Returns at once.

        Args:
            graceful: New clients are accepted for the drain time still; else none from now on.
            skip_exit: They are accepted after it, too.
            inbound_only: Only listeners whose ``traffic_direction`` is INBOUND.
        """

    def fail_health_checks(self, *, is_failed: bool) -> None:
        """Is DRAINING, or is not any more, for those who ask whether it is ready; nothing else changes."""

    async def set_log_level(self, level: str) -> None:
        """Writes from now on what is as grave as ``level``, one of ``log.LEVELS``, or graver."""

    def stop(self) -> None:
        """Drains and ends, as SIGTERM has it; asked a second time it ends at once."""
