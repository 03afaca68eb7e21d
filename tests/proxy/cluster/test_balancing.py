"""From servers and their flags to picks: priorities, places, panic and slow start together."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.cluster.balancing import Balancing
from metaprotocol_sdk.proxy.cluster.bounded_load import BoundedLoad
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.health import HealthFlag
from metaprotocol_sdk.proxy.cluster.levels import Levels, Panic
from metaprotocol_sdk.proxy.cluster.load_balancer import HASHING, LoadBalancer, Random, Sole
from metaprotocol_sdk.proxy.cluster.locality import Localities
from metaprotocol_sdk.proxy.cluster.maglev import Maglev
from metaprotocol_sdk.proxy.cluster.round_robin import RoundRobin
from metaprotocol_sdk.proxy.cluster.slow_start import SlowStart
from metaprotocol_sdk.proxy.config.values import (
    Address,
    ClusterConfig,
    EndpointConfig,
    LbPolicy,
    Locality,
    SlowStartConfig,
)
from metaprotocol_sdk.proxy.metrics import ClusterStats
from tests.proxy.fakes import FakeClock

BAD = HealthFlag.FAILED_ACTIVE_HC
WORSE = HealthFlag.DEGRADED_EDS_HEALTH
GOOD = HealthFlag(0)


def server(
    number: int, flags: HealthFlag = GOOD, *, priority: int = 0, zone: str = "", place: int = 0, weight: int = 1
) -> Endpoint:
    endpoint = Endpoint(Address(f"10.0.0.{number}", 80))
    locality = Locality(zone=zone)
    endpoint.update(
        EndpointConfig(endpoint.address, weight, priority=priority, locality=locality, locality_weight=place)
    )
    endpoint.flags = flags
    return endpoint


class Setup:
    def __init__(self, *endpoints: Endpoint, **options: Any) -> None:
        self.endpoints = endpoints
        self.stats = ClusterStats()
        self.clock = FakeClock()
        self.changes = 0
        small = {"minimum_ring_size": 64, "table_size": 251}
        self.config = ClusterConfig(name="c", **(small | options))
        self.balancer = self.made()

    def made(self, start: int = 0) -> LoadBalancer:
        balancing = Balancing(
            self.config,
            rng=random.Random(1),
            stats=self.stats,
            in_flight=[self.stats],
            now=self.clock,
            on_change=self.change,
            start=start,
        )
        return balancing.over(self.endpoints)

    def change(self) -> None:
        self.changes += 1

    def shares(self, count: int = 2000) -> list[int]:
        """The percents of the picks of each endpoint."""
        counted = Counter(self.balancer.pick() for _ in range(count))
        return [round(100 * counted[each] / count) for each in self.endpoints]


@pytest.mark.parametrize("policy", LbPolicy)
def test_where_nothing_is_to_decide_the_policys_own_balancer_picks(policy: LbPolicy) -> None:
    setup = Setup(*map(server, range(1, 4)), lb_policy=policy)
    kinds = {LbPolicy.ROUND_ROBIN: RoundRobin, LbPolicy.RANDOM: Random, LbPolicy.MAGLEV: Maglev}
    assert isinstance(setup.balancer, kinds.get(policy, object))
    assert not isinstance(setup.balancer, Levels | Panic | Localities | SlowStart | BoundedLoad)
    assert isinstance(Setup(server(1), lb_policy=policy).balancer, Sole)


@pytest.mark.parametrize("policy", LbPolicy)
def test_nobody_is_picked_where_nobody_is(policy: LbPolicy) -> None:
    assert Setup(lb_policy=policy).balancer.pick() is None
    dead = Setup(server(1, BAD), server(2, BAD), lb_policy=policy, panic_threshold=0)
    assert dead.balancer.pick() is None
    assert dead.balancer.pick(7) is None
    assert dead.stats.lb_healthy_panic == 0


@pytest.mark.parametrize("policy", LbPolicy)
def test_a_marked_server_is_passed_over_and_picked_in_a_panic(policy: LbPolicy) -> None:
    setup = Setup(server(1), server(2), server(3, BAD), server(4), lb_policy=policy)
    assert setup.shares()[2] == 0
    assert setup.stats.lb_healthy_panic == 0
    setup = Setup(server(1), server(2, BAD), server(3, BAD), lb_policy=policy)
    assert all(15 < each < 55 for each in setup.shares())
    assert setup.stats.lb_healthy_panic == 2000


def test_a_panic_may_fail_requests_but_not_where_hashes_decide() -> None:
    servers = (server(1), server(2, BAD), server(3, BAD))
    setup = Setup(*servers, fails_on_panic=True)
    assert setup.balancer.pick() is None
    assert setup.stats.lb_healthy_panic == 1
    for policy in HASHING:
        assert Setup(*servers, fails_on_panic=True, lb_policy=policy).balancer.pick() is not None


@pytest.mark.parametrize("policy", LbPolicy)
def test_load_spills_to_the_next_priority_as_far_as_it_must(policy: LbPolicy) -> None:
    first = [server(each, BAD if each > 2 else GOOD) for each in range(1, 5)]
    setup = Setup(*first, server(5, priority=1), lb_policy=policy)
    shares = setup.shares()  # half of the first is healthy: 70 % stay
    assert shares[2:4] == [0, 0]
    assert 66 <= shares[0] + shares[1] <= 74
    assert 26 <= shares[4] <= 34


def test_degraded_servers_get_what_the_healthy_cannot_take() -> None:
    setup = Setup(server(1), server(2, WORSE), server(3, WORSE), server(4, BAD))
    assert setup.shares() == pytest.approx([35, 32, 32, 0], abs=4)
    assert Setup(*map(server, range(1, 4)), server(4, WORSE)).shares() == pytest.approx([33, 33, 33, 0], abs=1)
    assert Setup(server(1, WORSE), server(2, BAD), panic_threshold=0).shares() == [100, 0]


@pytest.mark.parametrize("policy", HASHING)
def test_a_hash_stays_among_the_healthy_as_long_as_there_are_any(policy: LbPolicy) -> None:
    assert Setup(server(1), server(2, WORSE), server(3, WORSE), lb_policy=policy).shares() == [100, 0, 0]
    alone = Setup(server(1, WORSE), server(2, WORSE), lb_policy=policy)
    assert all(alone.shares())
    assert len({alone.balancer.pick(7) for _ in range(20)}) == 1


@pytest.mark.parametrize("policy", HASHING)
def test_a_hash_keeps_its_server_through_what_happens_to_others(policy: LbPolicy) -> None:
    """While nobody comes or goes the priorities' loads and the rings of the others are as they were."""
    first = [server(each) for each in range(1, 5)]
    second = [server(each, priority=1) for each in range(5, 9)]
    hashes = [random.Random(each).getrandbits(64) for each in range(300)]
    before = Setup(*first, *second, lb_policy=policy).balancer
    found = [before.pick(each) for each in hashes]
    second[0].flags = BAD
    assert [Setup(*first, *second, lb_policy=policy).balancer.pick(each) for each in hashes] == found
    first[0].flags = BAD  # three of four: 105 %
    after = [Setup(*first, *second, lb_policy=policy).balancer.pick(each) for each in hashes]
    assert first[0] not in after
    moved = sum(old is not new for old, new in zip(found, after, strict=True) if old is not first[0])
    assert moved / len(hashes) < {LbPolicy.RING_HASH: 0.3, LbPolicy.MAGLEV: 0.15}[policy]


def test_places_share_by_their_weights_and_lose_with_their_servers() -> None:
    places = [server(each, zone="x", place=1) for each in (1, 2)] + [
        server(each, zone="y", place=3) for each in (3, 4, 5, 6)
    ]
    setup = Setup(*places, is_locality_weighted=True)
    assert isinstance(setup.balancer, Localities)
    assert setup.shares() == pytest.approx([12.5, 12.5, 18.75, 18.75, 18.75, 18.75], abs=1)
    assert Setup(*places).shares() == pytest.approx([17] * 6, abs=1)
    places[0].flags = BAD  # half of x: 0.7 of its weight
    assert Setup(*places, is_locality_weighted=True).shares() == pytest.approx([0, 19, 20, 20, 20, 20], abs=1)
    places[1].flags = BAD
    assert Setup(*places, is_locality_weighted=True).shares() == pytest.approx([0, 0, 25, 25, 25, 25], abs=1)


@pytest.mark.parametrize("policy", HASHING)
def test_on_a_ring_places_weights_multiply_those_of_servers(policy: LbPolicy) -> None:
    places = [server(1, zone="x", place=1, weight=3), server(2, zone="x", place=1), server(3, zone="y", place=3)]
    setup = Setup(*places, is_locality_weighted=True, lb_policy=policy, minimum_ring_size=8192, table_size=65537)
    assert setup.shares(10_000) == pytest.approx([18.75, 6.25, 75], abs=4)


@pytest.mark.parametrize("policy", LbPolicy)
def test_a_place_without_weight_gets_nothing_unless_none_has_one(policy: LbPolicy) -> None:
    some = Setup(server(1, zone="x", place=2), server(2, zone="y"), is_locality_weighted=True, lb_policy=policy)
    assert some.shares() == [100, 0]
    none = Setup(server(1, zone="x"), server(2, zone="y"), is_locality_weighted=True, lb_policy=policy)
    assert all(none.shares())


def test_in_a_panic_places_do_not_count_as_in_envoy() -> None:
    places = [server(1, zone="x", place=9), server(2, BAD, zone="y", place=1), server(3, BAD, zone="y", place=1)]
    assert Setup(*places, is_locality_weighted=True).shares() == pytest.approx([33, 33, 33], abs=1)


def test_weights_may_count_for_the_health_of_a_priority() -> None:
    servers = (server(1, weight=9), server(2, BAD, weight=1), server(3, BAD, weight=1), server(4, priority=1))
    assert Setup(*servers).shares() == pytest.approx([46, 0, 0, 54], abs=4)
    assert Setup(*servers, is_health_weighted=True).shares() == [100, 0, 0, 0]


def test_the_overprovisioning_factor_says_how_much_is_made_up_for() -> None:
    servers = (server(1), server(2, BAD), server(3, priority=1))
    assert Setup(*servers, overprovisioning_factor=100).shares() == pytest.approx([50, 0, 50], abs=4)
    assert Setup(*servers, overprovisioning_factor=200).shares() == [100, 0, 0]


@pytest.mark.parametrize("policy", [LbPolicy.ROUND_ROBIN, LbPolicy.LEAST_REQUEST])
def test_a_new_server_starts_slowly_and_then_the_plain_balancer_is_back(policy: LbPolicy) -> None:
    old, new = server(1), server(2)
    setup = Setup(old, new, lb_policy=policy, slow_start=SlowStartConfig(window=60))
    assert not isinstance(setup.balancer, SlowStart)
    new.since = setup.clock()
    setup.balancer = setup.made()
    assert setup.shares() == pytest.approx([91, 9], abs=1)
    assert setup.changes == 0
    setup.clock.time += 60
    setup.balancer.pick()
    assert setup.changes == 1
    assert not isinstance(setup.made(), SlowStart)


@pytest.mark.parametrize("policy", [LbPolicy.RANDOM, *HASHING])
def test_other_policies_start_nobody_slowly(policy: LbPolicy) -> None:
    new = server(2)
    setup = Setup(server(1), new, lb_policy=policy, slow_start=SlowStartConfig(window=60))
    new.since = setup.clock()
    assert not isinstance(setup.made(), SlowStart)


@pytest.mark.parametrize("policy", HASHING)
def test_a_hash_may_not_bring_one_server_everything(policy: LbPolicy) -> None:
    setup = Setup(*map(server, range(1, 5)), lb_policy=policy, hash_balance_factor=150)
    assert isinstance(setup.balancer, BoundedLoad)
    for _ in range(40):
        endpoint = setup.balancer.pick(7)
        assert endpoint is not None
        endpoint.active += 1
        setup.stats.upstream_rq_active += 1
    assert max(each.active for each in setup.endpoints) <= 17
    assert not isinstance(Setup(server(1), server(2), hash_balance_factor=150).balancer, BoundedLoad)


@pytest.mark.parametrize(
    ("policy", "weights"),
    [(LbPolicy.ROUND_ROBIN, (1, 1, 1)), (LbPolicy.ROUND_ROBIN, (1, 2, 3)), (LbPolicy.LEAST_REQUEST, (1, 2, 3))],
)
def test_a_balancer_that_is_made_again_for_each_pick_shares_as_one_that_is_kept(
    policy: LbPolicy, weights: Sequence[int]
) -> None:
    """Health that changes with every request must not bring the first server all of them."""
    setup = Setup(*[server(index, weight=weight) for index, weight in enumerate(weights, 1)], lb_policy=policy)
    kept = Counter(setup.balancer.pick() for _ in range(600))
    again = Counter(setup.made(start).pick() for start in range(600))
    assert again == pytest.approx(kept, abs=5)


SERVERS = st.lists(
    st.tuples(
        st.sampled_from([GOOD, GOOD, BAD, WORSE, HealthFlag.PENDING_ACTIVE_HC, BAD | WORSE]),
        st.integers(0, 2),
        st.sampled_from("xyz"),
        st.integers(1, 3),
    ),
    max_size=8,
)


@given(
    SERVERS,
    st.sampled_from(LbPolicy),
    st.sampled_from([0, 50, 100]),
    st.booleans(),
    st.lists(st.none() | st.integers(0, 2**64 - 1), min_size=1, max_size=30),
)
def test_whoever_is_picked_is_usable_or_its_priority_panics(
    drawn: list[tuple[HealthFlag, int, str, int]],
    policy: LbPolicy,
    threshold: int,
    is_weighted: bool,
    hashes: list[int | None],
) -> None:
    servers = [
        server(index, flags, priority=priority, zone=zone, place={"x": 0, "y": 1, "z": 2}[zone], weight=weight)
        for index, (flags, priority, zone, weight) in enumerate(drawn, 1)
    ]
    setup = Setup(*servers, lb_policy=policy, panic_threshold=threshold, is_locality_weighted=is_weighted)
    for each in hashes:
        panics = setup.stats.lb_healthy_panic
        picked = setup.balancer.pick(each)
        if picked is not None and not picked.is_usable:
            assert setup.stats.lb_healthy_panic == panics + 1
            assert threshold
        if picked is None:
            assert not servers or not any(each.is_usable for each in servers) or is_weighted
