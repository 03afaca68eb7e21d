"""``/clusters``: every cluster and its servers, in the form of Envoy's lines and of ``envoy.admin.v3.Clusters``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import starmap
from typing import Any

from metaprotocol_sdk.proxy.admin.operated import ClusterStatus, EndpointStatus
from metaprotocol_sdk.proxy.cluster.health import HealthFlag
from metaprotocol_sdk.proxy.config.values import AnyAddress, PipeAddress, RoutingPriority

_EDS = {
    HealthFlag.FAILED_EDS_HEALTH: "UNHEALTHY",
    HealthFlag.DEGRADED_EDS_HEALTH: "DEGRADED",
    HealthFlag.EDS_STATUS_DRAINING: "DRAINING",
}
_FAILURES = {
    HealthFlag.FAILED_ACTIVE_HC: "failed_active_health_check",
    HealthFlag.FAILED_OUTLIER_CHECK: "failed_outlier_check",
    HealthFlag.PENDING_ACTIVE_HC: "pending_active_hc",
}


def text(clusters: Iterable[ClusterStatus]) -> str:
    """``name::what::value`` of each cluster, then ``name::address::what::value`` of each of its servers."""
    lines = []
    for cluster in clusters:
        for priority, limits in cluster.limits.items():
            start = f"{cluster.name}::{priority.lower()}_priority"
            lines += [f"{start}::{name}::{value}" for name, value in limits.items()]
        lines.append(f"{cluster.name}::added_via_api::false")
        for each in cluster.endpoints:
            values = {
                "rq_active": each.active,
                "health_flags": health_flags(each.flags),
                "weight": each.weight,
                "priority": each.priority,
            }
            lines += [f"{cluster.name}::{each.address}::{name}::{value}" for name, value in values.items()]
    return "".join(f"{line}\n" for line in lines)


def document(clusters: Iterable[ClusterStatus]) -> Any:
    """The JSON of ``envoy.admin.v3.Clusters``."""
    return {
        "cluster_statuses": [
            {
                "name": each.name,
                "host_statuses": [_host(endpoint) for endpoint in each.endpoints],
                "circuit_breakers": {"thresholds": list(starmap(_thresholds, each.limits.items()))},
            }
            for each in clusters
        ]
    }


def health_flags(flags: int) -> str:
    """Envoy's words: ``healthy``, or ``/failed_active_hc`` and such, one after the other."""
    return "".join(f"/{flag.name.lower()}" for flag in HealthFlag if flag.name and flags & flag) or "healthy"


def address_document(address: AnyAddress) -> Any:
    """The JSON of ``envoy.config.core.v3.Address``."""
    if isinstance(address, PipeAddress):
        return {"pipe": {"path": address.path}}
    return {"socket_address": {"address": address.host, "port_value": address.port}}


def _thresholds(priority: str, limits: Mapping[str, int]) -> Any:
    # DEFAULT is protobuf's zero, which its JSON leaves out.
    named = {} if priority == RoutingPriority.DEFAULT.value else {"priority": priority}
    return {**named, **limits}


def _host(endpoint: EndpointStatus) -> Any:
    health: dict[str, Any] = {name: True for flag, name in _FAILURES.items() if endpoint.flags & flag}
    health["eds_health_status"] = next((word for flag, word in _EDS.items() if endpoint.flags & flag), "HEALTHY")
    return {
        "address": address_document(endpoint.address),
        "stats": [{"name": "rq_active", "value": str(endpoint.active), "type": "GAUGE"}],
        "health_status": health,
        "weight": endpoint.weight,
        "priority": endpoint.priority,
    }
