"""Listeners: ``envoy.config.listener.v3.Listener`` with the one network filter this proxy is."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Any

from pydantic import PlainValidator, ValidationInfo, field_validator

from metaprotocol_sdk.names import nearest
from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.endpoint import Address
from metaprotocol_sdk.proxy.config.extension import open_any
from metaprotocol_sdk.proxy.config.fields import OURS, Kind, Positive, Repeated, Text, is_ip, word
from metaprotocol_sdk.proxy.config.keepalive import TcpKeepalive
from metaprotocol_sdk.proxy.config.message import NOT_YET, Message, context_of, not_yet, without_effect
from metaprotocol_sdk.proxy.config.meta_protocol import TYPE_URL, MetaProtocolProxy
from metaprotocol_sdk.proxy.config.sentences import expected, shown
from metaprotocol_sdk.proxy.config.tree import Entries, Items
from metaprotocol_sdk.proxy.config.values import Address as AddressValue
from metaprotocol_sdk.proxy.config.values import ListenerConfig, TrafficDirection

FILTER_NAMES = ("aeraki.meta_protocol_proxy", "envoy.filters.network.meta_protocol_proxy")
"""The names the network filter goes by: upstream's own, and the one Aeraki writes."""


class NetworkFilter(Message):
    """``envoy.config.listener.v3.Filter``, of the one kind there is."""

    refused = not_yet("config_discovery")

    name: Text
    """``aeraki.meta_protocol_proxy``, or ``envoy.filters.network.meta_protocol_proxy``."""

    typed_config: Annotated[Any, Kind("mapping", MetaProtocolProxy)]
    """A MetaProtocolProxy: its fields, and ``'@type'``."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Reports another filter's name."""
        name = fields.get("name")
        if not isinstance(name, str) or not name or name in FILTER_NAMES:
            return
        near = nearest(name, FILTER_NAMES)
        if near and not name.startswith("envoy."):  # Envoy's own resemble each other, and are meant
            problem = f"no network filter is named {shown(name)}; did you mean {near}?"
        else:
            problem = f"the network filter {shown(name)} is {NOT_YET}; supported: {FILTER_NAMES[0]}"
        context.report.error(fields.value_place("name"), problem)

    @field_validator("typed_config")
    @classmethod
    def _open(cls, value: Any, info: ValidationInfo) -> Any:
        context = context_of(info)
        if not isinstance(value, Entries):
            raise expected("a mapping", value)
        extension = open_any(value, context.report, wanted=TYPE_URL)
        if extension is None or info.data.get("name") not in FILTER_NAMES:
            return None
        if not extension.is_a(TYPE_URL, context.report):
            return None
        return context.validate(MetaProtocolProxy, extension.fields)


class FilterChain(Message):
    """``envoy.config.listener.v3.FilterChain``."""

    refused = not_yet("filter_chain_match", "use_proxy_proto", "transport_socket", "transport_socket_connect_timeout")
    ignored = without_effect("name", "metadata")

    filters: Repeated[NetworkFilter]
    """The one filter there is."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Reports any number of filters but one."""
        _expect_one(fields, "filters", "network filter", context)


class Listener(Message):
    """``envoy.config.listener.v3.Listener``."""

    refused = not_yet(
        "additional_addresses", "filter_chain_matcher", "use_original_dst", "default_filter_chain",
        "deprecated_v1", "listener_filters", "listener_filters_timeout",
        "continue_on_listener_filters_timeout", "transparent", "freebind", "socket_options",
        "tcp_fast_open_queue_length", "udp_listener_config", "api_listener", "access_log", "tcp_backlog_size",
        "bind_to_port", "transport_socket", "internal_listener", "enable_mptcp", "fcds_config",
    )  # fmt: skip
    ignored = without_effect(
        "stat_prefix", "metadata", "drain_type", "connection_balance_config", "reuse_port", "enable_reuse_port",
        "max_connections_to_accept_per_socket_event", "ignore_global_conn_limit", "bypass_overload_manager",
    )  # fmt: skip

    name: str = ""
    """What logs call it; not given: its address."""

    address: Address
    """Where clients connect."""

    traffic_direction: Annotated[
        TrafficDirection, PlainValidator(word({each.value: each for each in TrafficDirection}))
    ] = TrafficDirection.UNSPECIFIED
    """Which side of a service it stands on; ``metadata_exchange`` looks at it."""

    filter_chains: Repeated[FilterChain]
    """The one chain there is."""

    per_connection_buffer_limit_bytes: Positive = 1024 * 1024
    """Bytes a client has not read above which the servers that answer it are not read; a cluster has its own. 0, for
    Envoy no limit, is refused."""

    max_connections: Annotated[Positive, OURS] = 16384
    """Clients at once; more are refused. Envoy has a network filter for it, ``connection_limit``."""

    tcp_keepalive: TcpKeepalive | None = None
    """Of clients' connections; not given: none. An empty mapping is one with the system's numbers."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Claims the name and the address, and reports any number of filter chains but one."""
        _expect_one(fields, "filter_chains", "filter chain", context)
        if isinstance(name := fields.get("name"), str) and name:
            context.claim("listener name", name, fields.value_place("name"))
        socket = fields.child("address").child("socket_address")
        host, port = socket.get("address"), socket.get("port_value")
        if not isinstance(host, str) or not host:
            return
        if not is_ip(host):
            problem = f"expected an IP address to listen on, found {shown(host)}; every address: 0.0.0.0 or ::"
            context.report.error(socket.value_place("address"), problem)
        elif type(port) is int and port:  # 0 is a new port every time
            address = AddressValue(str(ipaddress.ip_address(host)), port)
            context.claim("listener address", str(address), socket.value_place("address"))

    def value(self) -> ListenerConfig:
        """What the runtime reads. A listener without a name goes by its address."""
        proxy: MetaProtocolProxy = self.filter_chains[0].filters[0].typed_config
        address = self.address.value()
        return ListenerConfig(
            name=self.name or str(address),
            address=address,
            traffic_direction=self.traffic_direction,
            stat_prefix=proxy.stat_prefix,
            protocol=proxy.protocol_value(),
            routes=proxy.routes_value(),
            filters=proxy.filters_value(),
            idle_timeout=proxy.idle_timeout or None,
            buffer_limit=self.per_connection_buffer_limit_bytes,
            max_connections=self.max_connections,
            request_timeout=proxy.request_timeout or None,
            tcp_keepalive=self.tcp_keepalive.value() if self.tcp_keepalive is not None else None,
            max_concurrent_requests=proxy.max_concurrent_requests,
        )


def _expect_one(fields: Entries, key: str, what: str, context: Context) -> None:
    value = fields.get(key)
    if isinstance(value, Items) and len(value) != 1:
        place = value.item_place(1) if value else fields.value_place(key)
        more = f"; more than one is {NOT_YET}" if value else ""
        context.report.error(place, f"expected one {what}, found {len(value)}{more}")
