from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.ring_hash import RingHash
from metaprotocol_sdk.proxy.config.values import Address
from metaprotocol_sdk.proxy.xxhash64 import xxhash64
from tests.proxy.cluster.servers import equals, owners, picks, servers

RNG = random.Random(1)
MAXIMUM = 8 * 1024 * 1024


@pytest.mark.parametrize(
    ("weights", "minimum", "maximum", "size"),
    [
        ([1, 1, 1, 1], 1024, MAXIMUM, 1024),
        ([1, 1, 1], 1024, MAXIMUM, 1026),  # 342 each
        ([1, 3], 1024, MAXIMUM, 1024),
        ([1, 9], 1, MAXIMUM, 10),  # the lightest has one whole place
        ([1, 1, 1, 1], 6, 6, 6),  # 1.5 each, and no more than the maximum
        ([1] * 10, 1, 4, 4),
    ],
)
def test_the_ring_is_as_large_as_the_lightest_endpoint_wants(
    weights: list[int], minimum: int, maximum: int, size: int
) -> None:
    assert RingHash(servers(*weights), minimum, maximum, RNG).size == size


def test_a_hash_belongs_to_the_first_place_at_or_after_it_and_the_last_to_the_first() -> None:
    endpoints = equals(3)
    ring = RingHash(endpoints, 3, MAXIMUM, RNG)
    places = sorted((xxhash64(f"{each.name}_0".encode()), each) for each in endpoints)
    for (before, _), (place, owner) in zip([(0, None), *places], places, strict=False):
        assert ring.pick(place) is owner
        assert ring.pick(before + 1) is owner
    assert ring.pick(places[-1][0] + 1) is places[0][1]
    assert ring.pick(2**64 - 1) is places[0][1]


@given(st.integers(1, 8), st.integers(0, 7))
@settings(max_examples=20)
def test_an_endpoint_that_leaves_moves_its_own_hashes_and_no_other(count: int, leaving: int) -> None:
    # 840 is a whole number of places for each of up to 8 endpoints, and for each of one fewer.
    endpoints = equals(count + 1)
    gone = endpoints[leaving % len(endpoints)]
    before = owners(RingHash(endpoints, 105 * (count + 1), MAXIMUM, RNG))
    after = owners(RingHash([each for each in endpoints if each is not gone], 105 * count, MAXIMUM, RNG))
    for old, new in zip(before, after, strict=True):
        assert old in (new, gone.name)


def test_an_endpoint_that_comes_takes_about_its_share() -> None:
    before = owners(RingHash(equals(9), 1024, MAXIMUM, RNG))
    after = owners(RingHash(equals(10), 1024, MAXIMUM, RNG))
    moved = sum(old != new for old, new in zip(before, after, strict=True))
    assert 0.05 < moved / len(before) < 0.2  # of 0.1, with 103 places to an endpoint


def test_hashes_are_shared_by_weight() -> None:
    found = owners(RingHash(servers(1, 2, 5), 8192, MAXIMUM, RNG), 10_000)
    shares = [found.count(f"10.0.0.{i}:80") / len(found) for i in (1, 2, 3)]
    assert shares == pytest.approx([0.125, 0.25, 0.625], abs=0.04)


def test_without_a_hash_any_place_is_as_good() -> None:
    endpoints = equals(4)
    counted = picks(RingHash(endpoints, 4096, MAXIMUM, random.Random(1)), 4000)
    assert all(counted[each] > 800 for each in endpoints)


# Where an Envoy 1.40 sends requests by these keys; tests/integration/test_decisions_envoy.py asks one about many more.
ENVOYS = {
    "": 3,
    "a": 3,
    "user-1": 3,
    "user-2": 2,
    "user-3": 3,
    "user-4": 4,
    "tenant/7": 3,
    "zürich": 3,
    "sayHello": 3,
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx": 2,
}


def test_places_are_envoys() -> None:
    endpoints = [Endpoint(Address(f"127.0.0.{i}", 1), weight) for i, weight in enumerate((1, 7, 20, 3), 1)]
    ring = RingHash(endpoints, 1024, MAXIMUM, RNG)
    for key, number in ENVOYS.items():
        assert ring.pick(xxhash64(key.encode())) is endpoints[number - 1], key


@pytest.mark.parametrize("count", [3, 5, 10, 20])
@pytest.mark.parametrize("minimum", [1024, 16384])
def test_one_that_goes_moves_its_keys_and_at_most_as_many_of_others(count: int, minimum: int) -> None:
    """Its keys are one in ``count``. The others' places stay, and each gets some more, so that the ring stays as large:
    those take keys from one another, about as many again."""
    endpoints = equals(count)
    before = owners(RingHash(endpoints, minimum, MAXIMUM, RNG), 5000)
    for gone in (endpoints[0], endpoints[count // 2]):
        after = owners(RingHash([each for each in endpoints if each is not gone], minimum, MAXIMUM, RNG), 5000)
        moved = sum(old != new for old, new in zip(before, after, strict=True))
        own = sum(old == gone.name for old in before)
        assert own <= moved
        assert moved / len(before) < 2.1 / count


def test_shares_that_are_given_count_instead_of_weights() -> None:
    endpoints = servers(9, 1)
    found = owners(RingHash(endpoints, 8192, MAXIMUM, RNG, shares=[0.25, 0.25]), 10_000)
    assert found.count("10.0.0.1:80") / len(found) == pytest.approx(0.5, abs=0.03)
