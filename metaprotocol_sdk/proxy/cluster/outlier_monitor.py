"""Counts what becomes of the requests to one server, for :mod:`~metaprotocol_sdk.proxy.cluster.outlier_detector`.

Whoever carries requests tells the monitor of each result, once a request: it was answered, or it was not and whose side
that is on. A result of neither side, such as a client that leaves, is not told.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import NamedTuple

from metaprotocol_sdk.proxy.config.values import OutlierDetectionConfig


class Cause(enum.Enum):
    """Why a server is an outlier: ``envoy.data.cluster.v3.OutlierEjectionType``, as its counters are named."""

    CONSECUTIVE_5XX = "consecutive_5xx"
    CONSECUTIVE_GATEWAY_FAILURE = "consecutive_gateway_failure"
    CONSECUTIVE_LOCAL_ORIGIN_FAILURE = "consecutive_local_origin_failure"
    SUCCESS_RATE = "success_rate"
    SUCCESS_RATE_LOCAL_ORIGIN = "local_origin_success_rate"
    FAILURE_PERCENTAGE = "failure_percentage"
    FAILURE_PERCENTAGE_LOCAL_ORIGIN = "local_origin_failure_percentage"


class Volume(NamedTuple):
    """Requests, and how many of them succeeded."""

    total: int
    good: int


class Interval(NamedTuple):
    """What a monitor has counted since it was last asked; ``local`` is empty where the origins are not split."""

    external: Volume
    local: Volume


OnOutlier = Callable[[Cause], None]
"""Told that as many requests as are configured have failed in a row."""


class Monitor:
    """One server's results, of whichever origin.

    Args:
        config: How many failures in a row are too many.
        on_outlier: Called when there have been as many. The count begins again then.
    """

    __slots__ = ("_bad", "_config", "_failures", "_good", "_on_outlier", "_unconnected", "_unreached")

    def __init__(self, config: OutlierDetectionConfig, on_outlier: OnOutlier) -> None:
        self._config = config
        self._on_outlier = on_outlier
        self._good = self._bad = 0
        self._failures = 0
        self._unreached = 0
        self._unconnected = 0
        """How many of the last failures in a row were to connect."""

    def replied(self, is_ok: bool, /) -> None:
        """The server has answered, well or with an error."""
        if is_ok:
            self._good += 1
            self._failures = self._unreached = self._unconnected = 0
        else:
            self._bad += 1
            self._unreached = self._unconnected = 0
            self._fail()

    def garbled(self) -> None:
        """The server has answered with what cannot be decoded."""
        self.replied(False)

    def failed(self) -> None:
        """The request was sent, and has got no answer: its time is over, or its connection."""
        self._unconnected = 0
        self._miss()

    def connect_failed(self) -> None:
        """No connection was made for the request."""
        self._unconnected += 1
        self._miss()

    def connected(self) -> None:
        """A connection was made. It ends a run of failures to connect, and no other: what refuses no connection may
        still answer none."""
        if self._unconnected:
            if self._unconnected >= self._failures:
                self._failures = 0
            if self._unconnected >= self._unreached:
                self._unreached = 0
            self._unconnected = 0

    def _miss(self) -> None:
        self._bad += 1
        self._unreached += 1
        if self._unreached == self._config.consecutive_gateway_failure:
            self._unreached = 0
            self._on_outlier(Cause.CONSECUTIVE_GATEWAY_FAILURE)
        self._fail()

    def _fail(self) -> None:
        self._failures += 1
        if self._failures == self._config.consecutive_5xx:
            self._failures = 0
            self._on_outlier(Cause.CONSECUTIVE_5XX)

    def reset(self) -> None:
        """Forgets the failures in a row: the server begins anew."""
        self._failures = self._unreached = self._unconnected = 0

    def add(self, counted: Interval) -> None:
        """Counts what another process has counted of the same server."""
        self._good += counted.external.good
        self._bad += counted.external.total - counted.external.good

    def take(self) -> Interval:
        """What was counted since this was last called."""
        good, total = self._good, self._good + self._bad
        self._good = self._bad = 0
        return Interval(Volume(total, good), Volume(0, 0))


class SplitMonitor(Monitor):
    """One server's results, each origin for itself: ``split_external_local_origin_errors``.

    An answer of any kind is a success of reaching the server.
    """

    __slots__ = ("_local_bad", "_local_good")

    def __init__(self, config: OutlierDetectionConfig, on_outlier: OnOutlier) -> None:
        super().__init__(config, on_outlier)
        self._local_good = self._local_bad = 0

    def replied(self, is_ok: bool, /) -> None:
        """The server has answered."""
        self._local_good += 1
        self._unreached = self._unconnected = 0
        if is_ok:
            self._good += 1
            self._failures = 0
        else:
            self._bad += 1
            self._fail()

    def connected(self) -> None:
        """A connection was made."""
        if self._unconnected and self._unconnected >= self._unreached:
            self._unreached = 0
        self._unconnected = 0

    def _miss(self) -> None:
        self._local_bad += 1
        self._unreached += 1
        if self._unreached == self._config.consecutive_local_origin_failure:
            self._unreached = 0
            self._on_outlier(Cause.CONSECUTIVE_LOCAL_ORIGIN_FAILURE)

    def add(self, counted: Interval) -> None:
        """Counts what another process has counted of the same server."""
        super().add(counted)
        self._local_good += counted.local.good
        self._local_bad += counted.local.total - counted.local.good

    def take(self) -> Interval:
        """What was counted since this was last called."""
        good, total = self._local_good, self._local_good + self._local_bad
        self._local_good = self._local_bad = 0
        return Interval(super().take().external, Volume(total, good))


def monitor_of(config: OutlierDetectionConfig, on_outlier: OnOutlier) -> Monitor:
    """The monitor that ``config`` wants."""
    return (SplitMonitor if config.split_external_local_origin_errors else Monitor)(config, on_outlier)
