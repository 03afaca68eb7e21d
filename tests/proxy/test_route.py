from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.exceptions import DecodeError
from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.mutation import Mutation
from metaprotocol_sdk.proxy.config.values import (
    MatcherConfig,
    MatchKind,
    MirrorConfig,
    RetryOn,
    RetryPolicyConfig,
    RouteConfig,
    RouteTableConfig,
    WeightedClusterConfig,
    lb_metadata,
)
from metaprotocol_sdk.proxy.match import Matcher
from metaprotocol_sdk.proxy.route import RetryPolicy, Route, RouteTable, WeightedClusters
from metaprotocol_sdk.proxy.xxhash64 import xxhash64
from tests.proxy.fakes import request


def to(cluster: str, **strings: str) -> RouteConfig:
    """A route of exact matchers."""
    matchers = tuple(MatcherConfig(key, MatchKind.EXACT, value) for key, value in strings.items())
    return RouteConfig(cluster=cluster, metadata=matchers)


def table(*routes: RouteConfig) -> RouteTable:
    return RouteTable.from_config(RouteTableConfig(routes=routes))


def test_the_first_route_whose_matchers_all_hold_wins() -> None:
    routes = table(to("a", method="say", version="1"), to("b", method="say"), to("c"), to("d", method="hear"))
    for strings, expected in [
        ({"method": "say", "version": "1"}, 0),
        ({"method": "say", "version": "2"}, 1),
        ({"method": "say"}, 1),
        ({"method": "hear"}, 2),
        ({}, 2),
    ]:
        assert routes.match(request(**strings)) is routes.routes[expected]  # type: ignore[arg-type]


def test_a_table_without_a_route_for_a_request_says_so() -> None:
    assert table().match(request()) is None
    assert table(to("a", method="say")).match(request(method="hear")) is None


def test_a_thousand_routes_answer_as_a_few_do() -> None:
    routes = table(*[to("c", method=f"m{i}") for i in range(1000)], to("rest"))
    assert routes.match(request(method="m0")) is routes.routes[0]
    assert routes.match(request(method="m999")) is routes.routes[999]
    assert routes.match(request(method="other")) is routes.routes[1000]


def test_a_route_carries_what_its_configuration_says() -> None:
    header = MatcherConfig("Code", MatchKind.EXACT, "busy")
    retry = RetryPolicyConfig(
        retry_on=frozenset({RetryOn.RESET}),
        num_retries=3,
        per_try_timeout=0.5,
        base_interval=0.1,
        max_interval=0.7,
        retriable_headers=(header,),
    )
    config = RouteConfig(
        name="r",
        metadata=(header,),
        cluster="c",
        weighted_clusters=(WeightedClusterConfig("v1", 9), WeightedClusterConfig("v2", 1)),
        hash_policy=("User", "zone"),
        mirrors=(MirrorConfig("m", 0.5),),
        request_mutation=Mutation(a="1"),
        response_mutation=Mutation(b="2"),
        is_mutation_required=True,
        timeout=None,
        idle_timeout=3.0,
        retry=retry,
    )
    assert Route.from_config(config) == Route(
        name="r",
        matchers=(Matcher.from_config(header),),
        cluster="c",
        weighted_clusters=WeightedClusters(("v1", "v2"), (9, 10), (None, None)),
        hash_keys=("user", "zone"),
        mirrors=(MirrorConfig("m", 0.5),),
        request_mutation=Mutation(a="1"),
        response_mutation=Mutation(b="2"),
        is_mutation_required=True,
        timeout=None,
        idle_timeout=3.0,
        retry=RetryPolicy(
            retry_on=frozenset({RetryOn.RESET}),
            num_retries=3,
            per_try_timeout=0.5,
            base_interval=0.1,
            max_interval=0.7,
            retriable_headers=(Matcher.from_config(header),),
        ),
    )


def test_defaults_are_envoys() -> None:
    route = Route.from_config(RouteConfig(cluster="c"))
    assert route == Route(cluster="c")
    assert (route.timeout, route.idle_timeout, route.retry) == (15.0, 300.0, None)


# --- the choice of a cluster ---------------------------------------------------------------------------------------


class Chance(random.Random):
    """Draws what a test says."""

    def __init__(self, *draws: float) -> None:
        super().__init__()
        self.draws = list(draws)

    def random(self) -> float:
        return self.draws.pop(0)


def weighted(*weights: int) -> Route:
    clusters = tuple(WeightedClusterConfig(f"c{i}", weight) for i, weight in enumerate(weights))
    return Route.from_config(RouteConfig(weighted_clusters=clusters))


def test_one_cluster_is_always_chosen_and_costs_no_chance() -> None:
    assert Route(cluster="c").choose(Chance()).cluster == "c"


def test_each_cluster_owns_the_numbers_from_the_end_before_to_its_own_excluded() -> None:
    route = weighted(1, 0, 2, 0, 1)
    below = 1 - 2**-53  # the largest number drawn
    draws = [0.0, 0.25 * below, 0.25, 0.75 * below, 0.75, below]
    assert [route.choose(Chance(draw)).cluster for draw in draws] == ["c0", "c0", "c2", "c2", "c4", "c4"]


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=6).filter(any), st.integers(0, 2**53 - 1))
def test_a_cluster_of_weight_0_is_never_chosen(weights: list[int], draw: int) -> None:
    chosen = weighted(*weights).choose(Chance(draw / 2**53))
    assert weights[int(chosen.cluster[1:])] > 0


def test_clusters_are_chosen_by_weight() -> None:
    route, rng = weighted(70, 20, 10), random.Random(1)
    chosen = Counter(route.choose(rng).cluster for _ in range(10_000))
    assert abs(chosen["c0"] - 7000) < 200
    assert abs(chosen["c1"] - 2000) < 200
    assert abs(chosen["c2"] - 1000) < 200


@pytest.mark.parametrize("weights", [(0,), (0, 0)])
def test_weights_that_add_up_to_0_leave_nothing_to_choose(weights: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="add up to 0; give one cluster a weight above 0"):
        weighted(*weights)


# --- the hash ------------------------------------------------------------------------------------------------------


def hashed_by(*keys: str) -> Route:
    return Route.from_config(RouteConfig(cluster="c", hash_policy=keys))


def chained(*values: str) -> int:
    digest = 0
    for value in values:
        digest = xxhash64(value.encode(), digest)
    return digest


def test_without_a_hash_policy_there_is_no_hash() -> None:
    assert hashed_by().hash_of(request(user="a")) is None


def test_one_key_hashes_as_envoy_hashes_a_header() -> None:
    assert hashed_by("user").hash_of(request(user="abc")) == 0x44BC2CF5AD770999


def test_values_are_chained_in_sorted_order_whatever_the_order_of_the_keys() -> None:
    message = request(a="2", b="é", c="10")
    assert hashed_by("a", "b", "c").hash_of(message) == chained("10", "2", "é")
    assert hashed_by("c", "B", "A").hash_of(message) == chained("10", "2", "é")


def test_values_sort_as_their_bytes_do() -> None:
    assert hashed_by("a", "b").hash_of(request(a="\uffff", b="\U00010000")) == chained("\uffff", "\U00010000")


def test_a_string_that_is_not_there_hashes_as_empty() -> None:
    assert hashed_by("a", "b").hash_of(request(b="x")) == chained("", "x")
    assert hashed_by("a").hash_of(request()) == chained("")


def test_half_a_character_hashes_too() -> None:
    assert hashed_by("a").hash_of(request(a="\ud800")) == xxhash64(b"\xed\xa0\x80")


def test_a_long_value_hashes_by_its_digest_and_all_of_it_counts() -> None:
    route = hashed_by("a")
    assert route.hash_of(request(a="x" * 1024)) == chained("x" * 1024)
    long = [route.hash_of(request(a="x" * 2000 + end)) for end in ("", "y", "z", "y")]
    assert long[1] == long[3]
    assert len(set(long)) == 3
    assert long[0] != chained("x" * 2000)


def test_deferred_strings_are_hashed_and_their_fault_escapes() -> None:
    message = request()
    message.defer(lambda found: found.update(user="abc"))
    assert hashed_by("user").hash_of(message) == 0x44BC2CF5AD770999

    def broken(_: Metadata) -> None:
        raise DecodeError("no strings here")

    message = request()
    message.defer(broken)
    with pytest.raises(DecodeError):
        hashed_by("user").hash_of(message)


def test_a_chosen_cluster_has_the_match_of_its_route_and_its_own() -> None:
    outer, inner = lb_metadata({"stage": "prod", "v": 1}), lb_metadata({"v": 2})
    clusters = (WeightedClusterConfig("a"), WeightedClusterConfig("b", 1, inner))
    route = Route.from_config(RouteConfig(name="r", weighted_clusters=clusters, metadata_match=outer))
    first, second = (route.choose(Chance(draw)) for draw in (0.0, 0.9))
    assert (first.name, first.cluster, first.metadata_match) == ("r", "a", outer)
    assert (second.name, second.cluster, second.metadata_match) == ("r", "b", lb_metadata({"stage": "prod", "v": 2}))
    assert first is route.choose(Chance(0.0))
