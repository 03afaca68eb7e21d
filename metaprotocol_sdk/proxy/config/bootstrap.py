"""The file's root: ``envoy.config.bootstrap.v3.Bootstrap``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from metaprotocol_sdk.proxy.config.admin import Admin
from metaprotocol_sdk.proxy.config.cluster import Cluster
from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.fields import Data, Repeated, Text
from metaprotocol_sdk.proxy.config.listener import Listener
from metaprotocol_sdk.proxy.config.message import Message, OneOf, belongs_in, not_yet, without_effect
from metaprotocol_sdk.proxy.config.sentences import shown
from metaprotocol_sdk.proxy.config.tree import Entries, plain
from metaprotocol_sdk.proxy.config.values import NodeConfig, ProxyConfig

_NO_ADMIN_LAYER = "accepted, and without effect: this proxy's admin interface changes no runtime values"


class Node(Message):
    """``envoy.config.core.v3.Node``; the keys of ``metadata`` are data and stay as they are written."""

    ignored = without_effect(
        "locality", "dynamic_parameters", "user_agent_name", "user_agent_version", "user_agent_build_version",
        "extensions", "client_features", "listening_addresses",
    )  # fmt: skip

    id: str = ""
    """Which proxy this is; ``metadata_exchange`` tells it."""

    cluster: str = ""
    """Of which service."""

    metadata: Data = Field(default_factory=dict)
    """What else is known of it; ``metadata_exchange`` tells it."""

    def value(self) -> NodeConfig:
        """What the runtime reads."""
        return NodeConfig(id=self.id, cluster=self.cluster, metadata=self.metadata)


class RuntimeLayer(Message):
    """``envoy.config.bootstrap.v3.RuntimeLayer``."""

    refused = not_yet("disk_layer", "rtds_layer")
    ignored: ClassVar[Mapping[str, str]] = {"admin_layer": _NO_ADMIN_LAYER}
    one_of = (OneOf(("static_layer", "disk_layer", "rtds_layer", "admin_layer"), "required, and not there"),)

    name: Text
    """What it is called."""

    static_layer: Data = Field(default_factory=dict)
    """Values by key; ``{a: {b: 1}}`` is the key ``a.b``. Of several layers the last that has a key wins."""


class LayeredRuntime(Message):
    """``envoy.config.bootstrap.v3.LayeredRuntime``: values that the rest of the file names by a ``runtime_key``."""

    layers: Repeated[RuntimeLayer] = ()
    """The layers, each over those before it."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Reports a name that two layers have; takes their keys, which fields read after this message name."""
        lines: dict[str, int] = {}
        for each in fields.children("layers"):
            if isinstance(name := each.get("name"), str) and name in lines:
                problem = f"a layer is named {shown(name)} already, at line {lines[name]}"
                context.report.error(each.value_place("name"), problem)
            elif isinstance(name, str):
                lines[name] = each.value_place("name").line
            layer = each.get("static_layer")
            if isinstance(layer, Entries):
                context.runtime.add(plain(layer), each.value_place("static_layer"))


class StaticResources(Message):
    """``envoy.config.bootstrap.v3.Bootstrap.StaticResources``."""

    refused = not_yet("secrets")

    listeners: Repeated[Listener] = ()
    """Where clients connect."""

    clusters: Repeated[Cluster] = ()
    """Where requests go."""


class Bootstrap(Message):
    """``envoy.config.bootstrap.v3.Bootstrap``, the part a MetaProtocol proxy uses."""

    refused: ClassVar[Mapping[str, str]] = {
        **belongs_in("static_resources: {…}", "listeners", "clusters"),
        **not_yet(
            "dynamic_resources", "cluster_manager", "hds_config", "use_tcp_for_dns_lookups",
            "dns_resolution_config", "typed_dns_resolver_config", "bootstrap_extensions", "fatal_actions",
            "config_sources", "default_config_source", "certificate_provider_instances", "default_regex_engine",
            "xds_delegate_extension", "xds_config_tracker_extension", "listener_manager",
        ),
    }  # fmt: skip
    ignored: ClassVar[Mapping[str, str]] = {
        "tracing": "accepted; tracing is not there yet: no request leaves a trace",
        "application_log_config": "without effect; `metaproto proxy --help` says how the log is set",
        **without_effect(
            "node_context_params", "flags_path", "stats_config", "stats_sinks", "deferred_stat_options",
            "stats_flush_interval", "stats_flush_on_admin", "watchdog", "watchdogs",
            "overload_manager", "enable_dispatcher_stats", "header_prefix", "stats_server_version_override",
            "default_socket_interface", "inline_headers", "perf_tracing_file_path",
            "grpc_async_client_manager_config", "memory_allocator_manager",
        ),
    }  # fmt: skip

    node: Node = Node()
    """Which proxy this is."""

    admin: Admin = Admin()
    """Where operators ask what it does, and tell it what to do."""

    # Fields are read in this order: what follows looks keys up in the layers.
    layered_runtime: LayeredRuntime = LayeredRuntime()
    """Values that other fields name."""

    static_resources: StaticResources = StaticResources()
    """Listeners and clusters."""

    def value(self) -> ProxyConfig:
        """What the runtime reads, without notes."""
        return ProxyConfig(
            node=self.node.value(),
            admin=self.admin.value(),
            listeners=tuple(each.value() for each in self.static_resources.listeners),
            clusters=tuple(each.value() for each in self.static_resources.clusters),
        )
