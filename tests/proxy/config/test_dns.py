from __future__ import annotations

import pytest

from metaprotocol_sdk.proxy.config.cluster import Cluster
from metaprotocol_sdk.proxy.config.dns import NO_TTL
from metaprotocol_sdk.proxy.config.values import Address, DnsConfig, DnsLookupFamily
from tests.proxy.config.reading import bad, good, read

NAMED = """\
name: c
type: STRICT_DNS
dns_refresh_rate: 2s
dns_failure_refresh_rate: {base_interval: 0.5s}
dnsJitter: 1s
dns_lookup_family: V4_PREFERRED
ignore_health_on_host_removal: true
load_assignment:
  cluster_name: c
  endpoints:
    lb_endpoints: [{endpoint: {address: {socket_address: {address: orders.example, port_value: 7}}}}]
"""


def test_names_are_read() -> None:
    value = good(Cluster, NAMED).value()
    assert [each.address for each in value.endpoints] == [Address("orders.example", 7)]
    assert value.ignore_health_on_host_removal
    assert value.dns == DnsConfig(
        refresh_rate=2.0,
        failure_base_interval=0.5,
        failure_max_interval=5.0,
        jitter=1.0,
        lookup_family=DnsLookupFamily.V4_PREFERRED,
    )
    assert good(Cluster, "{name: c, type: STRICT_DNS}").value().dns == DnsConfig()
    assert good(Cluster, "{name: c}").value().dns is None


NAME = "{endpoint: {address: {socket_address: {address: '%s', port_value: 1}}}}"
WITH_NAME = "{name: c, type: STRICT_DNS, load_assignment: {cluster_name: c, endpoints: {lb_endpoints: [%s]}}}"


@pytest.mark.parametrize("host", ["localhost", "a_b.example", "127.0.0.1", "::1", "bücher.example", "example."])
def test_hosts_are_names_or_addresses(host: str) -> None:
    good(Cluster, WITH_NAME % (NAME % host))


@pytest.mark.parametrize("host", ["example.com:80", "http://example.com", "a b", "[::1]"])
def test_a_host_that_can_be_no_name_is_an_error(host: str) -> None:
    (finding,) = bad(Cluster, WITH_NAME % (NAME % host))
    assert finding.endswith(
        f"socket_address.address: expected a name or an IP address, found '{host}'; the port belongs in port_value"
    )


STATIC = "without effect: this cluster's type is STATIC, not STRICT_DNS"


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("{name: c, dns_refresh_rate: 1s}", [f"1:11 warning dns_refresh_rate: {STATIC}"]),
        ("{name: c, type: STATIC, dnsJitter: 1s}", [f"1:25 warning dns_jitter: {STATIC}"]),
        (
            "{name: c, type: STRICT_DNS, dns_refresh_rate: 0.001s}",
            ["1:47 error dns_refresh_rate: expected more than 0.001s, found '0.001s'"],
        ),
        (
            "{name: c, type: STRICT_DNS, dns_jitter: -1s}",
            ["1:41 error dns_jitter: expected seconds with an s, such as 5s or 0.25s, found '-1s'"],
        ),
        (
            "{name: c, type: STRICT_DNS, dns_lookup_family: V4}",
            [
                "1:48 error dns_lookup_family: expected one of AUTO, V4_ONLY, V6_ONLY, V4_PREFERRED, ALL, found 'V4'",
            ],
        ),
        (
            "{name: c, type: STRICT_DNS, dns_failure_refresh_rate: {}}",
            ["1:55 error dns_failure_refresh_rate.base_interval: required, and not there"],
        ),
        (
            "{name: c, type: STRICT_DNS, dns_failure_refresh_rate: {base_interval: 5s, max_interval: 2s}}",
            [
                "1:89 error dns_failure_refresh_rate.max_interval: expected at least base_interval, 5s, found '2s'",
            ],
        ),
        (
            "{name: c, type: STRICT_DNS, respect_dns_ttl: true}",
            [
                f"1:29 note respect_dns_ttl: {NO_TTL}",
            ],
        ),
    ],
)
def test_what_is_said_of_names(text: str, findings: list[str]) -> None:
    assert read(Cluster, text)[1] == findings
