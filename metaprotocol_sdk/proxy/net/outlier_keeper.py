"""Has outliers of a cluster ejected, by what this process counts and what others report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.outlier_detector import OutlierDetector, OutlierStats
from metaprotocol_sdk.proxy.cluster.outlier_monitor import Cause, Interval, Volume
from metaprotocol_sdk.proxy.cluster.outlier_monitors import OutlierMonitors
from metaprotocol_sdk.proxy.config.values import AnyAddress, OutlierDetectionConfig
from metaprotocol_sdk.proxy.metrics import Counters
from metaprotocol_sdk.proxy.net.cluster_manager import Surroundings
from metaprotocol_sdk.proxy.timers import Slot

PREFIX = "outlier_detection."
"""Of its counters."""


class OutlierKeeper:
    """The :class:`~metaprotocol_sdk.proxy.net.cluster_manager.Keeper` of one cluster's ``outlier_detection``.

    Args:
        cluster: The cluster; it may be configured without, now or later.
        surroundings: Its clock and its source of chance.
    """

    def __init__(self, cluster: Cluster, surroundings: Surroundings) -> None:
        self._cluster = cluster
        self._turns = surroundings.turns
        self._rng = surroundings.rng
        self._stats = OutlierStats()
        self._config: OutlierDetectionConfig | None = None
        self._working: tuple[OutlierMonitors, OutlierDetector] | None = None
        self._slot: Slot | None = None
        cluster.watch(self._follow_servers)
        self.update()

    @property
    def counters(self) -> Sequence[tuple[str, Counters]]:
        """Those of a cluster with ``outlier_detection``."""
        return () if self._config is None else ((PREFIX, self._stats),)

    def update(self) -> None:
        """Follows the cluster's configuration."""
        config = self._cluster.config.outlier_detection
        if config == self._config:
            return
        before, self._config = self._config, config
        if config is None:
            self._end()
            return
        if self._working is None:
            self._begin(config)
        else:
            for each in self._working:
                each.update(config)
        assert self._working is not None
        can_uneject = config.successful_active_health_check_uneject_host
        self._cluster.uneject = self._working[1].uneject if can_uneject else None
        if before is None or before.interval != config.interval:
            self._arm(config.interval)

    def _begin(self, config: OutlierDetectionConfig) -> None:
        monitors = OutlierMonitors(self._cluster, config, self._consecutive_failures)
        detector = OutlierDetector(
            self._cluster, config, monitors, stats=self._stats, now=self._turns.loop.time, rng=self._rng
        )
        self._working = monitors, detector

    def _consecutive_failures(self, endpoint: Endpoint, cause: Cause) -> None:
        if self._working is not None:
            self._working[1].consecutive_failures(endpoint, cause)

    def on_report(self, address: AnyAddress, what: Any) -> None:
        """Another process has seen failures in a row, ``{"failures": cause}``, or has counted something of a server,
        ``{"counted": Interval}``."""
        endpoint = next((each for each in self._cluster.endpoints if each.address == address), None)
        if endpoint is None or endpoint.monitor is None:
            return
        if "failures" in what:
            self._consecutive_failures(endpoint, Cause(what["failures"]))
        else:
            endpoint.monitor.add(Interval(*(Volume(*each) for each in what["counted"])))

    def _follow_servers(self) -> None:
        for each in self._working or ():
            each.follow_servers()

    def _arm(self, interval: float) -> None:
        self._disarm()
        self._slot = self._turns.wheel.add(self, interval)

    def _disarm(self) -> None:
        if self._slot is not None:
            self._slot.pop(self, None)
            self._slot = None

    def on_timer(self, now: float) -> None:  # noqa: ARG002
        """The interval is over."""
        self._slot = None
        if self._working is not None and self._config is not None:
            self._arm(self._config.interval)
            self._working[1].sweep()

    async def warm(self) -> None:
        """A cluster need not wait for this."""

    def _end(self) -> None:
        if self._working is not None:
            self._working[1].close()
        self.close()

    def close(self) -> None:
        """Counts nothing any more; what is ejected stays so, for nobody sends there any more."""
        self._disarm()
        self._cluster.uneject = None
        if self._working is not None:
            self._working[0].close()
            self._working = None
