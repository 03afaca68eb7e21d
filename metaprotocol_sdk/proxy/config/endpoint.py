"""Addresses, and the endpoints of a cluster: ``envoy.config.endpoint.v3.ClusterLoadAssignment``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import PlainValidator

from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.fields import Kind, Port, Positive, Repeated, Switch, Text, Whole, word
from metaprotocol_sdk.proxy.config.message import Message, OneOf, not_yet, without_effect
from metaprotocol_sdk.proxy.config.metadata import Metadata
from metaprotocol_sdk.proxy.config.sentences import expected
from metaprotocol_sdk.proxy.config.tree import Entries
from metaprotocol_sdk.proxy.config.values import Address as AddressValue
from metaprotocol_sdk.proxy.config.values import AnyAddress, EndpointConfig, HealthStatus, LbMetadata, PipeAddress
from metaprotocol_sdk.proxy.config.values import Locality as LocalityValue

MAX_PRIORITY = 128
"""Envoy's limit of ``priority``."""

_LONGEST_PATH = 107
"""Bytes of the longest path of a Unix socket; other systems than Linux take less."""
_OCTAL = re.compile("0?o?[0-7]{1,4}")

_TCP: dict[str, Literal["TCP"]] = {"TCP": "TCP"}


def _read_path(value: object) -> str:
    if not isinstance(value, str) or not value.removeprefix("@") or "\0" in value:
        raise expected("the path of a Unix socket", value)
    if (length := len(os.fsencode(value))) > _LONGEST_PATH:
        raise ValueError(f"expected a path of at most {_LONGEST_PATH} bytes, as Unix sockets have, found {length}")
    return value


def _read_mode(value: object) -> int:
    mode = int(value.replace("o", ""), 8) if isinstance(value, str) and _OCTAL.fullmatch(value) else value
    if type(mode) is int and 0 <= mode <= 0o777:
        return mode
    raise expected("permissions in octal from 0 to 0o777, such as 0o660", value)


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


class Pipe(Message):
    """``envoy.config.core.v3.Pipe``: a Unix socket."""

    path: Annotated[str, PlainValidator(_read_path), Kind("text")]
    """Its file, or with ``@`` before it a name of Linux's abstract namespace, which is no file."""

    mode: Annotated[int, PlainValidator(_read_mode), Kind("permissions")] = 0
    """What a listener's file permits, in octal as ``0o660``; 0: what the process's umask leaves. A name in the abstract
    namespace has none."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Reports permissions of what is no file: who wrote them means to keep somebody out."""
        if str(fields.get("path")).startswith("@") and fields.get("mode"):
            problem = "a name in the abstract namespace is no file, whoever is on the host may connect; leave it out"
            context.report.error(fields.value_place("mode"), problem)


class Address(Message):
    """``envoy.config.core.v3.Address``."""

    refused = not_yet("envoy_internal_address")
    one_of = (OneOf(("socket_address", "pipe", "envoy_internal_address"), "required, and not there"),)

    socket_address: SocketAddress | None = None
    """The address; it or ``pipe`` is required."""

    pipe: Pipe | None = None
    """A Unix socket instead."""

    def value(self) -> AnyAddress:
        """What the runtime reads."""
        if self.pipe is not None:
            return PipeAddress(self.pipe.path, self.pipe.mode)
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

    refused = not_yet("endpoint_name")
    one_of = (OneOf(("endpoint", "endpoint_name"), "required, and not there"),)

    endpoint: Endpoint | None = None
    """The server; required."""

    load_balancing_weight: Positive = 1
    """How many requests it gets, against the weights of the cluster's other servers."""

    health_status: Annotated[HealthStatus, PlainValidator(word({each.value: each for each in HealthStatus}))] = (
        HealthStatus.UNKNOWN
    )
    """``UNKNOWN`` and ``HEALTHY``: it takes requests, as long as nothing else is known against it. ``UNHEALTHY`` and
    ``TIMEOUT``: it takes none. ``DRAINING``: none either, and it does not count as one that is missing.
    ``DEGRADED``: it takes those that the healthy cannot."""

    metadata: Metadata | None = None
    """What it has that routes may ask for."""

    @property
    def lb_metadata(self) -> LbMetadata:
        """What of its metadata the runtime reads."""
        return () if self.metadata is None else self.metadata.value()


class Locality(Message):
    """``envoy.config.core.v3.Locality``: a place, by any names."""

    region: str = ""
    """The region."""

    zone: str = ""
    """The zone of it."""

    sub_zone: str = ""
    """The part of the zone."""

    def value(self) -> LocalityValue:
        """What the runtime reads."""
        return LocalityValue(self.region, self.zone, self.sub_zone)


class LocalityLbEndpoints(Message):
    """``envoy.config.endpoint.v3.LocalityLbEndpoints``: endpoints in one place, of one priority."""

    refused = not_yet("load_balancer_endpoints", "leds_cluster_locality_config", "proximity")
    ignored = without_effect("metadata")

    locality: Locality = Locality()
    """The place."""

    lb_endpoints: Repeated[LbEndpoint] = ()
    """The endpoints."""

    load_balancing_weight: Positive | None = None
    """How many requests the place gets, against the weights of the others of its priority, if the cluster has
    ``common_lb_config.locality_weighted_lb_config``; not given, it then gets none."""

    priority: Annotated[int, PlainValidator(Whole(0, MAX_PRIORITY))] = 0
    """0 is the highest. Lower ones get what the healthy endpoints of the higher cannot take."""


class Policy(Message):
    """``envoy.config.endpoint.v3.ClusterLoadAssignment.Policy``."""

    refused = not_yet("drop_overloads")
    ignored = without_effect("endpoint_stale_after")

    overprovisioning_factor: Positive = 140
    """In percent: how far above the share of its healthy endpoints a priority, or a place, can serve. With 140 all
    requests stay where 72 % of the endpoints are healthy."""

    weighted_priority_health: Switch = False
    """Whether endpoints count by their weights in that share; else each counts one."""


class ClusterLoadAssignment(Message):
    """``envoy.config.endpoint.v3.ClusterLoadAssignment``."""

    refused = not_yet("named_endpoints")

    cluster_name: Text
    """Not looked at, as in Envoy where the endpoints stand in the cluster itself."""

    endpoints: Repeated[LocalityLbEndpoints] = ()
    """The endpoints, by place."""

    policy: Policy = Policy()
    """How health makes load."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Warns of a priority between others that has no endpoints."""
        groups = fields.children("endpoints")
        given = {number for each in groups if isinstance(number := each.get("priority") or 0, int)}
        for number in sorted(given):
            if 0 < number <= MAX_PRIORITY and number - 1 not in given:
                place = next(each for each in groups if each.get("priority") == number).value_place("priority")
                context.report.warning(place, f"no endpoints have priority {number - 1}; priorities have no gaps")

    def metadata(self) -> Iterator[LbMetadata]:
        """What each endpoint has that routes may ask for."""
        for group in self.endpoints:
            for each in group.lb_endpoints:
                yield each.lb_metadata

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
                    health_status=each.health_status,
                    priority=group.priority,
                    locality=group.locality.value(),
                    locality_weight=group.load_balancing_weight or 0,
                    metadata=each.lb_metadata,
                )
