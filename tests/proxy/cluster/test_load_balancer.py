from __future__ import annotations

import random
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.cluster.least_request import LeastRequest, LeastRequestOfMany, WeightedLeastRequest
from metaprotocol_sdk.proxy.cluster.load_balancer import LOAD_BALANCERS, Random
from metaprotocol_sdk.proxy.cluster.maglev import Maglev
from metaprotocol_sdk.proxy.cluster.ring_hash import RingHash
from metaprotocol_sdk.proxy.cluster.round_robin import RoundRobin, WeightedRoundRobin
from metaprotocol_sdk.proxy.config.values import ClusterConfig, LbPolicy
from tests.proxy.cluster.servers import balance, equals, owners, picks, servers

RNG = random.Random(1)


def config(policy: LbPolicy, choice_count: int = 2) -> ClusterConfig:
    return ClusterConfig(name="c", lb_policy=policy, choice_count=choice_count, minimum_ring_size=64, table_size=101)


def test_every_policy_of_the_configuration_has_its_balancer() -> None:
    assert set(LOAD_BALANCERS) == set(LbPolicy)


@pytest.mark.parametrize(
    ("policy", "weights", "kind"),
    [
        (LbPolicy.ROUND_ROBIN, (1, 1), RoundRobin),
        (LbPolicy.ROUND_ROBIN, (7, 7), RoundRobin),
        (LbPolicy.ROUND_ROBIN, (1, 2), WeightedRoundRobin),
        (LbPolicy.LEAST_REQUEST, (7, 7), LeastRequest),
        (LbPolicy.LEAST_REQUEST, (1, 2), WeightedLeastRequest),
        (LbPolicy.RANDOM, (1, 2), Random),
        (LbPolicy.RING_HASH, (1, 2), RingHash),
        (LbPolicy.MAGLEV, (1, 2), Maglev),
    ],
)
def test_the_policy_and_the_weights_say_which_balancer(
    policy: LbPolicy, weights: tuple[int, ...], kind: type[object]
) -> None:
    assert type(balance(servers(*weights), config(policy), RNG)) is kind


def test_more_choices_than_two_are_compared_by_another() -> None:
    assert type(balance(equals(4), config(LbPolicy.LEAST_REQUEST, 3), RNG)) is LeastRequestOfMany


@pytest.mark.parametrize("policy", LbPolicy)
def test_where_there_is_nothing_to_choose_nothing_is_computed(policy: LbPolicy) -> None:
    class NoChance(random.Random):
        def random(self) -> float:
            raise AssertionError

        def getrandbits(self, k: int, /) -> int:
            raise AssertionError

    only = equals(1)
    assert balance(only, config(policy), NoChance()).pick() is only[0]
    assert balance(only, config(policy), NoChance()).pick(7) is only[0]
    assert balance([], config(policy), NoChance()).pick() is None


@given(st.sampled_from(LbPolicy), st.lists(st.integers(1, 3), min_size=1, max_size=6), st.data())
@settings(max_examples=60)
def test_what_is_picked_is_one_of_them(policy: LbPolicy, weights: list[int], data: st.DataObject) -> None:
    endpoints = servers(*weights)
    balancer = balance(endpoints, config(policy), data.draw(st.randoms(use_true_random=False)))
    for hash_value in data.draw(st.lists(st.none() | st.integers(0, 2**64 - 1), max_size=20)):
        assert balancer.pick(hash_value) in endpoints


@pytest.mark.parametrize("policy", LbPolicy)
def test_the_same_chance_makes_the_same_picks(policy: LbPolicy) -> None:
    def names() -> list[str]:
        balancer = balance(servers(1, 2, 3), config(policy), random.Random(7))
        return [each.name for each in (balancer.pick() for _ in range(50)) if each is not None]

    assert names() == names()


def test_random_picks_all_equally_often_whatever_their_weights() -> None:
    endpoints = servers(1, 1, 1, 50)
    counted = picks(Random(endpoints, random.Random(1)), 8000)
    assert all(1850 < counted[each] < 2150 for each in endpoints)


def test_every_process_sends_a_hash_to_the_same_endpoint() -> None:
    program = (
        "from tests.proxy.cluster.test_load_balancer import *\n"
        "for policy in (LbPolicy.RING_HASH, LbPolicy.MAGLEV):\n"
        "    print(owners(balance(servers(1, 2, 3), config(policy), RNG), 50))\n"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True, text=True
        ).stdout
        for seed in ("1", "2")
    }
    expected = [
        owners(balance(servers(1, 2, 3), config(policy), RNG), 50) for policy in (LbPolicy.RING_HASH, LbPolicy.MAGLEV)
    ]
    assert found == {"".join(f"{each}\n" for each in expected)}
