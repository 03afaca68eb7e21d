"""Gives each server of a cluster its monitor, and takes it away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.outlier_monitor import Cause, Interval, monitor_of
from metaprotocol_sdk.proxy.config.values import OutlierDetectionConfig


class OutlierMonitors:
    """The monitors of one cluster's servers, in the process that sends their requests: the detector's ``Counting``.

    Args:
        cluster: The cluster.
        config: What its monitors count by.
        on_outlier: Called with a server that has failed too often in a row.
    """

    def __init__(
        self, cluster: Cluster, config: OutlierDetectionConfig, on_outlier: Callable[[Endpoint, Cause], None]
    ) -> None:
        self._cluster = cluster
        self._config = config
        self._on_outlier = on_outlier
        self._watched: tuple[Endpoint, ...] = ()
        self.follow_servers()

    def update(self, config: OutlierDetectionConfig) -> None:
        """Counts by ``config`` from now on, and from nothing."""
        self.close()
        self._config = config
        self.follow_servers()

    def follow_servers(self) -> None:
        """The cluster's servers are others."""
        before, self._watched = self._watched, self._cluster.endpoints
        there = frozenset(self._watched)
        for endpoint in self._watched:
            if endpoint.monitor is None:
                endpoint.monitor = monitor_of(self._config, partial(self._on_outlier, endpoint))
        for endpoint in before:
            if endpoint not in there:
                endpoint.monitor = None

    def close(self) -> None:
        """Counts nothing any more."""
        for endpoint in self._watched:
            endpoint.monitor = None
        self._watched = ()

    def take_interval(self) -> Mapping[Endpoint, Interval]:
        """What each has counted since this was last called."""
        return {each: each.monitor.take() for each in self._watched if each.monitor is not None}

    def reset(self, endpoint: Endpoint) -> None:
        """Forgets the server's failures in a row."""
        if endpoint.monitor is not None:
            endpoint.monitor.reset()
