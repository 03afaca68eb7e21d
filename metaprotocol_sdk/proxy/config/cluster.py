"""Clusters: ``envoy.config.cluster.v3.Cluster``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import PlainValidator, PrivateAttr, ValidationInfo, model_validator

from metaprotocol_sdk.proxy.config.circuit_breakers import CircuitBreakers
from metaprotocol_sdk.proxy.config.connection import NO_HTTP, HttpProtocolOptions, Options, report_doubles
from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.endpoint import ClusterLoadAssignment
from metaprotocol_sdk.proxy.config.fields import Count, Period, Positive, Text, is_ip, word
from metaprotocol_sdk.proxy.config.keepalive import UpstreamConnectionOptions
from metaprotocol_sdk.proxy.config.load_balancer import (
    POLICY_FIELDS,
    LeastRequestLbConfig,
    MaglevLbConfig,
    RingHashLbConfig,
)
from metaprotocol_sdk.proxy.config.message import NOT_YET, Message, OneOf, context_of, not_yet, without_effect
from metaprotocol_sdk.proxy.config.runtime import percentage
from metaprotocol_sdk.proxy.config.sentences import shown
from metaprotocol_sdk.proxy.config.tree import Entries, Place
from metaprotocol_sdk.proxy.config.values import ClusterConfig, ConnectionConfig, LbPolicy

_POLICIES = {each.value: each for each in LbPolicy}
_LATER_POLICIES = ("CLUSTER_PROVIDED", "LOAD_BALANCING_POLICY_CONFIG")
_HASHING = (LbPolicy.RING_HASH, LbPolicy.MAGLEV)
_MAINTENANCE = "upstream.maintenance_mode."
_STATIC: dict[str, Literal["STATIC"]] = {"STATIC": "STATIC"}
_LATER_TYPES = ("STRICT_DNS", "LOGICAL_DNS", "EDS", "ORIGINAL_DST")


class Cluster(Message):
    """``envoy.config.cluster.v3.Cluster``. The key ``upstream.maintenance_mode.<name>`` in a ``static_layer`` of
    ``layered_runtime`` is the percentage of its requests that get an error instead, a whole number, as in Envoy."""

    refused = not_yet(
        "transport_socket_matches", "cluster_type", "eds_cluster_config", "health_checks", "dns_refresh_rate",
        "dns_jitter", "dns_failure_refresh_rate", "respect_dns_ttl", "dns_lookup_family", "dns_resolvers",
        "dns_resolution_config", "typed_dns_resolver_config", "wait_for_warm_on_init", "use_tcp_for_dns_lookups",
        "outlier_detection", "cleanup_interval", "upstream_bind_config", "lb_subset_config", "original_dst_lb_config",
        "round_robin_lb_config", "common_lb_config", "transport_socket",
        "close_connections_on_host_health_failure", "ignore_health_on_host_removal", "filters",
        "load_balancing_policy", "lrs_server", "upstream_config", "preconnect_policy",
        "connection_pool_per_downstream_connection",
    )  # fmt: skip
    ignored: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            ("upstream_http_protocol_options", "http_protocol_options", "http2_protocol_options", "protocol_selection"),
            NO_HTTP,
        ),
        **without_effect("alt_stat_name", "metadata", "track_timeout_budgets", "track_cluster_stats"),
    }
    one_of = (OneOf((*POLICY_FIELDS, "original_dst_lb_config", "round_robin_lb_config")),)

    name: Text
    """What routes call it."""

    type: Annotated[Literal["STATIC"], PlainValidator(word(_STATIC, *_LATER_TYPES))] = "STATIC"
    """Where its endpoints come from: from ``load_assignment``."""

    connect_timeout: Period = 5.0
    """What a connection to one of them may take."""

    lb_policy: Annotated[LbPolicy, PlainValidator(word(_POLICIES, *_LATER_POLICIES))] = LbPolicy.ROUND_ROBIN
    """How one is picked. ``RING_HASH`` and ``MAGLEV`` follow a route's ``hash_policy``."""

    load_assignment: ClusterLoadAssignment | None = None
    """Its endpoints; not given: none, and every request gets an error."""

    ring_hash_lb_config: RingHashLbConfig | None = None
    """For ``RING_HASH``."""

    maglev_lb_config: MaglevLbConfig | None = None
    """For ``MAGLEV``."""

    least_request_lb_config: LeastRequestLbConfig | None = None
    """For ``LEAST_REQUEST``."""

    circuit_breakers: CircuitBreakers = CircuitBreakers()
    """What is allowed at once."""

    common_http_protocol_options: HttpProtocolOptions = HttpProtocolOptions()
    """How long connections are used, whatever the protocol."""

    max_requests_per_connection: Count | None = None
    """Says what ``common_http_protocol_options.max_requests_per_connection`` says; only one of them can."""

    typed_extension_protocol_options: Options = None
    """By the name ``envoy.extensions.upstreams.tcp.v3.TcpProtocolOptions``: how long connections are used."""

    per_connection_buffer_limit_bytes: Positive = 1024 * 1024
    """Bytes a server has not read above which its clients are not read. 0, for Envoy no limit, is refused."""

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
        if fields.get("type") in (None, "STATIC"):
            _expect_addresses(fields, context)

    @model_validator(mode="after")
    def _look_up(self, info: ValidationInfo) -> Self:
        if isinstance(info.context, Context):
            self._maintenance = percentage(context_of(info).runtime.find(_MAINTENANCE + self.name)) or 0.0
        return self

    def value(self) -> ClusterConfig:
        """What the runtime reads."""
        ring = self.ring_hash_lb_config or RingHashLbConfig()
        maglev = self.maglev_lb_config or MaglevLbConfig()
        keepalive = self.upstream_connection_options.tcp_keepalive
        least = self.least_request_lb_config or LeastRequestLbConfig()
        return ClusterConfig(
            name=self.name,
            endpoints=tuple(self.load_assignment.values()) if self.load_assignment is not None else (),
            lb_policy=self.lb_policy,
            connect_timeout=self.connect_timeout,
            choice_count=least.choice_count,
            minimum_ring_size=ring.minimum_ring_size,
            maximum_ring_size=ring.maximum_ring_size,
            table_size=maglev.table_size,
            circuit_breakers=self.circuit_breakers.value(),
            connections=self._connections(),
            buffer_limit=self.per_connection_buffer_limit_bytes,
            maintenance=self._maintenance,
            tcp_keepalive=keepalive.value() if keepalive is not None else None,
        )

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


def _expect_addresses(cluster: Entries, context: Context) -> None:
    """Reports a name where a cluster that resolves none has to have an IP address."""
    for group in cluster.child("load_assignment").children("endpoints"):
        for each in group.children("lb_endpoints"):
            address = each.child("endpoint").child("address").child("socket_address")
            host = address.get("address")
            if isinstance(host, str) and host and not is_ip(host):
                context.report.error(
                    address.value_place("address"),
                    f"expected an IP address, found {shown(host)}; clusters that resolve names are {NOT_YET}",
                )
