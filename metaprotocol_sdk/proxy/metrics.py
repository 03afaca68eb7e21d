"""What a proxy counts: plain integers, one attribute each, read when somebody asks.

An integer attribute costs a twentieth of a microsecond to raise, a metric object of a library seven times that; so
rendering for any monitoring system starts from :meth:`Counters.snapshot` and never runs on a request's path.

Listener names are MetaProtocol Proxy's (``meta_protocol.<application protocol>.<stat_prefix>.``), cluster names are
Envoy's (``cluster.<name>.``). Names the two do not have are marked as ours.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass

REQUEST_TIME_BOUNDS = (0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000)
"""Upper bounds of ``request_time_ms``, in milliseconds: Envoy's default histogram buckets, without the longest."""

GAUGES = frozenset(
    {
        "active_faults",
        "cx_open",
        "health_check.degraded",
        "health_check.healthy",
        "live",
        "membership_degraded",
        "membership_excluded",
        "membership_healthy",
        "membership_total",
        "remaining_cx",
        "remaining_pending",
        "remaining_retries",
        "remaining_rq",
        "rq_open",
        "rq_pending_open",
        "rq_retry_open",
        "state",
        "uptime",
    }
)
"""Names of gauges that do not end in ``_active``, without what stands before them."""


def is_gauge(name: str) -> bool:
    """Whether what is counted under ``name`` says what there is now; else it only grows.

    The one place that knows. A name of one's own that ends in ``_active`` is a gauge's.

    Args:
        name: The name, with or without what stands before it.
    """
    if name.endswith("_active"):
        return True
    *_, group, last = ("", *name.split("."))
    return last in GAUGES or f"{group}.{last}" in GAUGES


class Counters:
    """Integers by name, all starting at 0; a subclass is a dataclass that lists them."""

    __slots__: tuple[str, ...] = ()

    def snapshot(self, prefix: str = "") -> dict[str, int]:
        """Every count by ``prefix`` and its name."""
        return {prefix + name: getattr(self, name) for name in self.__slots__}

    def reset(self) -> None:
        """Starts at 0 again, gauges left as they are."""
        for name in self.__slots__:
            if not is_gauge(name):
                setattr(self, name, 0)


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

    @classmethod
    def from_counts(cls, bounds: tuple[float, ...], counts: Iterable[int], total: float) -> Histogram:
        """One that has counted so much already."""
        made = cls(bounds)
        made.counts, made.total = list(counts), total
        return made

    def observe(self, value: float) -> None:
        """Counts one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def __add__(self, other: Histogram) -> Histogram:
        """What the two have counted, whose bounds are the same."""
        both = Histogram(self.bounds)
        both.counts = [mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)]
        both.total = self.total + other.total
        return both


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
    """One cluster's counts, named as Envoy names them. Gauges are ``*_active``, ``*_duplicate``, and all of
    ``membership_*`` but ``membership_change``."""

    lb_healthy_panic: int = 0
    lb_subsets_active: int = 0
    lb_subsets_created: int = 0
    lb_subsets_fallback: int = 0
    lb_subsets_fallback_panic: int = 0
    lb_subsets_removed: int = 0
    lb_subsets_selected: int = 0
    lb_subsets_single_host_per_subset_duplicate: int = 0
    membership_change: int = 0
    membership_degraded: int = 0
    membership_excluded: int = 0
    membership_healthy: int = 0
    membership_total: int = 0
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
class SslStats(Counters):
    """What is counted of the TLS of one listener's clients (``listener.<address>.ssl.``) or one cluster's servers
    (``cluster.<name>.ssl.``), named as Envoy names it. Ours: ``context_update_by_file`` (certificates that have changed
    and are used) and ``key_rotation_failed`` (those that cannot be); Envoy has both for what a management server sends.
    """

    connection_error: int = 0
    context_update_by_file: int = 0
    fail_verify_cert_hash: int = 0
    fail_verify_error: int = 0
    fail_verify_no_cert: int = 0
    fail_verify_san: int = 0
    handshake: int = 0
    key_rotation_failed: int = 0
    no_certificate: int = 0


@dataclass(slots=True, eq=False)
class EntranceStats(Counters):
    """What is counted of the clients of one listener that have something to do before their protocol begins
    (``listener.<address>.``), named as Envoy names it; ``downstream_pre_cx_active`` is a gauge."""

    downstream_cx_proxy_proto_error: int = 0
    downstream_cx_transport_socket_connect_timeout: int = 0
    downstream_pre_cx_active: int = 0
    downstream_pre_cx_timeout: int = 0


@dataclass(slots=True, eq=False)
class HealthCheckStats(Counters):
    """What is counted of one cluster's health checks, named as Envoy names it; ``healthy``, ``degraded`` are gauges.

    Nothing raises ``degraded``, ``passive_failure`` and ``verify_cluster``, which are HTTP's in Envoy; whoever has a
    dashboard of Envoy's finds them.
    """

    attempt: int = 0
    degraded: int = 0
    failure: int = 0
    healthy: int = 0
    network_failure: int = 0
    passive_failure: int = 0
    success: int = 0
    verify_cluster: int = 0


@dataclass(slots=True, eq=False)
class DnsStats(Counters):
    """What is counted of the names of one cluster, named as Envoy names it."""

    update_attempt: int = 0
    update_empty: int = 0
    update_failure: int = 0
    update_no_rebuild: int = 0
    update_success: int = 0


@dataclass(slots=True, eq=False)
class ServerStats(Counters):
    """What is counted about the whole proxy, all of it ours: ``config_reload`` (configurations that were taken on) and
    ``config_reload_failed`` (those that could not be used)."""

    config_reload: int = 0
    config_reload_failed: int = 0
