from __future__ import annotations

import pytest

from metaprotocol_sdk.proxy.config.bootstrap import Bootstrap
from metaprotocol_sdk.proxy.config.cluster import Cluster
from metaprotocol_sdk.proxy.config.values import (
    Address,
    CircuitBreakersConfig,
    ClusterConfig,
    ConnectionConfig,
    EndpointConfig,
    LbPolicy,
)
from tests.proxy.config.reading import bad, good, read

WHOLE = """\
name: c
type: STATIC
connectTimeout: 0.25s
lb_policy: ROUND_ROBIN
loadAssignment:
  clusterName: c
  endpoints:
  - lbEndpoints:
    - endpoint: {address: {socketAddress: {address: 127.0.0.1, portValue: 9091}}}
    - endpoint: {address: {socket_address: {protocol: TCP, address: "::1", port_value: "9092"}}}
  - priority: 0
    lb_endpoints:
      endpoint:
        address: {socket_address: {address: 10.0.0.1, port_value: 1}}
"""


def test_a_cluster_becomes_its_value() -> None:
    assert good(Cluster, WHOLE).value() == ClusterConfig(
        name="c",
        endpoints=tuple(
            map(EndpointConfig, (Address("127.0.0.1", 9091), Address("::1", 9092), Address("10.0.0.1", 1)))
        ),
        lb_policy=LbPolicy.ROUND_ROBIN,
        connect_timeout=0.25,
    )


def test_what_is_not_said_is_envoys_default() -> None:
    assert good(Cluster, "name: c").value() == ClusterConfig(name="c", endpoints=(), connect_timeout=5.0)


@pytest.mark.parametrize("policy", LbPolicy)
def test_every_policy_has_its_word(policy: LbPolicy) -> None:
    assert good(Cluster, f"{{name: c, lb_policy: {policy.value}}}").value().lb_policy is policy


FULL = """\
name: c
lb_policy: %s
load_assignment:
  cluster_name: c
  endpoints:
    lb_endpoints:
    - {endpoint: {address: {socket_address: {address: 10.0.0.1, port_value: 1}}}, load_balancing_weight: 3}
    - {endpoint: {address: {socket_address: {address: 10.0.0.2, port_value: 1}}}}
circuit_breakers: {thresholds: {max_connections: 7}}
common_http_protocol_options: {idle_timeout: 5s, max_connection_duration: 60s, max_requests_per_connection: 9}
per_connection_buffer_limit_bytes: 32768
"""


def test_everything_said_of_a_cluster_is_in_its_value() -> None:
    text = FULL % "RING_HASH" + "ring_hash_lb_config: {minimum_ring_size: 10, maximum_ring_size: 20}\n"
    assert good(Cluster, text).value() == ClusterConfig(
        name="c",
        endpoints=(EndpointConfig(Address("10.0.0.1", 1), 3), EndpointConfig(Address("10.0.0.2", 1), 1)),
        lb_policy=LbPolicy.RING_HASH,
        minimum_ring_size=10,
        maximum_ring_size=20,
        circuit_breakers=CircuitBreakersConfig(max_connections=7),
        connections=ConnectionConfig(idle_timeout=5.0, max_duration=60.0, max_requests=9),
        buffer_limit=32768,
    )
    assert good(Cluster, FULL % "MAGLEV" + "maglevLbConfig: {tableSize: 101}").value().table_size == 101
    assert (
        good(Cluster, FULL % "LEAST_REQUEST" + "least_request_lb_config: {choice_count: 5}").value().choice_count == 5
    )


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("{}", ["1:1 error name: required, and not there"]),
        ("name: ''", ["1:7 error name: expected text that is not empty"]),
        ("name: 5", ["1:7 error name: expected text, found 5; put it in quotes"]),
        (
            "{name: c, type: LOGICAL_DNS}",
            ["1:17 error type: 'LOGICAL_DNS' is not supported yet by this proxy; supported: STATIC, STRICT_DNS"],
        ),
        ("{name: c, type: static}", ["1:17 error type: expected one of STATIC, STRICT_DNS, found 'static'"]),
        (
            "{name: c, lb_policy: CLUSTER_PROVIDED}",
            [
                (
                    "1:22 error lb_policy: 'CLUSTER_PROVIDED' is not supported yet by this proxy; supported: "
                    "ROUND_ROBIN, LEAST_REQUEST, RANDOM, RING_HASH, MAGLEV"
                ),
            ],
        ),
        (
            "{name: c, lb_policy: ROUND}",
            [
                (
                    "1:22 error lb_policy: expected one of ROUND_ROBIN, LEAST_REQUEST, RANDOM, RING_HASH, MAGLEV, "
                    "found 'ROUND'"
                ),
            ],
        ),
        (
            "{name: c, maglev_lb_config: {}, lb_policy: RING_HASH}",
            ["1:11 warning maglev_lb_config: without effect: this cluster's lb_policy is RING_HASH, not MAGLEV"],
        ),
        (
            "{name: c, ring_hash_lb_config: {}}",
            [
                (
                    "1:11 warning ring_hash_lb_config: without effect: this cluster's lb_policy is ROUND_ROBIN, "
                    "not RING_HASH"
                )
            ],
        ),
        (
            "{name: c, maglev_lb_config: {}, lb_policy: []}",
            [
                (
                    "1:44 error lb_policy: expected one of ROUND_ROBIN, LEAST_REQUEST, RANDOM, RING_HASH, MAGLEV, "
                    "found a list"
                ),
            ],
        ),
        (
            "{name: c, round_robin_lb_config: {slow_start_config: {slow_start_window: 0s}}}",
            [
                (
                    "1:74 error round_robin_lb_config.slow_start_config.slow_start_window: expected more than 0s, "
                    "found '0s'"
                ),
            ],
        ),
        (
            "{name: c, lb_policy: RANDOM, round_robin_lb_config: {}}",
            [
                (
                    "1:30 warning round_robin_lb_config: without effect: this cluster's lb_policy is RANDOM, not "
                    "ROUND_ROBIN"
                ),
            ],
        ),
        ("{name: c, connect_timeout: 0s}", ["1:28 error connect_timeout: expected more than 0s, found '0s'"]),
        (
            "{name: c, per_connection_buffer_limit_bytes: 0}",
            [
                "1:46 error per_connection_buffer_limit_bytes: expected a whole number from 1 to 4294967295, found 0",
            ],
        ),
        (
            "{name: c, http2_protocol_options: {}}",
            [
                "1:11 note http2_protocol_options: accepted, and without effect: this proxy speaks no HTTP to servers",
            ],
        ),
        (
            "{name: c, connectTimeout: 250ms}",
            ["1:27 error connect_timeout: expected seconds with an s, such as 0.25s, found '250ms'"],
        ),
        ("{name: c, metadata: {}}", ["1:11 note metadata: accepted, and without effect in this proxy"]),
        ("{name: c, load_assignment: {}}", ["1:28 error load_assignment.cluster_name: required, and not there"]),
        (
            "{name: c, load_asignment: {}}",
            ["1:11 error load_asignment: unknown key 'load_asignment'; did you mean load_assignment?"],
        ),
    ],
)
def test_a_wrong_cluster_says_where_and_why(text: str, findings: list[str]) -> None:
    assert bad(Cluster, text) == findings


ENDPOINT = "{name: c%s, load_assignment: {cluster_name: c, endpoints: {lb_endpoints: [%s]}}}"


@pytest.mark.parametrize("named", ["localhost", "example.com", "1.2.3"])
def test_an_endpoint_of_a_static_cluster_is_an_ip(named: str) -> None:
    socket = f"{{endpoint: {{address: {{socket_address: {{address: {named}, port_value: 1}}}}}}}}"
    path = "load_assignment.endpoints.lb_endpoints[0].endpoint.address.socket_address.address"
    for kind in ("", ", type: STATIC"):
        (finding,) = bad(Cluster, ENDPOINT % (kind, socket))
        assert finding.endswith(
            f" error {path}: expected an IP address, found '{named}'; a cluster of type STRICT_DNS resolves names"
        )


def test_a_type_that_would_resolve_names_is_the_one_error() -> None:
    socket = "{endpoint: {address: {socket_address: {address: example.com, port_value: 1}}}}"
    (finding,) = bad(Cluster, ENDPOINT % (", type: LOGICAL_DNS", socket))
    assert "'LOGICAL_DNS' is not supported yet" in finding


MAINTAINED = """\
layered_runtime: {{layers: [{{name: l, static_layer: {layer}}}]}}
static_resources: {{clusters: [{{name: a.b}}, {{name: c}}]}}
"""


def maintained(layer: str) -> tuple[list[float], list[str]]:
    """The share that each cluster refuses, and what is said about the file."""
    bootstrap, findings = read(Bootstrap, MAINTAINED.format(layer=layer))
    assert bootstrap is not None
    return [each.maintenance for each in bootstrap.value().clusters], findings


@pytest.mark.parametrize(
    ("layer", "shares"),
    [
        ("{}", [0.0, 0.0]),
        ("{upstream.maintenance_mode.a.b: 100}", [1.0, 0.0]),
        ("{upstream: {maintenance_mode: {a.b: 5, c: '20'}}}", [0.05, 0.2]),
        ("{upstream: {maintenance_mode: {a: {b: 1}, c: 1000}}}", [0.01, 1.0]),
    ],
)
def test_a_static_layer_has_the_share_that_a_cluster_refuses(layer: str, shares: list[float]) -> None:
    assert maintained(layer) == (shares, [])


@pytest.mark.parametrize(
    ("value", "shown"), [("12.5", "12.5"), ("true", "true"), ("off", "'off'"), ("{numerator: 5}", "a mapping")]
)
def test_a_share_that_is_no_whole_percentage_is_told_and_refuses_nothing(value: str, shown: str) -> None:
    problem = (
        f"2:51 warning static_resources.clusters[1].name: layered_runtime has {shown} for "
        "upstream.maintenance_mode.c, which is no whole percentage; the cluster takes every request"
    )
    assert maintained(f"{{upstream.maintenance_mode.c: {value}}}") == ([0.0, 0.0], [problem])
