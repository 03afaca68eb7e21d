from __future__ import annotations

import pytest

from metaprotocol_sdk.proxy.config.cluster import Cluster, SocketAddress
from metaprotocol_sdk.proxy.config.values import Address, ClusterConfig, EndpointConfig, LbPolicy
from tests.proxy.config.reading import bad, good

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


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("{}", ["1:1 error name: required, and not there"]),
        ("name: ''", ["1:7 error name: expected text that is not empty"]),
        ("name: 5", ["1:7 error name: expected text, found 5; put it in quotes"]),
        (
            "{name: c, type: STRICT_DNS}",
            ["1:17 error type: 'STRICT_DNS' is not supported yet by this proxy; supported: STATIC"],
        ),
        ("{name: c, type: static}", ["1:17 error type: expected STATIC, found 'static'"]),
        (
            "{name: c, lb_policy: MAGLEV}",
            ["1:22 error lb_policy: 'MAGLEV' is not supported yet by this proxy; supported: ROUND_ROBIN"],
        ),
        (
            "{name: c, connect_timeout: 0s}",
            ["1:28 error connect_timeout: expected more than 0s: no connection is made in no time"],
        ),
        (
            "{name: c, connectTimeout: 250ms}",
            ["1:27 error connect_timeout: expected seconds with an s, such as 0.25s, found '250ms'"],
        ),
        ("{name: c, circuitBreakers: {}}", ["1:11 error circuit_breakers: not supported yet by this proxy"]),
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
            f" error {path}: expected an IP address, found '{named}'; "
            "clusters that resolve names are not supported yet by this proxy"
        )


def test_a_type_that_would_resolve_names_is_the_one_error() -> None:
    socket = "{endpoint: {address: {socket_address: {address: example.com, port_value: 1}}}}"
    (finding,) = bad(Cluster, ENDPOINT % (", type: LOGICAL_DNS", socket))
    assert "'LOGICAL_DNS' is not supported yet" in finding


@pytest.mark.parametrize(
    ("endpoint", "end"),
    [
        ("{}", "lb_endpoints[0].endpoint: required, and not there"),
        ("{endpoint: {}}", "endpoint.address: required, and not there"),
        ("{endpoint: {address: {}}}", "endpoint.address.socket_address: required, and not there"),
        ("{endpoint: {address: {pipe: {path: x}}}}", "endpoint.address.pipe: not supported yet by this proxy"),
        ("{endpoint_name: x}", "lb_endpoints[0].endpoint_name: not supported yet by this proxy"),
        ("3", "lb_endpoints[0]: expected a mapping, found 3"),
    ],
)
def test_a_wrong_endpoint_is_one_error(endpoint: str, end: str) -> None:
    (finding,) = bad(Cluster, ENDPOINT % ("", endpoint))
    assert finding.endswith(end)


def test_a_priority_but_the_first_is_not_supported_yet() -> None:
    (finding,) = bad(Cluster, "{name: c, load_assignment: {cluster_name: c, endpoints: {priority: 1}}}")
    assert finding.endswith("endpoints.priority: 1 is not supported yet by this proxy; supported: 0")


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("{address: 1.1.1.1}", ["1:1 error port_value: required, and not there"]),
        ("{address: 1.1.1.1, named_port: http}", ["1:20 error named_port: not supported yet by this proxy"]),
        (
            "{address: 1.1.1.1, port_value: abc}",
            ["1:32 error port_value: expected a whole number from 0 to 65535, found 'abc'"],
        ),
        (
            "{address: 1.1.1.1, port_value: 65536}",
            ["1:32 error port_value: expected a whole number from 0 to 65535, found 65536"],
        ),
        (
            "{address: 1.1.1.1, port_value: 1, protocol: UDP}",
            ["1:45 error protocol: 'UDP' is not supported yet by this proxy; supported: TCP"],
        ),
        ("{port_value: 1}", ["1:1 error address: required, and not there"]),
    ],
)
def test_a_wrong_address_says_where_and_why(text: str, findings: list[str]) -> None:
    assert bad(SocketAddress, text) == findings
