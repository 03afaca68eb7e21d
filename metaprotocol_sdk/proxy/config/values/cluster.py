"""Clusters: where requests go, and how."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from metaprotocol_sdk.proxy.config.values.address import Address
from metaprotocol_sdk.proxy.config.values.keepalive import TcpKeepaliveConfig


class LbPolicy(enum.Enum):
    """``envoy.config.cluster.v3.Cluster.LbPolicy``."""

    ROUND_ROBIN = "ROUND_ROBIN"
    LEAST_REQUEST = "LEAST_REQUEST"
    RANDOM = "RANDOM"
    RING_HASH = "RING_HASH"
    MAGLEV = "MAGLEV"


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """``envoy.config.endpoint.v3.LbEndpoint``: a server, and its ``load_balancing_weight``."""

    address: Address
    weight: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitBreakersConfig:
    """``envoy.config.cluster.v3.CircuitBreakers.Thresholds`` of the default priority; its defaults are Envoy's.

    Args:
        max_connections: Connections to the cluster's servers at once.
        max_pending_requests: Requests that wait for one of them; more get an error.
        max_requests: Requests in flight; more get an error.
        max_retries: Retries in flight, when there is no budget; more are not made.
        retry_budget_percent: ``retry_budget.budget_percent``: retries in flight as a share of requests in flight or
            pending; None: no budget.
        min_retry_concurrency: ``retry_budget.min_retry_concurrency``: retries the budget always allows.
    """

    max_connections: int = 1024
    max_pending_requests: int = 1024
    max_requests: int = 1024
    max_retries: int = 3
    retry_budget_percent: float | None = None
    min_retry_concurrency: int = 3


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
    """``envoy.config.cluster.v3.Cluster`` with its static ``load_assignment``.

    Args:
        name: What routes call it.
        endpoints: Its servers.
        lb_policy: How one is picked.
        connect_timeout: Seconds a connection to one of them may take.
        choice_count: ``least_request_lb_config.choice_count``: how many are compared.
        minimum_ring_size: ``ring_hash_lb_config.minimum_ring_size``.
        maximum_ring_size: ``ring_hash_lb_config.maximum_ring_size``.
        table_size: ``maglev_lb_config.table_size``, a prime.
        circuit_breakers: What is allowed at once.
        connections: How long its connections are used.
        buffer_limit: ``per_connection_buffer_limit_bytes``: bytes a server has not read above which its clients are
            not read.
        maintenance: ``upstream.maintenance_mode.<name>`` of ``layered_runtime``: the share of the requests (0 to 1)
            that get an error instead.
        tcp_keepalive: ``upstream_connection_options.tcp_keepalive``, of connections to its servers; None: none.
    """

    name: str
    endpoints: tuple[EndpointConfig, ...] = ()
    lb_policy: LbPolicy = LbPolicy.ROUND_ROBIN
    connect_timeout: float = 5.0
    choice_count: int = 2
    minimum_ring_size: int = 1024
    maximum_ring_size: int = 8 * 1024 * 1024
    table_size: int = 65537
    circuit_breakers: CircuitBreakersConfig = field(default_factory=CircuitBreakersConfig)
    connections: ConnectionConfig = field(default_factory=ConnectionConfig)
    buffer_limit: int = 1024 * 1024
    maintenance: float = 0.0
    tcp_keepalive: TcpKeepaliveConfig | None = None
