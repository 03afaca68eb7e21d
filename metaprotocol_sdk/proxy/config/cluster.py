"""Clusters: ``envoy.config.cluster.v3.Cluster`` and the messages of its ``load_assignment``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import PlainValidator, field_validator

from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.fields import Duration, Port, Repeated, Text, is_ip, only, word
from metaprotocol_sdk.proxy.config.message import NOT_YET, Message, OneOf, not_yet, without_effect
from metaprotocol_sdk.proxy.config.sentences import shown
from metaprotocol_sdk.proxy.config.tree import Entries
from metaprotocol_sdk.proxy.config.values import Address as AddressValue
from metaprotocol_sdk.proxy.config.values import ClusterConfig, EndpointConfig, LbPolicy

_LATER_POLICIES = ("LEAST_REQUEST", "RANDOM", "RING_HASH", "MAGLEV", "CLUSTER_PROVIDED", "LOAD_BALANCING_POLICY_CONFIG")
_HASHING = (LbPolicy.RING_HASH.value, LbPolicy.MAGLEV.value)
_LATER_TYPES = ("STRICT_DNS", "LOGICAL_DNS", "EDS", "ORIGINAL_DST")


class SocketAddress(Message):
    """``envoy.config.core.v3.SocketAddress``; whether a name may stand for the IP is for its user to say."""

    refused = not_yet("named_port", "resolver_name", "ipv4_compat", "network_namespace_filepath")
    one_of = (OneOf(("port_value", "named_port"), "required, and not there"),)

    protocol: Annotated[str, PlainValidator(word({"TCP": "TCP"}, "UDP"))] = "TCP"
    address: Text
    port_value: Port = 0


class Address(Message):
    """``envoy.config.core.v3.Address``."""

    refused = not_yet("pipe", "envoy_internal_address")
    one_of = (OneOf(("socket_address", "pipe", "envoy_internal_address"), "required, and not there"),)

    socket_address: SocketAddress | None = None

    def value(self) -> AddressValue:
        """What the runtime reads."""
        assert self.socket_address is not None, "one_of has reported it"
        return AddressValue(self.socket_address.address, self.socket_address.port_value)


class Endpoint(Message):
    """``envoy.config.endpoint.v3.Endpoint``."""

    refused = not_yet("health_check_config", "additional_addresses")
    ignored = without_effect("hostname")

    address: Address


class LbEndpoint(Message):
    """``envoy.config.endpoint.v3.LbEndpoint``."""

    refused = not_yet("endpoint_name", "health_status", "load_balancing_weight")
    ignored = without_effect("metadata")
    one_of = (OneOf(("endpoint", "endpoint_name"), "required, and not there"),)

    endpoint: Endpoint | None = None


class LocalityLbEndpoints(Message):
    """``envoy.config.endpoint.v3.LocalityLbEndpoints``: endpoints in one place; all places count the same here."""

    refused = not_yet("load_balancer_endpoints", "leds_cluster_locality_config", "load_balancing_weight", "proximity")
    ignored = without_effect("locality", "metadata")

    lb_endpoints: Repeated[LbEndpoint] = ()
    priority: Annotated[int, PlainValidator(only(0))] = 0


class ClusterLoadAssignment(Message):
    """``envoy.config.endpoint.v3.ClusterLoadAssignment``."""

    refused = not_yet("named_endpoints", "policy")

    cluster_name: Text
    endpoints: Repeated[LocalityLbEndpoints] = ()

    def addresses(self) -> Iterator[AddressValue]:
        """The addresses of all endpoints, in the file's order."""
        for group in self.endpoints:
            for each in group.lb_endpoints:
                if each.endpoint is not None:
                    yield each.endpoint.address.value()


class Cluster(Message):
    """``envoy.config.cluster.v3.Cluster``."""

    refused = not_yet(
        "transport_socket_matches", "cluster_type", "eds_cluster_config", "per_connection_buffer_limit_bytes",
        "health_checks", "max_requests_per_connection", "circuit_breakers", "upstream_http_protocol_options",
        "common_http_protocol_options", "http_protocol_options", "http2_protocol_options",
        "typed_extension_protocol_options", "dns_refresh_rate", "dns_jitter", "dns_failure_refresh_rate",
        "respect_dns_ttl", "dns_lookup_family", "dns_resolvers", "dns_resolution_config", "typed_dns_resolver_config",
        "wait_for_warm_on_init", "use_tcp_for_dns_lookups", "outlier_detection", "cleanup_interval",
        "upstream_bind_config", "lb_subset_config", "ring_hash_lb_config", "maglev_lb_config",
        "original_dst_lb_config", "least_request_lb_config", "round_robin_lb_config", "common_lb_config",
        "transport_socket", "protocol_selection", "upstream_connection_options",
        "close_connections_on_host_health_failure", "ignore_health_on_host_removal", "filters",
        "load_balancing_policy", "lrs_server", "upstream_config", "preconnect_policy",
        "connection_pool_per_downstream_connection",
    )  # fmt: skip
    ignored = without_effect("alt_stat_name", "metadata", "track_timeout_budgets", "track_cluster_stats")

    name: Text
    type: Annotated[str, PlainValidator(word({"STATIC": "STATIC"}, *_LATER_TYPES))] = "STATIC"
    connect_timeout: Duration = 5.0
    lb_policy: Annotated[LbPolicy, PlainValidator(word({"ROUND_ROBIN": LbPolicy.ROUND_ROBIN}, *_LATER_POLICIES))] = (
        LbPolicy.ROUND_ROBIN
    )
    load_assignment: ClusterLoadAssignment | None = None

    @field_validator("connect_timeout")
    @classmethod
    def _takes_time(cls, seconds: float) -> float:
        if not seconds:
            raise ValueError("expected more than 0s: no connection is made in no time")
        return seconds

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Claims the name; asks for IP addresses unless the type, which is then reported, resolves names."""
        if isinstance(name := fields.get("name"), str) and name:
            context.define_cluster(name, fields.value_place("name"), is_hashing=fields.get("lb_policy") in _HASHING)
        if fields.get("type") not in (None, "STATIC"):
            return
        for group in fields.child("load_assignment").children("endpoints"):
            for each in group.children("lb_endpoints"):
                address = each.child("endpoint").child("address").child("socket_address")
                host = address.get("address")
                if isinstance(host, str) and host and not is_ip(host):
                    context.report.error(
                        address.value_place("address"),
                        f"expected an IP address, found {shown(host)}; clusters that resolve names are {NOT_YET}",
                    )

    def value(self) -> ClusterConfig:
        """What the runtime reads."""
        return ClusterConfig(
            name=self.name,
            endpoints=tuple(map(EndpointConfig, self.load_assignment.addresses()))
            if self.load_assignment is not None
            else (),
            lb_policy=self.lb_policy,
            connect_timeout=self.connect_timeout,
        )
