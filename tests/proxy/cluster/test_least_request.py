from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.least_request import LeastRequest, LeastRequestOfMany, WeightedLeastRequest
from metaprotocol_sdk.proxy.cluster.load_balancer import LoadBalancer
from tests.proxy.cluster.servers import equals, picks, servers

LOADS = st.lists(st.integers(0, 5), min_size=2, max_size=6)


def loaded(loads: list[int]) -> list[Endpoint]:
    endpoints = equals(len(loads))
    for endpoint, load in zip(endpoints, loads, strict=True):
        endpoint.active = load
    return endpoints


@given(LOADS, st.randoms(use_true_random=False))
def test_two_different_endpoints_are_compared_so_the_most_loaded_is_never_picked(
    loads: list[int], rng: random.Random
) -> None:
    endpoints = loaded(loads)
    picked = LeastRequest(endpoints, rng).pick()
    assert any(each is not picked and each.active >= picked.active for each in endpoints)


@pytest.mark.parametrize("draw", [0.0, 0.1, 0.5, 0.9, 1 - 2**-53])
def test_of_two_endpoints_the_less_loaded_is_picked_whatever_is_drawn(draw: float) -> None:
    class Chance(random.Random):
        def random(self) -> float:
            return draw

    endpoints = loaded([3, 2])
    assert LeastRequest(endpoints, Chance()).pick() is endpoints[1]


@pytest.mark.parametrize("make", [LeastRequest, lambda endpoints, rng: LeastRequestOfMany(endpoints, 3, rng)])
def test_equally_loaded_endpoints_are_picked_equally_often(make: type[LeastRequest]) -> None:
    endpoints = equals(5)
    counted = picks(make(endpoints, random.Random(1)), 10_000)
    assert all(1850 < counted[each] < 2150 for each in endpoints)


def test_every_pair_is_compared() -> None:
    endpoints = loaded([0, 1, 2, 3])
    counted = picks(LeastRequest(endpoints, random.Random(1)), 12_000)
    # Of the 6 pairs the idlest is in 3, the next wins 2, the next 1.
    assert [round(counted[each] / 2000) for each in endpoints] == [3, 2, 1, 0]


@given(LOADS, st.integers(2, 9), st.randoms(use_true_random=False))
def test_with_as_many_choices_as_endpoints_the_idlest_is_picked(
    loads: list[int], more: int, rng: random.Random
) -> None:
    picked = LeastRequestOfMany(loaded(loads), len(loads) + more, rng).pick()
    assert picked.active == min(loads)


def run(balancer: LoadBalancer, slow: Endpoint, count: int) -> list[Endpoint]:
    """Requests to ``slow`` never end, those to others at once."""
    found = []
    for _ in range(count):
        picked = balancer.pick()
        assert picked is not None
        picked.active += picked is slow
        found.append(picked)
    return found


def test_a_slow_endpoint_is_left_alone() -> None:
    endpoints = equals(4)
    assert run(LeastRequest(endpoints, random.Random(1)), endpoints[0], 1000).count(endpoints[0]) <= 1


@given(st.lists(st.integers(1, 20), min_size=2, max_size=6), st.integers(1, 500))
def test_idle_endpoints_are_shared_by_weight(weights: list[int], count: int) -> None:
    endpoints = servers(*weights)
    counted = picks(WeightedLeastRequest(endpoints), count)
    # Each has had all turns that came by the time of the last pick, and no more: some whole number of its intervals.
    time = max(counted[each] / each.weight for each in endpoints)
    assert all((counted[each] + 1) / each.weight >= time - 1e-9 for each in endpoints)


def test_a_slow_endpoint_of_any_weight_waits_longer_for_its_turn() -> None:
    endpoints = servers(10, 1)
    assert run(WeightedLeastRequest(endpoints), endpoints[0], 1000).count(endpoints[0]) < 200
    endpoints = servers(10, 1)
    assert run(WeightedLeastRequest(endpoints), endpoints[1], 1000).count(endpoints[1]) < 20


def test_turns_at_one_time_come_in_the_order_they_were_set() -> None:
    first, second, third = servers(1, 1, 2)
    balancer = WeightedLeastRequest([first, second, third])
    assert [balancer.pick() for _ in range(8)] == [third, first, second, third, third, first, second, third]


@pytest.mark.parametrize(("bias", "expected"), [(0.0, 250), (1.0, 100), (2.0, 36)])
def test_requests_in_flight_count_as_much_as_the_bias_says(bias: float, expected: int) -> None:
    endpoints = servers(1, 3)
    endpoints[0].active = 2
    balancer = WeightedLeastRequest(endpoints, bias)
    assert picks(balancer, 1000)[endpoints[0]] == pytest.approx(expected, abs=2)


@pytest.mark.parametrize("bias", [400.0, 1e308])
def test_no_bias_is_more_than_can_be_worked_out(bias: float) -> None:
    endpoints = servers(1, 2**32 - 1)
    endpoints[0].active = 2**32
    balancer = WeightedLeastRequest(endpoints, bias)
    assert picks(balancer, 10)[endpoints[1]] >= 9
    endpoints[1].active = 2**32
    assert sum(picks(balancer, 10).values()) == 10
