"""Listeners: where clients connect, and what is spoken there."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from metaprotocol_sdk.proxy.config.values.address import AnyAddress
from metaprotocol_sdk.proxy.config.values.keepalive import TcpKeepaliveConfig
from metaprotocol_sdk.proxy.config.values.route import RouteTableConfig
from metaprotocol_sdk.proxy.config.values.tls import DownstreamTlsConfig


class TrafficDirection(enum.Enum):
    """``envoy.config.core.v3.TrafficDirection``: which side of a service a listener stands on."""

    UNSPECIFIED = "UNSPECIFIED"
    INBOUND = "INBOUND"
    OUTBOUND = "OUTBOUND"


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
class ProxyProtocolConfig:
    """``envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol``: who connects says first for whom.

    Args:
        is_optional: ``allow_requests_without_proxy_protocol``.
        versions: ``allowed_versions``.
    """

    is_optional: bool = False
    versions: frozenset[int] = frozenset({1, 2})


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerConfig:
    """``envoy.config.listener.v3.Listener`` with its one MetaProtocolProxy filter."""

    name: str
    address: AnyAddress
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
    request_timeout: float | None = None
    """Seconds from the first byte of a client's message until it must be whole, ours; None: no limit."""
    tcp_keepalive: TcpKeepaliveConfig | None = None
    """Of clients' connections; None: the system's way with new sockets, which is none."""
    max_concurrent_requests: int = 256
    """Requests of one client in flight, ours; more are not read until some are answered."""
    tls: DownstreamTlsConfig | None = None
    """What a client's TLS must be; None: it speaks none."""
    handshake_timeout: float | None = 15.0
    """``transport_socket_connect_timeout``: seconds a client's handshake may take; None: any time."""
    proxy_protocol: ProxyProtocolConfig | None = None
    """What it must say before that; None: nothing."""
    entry_timeout: float | None = 15.0
    """``listener_filters_timeout``: seconds that may take; None: any time."""
    continues_on_entry_timeout: bool = False
    """``continue_on_listener_filters_timeout``: a client that has said nothing by then is taken for who it is."""
