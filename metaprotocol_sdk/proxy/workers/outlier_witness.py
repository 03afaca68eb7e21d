"""What a worker sees of its servers' failures, for the parent's outlier detection, which decides for all workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.health import HealthFlag
from metaprotocol_sdk.proxy.cluster.outlier_monitor import Cause, Volume
from metaprotocol_sdk.proxy.cluster.outlier_monitors import OutlierMonitors
from metaprotocol_sdk.proxy.config.values import AnyAddress, OutlierDetectionConfig
from metaprotocol_sdk.proxy.metrics import Counters
from metaprotocol_sdk.proxy.net.cluster_manager import Surroundings
from metaprotocol_sdk.proxy.timers import Slot

Report = Callable[[str, AnyAddress, Any], None]
"""Tells the parent's keepers of a cluster what was seen of a server: JSON, for their ``on_report``."""

REPORT_INTERVAL = 1.0
"""Seconds from one report of what was counted to the next, or the cluster's ``interval`` where that is shorter."""

_NOTHING = Volume(0, 0)


class OutlierWitness:
    """The keeper of one cluster's monitors. Failures in a row are counted here and reported at once.

    Args:
        report: Tells the parent.
        cluster: The cluster; it may be configured without outlier detection, now or later.
        surroundings: Its timers.
    """

    counters: Sequence[tuple[str, Counters]] = ()

    def __init__(self, report: Report, cluster: Cluster, surroundings: Surroundings) -> None:
        self._report = report
        self._cluster = cluster
        self._wheel = surroundings.turns.wheel
        self._config: OutlierDetectionConfig | None = None
        self._monitors: OutlierMonitors | None = None
        self._ejected: frozenset[Endpoint] = frozenset()
        self._slot: Slot | None = None
        cluster.watch(self._follow_servers)
        cluster.watch_state(self._follow_ejections)
        self.update()

    def update(self) -> None:
        """Follows the cluster's configuration."""
        config = self._cluster.config.outlier_detection
        if config == self._config:
            return
        self.close()
        self._config = config
        if config is not None:
            self._monitors = OutlierMonitors(self._cluster, config, self._on_outlier)
            self._arm(config)

    def _arm(self, config: OutlierDetectionConfig) -> None:
        self._slot = self._wheel.add(self, min(config.interval, REPORT_INTERVAL))

    def _on_outlier(self, endpoint: Endpoint, cause: Cause) -> None:
        self._report(self._cluster.name, endpoint.address, {"failures": cause.value})

    def on_timer(self, now: float) -> None:  # noqa: ARG002
        """It is time to report."""
        self._slot = None
        if self._monitors is None or self._config is None:
            return
        self._arm(self._config)
        for endpoint, counted in self._monitors.take_interval().items():
            if counted != (_NOTHING, _NOTHING):
                self._report(self._cluster.name, endpoint.address, {"counted": counted})

    def _follow_servers(self) -> None:
        if self._monitors is not None:
            self._monitors.follow_servers()

    def _follow_ejections(self) -> None:
        """Who was ejected, or is back, begins anew."""
        ejected = frozenset(each for each in self._cluster.endpoints if each.flags & HealthFlag.FAILED_OUTLIER_CHECK)
        for endpoint in ejected ^ self._ejected:
            if self._monitors is not None:
                self._monitors.reset(endpoint)
        self._ejected = ejected

    async def warm(self) -> None:
        """A cluster need not wait for this."""

    def close(self) -> None:
        """Counts nothing any more."""
        if self._slot is not None:
            self._slot.pop(self, None)
            self._slot = None
        if self._monitors is not None:
            self._monitors.close()
            self._monitors = None
