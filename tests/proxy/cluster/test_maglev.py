from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.maglev import Maglev
from metaprotocol_sdk.proxy.config.values import Address
from metaprotocol_sdk.proxy.xxhash64 import xxhash64
from tests.proxy.cluster.servers import equals, owners, picks, servers

RNG = random.Random(1)


def entries(balancer: Maglev, size: int) -> list[str]:
    return [balancer.pick(i).name for i in range(size)]


@given(st.lists(st.integers(1, 9), min_size=2, max_size=9), st.sampled_from([11, 101, 1009]))
@settings(max_examples=50)
def test_every_entry_has_an_endpoint_and_every_endpoint_its_share(weights: list[int], size: int) -> None:
    counted = Counter(entries(Maglev(servers(*weights), size, RNG), size))
    assert sum(counted.values()) == size
    for index, weight in enumerate(weights, 1):
        share = size * weight / sum(weights)
        assert abs(counted[f"10.0.0.{index}:80"] - share) <= max(2, 2 * weight / max(weights) + 1)


def test_hashes_go_by_their_remainder() -> None:
    table = Maglev(equals(5), 101, RNG)
    assert table.pick(2**64 - 1) is table.pick((2**64 - 1) % 101)
    assert owners(table) == [entries(table, 101)[(i * 0x9E3779B97F4A7C15 & (1 << 64) - 1) % 101] for i in range(2000)]


def test_more_endpoints_than_entries_leave_some_without() -> None:
    found = set(entries(Maglev(equals(20), 11, RNG), 11))
    assert len(found) == 11


@pytest.mark.parametrize("count", [2, 5, 10])
def test_an_endpoint_that_comes_takes_its_share_and_disturbs_few_others(count: int) -> None:
    size = 65537
    before, after = (entries(Maglev(equals(n), size, RNG), size) for n in (count, count + 1))
    new = f"10.0.0.{count + 1}:80"
    moved = sum(old != to for old, to in zip(before, after, strict=True))
    disturbed = sum(old != to != new for old, to in zip(before, after, strict=True))
    assert moved - disturbed == pytest.approx(size / (count + 1), rel=0.01)
    assert disturbed / size < 0.01  # 0.01 % at 2, 0.1 % at 5, 0.3 % at 10


def test_without_a_hash_any_entry_is_as_good() -> None:
    endpoints = equals(4)
    counted = picks(Maglev(endpoints, 1009, random.Random(1)), 4000)
    assert all(counted[each] > 900 for each in endpoints)


# Where an Envoy 1.40 sends requests by these keys; tests/integration/test_decisions_envoy.py asks one about many more.
ENVOYS = {
    "": 1,
    "a": 4,
    "user-1": 2,
    "user-2": 4,
    "user-3": 4,
    "user-4": 3,
    "tenant/7": 1,
    "zürich": 2,
    "sayHello": 2,
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx": 4,
}


def test_entries_are_envoys() -> None:
    endpoints = [Endpoint(Address(f"127.0.0.{i}", 1), weight) for i, weight in enumerate((1, 7, 20, 3), 1)]
    table = Maglev(endpoints, 65537, RNG)
    for key, number in ENVOYS.items():
        assert table.pick(xxhash64(key.encode())) is endpoints[number - 1], key


@pytest.mark.parametrize(("count", "percent"), [(3, 0.1), (10, 0.5), (20, 0.7), (50, 0.7)])
def test_one_that_goes_moves_its_keys_and_few_of_others(count: int, percent: float) -> None:
    endpoints = equals(count)
    before = entries(Maglev(endpoints, 65537, RNG), 65537)
    after = entries(Maglev(endpoints[1:], 65537, RNG), 65537)
    others = sum(old not in (new, endpoints[0].name) for old, new in zip(before, after, strict=True))
    assert others / 65537 < percent / 100


def test_weights_that_are_given_count_instead_of_those_of_endpoints() -> None:
    found = entries(Maglev(equals(2), 1009, RNG, weights=[3, 1]), 1009)
    assert found.count("10.0.0.1:80") / 1009 == pytest.approx(0.75, abs=0.01)
