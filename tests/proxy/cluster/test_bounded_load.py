from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.cluster.bounded_load import BoundedLoad
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.ring_hash import RingHash
from metaprotocol_sdk.proxy.metrics import ClusterStats
from tests.proxy.cluster.servers import equals, owners, servers

RNG = random.Random(1)


def bounded(endpoints: list[Endpoint], stats: ClusterStats, factor: int = 150) -> BoundedLoad:
    ring = RingHash(endpoints, 200, 1000, RNG)
    return BoundedLoad(ring, endpoints, [each.weight for each in endpoints], factor=factor, in_flight=[stats], rng=RNG)


def test_an_idle_cluster_is_picked_from_as_without_a_limit() -> None:
    endpoints = equals(5)
    assert owners(bounded(endpoints, ClusterStats())) == owners(RingHash(endpoints, 200, 1000, RNG))


@given(
    st.lists(st.integers(1, 4), min_size=2, max_size=6),
    st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=4),
    st.sampled_from([100, 125, 200]),
)
def test_nobody_gets_more_than_its_share_times_the_factor(weights: list[int], hashes: list[int], factor: int) -> None:
    endpoints, stats = servers(*weights), ClusterStats()
    balancer = bounded(endpoints, stats, factor)
    rng = random.Random(hashes[0])
    for _ in range(100):
        endpoint = balancer.pick(rng.choice(hashes))
        assert endpoint is not None
        endpoint.active += 1
        stats.upstream_rq_active += 1
    for each in endpoints:
        slots = -(-101 * factor // 100) * each.weight / sum(weights)
        assert each.active <= slots + 2  # it may take one more while it has not more than its slots, rounded up


def test_a_hash_that_must_go_elsewhere_goes_to_the_same_there() -> None:
    endpoints, stats = equals(8), ClusterStats(upstream_rq_active=8)
    balancer = bounded(endpoints, stats)
    first = balancer.pick(5)
    assert first is not None
    first.active = 50
    second = {balancer.pick(5) for _ in range(20)}
    assert len(second) == 1
    assert first not in second
    hashes = [each for each in range(2**60, 2**64, 2**54) if RingHash(endpoints, 200, 1000, RNG).pick(each) is first]
    assert len({balancer.pick(each) for each in hashes}) == 7  # what one cannot take is spread over all others


def test_where_all_have_too_much_the_least_loaded_is_picked() -> None:
    endpoints, stats = equals(3), ClusterStats()
    for each, active in zip(endpoints, (9, 7, 8), strict=True):
        each.active = active
    assert {bounded(endpoints, stats, 100).pick(each) for each in range(0, 2**64, 2**59)} == {endpoints[1]}


@pytest.mark.parametrize("hash_value", [None, 7])
def test_a_request_without_a_hash_is_bounded_too(hash_value: int | None) -> None:
    endpoints, stats = equals(2), ClusterStats()
    endpoints[0].active = 100
    assert {bounded(endpoints, stats).pick(hash_value) for _ in range(20)} == {endpoints[1]}
