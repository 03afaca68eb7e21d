"""A proxy's configuration on disk, as Kubernetes has a ConfigMap: a link to a folder that is swapped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

_FILTER = "type.googleapis.com/aeraki.meta_protocol_proxy.v1alpha.MetaProtocolProxy"
_TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
RETRIES = {"retry_on": "connect-failure,reset", "num_retries": 5}
THRESHOLDS = dict.fromkeys(("max_connections", "max_pending_requests", "max_requests", "max_retries"), 20_000)

Change = Mapping[str, Any]
"""What a configuration has that is not usual; see :func:`bootstrap`."""


class Deployment:
    """One file that changes as a whole.

    Args:
        folder: Where it is; empty.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "proxy.yaml"
        self._folder = folder
        self._version = 0

    def write(self, config: Mapping[str, Any]) -> None:
        """Swaps the link to a folder with the new file."""
        self._version += 1
        fresh = self._folder / f"..{self._version}"
        fresh.mkdir()
        (fresh / self.path.name).write_text(yaml.safe_dump(dict(config)))
        link = self._folder / "..data_tmp"
        link.symlink_to(fresh.name)
        link.replace(self._folder / "..data")
        if not self.path.is_symlink():
            self.path.symlink_to(Path("..data") / self.path.name)
        old = self._folder / f"..{self._version - 1}"
        if old.is_dir():
            (old / self.path.name).unlink()
            old.rmdir()


def bootstrap(
    ports: Mapping[str, int], servers: Sequence[int], *, shared: bool = False, **change: Any
) -> dict[str, Any]:
    """A configuration: listener ``plain`` does not try again, every other does, and ``secure`` speaks TLS.

    Args:
        ports: Of the listeners, by name; 0 is any.
        servers: Ports of the servers.
        shared: ``multiplexing``.
        change: ``cluster``, ``lb_policy``, ``timeout``, ``used`` (indices of ``servers``), ``weights``,
            ``is_mirrored``, ``most_requests``, ``host``, ``listener`` and ``proxy`` (fields of every listener, of its
            filter), ``watching`` (fields of the main cluster), ``certificate`` and ``tls_params`` of listener
            ``secure``, the first without an end: its files end in ``.pem`` and ``.key``.
    """
    cluster = change.get("cluster", "main")
    route: dict[str, Any] = {"cluster": cluster, "timeout": change.get("timeout", "30s")}
    if change.get("is_mirrored"):
        route["request_mirror_policies"] = [{"cluster": "mirror"}]
    listeners = [
        _listener(name, port, route | ({} if name == "plain" else {"retry_policy": RETRIES}), shared, change)
        for name, port in ports.items()
    ]
    used = [servers[index] for index in change.get("used", range(len(servers)))]
    clusters = [
        _cluster(cluster, used, change.get("weights", [1] * len(used)), change.get("lb_policy", "ROUND_ROBIN"))
        | change.get("watching", {}),
        _cluster("mirror", servers[:1], [1], "ROUND_ROBIN"),
    ]
    return {"static_resources": {"listeners": listeners, "clusters": clusters}}


def _listener(name: str, port: int, route: Change, shared: bool, change: Change) -> dict[str, Any]:
    proxy = {
        "@type": _FILTER,
        "stat_prefix": name,
        "protocol": {"name": "app", "codec": {"name": "tests.proxy.codecs:IdCodec"}, "multiplexing": shared},
        "route_config": {"routes": [{"route": dict(route)}]},
        "max_concurrent_requests": change.get("most_requests", 256),
        **change.get("proxy", {}),
    }
    chain = {"filters": [{"name": "aeraki.meta_protocol_proxy", "typed_config": proxy}]}
    return {
        "name": name,
        "address": {"socket_address": {"address": change.get("host", "127.0.0.1"), "port_value": port}},
        "filter_chains": [chain | (_secured(change) if name == "secure" else {})],
        **change.get("listener", {}),
    }


def _secured(change: Change) -> dict[str, Any]:
    stem = change["certificate"]
    pair = {"certificate_chain": {"filename": f"{stem}.pem"}, "private_key": {"filename": f"{stem}.key"}}
    common = {"tls_certificates": [pair], "tls_params": change.get("tls_params", {})}
    typed = {"@type": _TLS, "common_tls_context": common}
    return {"transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": typed}}


def _cluster(name: str, ports: Sequence[int], weights: Sequence[int], policy: str) -> dict[str, Any]:
    endpoints = [
        {
            "endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}},
            "load_balancing_weight": weight,
        }
        for port, weight in zip(ports, weights, strict=False)
    ]
    return {
        "name": name,
        "lb_policy": policy,
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
        "circuit_breakers": {"thresholds": [THRESHOLDS]},
        "common_http_protocol_options": {"idle_timeout": "2s"},
    }
