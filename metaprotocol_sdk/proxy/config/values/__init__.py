"""What a configuration file becomes: frozen values the runtime reads.

Names are Envoy's and MetaProtocol Proxy's; each class says which message it is made of. Durations are seconds.
"""

from __future__ import annotations

from metaprotocol_sdk.proxy.config.values.address import Address, AnyAddress, Bound, PipeAddress
from metaprotocol_sdk.proxy.config.values.balancing import (
    NOWHERE,
    HealthStatus,
    LbMetadata,
    Locality,
    SlowStartConfig,
    SubsetFallback,
    SubsetsConfig,
    SubsetSelectorConfig,
    canonical,
    lb_metadata,
    merged,
    reduced,
)
from metaprotocol_sdk.proxy.config.values.cluster import (
    CircuitBreakersConfig,
    ClusterConfig,
    ConnectionConfig,
    EndpointConfig,
    LbPolicy,
)
from metaprotocol_sdk.proxy.config.values.dns import DnsConfig, DnsLookupFamily
from metaprotocol_sdk.proxy.config.values.health_check import HealthCheckConfig, HeartbeatCheckConfig, TcpCheckConfig
from metaprotocol_sdk.proxy.config.values.keepalive import TcpKeepaliveConfig
from metaprotocol_sdk.proxy.config.values.listener import (
    FilterConfig,
    ListenerConfig,
    ProtocolConfig,
    ProxyProtocolConfig,
    TrafficDirection,
)
from metaprotocol_sdk.proxy.config.values.outlier_detection import OutlierDetectionConfig
from metaprotocol_sdk.proxy.config.values.proxy import NodeConfig, ProxyConfig
from metaprotocol_sdk.proxy.config.values.route import (
    MatcherConfig,
    MatchKind,
    MirrorConfig,
    RetryOn,
    RetryPolicyConfig,
    RouteConfig,
    RouteTableConfig,
    RoutingPriority,
    WeightedClusterConfig,
)
from metaprotocol_sdk.proxy.config.values.tls import (
    CertificateConfig,
    DataSource,
    DownstreamTlsConfig,
    SanMatcherConfig,
    SanType,
    TlsConfig,
    TlsVersion,
    UpstreamTlsConfig,
    ValidationConfig,
)

__all__ = [
    "NOWHERE",
    "Address",
    "AnyAddress",
    "Bound",
    "CertificateConfig",
    "CircuitBreakersConfig",
    "ClusterConfig",
    "ConnectionConfig",
    "DataSource",
    "DnsConfig",
    "DnsLookupFamily",
    "DownstreamTlsConfig",
    "EndpointConfig",
    "FilterConfig",
    "HealthCheckConfig",
    "HealthStatus",
    "HeartbeatCheckConfig",
    "LbMetadata",
    "LbPolicy",
    "ListenerConfig",
    "Locality",
    "MatchKind",
    "MatcherConfig",
    "MirrorConfig",
    "NodeConfig",
    "OutlierDetectionConfig",
    "PipeAddress",
    "ProtocolConfig",
    "ProxyConfig",
    "ProxyProtocolConfig",
    "RetryOn",
    "RetryPolicyConfig",
    "RouteConfig",
    "RouteTableConfig",
    "RoutingPriority",
    "SanMatcherConfig",
    "SanType",
    "SlowStartConfig",
    "SubsetFallback",
    "SubsetSelectorConfig",
    "SubsetsConfig",
    "TcpCheckConfig",
    "TcpKeepaliveConfig",
    "TlsConfig",
    "TlsVersion",
    "TrafficDirection",
    "UpstreamTlsConfig",
    "ValidationConfig",
    "WeightedClusterConfig",
    "canonical",
    "lb_metadata",
    "merged",
    "reduced",
]
