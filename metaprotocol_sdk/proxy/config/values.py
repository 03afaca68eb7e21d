"""What a configuration file becomes: frozen values the runtime reads.

Names are Envoy's and MetaProtocol Proxy's; each class says which message it is made of. Durations are seconds.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from metaprotocol_sdk.exceptions import Finding
from metaprotocol_sdk.mutation import NO_MUTATION, Mutation


class TrafficDirection(enum.Enum):
    """``envoy.config.core.v3.TrafficDirection``: which side of a service a listener stands on."""

    UNSPECIFIED = "UNSPECIFIED"
    INBOUND = "INBOUND"
    OUTBOUND = "OUTBOUND"


class LbPolicy(enum.Enum):
    """``envoy.config.cluster.v3.Cluster.LbPolicy``."""

    ROUND_ROBIN = "ROUND_ROBIN"
    LEAST_REQUEST = "LEAST_REQUEST"
    RANDOM = "RANDOM"
    RING_HASH = "RING_HASH"
    MAGLEV = "MAGLEV"


class MatchKind(enum.Enum):
    """The kinds of ``envoy.config.route.v3.HeaderMatcher`` and of ``envoy.type.matcher.v3.StringMatcher``."""

    EXACT = "exact_match"
    PREFIX = "prefix_match"
    SUFFIX = "suffix_match"
    CONTAINS = "contains_match"
    SAFE_REGEX = "safe_regex_match"
    RANGE = "range_match"
    PRESENT = "present_match"


class RetryOn(enum.Enum):
    """The failures a ``retry_policy`` covers; see :class:`RetryPolicyConfig`."""

    CONNECT_FAILURE = "connect-failure"
    """No connection to the server was made: refused, unreachable, timed out. The server has seen nothing."""
    RESET = "reset"
    """The connection ended, or its reply was undecodable, before the reply was whole. The server may have acted."""
    PER_TRY_TIMEOUT = "per-try-timeout"
    """No reply within ``per_try_timeout``. The server may have acted, or act still."""
    ERROR_REPLY = "error-reply"
    """A whole reply whose response status is an error. The server has acted, and said that it failed."""
    RETRIABLE_HEADERS = "retriable-headers"
    """A whole reply whose strings one of ``retriable_headers`` matches (Envoy's policy of that name)."""


@dataclass(frozen=True, slots=True)
class Address:
    """``envoy.config.core.v3.SocketAddress``."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class MatcherConfig:
    """``envoy.config.route.v3.HeaderMatcher``: what one string of a message must be.

    Args:
        name: The string's key, in any case.
        kind: What is asked of it.
        value: Text for the kinds that compare or search text, a regular expression in RE2's syntax for SAFE_REGEX,
            ``(start, end)`` with the end excluded for RANGE, whether it must be there for PRESENT.
        ignore_case: ``string_match.ignore_case``: ASCII letters compare without case.
        invert: ``invert_match``: the answer turned round.
        treat_missing_as_empty: ``treat_missing_header_as_empty``.
    """

    name: str
    kind: MatchKind
    value: str | tuple[int, int] | bool
    ignore_case: bool = False
    invert: bool = False
    treat_missing_as_empty: bool = False


@dataclass(frozen=True, slots=True)
class WeightedClusterConfig:
    """``WeightedCluster.ClusterWeight``: one of the clusters a route chooses from."""

    name: str
    weight: int = 1


@dataclass(frozen=True, slots=True)
class MirrorConfig:
    """``RequestMirrorPolicy``: a cluster that gets copies, and of which share of the requests (0 to 1)."""

    cluster: str
    fraction: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicyConfig:
    """``envoy.config.route.v3.RetryPolicy``; its defaults are Envoy's.

    Args:
        retry_on: The failures it covers.
        num_retries: Attempts after the first.
        per_try_timeout: Seconds one attempt may take; None: as long as the route's timeout allows.
        base_interval: ``retry_back_off.base_interval``: the n-th retry waits a random time below
            ``base_interval * (2**n - 1)`` seconds.
        max_interval: No wait is longer.
        retriable_headers: What RETRIABLE_HEADERS looks for in a reply; one that matches is enough.
    """

    retry_on: frozenset[RetryOn]
    num_retries: int = 1
    per_try_timeout: float | None = None
    base_interval: float = 0.025
    max_interval: float = 0.25
    retriable_headers: tuple[MatcherConfig, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteConfig:
    """``aeraki.meta_protocol_proxy.config.route.v1alpha.Route``.

    Args:
        name: For logs and statistics.
        metadata: What a request's strings must be; none: every request matches.
        cluster: Where it goes, unless there are ``weighted_clusters``.
        weighted_clusters: The clusters one is chosen from for each request, by weight.
        hash_policy: Keys of the strings that RING_HASH and MAGLEV clusters hash; none: they pick at random.
        mirrors: ``request_mirror_policies``.
        request_mutation: What a request's strings become.
        response_mutation: What a reply's strings become.
        is_mutation_required: ``mutation_required``, ours: a message that cannot carry the mutation fails.
        timeout: Seconds until the client gets an error; None: never (``0s``).
        idle_timeout: Seconds without a frame in either direction until a stream ends; None: never (``0s``).
        retry: ``retry_policy``.
    """

    name: str = ""
    metadata: tuple[MatcherConfig, ...] = ()
    cluster: str = ""
    weighted_clusters: tuple[WeightedClusterConfig, ...] = ()
    hash_policy: tuple[str, ...] = ()
    mirrors: tuple[MirrorConfig, ...] = ()
    request_mutation: Mutation = NO_MUTATION
    response_mutation: Mutation = NO_MUTATION
    is_mutation_required: bool = False
    timeout: float | None = 15.0
    idle_timeout: float | None = 300.0
    retry: RetryPolicyConfig | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteTableConfig:
    """``aeraki.meta_protocol_proxy.config.route.v1alpha.RouteConfiguration``."""

    name: str = ""
    routes: tuple[RouteConfig, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolConfig:
    """``aeraki.meta_protocol_proxy.v1alpha.ApplicationProtocol``."""

    name: str
    codec: str
    codec_config: Mapping[str, Any] = field(default_factory=dict)
    multiplexing: bool = False
    bind_upstream_connection: bool = False
    """Envoy generic_proxy's name: each client's connection has a connection to a server of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterConfig:
    """One of ``meta_protocol_filters``: its registered name and the value its own model made of ``config``."""

    name: str
    config: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerConfig:
    """``envoy.config.listener.v3.Listener`` with its one MetaProtocolProxy filter."""

    name: str
    address: Address
    traffic_direction: TrafficDirection = TrafficDirection.UNSPECIFIED
    stat_prefix: str
    protocol: ProtocolConfig
    routes: RouteTableConfig
    filters: tuple[FilterConfig, ...] = ()
    """In configured order; the router is last."""
    idle_timeout: float | None = None
    """Seconds without activity until a client's connection is closed; None: never."""
    buffer_limit: int = 1024 * 1024
    """``per_connection_buffer_limit_bytes``: bytes a client has not read above which the servers that answer it are not
    read."""
    max_connections: int = 16384
    """Clients at once, ours; more are refused."""
    max_concurrent_requests: int = 256
    """Requests of one client in flight, ours; more are not read until some are answered."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """``envoy.config.core.v3.Node``."""

    id: str = ""
    cluster: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyConfig:
    """``envoy.config.bootstrap.v3.Bootstrap``, the part a MetaProtocol proxy uses."""

    node: NodeConfig = field(default_factory=NodeConfig)
    listeners: tuple[ListenerConfig, ...] = ()
    clusters: tuple[ClusterConfig, ...] = ()
    notes: tuple[Finding, ...] = ()
    """Warnings and notes to log once: duplicate keys, sections accepted that cannot matter here."""
