from __future__ import annotations

import pytest

from metaprotocol_sdk.proxy.config.cluster import Cluster
from metaprotocol_sdk.proxy.config.endpoint import LbEndpoint, LocalityLbEndpoints, SocketAddress
from tests.proxy.config.reading import bad, good, read

ENDPOINT = "{name: c%s, load_assignment: {cluster_name: c, endpoints: {lb_endpoints: [%s]}}}"


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


def test_the_weight_of_an_endpoint_is_a_number_from_1() -> None:
    endpoint = "endpoint: {address: {socket_address: {address: 1.1.1.1, port_value: 1}}}"
    assert good(LbEndpoint, endpoint).load_balancing_weight == 1
    assert good(LbEndpoint, f"{{load_balancing_weight: '7', {endpoint}}}").load_balancing_weight == 7
    assert bad(LbEndpoint, f"{{load_balancing_weight: 0, {endpoint}}}") == [
        "1:25 error load_balancing_weight: expected a whole number from 1 to 4294967295, found 0"
    ]


def test_the_weight_of_a_place_does_nothing_as_in_envoy_without_locality_weighted_balancing() -> None:
    assert read(LocalityLbEndpoints, "{load_balancing_weight: 5, lb_endpoints: []}")[1] == [
        "1:2 note load_balancing_weight: accepted, and without effect in this proxy"
    ]


def test_an_endpoint_says_where_it_is_checked_and_whether() -> None:
    endpoint = "{endpoint: {address: {socket_address: {address: 1.1.1.1, port_value: 1}}%s}}"
    says = (
        "",
        ", health_check_config: {port_value: 9}",
        ", healthCheckConfig: {disable_active_health_check: true}",
    )
    made = good(Cluster, ENDPOINT % ("", ", ".join(endpoint % each for each in says))).value()
    assert [str(each.health_address) for each in made.endpoints] == ["1.1.1.1:1", "1.1.1.1:9", "None"]
    (finding,) = bad(Cluster, ENDPOINT % ("", endpoint % ", health_check_config: {address: {}}"))
    assert finding.endswith("health_check_config.address: not supported yet by this proxy")
