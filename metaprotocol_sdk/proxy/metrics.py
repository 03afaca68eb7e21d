"""What a proxy counts: plain integers, one attribute each, read when somebody asks.

An integer attribute costs a twentieth of a microsecond to raise, a metric object of a library seven times that; so
rendering for any monitoring system starts from :meth:`Counters.snapshot` and never runs on a request's path.

Listener names are MetaProtocol Proxy's (``meta_protocol.<application protocol>.<stat_prefix>.``), cluster names are
Envoy's (``cluster.<name>.``). Names the two do not have are marked as ours.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

REQUEST_TIME_BOUNDS = (0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000)
"""Upper bounds of ``request_time_ms``, in milliseconds: Envoy's default histogram buckets, without the longest."""


class Counters:
    """Integers by name, all starting at 0; a subclass is a dataclass that lists them."""

    __slots__: tuple[str, ...] = ()

    def snapshot(self, prefix: str = "") -> dict[str, int]:
        """Every count by ``prefix`` and its name."""
        return {prefix + name: getattr(self, name) for name in self.__slots__}


class Histogram:
    """How many values fell below each bound.

    Attributes:
        counts: One more than there are bounds; the last counts what is above them all.
        total: The sum of all values.
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Counts one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


@dataclass(slots=True, eq=False)
class ListenerStats(Counters):
    """One listener's counts.

    ``request_active``, ``downstream_cx_active`` are gauges. Ours: ``downstream_cx_*`` (Envoy's listener has
    them), ``request_unexpected`` (replies and other messages a client may not send), ``request_mirrored`` (copies
    sent), ``request_mirror_skipped`` (left out, because their cluster has no server or refuses them, too much is under
    way, or they open a stream of frames), ``mutation_failed`` (a message went on unchanged because the protocol cannot
    carry the route's mutation),
    ``response_unmatched`` (replies nothing waits for), ``downstream_buffer_overflow`` (clients closed because they
    do not read their replies), ``downstream_rq_timeout`` (clients that took longer than ``request_timeout`` over one
    message; a name of Envoy's HTTP), ``codec_bug``.
    """

    codec_bug: int = 0
    cx_destroy_local_with_active_rq: int = 0
    cx_destroy_remote_with_active_rq: int = 0
    downstream_buffer_overflow: int = 0
    downstream_cx_active: int = 0
    downstream_cx_overflow: int = 0
    downstream_cx_rx_bytes_total: int = 0
    downstream_cx_total: int = 0
    downstream_cx_tx_bytes_total: int = 0
    downstream_rq_timeout: int = 0
    idle_timeout: int = 0
    local_response_business_exception: int = 0
    local_response_error: int = 0
    local_response_success: int = 0
    mutation_failed: int = 0
    request: int = 0
    request_active: int = 0
    request_decoding_error: int = 0
    request_decoding_success: int = 0
    request_event: int = 0
    request_mirror_skipped: int = 0
    request_mirrored: int = 0
    request_oneway: int = 0
    request_stream: int = 0
    request_twoway: int = 0
    request_unexpected: int = 0
    response: int = 0
    response_business_exception: int = 0
    response_decoding_error: int = 0
    response_decoding_success: int = 0
    response_error: int = 0
    response_error_caused_connection_close: int = 0
    response_success: int = 0
    response_unmatched: int = 0


@dataclass(slots=True, eq=False)
class ClusterStats(Counters):
    """One cluster's counts, named as Envoy names them; ``*_active`` are gauges."""

    upstream_cx_active: int = 0
    upstream_cx_connect_fail: int = 0
    upstream_cx_connect_timeout: int = 0
    upstream_cx_destroy_local: int = 0
    upstream_cx_destroy_local_with_active_rq: int = 0
    upstream_cx_destroy_remote: int = 0
    upstream_cx_destroy_remote_with_active_rq: int = 0
    upstream_cx_idle_timeout: int = 0
    upstream_cx_max_duration_reached: int = 0
    upstream_cx_max_requests: int = 0
    upstream_cx_none_healthy: int = 0
    upstream_cx_overflow: int = 0
    upstream_cx_rx_bytes_total: int = 0
    upstream_cx_total: int = 0
    upstream_cx_tx_bytes_total: int = 0
    upstream_rq_active: int = 0
    upstream_rq_cancelled: int = 0
    upstream_rq_completed: int = 0
    upstream_rq_maintenance_mode: int = 0
    upstream_rq_pending_active: int = 0
    upstream_rq_pending_overflow: int = 0
    upstream_rq_pending_total: int = 0
    upstream_rq_per_try_timeout: int = 0
    upstream_rq_retry: int = 0
    upstream_rq_retry_limit_exceeded: int = 0
    upstream_rq_retry_overflow: int = 0
    upstream_rq_retry_success: int = 0
    upstream_rq_timeout: int = 0
    upstream_rq_total: int = 0


@dataclass(slots=True, eq=False)
class ServerStats(Counters):
    """What is counted about the whole proxy, all of it ours: ``config_reload`` (configurations that were taken on) and
    ``config_reload_failed`` (those that could not be used)."""

    config_reload: int = 0
    config_reload_failed: int = 0
