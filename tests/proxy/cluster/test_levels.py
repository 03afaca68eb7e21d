from __future__ import annotations

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.cluster.levels import Levels, Panic
from metaprotocol_sdk.proxy.cluster.load_balancer import Sole
from metaprotocol_sdk.proxy.metrics import ClusterStats
from tests.proxy.cluster.servers import equals, picks

LOADS = (
    st.lists(st.integers(0, 100), max_size=3)
    .map(sorted)
    .map(lambda ends: [end - start for start, end in zip([0, *ends], [*ends, 100], strict=True)])
)


@given(LOADS)
def test_each_hash_modulo_100_has_its_place_as_in_envoy(loads: list[int]) -> None:
    endpoints = equals(len(loads))
    parts = [(Sole(each), load) for each, load in zip(endpoints, loads, strict=True)]
    levels = Levels(parts, random.Random(1), uses_hash=True)
    found = [levels.pick(hash_value) for hash_value in range(500, 600)]
    assert found == [each for each, load in zip(endpoints, loads, strict=True) for _ in range(load)]


@given(LOADS, st.booleans())
def test_chance_keeps_the_percents(loads: list[int], uses_hash: bool) -> None:
    endpoints = equals(len(loads))
    parts = [(Sole(each), load) for each, load in zip(endpoints, loads, strict=True)]
    counted = picks(Levels(parts, random.Random(1), uses_hash=uses_hash), 2000)
    for each, load in zip(endpoints, loads, strict=True):
        assert abs(counted[each] - 20 * load) <= 125  # more than five standard deviations
        assert bool(counted[each]) <= bool(load)


def test_a_policy_that_does_not_look_at_hashes_does_not_do_so_for_the_priority() -> None:
    one, other = equals(2)
    levels = Levels([(Sole(one), 50), (Sole(other), 50)], random.Random(1), uses_hash=False)
    assert Counter(levels.pick(7) for _ in range(100)).keys() == {one, other}


def test_a_panic_is_counted() -> None:
    stats = ClusterStats()
    (endpoint,) = equals(1)
    assert Panic(Sole(endpoint), stats).pick() is endpoint
    assert Panic(Sole(None), stats).pick(5) is None
    assert stats.lb_healthy_panic == 2
