"""The whole of a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from metaprotocol_sdk.exceptions import Finding
from metaprotocol_sdk.proxy.config.values.address import AnyAddress
from metaprotocol_sdk.proxy.config.values.cluster import ClusterConfig
from metaprotocol_sdk.proxy.config.values.listener import ListenerConfig


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
    admin: AnyAddress | None = None
    """``admin.address``: where the admin interface listens; None: there is none."""
    listeners: tuple[ListenerConfig, ...] = ()
    clusters: tuple[ClusterConfig, ...] = ()
    notes: tuple[Finding, ...] = ()
    """Warnings and notes to log once: duplicate keys, sections accepted that cannot matter here."""
