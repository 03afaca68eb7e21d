"""Addresses, and the endpoints of a cluster: ``envoy.config.endpoint.v3.ClusterLoadAssignment``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import PlainValidator

from metaprotocol_sdk.proxy.config.fields import Port, Positive, Repeated, Switch, Text, only, word
from metaprotocol_sdk.proxy.config.message import Message, OneOf, not_yet, without_effect
from metaprotocol_sdk.proxy.config.values import Address as AddressValue
from metaprotocol_sdk.proxy.config.values import EndpointConfig

_TCP: dict[str, Literal["TCP"]] = {"TCP": "TCP"}


class SocketAddress(Message):
    """``envoy.config.core.v3.SocketAddress``."""

    refused = not_yet("named_port", "resolver_name", "ipv4_compat", "network_namespace_filepath")
    one_of = (OneOf(("port_value", "named_port"), "required, and not there"),)

    protocol: Annotated[Literal["TCP"], PlainValidator(word(_TCP, "UDP"))] = "TCP"
    """What is spoken below the application's protocol."""

    address: Text
    """The IP address; in a cluster that resolves names, a name."""

    port_value: Port = 0
    """The port; required. A listener's may be 0: a free one."""


class Address(Message):
    """``envoy.config.core.v3.Address``."""

    refused = not_yet("pipe", "envoy_internal_address")
    one_of = (OneOf(("socket_address", "pipe", "envoy_internal_address"), "required, and not there"),)

    socket_address: SocketAddress | None = None
    """The address; required."""

    def value(self) -> AddressValue:
        """What the runtime reads."""
        assert self.socket_address is not None, "one_of has reported it"
        return AddressValue(self.socket_address.address, self.socket_address.port_value)


class HealthCheckConfig(Message):
    """``envoy.config.endpoint.v3.Endpoint.HealthCheckConfig``."""

    refused = not_yet("address")
    ignored = without_effect("hostname")

    port_value: Port = 0
    """The port where the server is checked; 0: where it listens."""

    disable_active_health_check: Switch = False
    """Whether it is not checked, and always counts as one that passes."""


class Endpoint(Message):
    """``envoy.config.endpoint.v3.Endpoint``."""

    refused = not_yet("additional_addresses")
    ignored = without_effect("hostname")

    address: Address
    """Where the server listens."""

    health_check_config: HealthCheckConfig = HealthCheckConfig()
    """How its health checks differ from the cluster's."""


class LbEndpoint(Message):
    """``envoy.config.endpoint.v3.LbEndpoint``."""

    refused = not_yet("endpoint_name", "health_status")
    ignored = without_effect("metadata")
    one_of = (OneOf(("endpoint", "endpoint_name"), "required, and not there"),)

    endpoint: Endpoint | None = None
    """The server; required."""

    load_balancing_weight: Positive = 1
    """How many requests it gets, against the weights of the cluster's other servers."""


class LocalityLbEndpoints(Message):
    """``envoy.config.endpoint.v3.LocalityLbEndpoints``: endpoints in one place; all places count the same here."""

    refused = not_yet("load_balancer_endpoints", "leds_cluster_locality_config", "proximity")
    ignored = without_effect("locality", "metadata", "load_balancing_weight")

    lb_endpoints: Repeated[LbEndpoint] = ()
    """The endpoints."""

    priority: Annotated[int, PlainValidator(only(0))] = 0
    """0, the highest, is the only one."""


class ClusterLoadAssignment(Message):
    """``envoy.config.endpoint.v3.ClusterLoadAssignment``."""

    refused = not_yet("named_endpoints", "policy")

    cluster_name: Text
    """Not looked at, as in Envoy where the endpoints stand in the cluster itself."""

    endpoints: Repeated[LocalityLbEndpoints] = ()
    """The endpoints, by place."""

    def values(self) -> Iterator[EndpointConfig]:
        """What the runtime reads of all endpoints, in the file's order."""
        for group in self.endpoints:
            for each in group.lb_endpoints:
                assert each.endpoint is not None, "one_of has reported it"
                check = each.endpoint.health_check_config
                yield EndpointConfig(
                    each.endpoint.address.value(),
                    each.load_balancing_weight,
                    health_check_port=check.port_value,
                    is_checked=not check.disable_active_health_check,
                )
