"""Envoy beside our balancing: the same priorities, places, health and subsets, and the same servers.

Where hashes decide, each request must go where Envoy sends it. Where turns or chance do, each server must have Envoy's
share. No server is there: the choice is all that is compared.
"""

from __future__ import annotations

import http.client
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.config.cluster import Cluster as ClusterMessage
from metaprotocol_sdk.proxy.config.document import read_document
from metaprotocol_sdk.proxy.config.report import Report
from metaprotocol_sdk.proxy.config.tree import plain
from metaprotocol_sdk.proxy.config.values import RouteConfig, lb_metadata
from metaprotocol_sdk.proxy.route import Route
from tests.integration.envoy import MARKS, bootstrap, get, naming_host, running
from tests.proxy.config.reading import read

pytestmark = MARKS

KEY = "x-key"
BAD, WORSE = "UNHEALTHY", "DEGRADED"


def group(number: int, *hosts: str, priority: int = 0, zone: str = "", weight: int = 0) -> str:
    """One ``LocalityLbEndpoints``; each host is a health status and a weight."""
    endpoints = []
    for index, each in enumerate(hosts):
        status, _, own = each.partition(" ")
        address = f"{{socket_address: {{address: 127.0.{number}.{index + 1}, port_value: 1}}}}"
        endpoints.append(
            f"{{endpoint: {{address: {address}}}, health_status: {status}, load_balancing_weight: {own or 1}}}"
        )
    place = f", locality: {{zone: {zone}}}" * bool(zone) + f", load_balancing_weight: {weight}" * bool(weight)
    return f"{{priority: {priority}, lb_endpoints: [{', '.join(endpoints)}]{place}}}"


OK = "HEALTHY"
GROUPS = {
    "half of the first": [group(1, OK, OK, BAD, BAD), group(2, OK, OK, priority=1)],
    "three": [group(1, OK, BAD, BAD, BAD), group(2, OK, BAD, BAD, BAD, priority=1), group(3, OK, OK, priority=2)],
    "too few": [group(1, *[OK] * 5, *[BAD] * 15), group(2, *[OK] * 5, *[BAD] * 15, priority=1)],
    "too few of the last": [
        group(1, *[OK] * 5, *[BAD] * 15), group(2, *[OK] * 5, *[BAD] * 15, priority=1),
        group(3, *[OK] * 4, *[BAD] * 16, priority=2),
    ],
    "a gap": [group(1, OK, BAD, BAD), group(2, OK, OK, priority=2)],
    "nobody": [group(1, BAD, BAD, BAD), group(2, BAD, priority=1)],
    "weights": [group(1, "HEALTHY 5", "HEALTHY 1", "TIMEOUT 3", "DRAINING 3"), group(2, OK, priority=1)],
    "places": [group(1, OK, OK, zone="x", weight=1), group(2, OK, OK, OK, OK, zone="y", weight=3)],
    "places with weights": [
        group(1, "HEALTHY 3", "HEALTHY 1", zone="x", weight=2), group(2, "HEALTHY 1", "HEALTHY 5", zone="y", weight=3),
    ],
    "a place half gone": [group(1, OK, BAD, zone="x", weight=1), group(2, OK, OK, OK, OK, zone="y", weight=3)],
    "a place gone": [group(1, BAD, zone="x", weight=1), group(2, OK, OK, OK, OK, zone="y", weight=3)],
    "places in panic": [group(1, OK, zone="x", weight=1), group(2, OK, BAD, BAD, BAD, BAD, zone="y", weight=3)],
}  # fmt: skip
DEGRADED = {
    "some degraded": [group(1, OK, WORSE, WORSE, BAD)],
    "degraded of the first before the healthy of no one": [
        group(1, OK, OK, WORSE, BAD, BAD),
        group(2, BAD, priority=1),
    ],
    "degraded in two": [group(1, OK, WORSE, WORSE, WORSE, BAD), group(2, WORSE, OK, BAD, BAD, BAD, priority=1)],
}
"""Without hashes only: with them Envoy's degraded endpoints get nothing, and a priority of degraded ones fails."""


def cluster(name: str, policy: str, groups: list[str], more: str = "") -> str:
    places = ", locality_weighted_lb_config: {}" if "place" in name else ""
    return (
        f"{{name: '{policy} {name}', type: STATIC, lb_policy: {policy}, {more}"
        f"common_lb_config: {{healthy_panic_threshold: {{value: 50}}{places}}}, "
        f"load_assignment: {{cluster_name: c, endpoints: [{', '.join(groups)}]}}}}"
    )


HASHED = [cluster(name, policy, groups) for policy in ("RING_HASH", "MAGLEV") for name, groups in GROUPS.items()]
SHARED = [
    cluster(name, policy, groups)
    for policy in ("ROUND_ROBIN", "RANDOM", "LEAST_REQUEST")
    for name, groups in (GROUPS | DEGRADED).items()
]


def host(number: int, **metadata: Any) -> str:
    said = ", ".join(f"{key}: {value}" for key, value in metadata.items())
    address = f"{{socket_address: {{address: 127.0.0.{number}, port_value: 1}}}}"
    return f"{{endpoint: {{address: {address}}}, metadata: {{filter_metadata: {{envoy.lb: {{{said}}}}}}}}}"


HOSTS = [
    host(1, v="'1.0'", stage="prod", tags="[a, b]"), host(2, v="'1.0'", stage="prod", tags="[b]"),
    host(3, v="'1.1'", stage="canary", tags="c"), host(4, v=1, stage="dev"), host(5, v="true"),
    host(6, v="'1.0'", stage="prod"),
]  # fmt: skip
# A selector that has the keys of another and more comes after it: before it, Envoy forgets the other's fallback_policy.
SELECTORS = (
    "{keys: [v]}, {keys: [stage], fallback_policy: NO_FALLBACK}, {keys: [tags], fallback_policy: ANY_ENDPOINT}, "
    "{keys: [stage, v], fallback_policy: KEYS_SUBSET, fallback_keys_subset: [stage]}"
)
PARTED = [
    cluster(
        f"parted {index}",
        "RING_HASH",
        [f"{{lb_endpoints: [{', '.join(HOSTS)}]}}"],
        f"lb_subset_config: {{subset_selectors: [{SELECTORS}], {options}}}, ",
    )
    for index, options in enumerate(
        [
            "fallback_policy: NO_FALLBACK",
            "fallback_policy: ANY_ENDPOINT, list_as_any: true",
            "fallback_policy: DEFAULT_SUBSET, default_subset: {stage: canary}",
            "fallback_policy: DEFAULT_SUBSET, default_subset: {stage: gone}, panic_mode_any: true",
            "fallback_policy: DEFAULT_SUBSET, default_subset: {tags: b}, list_as_any: true",
        ]
    )
]
MATCHES: list[dict[str, Any]] = [
    {}, {"v": "1.0"}, {"v": 1}, {"v": True}, {"v": "1"}, {"stage": "prod"}, {"stage": "gone"}, {"x": 1},
    {"stage": "prod", "v": "1.0"}, {"stage": "prod", "v": "9"}, {"stage": "gone", "v": "9"}, {"tags": "a"},
    {"tags": ["a", "b"]}, {"tags": "c"}, {"tags": "z"}, {"v": "1.0", "tags": "a"},
]  # fmt: skip


def ours(text: str) -> Cluster:
    """The cluster of a configuration."""
    message, _ = read(ClusterMessage, text)
    assert message is not None, text
    return Cluster(message.value(), random.Random(1))


def envoys(text: str) -> Any:
    """The configuration as JSON."""
    return plain(read_document(text, Report("c.yaml")))


def envoy_config() -> dict[str, Any]:
    policy = {"hash_policy": [{"header": {"header_name": KEY}}]}
    routes = [naming_host(f"/hashed/{i}", {"cluster": envoys(each)["name"], **policy}) for i, each in enumerate(HASHED)]
    routes += [naming_host(f"/shared/{i}", {"cluster": envoys(each)["name"]}) for i, each in enumerate(SHARED)]
    routes += [
        naming_host(
            f"/parted/{i}/{j}",
            {
                "cluster": envoys(each)["name"],
                **policy,
                **({"metadata_match": {"filter_metadata": {"envoy.lb": match}}} if match else {}),
            },
        )
        for i, each in enumerate(PARTED)
        for j, match in enumerate(MATCHES)
    ]
    return bootstrap(routes, [envoys(each) for each in [*HASHED, *SHARED, *PARTED]])


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A running Envoy's listener."""
    with running(envoy_config(), tmp_path_factory.mktemp("envoy")) as found:
        yield found


ROUTE = Route.from_config(RouteConfig(cluster="c", hash_policy=(KEY,)))


def hash_of(value: str) -> int | None:
    metadata = Metadata()
    metadata[KEY] = value
    return ROUTE.hash_of(metadata)


@pytest.mark.parametrize("index", range(len(HASHED)), ids=[envoys(each)["name"] for each in HASHED])
def test_a_hash_goes_to_envoys_priority_place_and_server(port: int, index: int) -> None:
    made = ours(HASHED[index])
    differing = []
    with closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
        for number in range(200):
            value = f"key {index} {number}"
            endpoint = made.pick(hash_of(value))
            found = get(connection, f"/hashed/{index}", {KEY: value}).headers["x-host"]
            if endpoint is None or endpoint.name != found:
                differing.append((value, endpoint, found))
    assert differing == []


@pytest.mark.parametrize("index", range(len(SHARED)), ids=[envoys(each)["name"] for each in SHARED])
def test_each_server_has_the_share_that_envoy_gives_it(port: int, index: int) -> None:
    count = 600
    made = ours(SHARED[index])
    mine = Counter(endpoint.name for _ in range(count) if (endpoint := made.pick()) is not None)
    with closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
        found = Counter(get(connection, f"/shared/{index}").headers["x-host"] for _ in range(count))
    assert mine.total() == found.total() == count
    bound = 5 * (2 * count * 0.25) ** 0.5  # five standard deviations of the difference, at most
    assert all(abs(mine[name] - found[name]) < bound for name in mine | found), (mine, found)
    assert mine.keys() == found.keys() or min((mine | found).values()) < 10


@pytest.mark.parametrize("index", range(len(PARTED)), ids=[envoys(each)["name"] for each in PARTED])
def test_what_a_route_asks_for_is_envoys_subset(port: int, index: int) -> None:
    made = ours(PARTED[index])
    differing = []
    with closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
        for number, match in enumerate(MATCHES):
            for value in map(str, range(12)):
                pick = made.subset(lb_metadata(match)) if match else made.pick
                endpoint = pick(hash_of(value))
                found = get(connection, f"/parted/{index}/{number}", {KEY: value}).headers["x-host"]
                if ("-" if endpoint is None else endpoint.name) != (found or "-"):
                    differing.append((match, value, endpoint, found))
    assert differing == []
