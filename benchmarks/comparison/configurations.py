"""What each proxy is configured with. The same route, balancing and limits on both sides, as far as each has them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from benchmarks.comparison.wire import INTERFACE, METHOD

FEATURES = ("local_ratelimit", "least_request", "circuit_breakers")
"""What ours does for every request besides routing, counting and timing out; each can be left out to see its cost."""

_OURS = "type.googleapis.com/aeraki.meta_protocol_proxy"
_FILTERS = "type.googleapis.com/envoy.extensions.filters.network"
_PLENTY = 1_000_000_000
_NO_LIMIT = 1_000_000


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _cluster(ports: Sequence[int], policy: str) -> dict[str, Any]:
    endpoints = [{"endpoint": {"address": _address(port)}} for port in ports]
    names = ("max_connections", "max_pending_requests", "max_requests")
    return {
        "name": "servers",
        "type": "STATIC",
        "connect_timeout": "5s",
        "lb_policy": policy,
        "circuit_breakers": {"thresholds": [dict.fromkeys(names, _NO_LIMIT)]},
        "load_assignment": {"cluster_name": "servers", "endpoints": [{"lb_endpoints": endpoints}]},
    }


def _bootstrap(network_filter: dict[str, Any], cluster: dict[str, Any]) -> dict[str, Any]:
    listener = {"name": "main", "address": _address(0), "filter_chains": [{"filters": [network_filter]}]}
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


def _rate_limit() -> dict[str, Any]:
    bucket = {"max_tokens": _PLENTY, "tokens_per_fill": _PLENTY, "fill_interval": "1s"}
    return {
        "name": "aeraki.meta_protocol.filters.local_ratelimit",
        "config": {
            "@type": f"{_OURS}.filters.local_ratelimit.v1alpha.LocalRateLimit",
            "stat_prefix": "benchmark",
            "token_bucket": bucket,
            "conditions": [
                {"match": {"metadata": [{"name": "method", "exact_match": METHOD}]}, "token_bucket": bucket}
            ],
        },
    }


def _access() -> dict[str, Any]:
    permission = {"metadata": {"name": "method", "exact_match": METHOD}}
    policies = {"everybody": {"permissions": [permission], "principals": [{"any": True}]}}
    return {
        "name": "aeraki.meta_protocol.filters.rbac",
        "config": {
            "@type": f"{_OURS}.filters.rbac.v1alpha.RBAC",
            "stat_prefix": "benchmark",
            "rules": {"action": "ALLOW", "policies": policies},
        },
    }


def _fault() -> dict[str, Any]:
    return {
        "name": "aeraki.meta_protocol.filters.fault",
        "config": {
            "@type": f"{_OURS}.filters.fault.v1alpha.Fault",
            "stat_prefix": "benchmark",
            "match": {"metadata": [{"name": "method", "exact_match": "another"}]},
            "abort": {"error_type": "UNSPECIFIED", "percentage": {"numerator": 100}},
        },
    }


def ours(
    ports: Sequence[int],
    *,
    protocol: str = "thrift",
    multiplexing: bool = False,
    routes_before: int = 0,
    without: Collection[str] = (),
) -> dict[str, Any]:
    """Our proxy's.

    Args:
        ports: The servers'.
        protocol: The codec's name.
        multiplexing: ``protocol.multiplexing``.
        routes_before: Routes that do not match, before the one that does.
        without: The :data:`FEATURES` to leave out.
    """
    names = [*(f"other-{number}" for number in range(routes_before)), METHOD]
    routes = [
        {"match": {"metadata": [{"name": "method", "exact_match": name}]}, "route": {"cluster": "servers"}}
        for name in names
    ]
    filters = [] if "local_ratelimit" in without else [_rate_limit()]
    proxy = {
        "@type": f"{_OURS}.v1alpha.MetaProtocolProxy",
        "stat_prefix": "benchmark",
        "protocol": {
            "name": protocol,
            "codec": {"name": f"aeraki.meta_protocol.codec.{protocol}"},
            "multiplexing": multiplexing,
        },
        "route_config": {"name": "routes", "routes": routes},
        "meta_protocol_filters": [*filters, {"name": "aeraki.meta_protocol.filters.router"}],
    }
    policy = "ROUND_ROBIN" if "least_request" in without else "LEAST_REQUEST"
    cluster = _cluster(ports, policy)
    if "circuit_breakers" in without:
        del cluster["circuit_breakers"]
    return _bootstrap({"name": "aeraki.meta_protocol_proxy", "typed_config": proxy}, cluster)


def kept_up(ports: Sequence[int], *, multiplexing: bool = False) -> dict[str, Any]:
    """Ours as of :func:`ours` with everything that keeps a cluster up: two priorities and localities with weights,
    subsets, slow start, outlier detection, health checks, every threshold counted; rules of access that let all
    requests pass, and a fault that none of them meets."""
    config = ours(ports, multiplexing=multiplexing)
    [cluster] = config["static_resources"]["clusters"]
    [listener] = config["static_resources"]["listeners"]
    proxy = listener["filter_chains"][0]["filters"][0]["typed_config"]
    proxy["meta_protocol_filters"][:0] = [_access(), _fault()]
    [route] = proxy["route_config"]["routes"]
    metadata = {"filter_metadata": {"envoy.lb": {"version": "1"}}}
    route["route"]["metadata_match"] = metadata
    localities = []
    for priority in (0, 1):
        for number, port in enumerate(ports):
            address = (
                _address(port) if priority == 0 else {"socket_address": {"address": "127.0.0.2", "port_value": port}}
            )
            endpoint = {"endpoint": {"address": address}, "metadata": metadata}
            locality = {"region": "here", "zone": f"{priority}-{number}"}
            localities.append(
                {"priority": priority, "locality": locality, "load_balancing_weight": 1, "lb_endpoints": [endpoint]}
            )
    cluster["load_assignment"]["endpoints"] = localities
    cluster["least_request_lb_config"] = {"slow_start_config": {"slow_start_window": "1s"}}
    cluster["common_lb_config"] = {"locality_weighted_lb_config": {}, "healthy_panic_threshold": {"value": 30}}
    cluster["lb_subset_config"] = {
        "fallback_policy": "ANY_ENDPOINT",
        "subset_selectors": [{"keys": ["version"]}],
        "locality_weight_aware": True,
    }
    cluster["outlier_detection"] = {"interval": "1s", "split_external_local_origin_errors": True}
    cluster["health_checks"] = [
        {
            "timeout": "1s", "interval": "1s", "no_traffic_interval": "1s",
            "unhealthy_threshold": 2, "healthy_threshold": 1, "tcp_health_check": {},
        }
    ]  # fmt: skip
    cluster["circuit_breakers"]["thresholds"][0] |= {"track_remaining": True, "retry_budget": {}}
    return config


def envoy_thrift(ports: Sequence[int], *, passthrough: bool = False) -> dict[str, Any]:
    """Envoy's thrift_proxy, told the transport and protocol so that it need not find them out.

    It has no rate limit of its own (only one that asks a service) and no timeout. ``passthrough`` is its
    ``payload_passthrough``: bodies are not parsed.
    """
    thrift = f"{_FILTERS}.thrift_proxy"
    proxy = {
        "@type": f"{thrift}.v3.ThriftProxy",
        "stat_prefix": "benchmark",
        "transport": "FRAMED",
        "protocol": "BINARY",
        "payload_passthrough": passthrough,
        "route_config": {
            "name": "routes",
            "routes": [{"match": {"method_name": METHOD}, "route": {"cluster": "servers"}}],
        },
        "thrift_filters": [
            {"name": "envoy.filters.thrift.router", "typed_config": {"@type": f"{thrift}.router.v3.Router"}}
        ],
    }
    options = {"@type": f"{thrift}.v3.ThriftProtocolOptions", "transport": "FRAMED", "protocol": "BINARY"}
    cluster = _cluster(ports, "LEAST_REQUEST")
    cluster["typed_extension_protocol_options"] = {"envoy.filters.network.thrift_proxy": options}
    return _bootstrap({"name": "envoy.filters.network.thrift_proxy", "typed_config": proxy}, cluster)


def envoy_dubbo(ports: Sequence[int]) -> dict[str, Any]:
    """Envoy's dubbo_proxy, which has no rate limit and no timeout either."""
    dubbo = f"{_FILTERS}.dubbo_proxy"
    match = {"method": {"name": {"exact": METHOD}}}
    proxy = {
        "@type": f"{dubbo}.v3.DubboProxy",
        "stat_prefix": "benchmark",
        "route_config": [
            {"name": "routes", "interface": INTERFACE, "routes": [{"match": match, "route": {"cluster": "servers"}}]}
        ],
    }
    cluster = _cluster(ports, "LEAST_REQUEST")
    return _bootstrap({"name": "envoy.filters.network.dubbo_proxy", "typed_config": proxy}, cluster)


def envoy_tcp(ports: Sequence[int]) -> dict[str, Any]:
    """Envoy's tcp_proxy, which decodes nothing: what moving the bytes costs."""
    proxy = {"@type": f"{_FILTERS}.tcp_proxy.v3.TcpProxy", "stat_prefix": "benchmark", "cluster": "servers"}
    cluster = _cluster(ports, "LEAST_REQUEST")
    return _bootstrap({"name": "envoy.filters.network.tcp_proxy", "typed_config": proxy}, cluster)
