"""Subsets of a cluster: Envoy's example, its fallbacks, and what must always hold."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.health import HealthFlag
from metaprotocol_sdk.proxy.config.values import (
    Address,
    ClusterConfig,
    EndpointConfig,
    LbPolicy,
    Locality,
    SubsetFallback,
    SubsetsConfig,
    SubsetSelectorConfig,
    lb_metadata,
)

HOSTS: list[dict[str, Any]] = [
    {"v": "1.0", "stage": "prod"},
    {"v": "1.0", "stage": "prod"},
    {"v": "1.1", "stage": "canary"},
    {"v": "1.2-pre", "stage": "dev"},
]


def selector(*keys: str, **options: Any) -> SubsetSelectorConfig:
    return SubsetSelectorConfig(keys=tuple(sorted(keys)), **options)


def cluster(hosts: list[dict[str, Any]], *selectors: SubsetSelectorConfig, **options: Any) -> Cluster:
    endpoints = tuple(
        EndpointConfig(Address("10.0.0.1", port), metadata=lb_metadata(each)) for port, each in enumerate(hosts, 1)
    )
    subsets = SubsetsConfig(selectors=selectors, **options)
    return Cluster(ClusterConfig(name="c", endpoints=endpoints, subsets=subsets), random.Random(1))


def picked(made: Cluster, match: Mapping[str, Any] | None) -> list[int]:
    """The numbers of the servers that take requests of routes with ``match``."""
    picks = [made.pick() if match is None else made.subset(lb_metadata(match))() for _ in range(40)]
    return sorted({int(each.name.rpartition(":")[2]) for each in picks if each is not None})


@pytest.mark.parametrize(
    ("match", "servers"),
    [  # "Load Balancer Subsets" of Envoy's architecture overview
        ({"stage": "canary"}, [3]),
        ({"v": "1.2-pre", "stage": "dev"}, [4]),
        ({"v": "1.0"}, [1, 2]),
        ({"other": "x"}, [1, 2]),
        (None, [1, 2]),
        ({"stage": "test"}, []),
    ],
)
def test_envoys_example(match: dict[str, str] | None, servers: list[int]) -> None:
    made = cluster(
        HOSTS,
        selector("v", "stage"),
        selector("stage", fallback=SubsetFallback.NO_FALLBACK),
        fallback=SubsetFallback.DEFAULT_SUBSET,
        default_subset=lb_metadata({"stage": "prod"}),
    )
    assert picked(made, match) == servers


@pytest.mark.parametrize(
    ("fallback", "servers"),
    [(SubsetFallback.NO_FALLBACK, []), (SubsetFallback.ANY_ENDPOINT, [1, 2, 3, 4])],
)
def test_what_has_no_subset_goes_where_the_cluster_says(fallback: SubsetFallback, servers: list[int]) -> None:
    made = cluster(HOSTS, selector("stage"), fallback=fallback)
    assert picked(made, {"stage": "test"}) == picked(made, {"v": "1.0"}) == picked(made, None) == servers


def test_a_selector_may_say_it_otherwise() -> None:
    made = cluster(
        HOSTS,
        selector("stage", fallback=SubsetFallback.ANY_ENDPOINT),
        selector("v", fallback=SubsetFallback.DEFAULT_SUBSET),
        default_subset=lb_metadata({"stage": "dev"}),
    )
    assert picked(made, {"stage": "test"}) == [1, 2, 3, 4]
    assert picked(made, {"v": "9"}) == [4]
    assert picked(made, {"x": "9"}) == []


def test_fewer_keys_are_tried_as_often_as_it_is_said() -> None:
    made = cluster(
        HOSTS,
        selector("v", "stage", "x", fallback=SubsetFallback.KEYS_SUBSET, fallback_keys=("stage", "v")),
        selector("v", "stage", fallback=SubsetFallback.KEYS_SUBSET, fallback_keys=("stage",)),
        selector("stage", fallback=SubsetFallback.NO_FALLBACK),
        fallback=SubsetFallback.ANY_ENDPOINT,
    )
    assert picked(made, {"v": "1.0", "stage": "prod", "x": 1}) == [1, 2]
    assert picked(made, {"v": "9", "stage": "canary", "x": 1}) == [3]
    assert picked(made, {"v": "9", "stage": "test", "x": 1}) == []


def test_any_server_helps_out_where_it_is_wanted() -> None:
    options: dict[str, Any] = {
        "fallback": SubsetFallback.DEFAULT_SUBSET,
        "default_subset": lb_metadata({"stage": "gone"}),
    }
    assert picked(cluster(HOSTS, selector("v"), **options), None) == []
    made = cluster(HOSTS, selector("v"), panic_mode_any=True, **options)
    assert picked(made, None) == [1, 2, 3, 4]
    assert (made.stats.lb_subsets_fallback, made.stats.lb_subsets_fallback_panic) == (0, 40)


def test_a_list_may_be_each_of_its_values() -> None:
    hosts = [{"stage": ["prod", "dev"], "v": [1, 2]}, {"stage": "prod", "v": 1}]
    made = cluster(hosts, selector("stage", "v"), list_as_any=True)
    assert picked(made, {"stage": "prod", "v": 1}) == [1, 2]
    assert picked(made, {"stage": "dev", "v": 2}) == [1]
    assert picked(made, {"stage": ["prod", "dev"], "v": 1}) == []
    assert picked(cluster(hosts, selector("stage")), {"stage": ["prod", "dev"]}) == [1]


def test_a_subset_may_be_one_server() -> None:
    made = cluster(HOSTS, selector("stage", single_host=True))
    assert picked(made, {"stage": "prod"}) == [1]
    assert made.stats.lb_subsets_single_host_per_subset_duplicate == 1


def test_health_counts_inside_a_subset() -> None:
    made = cluster([{"stage": "prod"}] * 4 + [{"stage": "dev"}], selector("stage"))
    first, *_ = made.endpoints
    made.mark(first, HealthFlag.FAILED_ACTIVE_HC, is_set=True)
    assert picked(made, {"stage": "prod"}) == [2, 3, 4]
    for each in made.endpoints[1:3]:
        made.mark(each, HealthFlag.FAILED_OUTLIER_CHECK, is_set=True)
    assert made.stats.lb_healthy_panic == 0
    assert picked(made, {"stage": "prod"}) == [1, 2, 3, 4]
    assert picked(made, {"stage": "dev"}) == [5]
    assert made.stats.lb_healthy_panic == 40


def test_subsets_come_and_go_with_servers_and_are_counted() -> None:
    made = cluster(HOSTS, selector("stage"), selector("v", "stage"))
    assert (made.stats.lb_subsets_active, made.stats.lb_subsets_created, made.stats.lb_subsets_removed) == (6, 6, 0)
    assert picked(made, {"stage": "dev"}) == [4]
    assert made.stats.lb_subsets_selected == 40
    made.set_endpoints([EndpointConfig(Address("10.0.0.1", 9), metadata=lb_metadata({"stage": "dev"}))])
    assert (made.stats.lb_subsets_active, made.stats.lb_subsets_created, made.stats.lb_subsets_removed) == (1, 6, 5)
    assert picked(made, {"stage": "dev"}) == [9]
    made.update(ClusterConfig(name="c", endpoints=made.config.endpoints))
    assert (made.stats.lb_subsets_active, made.stats.lb_subsets_removed) == (0, 6)
    assert picked(made, {"stage": "dev"}) == [1, 2, 3, 4]


def test_a_server_whose_metadata_changes_is_in_another_subset() -> None:
    made = cluster(HOSTS, selector("stage"))
    assert picked(made, {"stage": "dev"}) == [4]
    kept = made.endpoints
    configs = [EndpointConfig(each.address, metadata=lb_metadata({"stage": "dev"})) for each in kept]
    made.set_endpoints(configs)
    assert made.endpoints == kept
    assert picked(made, {"stage": "dev"}) == [1, 2, 3, 4]


def test_what_picks_is_made_once_for_a_match_and_a_state() -> None:
    made = cluster(HOSTS, selector("stage"))
    match = lb_metadata({"stage": "prod"})
    assert made.subset(match) is made.subset(match)
    before = made.subset(match)
    made.mark(made.endpoints[3], HealthFlag.FAILED_ACTIVE_HC, is_set=True)
    assert made.subset(match) is not before


@pytest.mark.parametrize("policy", LbPolicy)
def test_every_policy_picks_inside_a_subset(policy: LbPolicy) -> None:
    made = cluster(HOSTS, selector("stage"))
    config = made.config
    made.update(
        ClusterConfig(
            name="c",
            endpoints=config.endpoints,
            subsets=config.subsets,
            lb_policy=policy,
            minimum_ring_size=64,
            table_size=251,
        )
    )
    assert picked(made, {"stage": "prod"}) == [1, 2]
    assert len({made.subset(lb_metadata({"stage": "prod"}))(hash_value) for hash_value in [7] * 9}) in (1, 2)


@pytest.mark.parametrize(
    ("is_aware", "is_scaled", "percent"),
    [(False, False, 33), (True, False, 75), (True, True, 50)],
)
def test_places_count_in_a_subset_as_it_is_said(is_aware: bool, is_scaled: bool, percent: int) -> None:
    """X, of weight 3, has 3 servers, one of them in the subset; Y, of weight 1, has 2, both in it."""
    hosts = [("x", 3, "a"), ("x", 3, "b"), ("x", 3, "b"), ("y", 1, "a"), ("y", 1, "a")]
    endpoints = tuple(
        EndpointConfig(
            Address("10.0.0.1", port),
            locality=Locality(zone=zone),
            locality_weight=weight,
            metadata=lb_metadata({"stage": stage}),
        )
        for port, (zone, weight, stage) in enumerate(hosts)
    )
    subsets = SubsetsConfig(
        selectors=(selector("stage"),), locality_weight_aware=is_aware, scale_locality_weight=is_scaled
    )
    made = Cluster(ClusterConfig(name="c", endpoints=endpoints, subsets=subsets, is_locality_weighted=True))
    picks = [made.subset(lb_metadata({"stage": "a"}))() for _ in range(100)]
    assert sum(each is made.endpoints[0] for each in picks) == pytest.approx(percent, abs=1)


METADATA = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["x", "y", 1, True]), max_size=3)


@given(
    st.lists(METADATA, max_size=6),
    st.lists(st.sets(st.sampled_from("abc"), min_size=1), min_size=1, max_size=3),
    METADATA.filter(bool),
    st.sampled_from([SubsetFallback.NO_FALLBACK, SubsetFallback.ANY_ENDPOINT]),
)
def test_a_subset_is_whoever_has_all_of_it_where_a_selector_asks_for_just_that(
    hosts: list[dict[str, Any]], keys: list[set[str]], match: dict[str, Any], fallback: SubsetFallback
) -> None:
    made = cluster(hosts, *[selector(*each) for each in keys], fallback=fallback)
    wanted = dict(lb_metadata(match))
    members = [
        number
        for number, each in enumerate(hosts, 1)
        if set(match) in keys and wanted.items() <= dict(lb_metadata(each)).items()
    ]
    others = list(range(1, len(hosts) + 1)) if fallback is SubsetFallback.ANY_ENDPOINT else []
    assert picked(made, match) == (members or others)
