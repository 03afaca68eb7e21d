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


class MatchKind(enum.Enum):
    """The kinds of ``envoy.config.route.v3.HeaderMatcher``."""

    EXACT = "exact_match"
    PREFIX = "prefix_match"


@dataclass(frozen=True, slots=True)
class Address:
    """``envoy.config.core.v3.SocketAddress``."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class MatcherConfig:
    """``envoy.config.route.v3.HeaderMatcher``: what one string of a message must be."""

    name: str
    kind: MatchKind
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteConfig:
    """``aeraki.meta_protocol_proxy.config.route.v1alpha.Route``. No matchers: every request matches."""

    name: str = ""
    metadata: tuple[MatcherConfig, ...] = ()
    cluster: str
    request_mutation: Mutation = NO_MUTATION
    response_mutation: Mutation = NO_MUTATION
    timeout: float | None = 15.0
    """Seconds until the client gets an error; None: never (``0s``)."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterConfig:
    """``envoy.config.cluster.v3.Cluster`` with its static ``load_assignment``."""

    name: str
    endpoints: tuple[Address, ...] = ()
    lb_policy: LbPolicy = LbPolicy.ROUND_ROBIN
    connect_timeout: float = 5.0


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
