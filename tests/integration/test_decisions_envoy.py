"""Envoy beside our decisions: the same matchers and the same consistent hashes, and the same answers.

One Envoy has a route for each matcher, which answers 200 where it matches, and one for each cluster, which says in a
header where it would have sent the request. No server is there: the choice is all that is compared.
"""

from __future__ import annotations

import http.client
import itertools
import random
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.config.values import (
    Address,
    ClusterConfig,
    EndpointConfig,
    LbPolicy,
    MatcherConfig,
    MatchKind,
    RouteConfig,
)
from metaprotocol_sdk.proxy.match import Matcher, all_match
from metaprotocol_sdk.proxy.route import Route
from tests.integration.envoy import MARKS, bootstrap, get, naming_host, running

pytestmark = MARKS

KEY = "x-key"
VALUES = [
    None, "", "say", "Say", "sayHello", "unsay", "SAYHELLO", "lo", "yH", "k", "K", "\u212a", "é", "É", "éx",
    "5", "+5", "-5", "005", "5x", "5.0", "1_0", "0x5", "\u0665", "--5", "+", "10", "-10",
    "9223372036854775806", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
    "-9223372036854775809", "0" * 40 + "7",
]  # fmt: skip
TEXTS = {
    MatchKind.EXACT: ["say", "K", "É"],
    MatchKind.PREFIX: ["say", "é"],
    MatchKind.SUFFIX: ["lo", "SAY"],
    MatchKind.CONTAINS: ["yH", "ay"],
    MatchKind.SAFE_REGEX: ["say", "say.*", "[a-z]+", ".", "()", "s|say", r"\d+", "(?i)say", "^say$"],
}
RANGES = [(-10, 10), (5, 6), (6, 5), (-(2**63), 2**63 - 1), (2**63 - 2, 2**63 - 1)]


def matchers() -> list[MatcherConfig]:
    rules = [
        (kind, text, fold)
        for kind, texts in TEXTS.items()
        for text in texts
        for fold in {False, kind is not MatchKind.SAFE_REGEX}
    ]
    rules += [(MatchKind.RANGE, bounds, False) for bounds in RANGES]  # type: ignore[misc]
    rules += [(MatchKind.PRESENT, there, False) for there in (True, False)]  # type: ignore[misc]
    return [
        MatcherConfig(KEY, kind, value, fold, invert, is_empty)
        for (kind, value, fold), invert, is_empty in itertools.product(rules, (False, True), (False, True))
    ]


def in_envoys_words(matcher: MatcherConfig) -> dict[str, Any]:
    said = {"invert_match": matcher.invert, "treat_missing_header_as_empty": matcher.treat_missing_as_empty}
    if matcher.kind is MatchKind.PRESENT:
        return {"name": KEY, "present_match": matcher.value, **said}
    if matcher.kind is MatchKind.RANGE:
        assert isinstance(matcher.value, tuple)
        start, end = map(str, matcher.value)
        return {"name": KEY, "range_match": {"start": start, "end": end}, **said}
    word = matcher.kind.value.removesuffix("_match")
    value = {"regex": matcher.value} if matcher.kind is MatchKind.SAFE_REGEX else matcher.value
    return {"name": KEY, "string_match": {word: value, "ignore_case": matcher.ignore_case}, **said}


def cluster(name: str, policy: LbPolicy, *weights: int, **options: int) -> ClusterConfig:
    endpoints = tuple(EndpointConfig(Address(f"127.0.0.{i + 1}", 1), weight) for i, weight in enumerate(weights))
    return ClusterConfig(name=name, lb_policy=policy, endpoints=endpoints, **options)  # type: ignore[arg-type]


CLUSTERS = [
    cluster("ring", LbPolicy.RING_HASH, *[1] * 5),
    cluster("uneven ring", LbPolicy.RING_HASH, 1, 7, 20, 3),
    cluster("small ring", LbPolicy.RING_HASH, 2, 3, 4, minimum_ring_size=3),
    cluster("capped ring", LbPolicy.RING_HASH, *[1] * 4, minimum_ring_size=6, maximum_ring_size=6),
    cluster("table", LbPolicy.MAGLEV, *[1] * 5),
    cluster("uneven table", LbPolicy.MAGLEV, 1, 7, 20, 3),
    cluster("small table", LbPolicy.MAGLEV, *[1] * 9, table_size=13),
]


def host_and_port(endpoint: EndpointConfig) -> tuple[str, int]:
    assert isinstance(endpoint.address, Address)
    return endpoint.address.host, endpoint.address.port


def cluster_in_envoys_words(config: ClusterConfig) -> dict[str, Any]:
    endpoints = [
        {
            "endpoint": {
                "address": {"socket_address": dict(zip(("address", "port_value"), host_and_port(each), strict=True))}
            },
            "load_balancing_weight": each.weight,
        }
        for each in config.endpoints
    ]
    parameters = (
        {
            "ring_hash_lb_config": {
                "minimum_ring_size": config.minimum_ring_size,
                "maximum_ring_size": config.maximum_ring_size,
            }
        }
        if config.lb_policy is LbPolicy.RING_HASH
        else {"maglev_lb_config": {"table_size": config.table_size}}
    )
    return {
        "name": config.name,
        "type": "STATIC",
        "lb_policy": config.lb_policy.value,
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        "load_assignment": {"cluster_name": config.name, "endpoints": [{"lb_endpoints": endpoints}]},
        **parameters,
    }


def envoy_config() -> dict[str, Any]:
    routes: list[dict[str, Any]] = [
        {"match": {"path": f"/match/{i}", "headers": [in_envoys_words(each)]}, "direct_response": {"status": 200}}
        for i, each in enumerate(matchers())
    ]
    routes += [
        naming_host(f"/pick/{i}", {"cluster": each.name, "hash_policy": [{"header": {"header_name": KEY}}]})
        for i, each in enumerate(CLUSTERS)
    ]
    return bootstrap(routes, [cluster_in_envoys_words(each) for each in CLUSTERS])


def message(value: str | None) -> Metadata:
    metadata = Metadata()
    if value is not None:
        metadata[KEY] = value
    return metadata


def headers(value: str | None) -> dict[str, Any]:
    return {} if value is None else {KEY: value.encode()}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A running Envoy's listener."""
    with running(envoy_config(), tmp_path_factory.mktemp("envoy")) as found:
        yield found


def test_every_matcher_answers_as_envoys_does(port: int) -> None:
    # Envoy's regular expressions read bytes, ours characters: the same where a character is a byte.
    cases = [
        (index, config, value)
        for (index, config), value in itertools.product(enumerate(matchers()), VALUES)
        if config.kind is not MatchKind.SAFE_REGEX or value is None or value.isascii()
    ]
    differing = []
    with closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
        for index, config, value in cases:
            response = get(connection, f"/match/{index}", headers(value))
            ours = all_match([Matcher.from_config(config)], message(value))
            if ours is not (response.status == 200):
                differing.append((config, value, ours))
    assert differing == []


@pytest.mark.parametrize("index", range(len(CLUSTERS)), ids=[each.name for each in CLUSTERS])
def test_equal_hashes_go_where_envoy_sends_them(port: int, index: int) -> None:
    ours = Cluster(CLUSTERS[index])
    route = Route.from_config(RouteConfig(cluster="c", hash_policy=(KEY,)))
    rng = random.Random(index)
    with closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
        for _ in range(300):
            value = rng.randbytes(rng.randrange(1, 40)).hex()
            endpoint = ours.pick(route.hash_of(message(value)))
            assert endpoint is not None
            assert endpoint.name == get(connection, f"/pick/{index}", headers(value)).headers["x-host"], value
