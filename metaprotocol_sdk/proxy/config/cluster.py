"""Clusters: ``envoy.config.cluster.v3.Cluster``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import PlainValidator, PrivateAttr, ValidationInfo, model_validator

from metaprotocol_sdk.proxy.config.circuit_breakers import CircuitBreakers
from metaprotocol_sdk.proxy.config.common_lb import CommonLbConfig, check_balancing
from metaprotocol_sdk.proxy.config.connection import NO_HTTP, HttpProtocolOptions, Options, report_doubles
from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.dns import NO_TTL, Rate, RefreshRate, inspect_names
from metaprotocol_sdk.proxy.config.endpoint import ClusterLoadAssignment, Policy
from metaprotocol_sdk.proxy.config.fields import Count, Duration, Period, Positive, Repeated, Switch, Text, word
from metaprotocol_sdk.proxy.config.health_check import HealthCheck, expect_one
from metaprotocol_sdk.proxy.config.keepalive import UpstreamConnectionOptions
from metaprotocol_sdk.proxy.config.load_balancer import (
    POLICY_FIELDS,
    LeastRequestLbConfig,
    MaglevLbConfig,
    RingHashLbConfig,
    RoundRobinLbConfig,
    SlowStartConfig,
)
from metaprotocol_sdk.proxy.config.message import Message, OneOf, context_of, not_yet, without_effect
from metaprotocol_sdk.proxy.config.outlier_detection import OutlierDetection, warn_of_too_few
from metaprotocol_sdk.proxy.config.runtime import percentage
from metaprotocol_sdk.proxy.config.sentences import shown
from metaprotocol_sdk.proxy.config.subset import LbSubsetConfig, expect_members
from metaprotocol_sdk.proxy.config.transport_socket import UpstreamTransportSocket
from metaprotocol_sdk.proxy.config.tree import Entries, Place
from metaprotocol_sdk.proxy.config.values import (
    ClusterConfig,
    ConnectionConfig,
    DnsConfig,
    DnsLookupFamily,
    EndpointConfig,
    LbPolicy,
    RoutingPriority,
    SubsetsConfig,
)

_POLICIES = {each.value: each for each in LbPolicy}
_LATER_POLICIES = ("CLUSTER_PROVIDED", "LOAD_BALANCING_POLICY_CONFIG")
_HASHING = (LbPolicy.RING_HASH, LbPolicy.MAGLEV)
_MAINTENANCE = "upstream.maintenance_mode."
_TYPES: dict[str, Literal["STATIC", "STRICT_DNS"]] = {"STATIC": "STATIC", "STRICT_DNS": "STRICT_DNS"}
_LATER_TYPES = ("LOGICAL_DNS", "EDS", "ORIGINAL_DST")
_FAMILIES = {each.value: each for each in DnsLookupFamily}


class Cluster(Message):
    """``envoy.config.cluster.v3.Cluster``. The key ``upstream.maintenance_mode.<name>`` in a ``static_layer`` of
    ``layered_runtime`` is the percentage of its requests that get an error instead, a whole number, as in Envoy."""

    refused = not_yet(
        "transport_socket_matches", "cluster_type", "eds_cluster_config", "dns_resolvers",
        "dns_resolution_config", "typed_dns_resolver_config", "wait_for_warm_on_init", "use_tcp_for_dns_lookups",
        "cleanup_interval", "upstream_bind_config", "original_dst_lb_config",
        "close_connections_on_host_health_failure", "filters",
        "load_balancing_policy", "lrs_server", "upstream_config", "preconnect_policy",
        "connection_pool_per_downstream_connection",
    )  # fmt: skip
    ignored: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            ("upstream_http_protocol_options", "http_protocol_options", "http2_protocol_options", "protocol_selection"),
            NO_HTTP,
        ),
        "respect_dns_ttl": NO_TTL,
        **without_effect("alt_stat_name", "metadata", "track_timeout_budgets", "track_cluster_stats"),
    }
    one_of = (OneOf((*POLICY_FIELDS, "original_dst_lb_config")),)

    name: Text
    """What routes call it."""

    type: Annotated[Literal["STATIC", "STRICT_DNS"], PlainValidator(word(_TYPES, *_LATER_TYPES))] = "STATIC"
    """What stands in ``load_assignment``: IP addresses, or, with ``STRICT_DNS``, names each of whose addresses is an
    endpoint."""

    connect_timeout: Period = 5.0
    """What a connection to one of them may take."""

    lb_policy: Annotated[LbPolicy, PlainValidator(word(_POLICIES, *_LATER_POLICIES))] = LbPolicy.ROUND_ROBIN
    """How one is picked. ``RING_HASH`` and ``MAGLEV`` follow a route's ``hash_policy``."""

    load_assignment: ClusterLoadAssignment | None = None
    """Its endpoints; not given: none, and every request gets an error."""

    dns_refresh_rate: Rate = 5.0
    """``STRICT_DNS``: from a name's answer to the next question. A question that fails leaves the endpoints as they
    are; a name that does not exist has none."""

    dns_failure_refresh_rate: RefreshRate | None = None
    """``STRICT_DNS``: from a question that failed to the next one; not given: ``dns_refresh_rate``."""

    dns_jitter: Duration = 0.0
    """``STRICT_DNS``: a random time below this is added to ``dns_refresh_rate``."""

    dns_lookup_family: Annotated[DnsLookupFamily, PlainValidator(word(_FAMILIES))] = DnsLookupFamily.AUTO
    """``STRICT_DNS``: which addresses of a name are used. ``AUTO``: those of IPv6, else those of IPv4."""

    health_checks: Repeated[HealthCheck] = ()
    """How its endpoints are asked whether they are well; one at most."""

    ignore_health_on_host_removal: Switch = False
    """``STRICT_DNS``: whether an endpoint that passes its health checks is gone as soon as no name leads to it; it
    stays, as long as it passes, otherwise."""

    ring_hash_lb_config: RingHashLbConfig | None = None
    """For ``RING_HASH``."""

    maglev_lb_config: MaglevLbConfig | None = None
    """For ``MAGLEV``."""

    least_request_lb_config: LeastRequestLbConfig | None = None
    """For ``LEAST_REQUEST``."""

    round_robin_lb_config: RoundRobinLbConfig | None = None
    """For ``ROUND_ROBIN``."""

    common_lb_config: CommonLbConfig = CommonLbConfig()
    """For every policy: panic, and what places count."""

    lb_subset_config: LbSubsetConfig | None = None
    """Which part of the cluster the requests of a route go to."""

    circuit_breakers: CircuitBreakers = CircuitBreakers()
    """What is allowed at once."""

    outlier_detection: OutlierDetection | None = None
    """Which servers get no requests for a while because those they got have failed; not given: none."""

    common_http_protocol_options: HttpProtocolOptions = HttpProtocolOptions()
    """How long connections are used, whatever the protocol."""

    max_requests_per_connection: Count | None = None
    """Says what ``common_http_protocol_options.max_requests_per_connection`` says; only one of them can."""

    typed_extension_protocol_options: Options = None
    """By the name ``envoy.extensions.upstreams.tcp.v3.TcpProtocolOptions``: how long connections are used."""

    per_connection_buffer_limit_bytes: Positive = 1024 * 1024
    """Bytes a server has not read above which its clients are not read. 0, for Envoy no limit, is refused."""

    transport_socket: UpstreamTransportSocket | None = None
    """TLS; not given: none is spoken."""
    upstream_connection_options: UpstreamConnectionOptions = UpstreamConnectionOptions()
    """How the system looks after connections."""

    _maintenance: float = PrivateAttr(default=0.0)

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Claims the name, and looks at what depends on the policy, the type, or another field."""
        policy = _policy_of(fields)
        if isinstance(name := fields.get("name"), str) and name:
            context.define_cluster(name, fields.value_place("name"), is_hashing=policy in _HASHING)
            _check_maintenance(name, fields.value_place("name"), context)
        for key, needed in POLICY_FIELDS.items():
            if policy is not None and policy is not needed and fields.get(key) is not None:
                problem = f"without effect: this cluster's lb_policy is {policy.value}, not {needed.value}"
                context.report.warning(fields.key_place(key), problem)
        report_doubles(fields, context)
        check_balancing(fields, context, is_hashing=policy in _HASHING)
        expect_members(fields, context)
        if fields.get("type") in (None, "STATIC") and fields.get("outlier_detection") is not None:
            warn_of_too_few(fields, _count_servers(fields), context)
        expect_one(fields, context)
        inspect_names(fields, context)

    @model_validator(mode="after")
    def _look_up(self, info: ValidationInfo) -> Self:
        if isinstance(info.context, Context):
            self._maintenance = percentage(context_of(info).runtime.find(_MAINTENANCE + self.name)) or 0.0
            assigned = self.load_assignment
            metadata = [] if assigned is None else list(assigned.metadata())
            info.context.subsets.define(self.name, self._subsets(), metadata)
        return self

    def _subsets(self) -> SubsetsConfig | None:
        return None if self.lb_subset_config is None else self.lb_subset_config.value()

    def _endpoints(self) -> tuple[EndpointConfig, ...]:
        return () if self.load_assignment is None else tuple(self.load_assignment.values())

    def value(self) -> ClusterConfig:
        """What the runtime reads."""
        ring = self.ring_hash_lb_config or RingHashLbConfig()
        maglev = self.maglev_lb_config or MaglevLbConfig()
        keepalive = self.upstream_connection_options.tcp_keepalive
        least = self.least_request_lb_config or LeastRequestLbConfig()
        slow_start = self._slow_start()
        policy = Policy() if self.load_assignment is None else self.load_assignment.policy
        common = self.common_lb_config
        tls = None if self.transport_socket is None else self.transport_socket.typed_config
        return ClusterConfig(
            name=self.name,
            endpoints=self._endpoints(),
            lb_policy=self.lb_policy,
            connect_timeout=self.connect_timeout,
            choice_count=least.choice_count,
            active_request_bias=1.0 if least.active_request_bias is None else least.active_request_bias.value(),
            slow_start=None if slow_start is None else slow_start.value(),
            minimum_ring_size=ring.minimum_ring_size,
            maximum_ring_size=ring.maximum_ring_size,
            table_size=maglev.table_size,
            overprovisioning_factor=policy.overprovisioning_factor,
            is_health_weighted=policy.weighted_priority_health,
            panic_threshold=int(common.healthy_panic_threshold.value),
            fails_on_panic=common.fails_on_panic,
            is_locality_weighted=common.locality_weighted_lb_config is not None,
            hash_balance_factor=common.hash_balance_factor,
            subsets=self._subsets(),
            circuit_breakers=self.circuit_breakers.value(RoutingPriority.DEFAULT),
            high_circuit_breakers=self.circuit_breakers.value(RoutingPriority.HIGH),
            outlier_detection=None if self.outlier_detection is None else self.outlier_detection.value(),
            connections=self._connections(),
            buffer_limit=self.per_connection_buffer_limit_bytes,
            maintenance=self._maintenance,
            tls=None if tls is None else tls.value(),
            dns=self._dns() if self.type == "STRICT_DNS" else None,
            health_check=self.health_checks[0].value() if self.health_checks else None,
            ignore_health_on_host_removal=self.ignore_health_on_host_removal,
            ignore_new_hosts_until_first_hc=common.ignore_new_hosts_until_first_hc,
            tcp_keepalive=keepalive.value() if keepalive is not None else None,
        )

    def _dns(self) -> DnsConfig:
        failing = self.dns_failure_refresh_rate
        base = None if failing is None else failing.base_interval
        return DnsConfig(
            refresh_rate=self.dns_refresh_rate,
            failure_base_interval=base,
            failure_max_interval=0.0 if failing is None else failing.max_interval or 10 * failing.base_interval,
            jitter=self.dns_jitter,
            lookup_family=self.dns_lookup_family,
        )

    def _slow_start(self) -> SlowStartConfig | None:
        used = {
            LbPolicy.ROUND_ROBIN: self.round_robin_lb_config,
            LbPolicy.LEAST_REQUEST: self.least_request_lb_config,
        }.get(self.lb_policy)
        return None if used is None else used.slow_start_config

    def _connections(self) -> ConnectionConfig:
        common, tcp = self.common_http_protocol_options, self.typed_extension_protocol_options
        idle = common.idle_timeout if tcp is None or tcp.idle_timeout is None else tcp.idle_timeout
        return ConnectionConfig(
            idle_timeout=ConnectionConfig().idle_timeout if idle is None else idle or None,
            max_duration=common.max_connection_duration or None,
            max_requests=common.max_requests_per_connection or self.max_requests_per_connection or None,
        )


def _check_maintenance(name: str, place: Place, context: Context) -> None:
    """Warns of a maintenance mode that Envoy would not read."""
    found = context.runtime.find(_MAINTENANCE + name)
    if found is not None and percentage(found) is None:
        problem = (
            f"layered_runtime has {shown(found)} for {_MAINTENANCE}{name}, which is no whole percentage; "
            "the cluster takes every request"
        )
        context.report.warning(place, problem)


def _policy_of(cluster: Entries) -> LbPolicy | None:
    """The policy that a cluster not validated yet has; None: none that there is."""
    word = cluster.get("lb_policy")
    if word is None:
        return LbPolicy.ROUND_ROBIN
    return _POLICIES.get(word) if isinstance(word, str) else None


def _count_servers(cluster: Entries) -> int:
    groups = cluster.child("load_assignment").children("endpoints")
    return sum(len(each.children("lb_endpoints")) for each in groups)
