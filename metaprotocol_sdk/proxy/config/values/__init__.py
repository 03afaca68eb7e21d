"""What a configuration file becomes: frozen values the runtime reads.

Names are Envoy's and MetaProtocol Proxy's; each class says which message it is made of. Durations are seconds.
"""

from __future__ import annotations

from metaprotocol_sdk.proxy.config.values.address import Address
from metaprotocol_sdk.proxy.config.values.cluster import (
    CircuitBreakersConfig,
    ClusterConfig,
    ConnectionConfig,
    EndpointConfig,
    LbPolicy,
)
from metaprotocol_sdk.proxy.config.values.keepalive import TcpKeepaliveConfig
from metaprotocol_sdk.proxy.config.values.listener import FilterConfig, ListenerConfig, ProtocolConfig, TrafficDirection
from metaprotocol_sdk.proxy.config.values.proxy import NodeConfig, ProxyConfig
from metaprotocol_sdk.proxy.config.values.route import (
    MatcherConfig,
    MatchKind,
    MirrorConfig,
    RetryOn,
    RetryPolicyConfig,
    RouteConfig,
    RouteTableConfig,
    WeightedClusterConfig,
)

__all__ = [
    "Address",
    "CircuitBreakersConfig",
    "ClusterConfig",
    "ConnectionConfig",
    "EndpointConfig",
    "FilterConfig",
    "LbPolicy",
    "ListenerConfig",
    "MatchKind",
    "MatcherConfig",
    "MirrorConfig",
    "NodeConfig",
    "ProtocolConfig",
    "ProxyConfig",
    "RetryOn",
    "RetryPolicyConfig",
    "RouteConfig",
    "RouteTableConfig",
    "TcpKeepaliveConfig",
    "TrafficDirection",
    "WeightedClusterConfig",
]
