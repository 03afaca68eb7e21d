"""Decides which servers of a cluster are ejected: ``envoy.config.cluster.v3.OutlierDetection``.

Counting is apart from deciding, so that the two may be in different processes: monitors count and call
:meth:`OutlierDetector.consecutive_failures`; the detector asks them by :class:`Counting` for what is summed up, and
says what it decides by ``Cluster.mark``.
"""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple, Protocol

from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.health import HealthFlag
from metaprotocol_sdk.proxy.cluster.outlier_monitor import Cause, Interval, Volume
from metaprotocol_sdk.proxy.config.values import OutlierDetectionConfig
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.metrics import Counters

_log = logging.getLogger(LOGGER_NAME)


class Counting(Protocol):
    """The monitors of a cluster's servers, as the detector sees them."""

    def take_interval(self) -> Mapping[Endpoint, Interval]:
        """What each server's monitor has counted since this was last called."""

    def reset(self, endpoint: Endpoint) -> None:
        """Forgets the server's failures in a row."""


@dataclass(slots=True, eq=False)
class OutlierStats(Counters):
    """What is counted about a cluster's outliers, named as Envoy names them; ``ejections_active`` is a gauge."""

    ejections_active: int = 0
    ejections_detected_consecutive_5xx: int = 0
    ejections_detected_consecutive_gateway_failure: int = 0
    ejections_detected_consecutive_local_origin_failure: int = 0
    ejections_detected_failure_percentage: int = 0
    ejections_detected_local_origin_failure_percentage: int = 0
    ejections_detected_local_origin_success_rate: int = 0
    ejections_detected_success_rate: int = 0
    ejections_enforced_consecutive_5xx: int = 0
    ejections_enforced_consecutive_gateway_failure: int = 0
    ejections_enforced_consecutive_local_origin_failure: int = 0
    ejections_enforced_failure_percentage: int = 0
    ejections_enforced_local_origin_failure_percentage: int = 0
    ejections_enforced_local_origin_success_rate: int = 0
    ejections_enforced_success_rate: int = 0
    ejections_enforced_total: int = 0
    ejections_overflow: int = 0

    def count(self, what: str, cause: Cause) -> None:
        """Counts one that was ``detected``, or ``enforced``."""
        name = f"ejections_{what}_{cause.value}"
        setattr(self, name, getattr(self, name) + 1)


class _Rule(NamedTuple):
    """What has a cause: the fields of the configuration that let it eject."""

    enforcing: str
    threshold: str = ""
    is_split: bool = False


_RULES = {
    Cause.CONSECUTIVE_5XX: _Rule("enforcing_consecutive_5xx", "consecutive_5xx"),
    Cause.CONSECUTIVE_GATEWAY_FAILURE: _Rule("enforcing_consecutive_gateway_failure", "consecutive_gateway_failure"),
    Cause.CONSECUTIVE_LOCAL_ORIGIN_FAILURE: _Rule(
        "enforcing_consecutive_local_origin_failure", "consecutive_local_origin_failure", is_split=True
    ),
    Cause.SUCCESS_RATE: _Rule("enforcing_success_rate"),
    Cause.SUCCESS_RATE_LOCAL_ORIGIN: _Rule("enforcing_local_origin_success_rate", is_split=True),
    Cause.FAILURE_PERCENTAGE: _Rule("enforcing_failure_percentage"),
    Cause.FAILURE_PERCENTAGE_LOCAL_ORIGIN: _Rule("enforcing_failure_percentage_local_origin", is_split=True),
}


class _Record:
    """What is known of a server that has been ejected."""

    __slots__ = ("cause", "ejected_at", "ejections", "jitter", "multiplier", "unejected_at")

    def __init__(self) -> None:
        self.cause = Cause.CONSECUTIVE_5XX
        self.ejected_at: float | None = None
        self.unejected_at = -math.inf
        self.ejections = 0
        self.multiplier = 0
        self.jitter = 0.0


class OutlierDetector:
    """One cluster's.

    Args:
        cluster: Whose servers are ejected.
        config: By which rules.
        counting: Their monitors.
        stats: What happens is counted there.
        now: The clock, in seconds.
        rng: What enforcement and jitter are drawn from.
    """

    def __init__(
        self,
        cluster: Cluster,
        config: OutlierDetectionConfig,
        counting: Counting,
        *,
        stats: OutlierStats,
        now: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self._cluster = cluster
        self._config = config
        self._counting = counting
        self._stats = stats
        self._now = now
        self._rng = rng
        self._records: dict[Endpoint, _Record] = {}

    # What the monitors tell.

    def consecutive_failures(self, endpoint: Endpoint, cause: Cause) -> None:
        """As many requests to ``endpoint`` as are configured have failed in a row."""
        if endpoint in self._cluster.endpoints and not self._is_ejected(endpoint):
            most = getattr(self._config, _RULES[cause].threshold)
            self._detect(endpoint, cause, f"{cause.value}, {most} failures in a row")

    def sweep(self) -> None:
        """The interval is over: lets back in whose time has come, ejects by what was counted, and shortens the next
        ejection of those that were in for all of it."""
        now = self._now()
        for endpoint, record, since in self._ejected:
            if now - since >= self._seconds(record):
                self._let_in(endpoint, "its time is over")
        counts = self._counting.take_interval()
        for causes, volumes in (
            ((Cause.SUCCESS_RATE, Cause.FAILURE_PERCENTAGE), {each: counts[each].external for each in counts}),
            (
                (Cause.SUCCESS_RATE_LOCAL_ORIGIN, Cause.FAILURE_PERCENTAGE_LOCAL_ORIGIN),
                {each: counts[each].local for each in counts},
            ),
        ):
            self._compare_rates(causes[0], self._in_use(volumes, self._config.success_rate_request_volume))
            self._look_at_failures(causes[1], self._in_use(volumes, self._config.failure_percentage_request_volume))
        for record in self._records.values():
            if record.ejected_at is None and now - record.unejected_at >= self._config.interval:
                record.multiplier = max(record.multiplier - 1, 0)

    def uneject(self, endpoint: Endpoint) -> None:
        """Lets a server back in before its time, because an active health check of it has succeeded."""
        if self._is_ejected(endpoint):
            self._let_in(endpoint, "it passes its health check")

    # What changes.

    def update(self, config: OutlierDetectionConfig) -> None:
        """Decides by ``config`` from now on. Ejections that it would not allow end; the others last as it says."""
        self._config = config
        for endpoint, record, _ in self._ejected:
            if not self._can_eject(record.cause):
                self._let_in(endpoint, "the configuration is another")
        self.follow_servers()

    def follow_servers(self) -> None:
        """The cluster's servers are others: forgets those that are gone, and lets back in what is more than may be
        ejected of those that are left, the longest ejected first."""
        there = set(self._cluster.endpoints)
        for endpoint in [each for each in self._records if each not in there]:
            if self._records.pop(endpoint).ejected_at is not None:
                self._stats.ejections_active -= 1
        for endpoint, *_ in sorted(self._ejected, key=itemgetter(2)):
            if self._allows(len(self._ejected)):
                break
            self._let_in(endpoint, "too many of the servers are ejected")

    def close(self) -> None:
        """Lets every server back in: nothing watches them any more."""
        for endpoint, *_ in self._ejected:
            self._let_in(endpoint, "there is no outlier_detection any more")

    # By rates.

    def _in_use(self, volumes: Mapping[Endpoint, Volume], least: int) -> dict[Endpoint, Volume]:
        return {
            endpoint: volume
            for endpoint, volume in volumes.items()
            if volume.total >= max(least, 1) and not self._is_ejected(endpoint)
        }

    def _compare_rates(self, cause: Cause, volumes: Mapping[Endpoint, Volume]) -> None:
        """Ejects whose success rate is too far below the mean of all."""
        if not volumes or len(volumes) < self._config.success_rate_minimum_hosts:
            return
        rates = {endpoint: 100 * volume.good / volume.total for endpoint, volume in volumes.items()}
        mean = sum(rates.values()) / len(rates)
        deviation = math.sqrt(sum((rate - mean) ** 2 for rate in rates.values()) / len(rates))
        least = mean - deviation * self._config.success_rate_stdev_factor / 1000
        for endpoint, rate in rates.items():
            if rate < least:
                reason = f"{cause.value}, {rate:.3g} % where the mean is {mean:.3g} % and the least {least:.3g} %"
                self._detect(endpoint, cause, reason)

    def _look_at_failures(self, cause: Cause, volumes: Mapping[Endpoint, Volume]) -> None:
        """Ejects of whose requests too many fail."""
        if len(volumes) < self._config.failure_percentage_minimum_hosts:
            return
        for endpoint, volume in volumes.items():
            failures = 100 - 100 * volume.good / volume.total
            if failures >= self._config.failure_percentage_threshold:
                self._detect(endpoint, cause, f"{cause.value}, {failures:.3g} % of {volume.total} requests")

    # Out and in.

    @property
    def _ejected(self) -> list[tuple[Endpoint, _Record, float]]:
        """Those that are out, and since when."""
        return [
            (endpoint, record, record.ejected_at)
            for endpoint, record in self._records.items()
            if record.ejected_at is not None
        ]

    def _is_ejected(self, endpoint: Endpoint) -> bool:
        record = self._records.get(endpoint)
        return record is not None and record.ejected_at is not None

    def _seconds(self, record: _Record) -> float:
        config = self._config
        return min(config.base_ejection_time * record.multiplier, config.max_ejection_time) + record.jitter

    def _allows(self, ejected: int) -> bool:
        """Whether so many servers may be ejected at once."""
        config = self._config
        is_few = 100 * ejected <= config.max_ejection_percent * len(self._cluster.endpoints)
        return is_few or (ejected <= 1 and config.always_eject_one_host)

    def _can_eject(self, cause: Cause) -> bool:
        rule, config = _RULES[cause], self._config
        return (
            getattr(config, rule.enforcing) > 0
            and (not rule.threshold or getattr(config, rule.threshold) > 0)
            and (config.split_external_local_origin_errors or not rule.is_split)
        )

    def _detect(self, endpoint: Endpoint, cause: Cause, reason: str) -> None:
        self._stats.count("detected", cause)
        if not self._allows(len(self._ejected) + 1):
            self._stats.ejections_overflow += 1
            text = (
                f"cluster {self._cluster.name}: server {endpoint.name} is an outlier; max_ejection_percent keeps it in"
            )
            _log.warning(text)
        elif 100 * self._rng.random() < getattr(self._config, _RULES[cause].enforcing):
            self._stats.count("enforced", cause)
            self._eject(endpoint, cause, reason)

    def _eject(self, endpoint: Endpoint, cause: Cause, reason: str) -> None:
        config = self._config
        record = self._records.setdefault(endpoint, _Record())
        record.cause = cause
        record.ejected_at = self._now()
        record.ejections += 1
        record.jitter = config.max_ejection_time_jitter * self._rng.random()
        # It stops where more makes no difference, or it would take as long to shrink again.
        if record.multiplier * config.base_ejection_time < config.max_ejection_time + config.base_ejection_time:
            record.multiplier += 1
        self._stats.ejections_active += 1
        self._stats.ejections_enforced_total += 1
        self._cluster.mark(endpoint, HealthFlag.FAILED_OUTLIER_CHECK, is_set=True)
        text = (  # a kind of its own, so that no ejection hides another
            f"cluster {self._cluster.name}: server {endpoint.name} ejected for {_shown(self._seconds(record))} s, "
            f"ejection {record.ejections}: {reason}"
        )
        _log.warning(text)

    def _let_in(self, endpoint: Endpoint, reason: str) -> None:
        record, now = self._records[endpoint], self._now()
        assert record.ejected_at is not None, "only those that are out are let in"
        seconds = now - record.ejected_at
        record.ejected_at, record.unejected_at = None, now
        self._stats.ejections_active -= 1
        self._counting.reset(endpoint)
        self._cluster.mark(endpoint, HealthFlag.FAILED_OUTLIER_CHECK, is_set=False)
        _log.info(
            "cluster %s: server %s is back after %s s, ejection %d: %s",
            self._cluster.name,
            endpoint.name,
            _shown(seconds),
            record.ejections,
            reason,
        )


def _shown(seconds: float) -> str:
    return f"{round(seconds, 2):g}"
