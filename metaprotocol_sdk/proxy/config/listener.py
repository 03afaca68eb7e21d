"""Listeners: ``envoy.config.listener.v3.Listener`` with the one network filter this proxy is."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated, Any

from pydantic import PlainValidator, ValidationInfo, field_validator

from metaprotocol_sdk.names import nearest
from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.endpoint import Address
from metaprotocol_sdk.proxy.config.extension import open_any
from metaprotocol_sdk.proxy.config.fields import OURS, Duration, Kind, Positive, Repeated, Switch, Text, is_ip, word
from metaprotocol_sdk.proxy.config.keepalive import TcpKeepalive
from metaprotocol_sdk.proxy.config.listener_filter import PROXY_PROTOCOL, ListenerFilter
from metaprotocol_sdk.proxy.config.message import NOT_YET, Message, context_of, not_yet, without_effect
from metaprotocol_sdk.proxy.config.meta_protocol import TYPE_URL, MetaProtocolProxy
from metaprotocol_sdk.proxy.config.sentences import expected, shown
from metaprotocol_sdk.proxy.config.transport_socket import DownstreamTransportSocket
from metaprotocol_sdk.proxy.config.tree import Entries, Items
from metaprotocol_sdk.proxy.config.values import Address as AddressValue
from metaprotocol_sdk.proxy.config.values import ListenerConfig, ProxyProtocolConfig, TrafficDirection

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

    refused = not_yet("filter_chain_match")
    ignored = without_effect("name", "metadata")

    filters: Repeated[NetworkFilter]
    """The one filter there is."""

    transport_socket: DownstreamTransportSocket | None = None
    """TLS; not given: none is spoken."""

    transport_socket_connect_timeout: Duration = 15.0
    """What a client's handshake may take; ``0s``: any time."""

    use_proxy_proto: Switch = False
    """The older form of a listener filter ``envoy.filters.listener.proxy_protocol`` with nothing to say."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Reports any number of filters but one."""
        _expect_one(fields, "filters", "network filter", context)


class Listener(Message):
    """``envoy.config.listener.v3.Listener``."""

    refused = not_yet(
        "additional_addresses", "filter_chain_matcher", "use_original_dst", "default_filter_chain",
        "deprecated_v1", "transparent", "freebind", "socket_options",
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

    listener_filters: Repeated[ListenerFilter] = ()
    """What a client says before its protocol begins."""

    listener_filters_timeout: Duration = 15.0
    """What that may take until the client is cut off; ``0s``: any time."""

    continue_on_listener_filters_timeout: Switch = False
    """Whether a client that is too slow with it is taken for who it is instead."""

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
        claim_address(fields, context)

    def value(self) -> ListenerConfig:
        """What the runtime reads. A listener without a name goes by its address."""
        chain = self.filter_chains[0]
        proxy: MetaProtocolProxy = chain.filters[0].typed_config
        tls = None if chain.transport_socket is None else chain.transport_socket.typed_config
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
            tls=None if tls is None else tls.value(),
            handshake_timeout=chain.transport_socket_connect_timeout or None,
            proxy_protocol=self._proxy_protocol(),
            entry_timeout=self.listener_filters_timeout or None,
            continues_on_entry_timeout=self.continue_on_listener_filters_timeout,
        )

    def _proxy_protocol(self) -> ProxyProtocolConfig | None:
        for each in self.listener_filters:
            if each.name == PROXY_PROTOCOL:
                found: ProxyProtocolConfig = each.typed_config.value()
                return found
        return ProxyProtocolConfig() if self.filter_chains[0].use_proxy_proto else None


def claim_address(fields: Entries, context: Context) -> IPv4Address | IPv6Address | None:
    """Reports an ``address`` that is no IP address, or that something else listens on; else returns it."""
    pipe = fields.child("address").child("pipe")
    if isinstance(path := pipe.get("path"), str) and path:
        context.claim("listener address", path, pipe.value_place("path"))
        return None
    socket = fields.child("address").child("socket_address")
    host, port = socket.get("address"), socket.get("port_value")
    if not isinstance(host, str) or not host:
        return None
    if not is_ip(host):
        problem = f"expected an IP address to listen on, found {shown(host)}; every address: 0.0.0.0 or ::"
        context.report.error(socket.value_place("address"), problem)
        return None
    address = ip_address(host)
    if type(port) is int and port:  # 0 is a new port every time
        context.claim("listener address", str(AddressValue(str(address), port)), socket.value_place("address"))
    return address


def _expect_one(fields: Entries, key: str, what: str, context: Context) -> None:
    value = fields.get(key)
    if isinstance(value, Items) and len(value) != 1:
        place = value.item_place(1) if value else fields.value_place(key)
        more = f"; more than one is {NOT_YET}" if value else ""
        context.report.error(place, f"expected one {what}, found {len(value)}{more}")
