"""Clusters: where requests go, and how."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from metaprotocol_sdk.proxy.config.values.address import Address, AnyAddress
from metaprotocol_sdk.proxy.config.values.balancing import (
    NOWHERE,
    HealthStatus,
    LbMetadata,
    Locality,
    SlowStartConfig,
    SubsetsConfig,
)
from metaprotocol_sdk.proxy.config.values.dns import DnsConfig
from metaprotocol_sdk.proxy.config.values.health_check import HealthCheckConfig
from metaprotocol_sdk.proxy.config.values.keepalive import TcpKeepaliveConfig
from metaprotocol_sdk.proxy.config.values.outlier_detection import OutlierDetectionConfig
from metaprotocol_sdk.proxy.config.values.tls import UpstreamTlsConfig


class LbPolicy(enum.Enum):
    """``envoy.config.cluster.v3.Cluster.LbPolicy``."""

    ROUND_ROBIN = "ROUND_ROBIN"
    LEAST_REQUEST = "LEAST_REQUEST"
    RANDOM = "RANDOM"
    RING_HASH = "RING_HASH"
    MAGLEV = "MAGLEV"


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """``envoy.config.endpoint.v3.LbEndpoint``: a server, and what its ``LocalityLbEndpoints`` says of all in it.

    Args:
        address: Where it listens; in a cluster with ``dns``, the name that leads to it.
        weight: ``load_balancing_weight``.
        health_status: What the configuration says of its health.
        priority: ``LocalityLbEndpoints.priority``: 0 is the highest.
        locality: ``LocalityLbEndpoints.locality``.
        locality_weight: ``LocalityLbEndpoints.load_balancing_weight``; 0: none, and so no requests, where these count.
        metadata: ``metadata.filter_metadata["envoy.lb"]``.
        health_check_port: ``health_check_config.port_value``: where it is checked; 0: where it listens.
        is_checked: Whether it is (``health_check_config.disable_active_health_check``).
    """

    address: AnyAddress
    weight: int = 1
    health_status: HealthStatus = HealthStatus.UNKNOWN
    priority: int = 0
    locality: Locality = NOWHERE
    locality_weight: int = 0
    metadata: LbMetadata = ()
    health_check_port: int = 0
    is_checked: bool = True

    @property
    def health_address(self) -> AnyAddress | None:
        """Where it is checked; None: nowhere."""
        if not self.is_checked:
            return None
        if self.health_check_port and isinstance(self.address, Address):
            return Address(self.address.host, self.health_check_port)
        return self.address


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitBreakersConfig:
    """``envoy.config.cluster.v3.CircuitBreakers.Thresholds`` of one priority; its defaults are Envoy's.

    Args:
        max_connections: Connections to the cluster's servers at once.
        max_pending_requests: Requests that wait for one of them; more get an error.
        max_requests: Requests in flight; more get an error.
        max_retries: Retries in flight, when there is no budget; more are not made.
        retry_budget_percent: ``retry_budget.budget_percent``: retries in flight as a share of requests in flight or
            pending; None: no budget.
        min_retry_concurrency: ``retry_budget.min_retry_concurrency``: retries the budget always allows.
        max_connections_per_host: ``per_host_thresholds.max_connections``: connections to one server at once, of every
            priority together; None: no limit.
        track_remaining: Whether what is left of each limit is counted.
    """

    max_connections: int = 1024
    max_pending_requests: int = 1024
    max_requests: int = 1024
    max_retries: int = 3
    retry_budget_percent: float | None = None
    min_retry_concurrency: int = 3
    max_connections_per_host: int | None = None
    track_remaining: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionConfig:
    """How long a cluster's connections are used: ``envoy.config.core.v3.HttpProtocolOptions``, the part that is not
    HTTP's (``common_http_protocol_options``), and ``max_requests_per_connection``.

    Args:
        idle_timeout: Seconds an unused connection is kept; None: for ever (``0s``). Envoy's TCP pool has 10 minutes.
        max_duration: ``max_connection_duration``: seconds after which it takes no more requests; None: no limit.
        max_requests: Requests after which it takes no more; None: no limit (0).
    """

    idle_timeout: float | None = 600.0
    max_duration: float | None = None
    max_requests: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterConfig:
    """``envoy.config.cluster.v3.Cluster`` with its ``load_assignment``.

    Args:
        name: What routes call it.
        endpoints: Its servers; with ``dns``, the names that lead to them.
        dns: How these names are resolved (type ``STRICT_DNS``); None: they are addresses (``STATIC``).
        lb_policy: How one is picked.
        connect_timeout: Seconds a connection to one of them may take.
        choice_count: ``least_request_lb_config.choice_count``: how many are compared.
        minimum_ring_size: ``ring_hash_lb_config.minimum_ring_size``.
        maximum_ring_size: ``ring_hash_lb_config.maximum_ring_size``.
        active_request_bias: ``least_request_lb_config.active_request_bias``: the power of the requests in flight that
            an endpoint's weight is divided by.
        slow_start: ``slow_start_config`` of the policy's configuration; None: a new server has its whole share at once.
        table_size: ``maglev_lb_config.table_size``, a prime.
        overprovisioning_factor: ``load_assignment.policy.overprovisioning_factor``, in percent: how far above the share
            of its healthy servers a priority, or a place, is thought to be able to serve.
        is_health_weighted: ``load_assignment.policy.weighted_priority_health``: servers count by their weights there.
        panic_threshold: ``common_lb_config.healthy_panic_threshold``, in percent; 0: no panic.
        fails_on_panic: ``common_lb_config.zone_aware_lb_config.fail_traffic_on_panic``: nobody is picked then.
        is_locality_weighted: ``common_lb_config.locality_weighted_lb_config`` is there: places' weights count.
        hash_balance_factor: ``common_lb_config.consistent_hashing_lb_config.hash_balance_factor``: the percentage of
            the average load above which RING_HASH and MAGLEV pass a server over; None: never.
        subsets: ``lb_subset_config``; None: a route's ``metadata_match`` does not count.
        circuit_breakers: What is allowed at once to requests of routes of priority DEFAULT.
        high_circuit_breakers: What is to those of priority HIGH.
        outlier_detection: Which servers are ejected; None: none is.
        connections: How long its connections are used.
        buffer_limit: ``per_connection_buffer_limit_bytes``: bytes a server has not read above which its clients are
            not read.
        maintenance: ``upstream.maintenance_mode.<name>`` of ``layered_runtime``: the share of the requests (0 to 1)
            that get an error instead.
        tls: How its servers are spoken to by TLS; None: without.
        health_check: The one of ``health_checks``; None: nobody asks its servers whether they are well.
        ignore_health_on_host_removal: Whether a server that no name leads to any more is gone at once, though it passes
            its checks.
        ignore_new_hosts_until_first_hc: ``common_lb_config.ignore_new_hosts_until_first_hc``: whether a server counts
            for nothing before its first check.
        tcp_keepalive: ``upstream_connection_options.tcp_keepalive``, of connections to its servers; None: none.
    """

    name: str
    endpoints: tuple[EndpointConfig, ...] = ()
    lb_policy: LbPolicy = LbPolicy.ROUND_ROBIN
    connect_timeout: float = 5.0
    choice_count: int = 2
    active_request_bias: float = 1.0
    slow_start: SlowStartConfig | None = None
    minimum_ring_size: int = 1024
    maximum_ring_size: int = 8 * 1024 * 1024
    table_size: int = 65537
    overprovisioning_factor: int = 140
    is_health_weighted: bool = False
    panic_threshold: int = 50
    fails_on_panic: bool = False
    is_locality_weighted: bool = False
    hash_balance_factor: int | None = None
    subsets: SubsetsConfig | None = None
    circuit_breakers: CircuitBreakersConfig = field(default_factory=CircuitBreakersConfig)
    high_circuit_breakers: CircuitBreakersConfig = field(default_factory=CircuitBreakersConfig)
    outlier_detection: OutlierDetectionConfig | None = None
    connections: ConnectionConfig = field(default_factory=ConnectionConfig)
    buffer_limit: int = 1024 * 1024
    maintenance: float = 0.0
    tls: UpstreamTlsConfig | None = None
    dns: DnsConfig | None = None
    health_check: HealthCheckConfig | None = None
    ignore_health_on_host_removal: bool = False
    ignore_new_hosts_until_first_hc: bool = False
    tcp_keepalive: TcpKeepaliveConfig | None = None
