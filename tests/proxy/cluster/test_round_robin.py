from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.cluster.round_robin import LONGEST_ROUND, RoundRobin, WeightedRoundRobin
from tests.proxy.cluster.servers import equals, picks, servers, weighted_round_robin

WEIGHTS = st.lists(st.integers(1, 20) | st.sampled_from([1, 1000]), min_size=1, max_size=8)


@given(st.integers(1, 9), st.integers(1, 9))
def test_equal_endpoints_take_turns_from_the_first(count: int, rounds: int) -> None:
    endpoints = equals(count)
    balancer = RoundRobin(endpoints)
    assert [balancer.pick() for _ in range(count * rounds)] == endpoints * rounds


@given(WEIGHTS, st.integers(0, 3000))
def test_after_any_number_of_picks_each_endpoint_has_its_share_rounded_up_or_down(
    weights: list[int], count: int
) -> None:
    endpoints, total = servers(*weights), sum(weights)
    counted = picks(weighted_round_robin(endpoints), count)
    for endpoint in endpoints:
        assert count * endpoint.weight // total <= counted[endpoint] <= -(-count * endpoint.weight // total)


@given(WEIGHTS)
def test_a_round_is_as_the_first_one(weights: list[int]) -> None:
    balancer = weighted_round_robin(servers(*weights))
    first = [balancer.pick() for _ in range(sum(weights))]
    assert [balancer.pick() for _ in range(sum(weights))] == first


def test_a_round_too_long_to_be_remembered_goes_on_by_the_same_rule() -> None:
    weights = [LONGEST_ROUND, 3, 2]
    endpoints, total = servers(*weights), sum(weights)
    balancer = weighted_round_robin(endpoints)
    first = [balancer.pick() for _ in range(total)]
    assert [balancer.pick() for _ in range(total)] == first
    assert [first.count(each) for each in endpoints] == weights
    assert not balancer._known


def test_the_heaviest_is_not_picked_in_a_row() -> None:
    heavy, *light = servers(5, 1, 1, 1, 1, 1)
    balancer = weighted_round_robin([heavy, *light])
    found = [balancer.pick() for _ in range(10)]
    assert found[::2] == [heavy] * 5
    assert set(found[1::2]) == set(light)


def test_weights_may_be_as_large_as_they_come() -> None:
    heavy, light = servers(2**32 - 1, 1)
    balancer = weighted_round_robin([heavy, light])
    assert [balancer.pick() for _ in range(100)].count(heavy) >= 99


@given(st.integers(1, 6), st.integers(0, 2000))
def test_it_may_begin_anywhere_in_the_round(count: int, start: int) -> None:
    endpoints = equals(count)
    balancer = RoundRobin(endpoints, start)
    assert [balancer.pick() for _ in range(count)] == [endpoints[(start + i) % count] for i in range(count)]


@given(WEIGHTS, st.integers(0, 999))
def test_by_weight_it_may_begin_anywhere_too(weights: list[int], start: int) -> None:
    endpoints = servers(*weights)
    late, early = WeightedRoundRobin(endpoints, weights, start), WeightedRoundRobin(endpoints, weights)
    for _ in range(start):
        early.pick()
    assert [late.pick() for _ in range(10)] == [early.pick() for _ in range(10)]
