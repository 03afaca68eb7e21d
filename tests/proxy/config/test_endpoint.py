from __future__ import annotations

import pytest

from metaprotocol_sdk.proxy.config.cluster import Cluster
from metaprotocol_sdk.proxy.config.endpoint import ClusterLoadAssignment, LbEndpoint, SocketAddress
from metaprotocol_sdk.proxy.config.values import Address, EndpointConfig, HealthStatus, Locality
from tests.proxy.config.reading import bad, good

ENDPOINT = "{name: c%s, load_assignment: {cluster_name: c, endpoints: {lb_endpoints: [%s]}}}"


@pytest.mark.parametrize(
    ("endpoint", "end"),
    [
        ("{}", "lb_endpoints[0].endpoint: required, and not there"),
        ("{endpoint: {}}", "endpoint.address: required, and not there"),
        ("{endpoint: {address: {}}}", "endpoint.address.socket_address: required, and not there"),
        (
            "{endpoint: {address: {pipe: {path: ''}}}}",
            "endpoint.address.pipe.path: expected the path of a Unix socket, found ''",
        ),
        (
            "{endpoint: {address: {pipe: {path: '@'}}}}",
            "endpoint.address.pipe.path: expected the path of a Unix socket, found '@'",
        ),
        (
            "{endpoint: {address: {pipe: {path: " + "x" * 108 + "}}}}",
            "endpoint.address.pipe.path: expected a path of at most 107 bytes, as Unix sockets have, found 108",
        ),
        (
            "{endpoint: {address: {pipe: {path: x, mode: 660}}}}",
            "endpoint.address.pipe.mode: expected permissions in octal from 0 to 0o777, such as 0o660, found 660",
        ),
        (
            "{endpoint: {address: {pipe: {path: '@x', mode: 0o660}}}}",
            "pipe.mode: a name in the abstract namespace is no file, whoever is on the host may connect; leave it out",
        ),
        ("{endpoint_name: x}", "lb_endpoints[0].endpoint_name: not supported yet by this proxy"),
        ("3", "lb_endpoints[0]: expected a mapping, found 3"),
    ],
)
def test_a_wrong_endpoint_is_one_error(endpoint: str, end: str) -> None:
    (finding,) = bad(Cluster, ENDPOINT % ("", endpoint))
    assert finding.endswith(end)


AT = "endpoint: {address: {socket_address: {address: 1.1.1.1, port_value: %d}}}"
WHOLE = f"""\
cluster_name: c
policy: {{overprovisioning_factor: 100, weighted_priority_health: true}}
endpoints:
- locality: {{region: r, zone: z, sub_zone: s}}
  load_balancing_weight: 3
  lb_endpoints:
  - {AT % 1}
    health_status: DRAINING
    metadata: {{filter_metadata: {{envoy.lb: {{b: [1, true], a: x}}, other: {{}}}}}}
- priority: 1
  lb_endpoints: {{{AT % 2}}}
"""


def test_an_endpoint_knows_what_is_said_of_its_place() -> None:
    assignment = good(ClusterLoadAssignment, WHOLE)
    assert list(assignment.values()) == [
        EndpointConfig(
            Address("1.1.1.1", 1),
            health_status=HealthStatus.DRAINING,
            locality=Locality("r", "z", "s"),
            locality_weight=3,
            metadata=(("a", '"x"'), ("b", "[1.0, true]")),
        ),
        EndpointConfig(Address("1.1.1.1", 2), priority=1),
    ]
    assert assignment.policy.overprovisioning_factor == 100
    assert assignment.policy.weighted_priority_health


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (
            "endpoints: [{priority: 2}]",
            "1:42 warning endpoints[0].priority: no endpoints have priority 1; priorities have no gaps",
        ),
        (
            "endpoints: [{}, {priority: 1}, {priority: 3}]",
            "1:61 warning endpoints[2].priority: no endpoints have priority 2; priorities have no gaps",
        ),
        (
            "endpoints: {priority: 129}",
            "1:41 error endpoints.priority: expected a whole number from 0 to 128, found 129",
        ),
        (
            "endpoints: {load_balancing_weight: 0}",
            "1:54 error endpoints.load_balancing_weight: expected a whole number from 1 to 4294967295, found 0",
        ),
        (
            "endpoints: {lb_endpoints: {health_status: SICK, %s}}" % (AT % 1),
            (
                "1:61 error endpoints.lb_endpoints.health_status: expected one of UNKNOWN, HEALTHY, UNHEALTHY, "
                "DRAINING, "
                "TIMEOUT, DEGRADED, found 'SICK'"
            ),
        ),
        (
            "policy: {overprovisioning_factor: 0}",
            "1:53 error policy.overprovisioning_factor: expected a whole number from 1 to 4294967295, found 0",
        ),
        ("policy: {drop_overloads: []}", "1:28 error policy.drop_overloads: not supported yet by this proxy"),
        (
            "policy: {endpoint_stale_after: 5s}",
            "1:28 note policy.endpoint_stale_after: accepted, and without effect in this proxy",
        ),
        (
            "endpoints: {locality: {zone: 5}}",
            "1:48 error endpoints.locality.zone: expected text, found 5; put it in quotes",
        ),
    ],
)
def test_a_wrong_assignment_says_where_and_why(text: str, finding: str) -> None:
    assert bad(ClusterLoadAssignment, f"{{cluster_name: c, {text}}}") == [finding]


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
