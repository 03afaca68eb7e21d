from __future__ import annotations

import random
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.health import EXCLUDED, UNUSABLE, HealthFlag
from metaprotocol_sdk.proxy.cluster.load_balancer import LOAD_BALANCERS, LoadBalancer, Members
from metaprotocol_sdk.proxy.cluster.maglev import Maglev
from metaprotocol_sdk.proxy.cluster.ring_hash import RingHash
from metaprotocol_sdk.proxy.cluster.round_robin import RoundRobin
from metaprotocol_sdk.proxy.config.values import (
    Address,
    CircuitBreakersConfig,
    ClusterConfig,
    ConnectionConfig,
    DnsConfig,
    EndpointConfig,
    HealthStatus,
    LbPolicy,
    RoutingPriority,
    SlowStartConfig,
    SubsetFallback,
    SubsetsConfig,
    SubsetSelectorConfig,
    UpstreamTlsConfig,
)
from tests.proxy.fakes import FakeClock

ADDRESSES = tuple(Address("10.0.0.1", port) for port in (1, 2, 3))


def cluster(policy: LbPolicy = LbPolicy.ROUND_ROBIN, *, rng: random.Random | None = None) -> Cluster:
    return Cluster(ClusterConfig(name="c", lb_policy=policy, endpoints=tuple(map(EndpointConfig, ADDRESSES))), rng)


def test_an_empty_cluster_has_nobody_to_pick() -> None:
    assert Cluster(ClusterConfig(name="c")).pick() is None


def test_picks_go_round_the_endpoints() -> None:
    round_robin = cluster()
    assert [round_robin.pick() for _ in range(6)] == [*round_robin.endpoints, *round_robin.endpoints]


def test_a_cluster_is_what_its_configuration_says() -> None:
    connections = ConnectionConfig(max_requests=7)
    made = Cluster(
        ClusterConfig(
            name="c",
            endpoints=(EndpointConfig(ADDRESSES[0], 5),),
            connect_timeout=2.5,
            connections=connections,
            buffer_limit=99,
            circuit_breakers=CircuitBreakersConfig(max_requests=0),
        )
    )
    assert (made.name, made.connect_timeout, made.connections, made.buffer_limit) == ("c", 2.5, connections, 99)
    assert [(each.address, each.weight) for each in made.endpoints] == [(ADDRESSES[0], 5)]
    assert not made.breaker.allows_request()


def test_equal_hashes_go_to_one_endpoint_and_requests_without_one_anywhere() -> None:
    for policy in (LbPolicy.RING_HASH, LbPolicy.MAGLEV):
        hashing = cluster(policy)
        assert len({hashing.pick(123) for _ in range(20)}) == 1
        assert {hashing.pick() for _ in range(200)} == set(hashing.endpoints)


def test_chance_is_handed_in() -> None:
    one, other = (cluster(LbPolicy.RANDOM, rng=random.Random(7)) for _ in range(2))
    picked = [(each.pick(), each.pick(), each.pick()) for each in (one, other)]
    assert [str(each) for each in picked[0]] == [str(each) for each in picked[1]]


def test_a_server_something_is_known_against_is_not_picked_until_it_is_cleared() -> None:
    made = cluster()
    one, two, three = made.endpoints
    made.mark(two, HealthFlag.FAILED_ACTIVE_HC, is_set=True)
    made.mark(two, HealthFlag.FAILED_OUTLIER_CHECK, is_set=True)
    assert [made.pick() for _ in range(4)] == [one, three, one, three]
    made.mark(two, HealthFlag.FAILED_ACTIVE_HC, is_set=False)
    assert {made.pick() for _ in range(4)} == {one, three}
    made.mark(two, HealthFlag.FAILED_OUTLIER_CHECK, is_set=False)
    assert {made.pick() for _ in range(4)} == {one, two, three}


def test_other_servers_are_told_of_and_those_that_stay_are_the_same() -> None:
    made = cluster()
    told: list[tuple[str, ...]] = []
    made.watch(lambda: told.append(tuple(each.name for each in made.endpoints)))
    kept = made.endpoints[1:]
    made.set_endpoints([EndpointConfig(each, 3) for each in ADDRESSES[1:]])
    assert made.endpoints == kept
    assert [each.weight for each in kept] == [3, 3]
    made.set_endpoints([EndpointConfig(each) for each in ADDRESSES[1:]])
    assert told == [("10.0.0.1:2", "10.0.0.1:3")]
    assert {made.pick() for _ in range(4)} == set(kept)


def members(made: Cluster) -> tuple[int, int, int, int]:
    stats = made.stats
    return stats.membership_total, stats.membership_healthy, stats.membership_degraded, stats.membership_excluded


def test_what_picks_is_the_balancers_own_method_where_nothing_is_to_decide() -> None:
    made = cluster()
    made.pick()
    assert made.pick.__func__ is RoundRobin.pick  # type: ignore[attr-defined]


def test_the_members_are_counted_whoever_marks_or_replaces_them() -> None:
    made = cluster()
    assert members(made) == (3, 3, 0, 0)
    assert made.stats.membership_change == 1
    one, two, three = made.endpoints
    made.mark(one, HealthFlag.FAILED_OUTLIER_CHECK, is_set=True)
    made.mark(two, HealthFlag.DEGRADED_EDS_HEALTH, is_set=True)
    made.mark(three, HealthFlag.PENDING_ACTIVE_HC, is_set=True)
    assert members(made) == (3, 0, 1, 1)
    made.set_endpoints([EndpointConfig(one.address), EndpointConfig(Address("10.0.0.2", 1))])
    assert members(made) == (2, 1, 0, 0)
    made.set_endpoints([])
    assert members(made) == (0, 0, 0, 0)
    assert made.stats.membership_change == 3


def test_what_the_file_says_of_health_comes_and_goes_and_leaves_other_marks_alone() -> None:
    def said(status: HealthStatus) -> ClusterConfig:
        return ClusterConfig(
            name="c", endpoints=(EndpointConfig(ADDRESSES[0], health_status=status), EndpointConfig(ADDRESSES[1]))
        )

    made = Cluster(said(HealthStatus.DRAINING))
    one, two = made.endpoints

    def flags() -> HealthFlag:
        return one.flags

    assert flags() == HealthFlag.EDS_STATUS_DRAINING
    assert (made.stats.membership_healthy, made.stats.membership_excluded) == (1, 1)
    assert {made.pick() for _ in range(4)} == {two}
    made.mark(one, HealthFlag.FAILED_OUTLIER_CHECK, is_set=True)
    made.update(said(HealthStatus.DEGRADED))
    assert flags() == HealthFlag.DEGRADED_EDS_HEALTH | HealthFlag.FAILED_OUTLIER_CHECK
    made.update(said(HealthStatus.HEALTHY))
    assert flags() == HealthFlag.FAILED_OUTLIER_CHECK
    made.mark(one, HealthFlag.FAILED_OUTLIER_CHECK, is_set=False)
    assert {made.pick() for _ in range(4)} == {one, two}


def test_a_server_starts_slowly_when_it_is_new_and_when_it_is_usable_again() -> None:
    clock = FakeClock()
    config = ClusterConfig(
        name="c", endpoints=tuple(map(EndpointConfig, ADDRESSES[:2])), slow_start=SlowStartConfig(window=10)
    )
    made = Cluster(config, random.Random(1), clock)
    clock.time += 10
    one, two = made.endpoints

    def share() -> int:
        return sum(made.pick() is two for _ in range(110))

    assert share() == 55
    assert made.pick.__func__ is RoundRobin.pick  # type: ignore[attr-defined]
    made.mark(two, HealthFlag.FAILED_ACTIVE_HC, is_set=True)
    assert share() == 0
    made.mark(two, HealthFlag.FAILED_ACTIVE_HC, is_set=False)
    assert 8 <= share() <= 12
    clock.time += 5
    made.mark(one, HealthFlag.DEGRADED_EDS_HEALTH, is_set=True)
    made.mark(one, HealthFlag.DEGRADED_EDS_HEALTH, is_set=False)  # it was usable all the time
    assert 34 <= share() <= 40
    clock.time += 5
    made.pick()
    assert share() == 55
    assert made.pick.__func__ is RoundRobin.pick  # type: ignore[attr-defined]


def test_health_that_changes_with_every_request_does_not_bring_one_server_all_of_them() -> None:
    made = cluster()
    one, two, three = made.endpoints
    found = []
    for number in range(60):
        made.mark(three, HealthFlag.FAILED_OUTLIER_CHECK, is_set=number % 2 == 0)
        found.append(made.pick())
    assert min(found.count(one), found.count(two)) >= 15


def test_a_subset_of_a_cluster_that_has_none_is_the_cluster() -> None:
    made = cluster()
    assert {made.subset((("stage", '"prod"'),))() for _ in range(6)} == set(made.endpoints)


@pytest.mark.parametrize("policy", [LbPolicy.RING_HASH, LbPolicy.MAGLEV])
def test_a_server_whose_health_comes_and_goes_costs_its_tables_once(policy: LbPolicy) -> None:
    made = cluster(policy)
    pick, picked = made.pick, made.pick(5)
    one, *_ = made.endpoints
    kinds = []
    for is_set in (True, False, True, False):
        made.mark(one, HealthFlag.FAILED_OUTLIER_CHECK, is_set=is_set)
        made.pick()
        kinds.append(made.pick.__self__)  # type: ignore[attr-defined]
    assert kinds[0] is kinds[2] is not kinds[1] is kinds[3]
    assert made.pick(5) is picked
    assert made.pick is not pick
    made.set_endpoints([EndpointConfig(each, 5) for each in ADDRESSES])
    made.pick()
    assert made.pick.__self__ not in kinds  # type: ignore[attr-defined]


def test_a_servers_health_costs_the_tables_it_is_in_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def make(members: Members, *_: object) -> LoadBalancer:
        made.append(len(members.endpoints))
        return RoundRobin(members.endpoints)

    monkeypatch.setitem(LOAD_BALANCERS, LbPolicy.RING_HASH, make)
    values = [f'"{number % 10}"' for number in range(30)]
    hashing = Cluster(
        ClusterConfig(
            name="c",
            lb_policy=LbPolicy.RING_HASH,
            endpoints=tuple(
                EndpointConfig(Address("10.0.0.1", port), metadata=(("v", value),)) for port, value in enumerate(values)
            ),
            subsets=SubsetsConfig(selectors=(SubsetSelectorConfig(keys=("v",)),)),
        )
    )
    for is_set in (False, True, False, True):
        hashing.mark(hashing.endpoints[0], HealthFlag.FAILED_OUTLIER_CHECK, is_set=is_set)
        for value in values[:10]:
            hashing.subset((("v", value),))(1)
    assert made == [3] * 10 + [2]


def test_marking_each_of_many_servers_takes_no_time() -> None:
    many = Cluster(
        ClusterConfig(name="c", endpoints=tuple(EndpointConfig(Address("10.0.0.1", port)) for port in range(1, 4001)))
    )
    began = time.process_time()
    for each in many.endpoints:
        many.mark(each, HealthFlag.FAILED_ACTIVE_HC, is_set=True)
    assert time.process_time() - began < 2.0  # counting all for each took a minute
    assert members(many) == (4000, 0, 0, 0)


marks = st.tuples(st.integers(0, 3), st.sampled_from(list(HealthFlag)), st.booleans())


@given(changes=st.lists(st.one_of(marks, st.sets(st.integers(0, 3)))))
def test_the_members_counted_are_those_there_are(changes: list[tuple[int, HealthFlag, bool] | set[int]]) -> None:
    made = Cluster(ClusterConfig(name="c", endpoints=tuple(map(EndpointConfig, ADDRESSES))))
    known = list(made.endpoints)
    for change in changes:
        if isinstance(change, set):
            made.set_endpoints(EndpointConfig(Address("10.0.0.1", port)) for port in change)
            known += [each for each in made.endpoints if each not in known]
        else:
            index, flag, is_set = change
            made.mark(known[index % len(known)], flag, is_set=is_set)  # one that has left does not count
    flags = [each.flags for each in made.endpoints]
    assert members(made) == (
        len(flags),
        sum(not each for each in flags),
        sum(bool(each) and not each & UNUSABLE for each in flags),
        sum(bool(each & EXCLUDED) for each in flags),
    )


def test_a_cluster_of_names_has_the_servers_that_it_is_told() -> None:
    named = Cluster(ClusterConfig(name="c", endpoints=(EndpointConfig(Address("orders", 1)),), dns=DnsConfig()))
    assert (named.endpoints, named.pick()) == ((), None)
    told = (EndpointConfig(ADDRESSES[0], 2, health_check_port=9),)
    named.set_endpoints(told)
    named.update(replace(named.config, connect_timeout=1.0))
    (server,) = named.endpoints
    assert (server.address, server.weight, server.health_address) == (ADDRESSES[0], 2, Address("10.0.0.1", 9))
    assert named.endpoint_configs == told
    assert named.pick() is server


def test_a_cluster_of_names_keeps_its_addresses_when_it_is_secured_otherwise_by_other_connections() -> None:
    named = Cluster(ClusterConfig(name="c", dns=DnsConfig()))
    named.set_endpoints([EndpointConfig(ADDRESSES[0])])
    (before,) = named.endpoints
    named.update(replace(named.config, tls=UpstreamTlsConfig()))
    (after,) = named.endpoints
    assert after is not before
    assert after.address == before.address


def test_a_cluster_that_was_asked_for_a_server_has_traffic() -> None:
    for counter in ("upstream_cx_total", "upstream_cx_connect_fail", "upstream_cx_none_healthy"):
        made = cluster()
        assert not made.has_traffic
        setattr(made.stats, counter, 1)
        assert made.has_traffic


def test_who_watches_the_state_is_told_of_what_changes_and_of_nothing_else() -> None:
    told: list[HealthFlag] = []
    cluster = Cluster(ClusterConfig(name="c", endpoints=(EndpointConfig(ADDRESSES[0]),)))
    [endpoint] = cluster.endpoints
    cluster.watch_state(lambda: told.append(endpoint.flags))
    cluster.mark(endpoint, HealthFlag.FAILED_ACTIVE_HC, is_set=True)
    cluster.mark(endpoint, HealthFlag.FAILED_ACTIVE_HC, is_set=True)
    cluster.mark(endpoint, HealthFlag.FAILED_OUTLIER_CHECK, is_set=False)
    cluster.mark(endpoint, HealthFlag.FAILED_ACTIVE_HC, is_set=False)
    assert told == [HealthFlag.FAILED_ACTIVE_HC, HealthFlag(0)]
    for weight in (1, 2, 2):
        cluster.set_endpoints([EndpointConfig(ADDRESSES[0], weight)])
    assert len(told) == 3


def named_cluster(**fields: Any) -> Cluster:
    """A cluster whose names lead to three servers."""
    named = Cluster(
        ClusterConfig(name="c", endpoints=(EndpointConfig(Address("orders", 1)),), dns=DnsConfig(), **fields)
    )
    named.set_endpoints(EndpointConfig(each, metadata=(("v", f'"{each.port}"'),)) for each in ADDRESSES)
    return named


def test_a_cluster_of_names_has_other_subsets_as_soon_as_its_configuration_has() -> None:
    named = named_cluster()
    wanted = (("v", '"2"'),)
    subsets = SubsetsConfig(selectors=(SubsetSelectorConfig(keys=("v",)),))
    named.update(replace(named.config, subsets=subsets))
    assert named.pick() is None
    assert {named.subset(wanted)() for _ in range(3)} == {named.endpoints[1]}
    named.update(replace(named.config, subsets=replace(subsets, fallback=SubsetFallback.ANY_ENDPOINT)))
    assert {named.pick() for _ in range(3)} == set(named.endpoints)
    named.update(replace(named.config, subsets=None))
    assert (named.stats.lb_subsets_active, named.stats.lb_subsets_removed) == (0, 3)


def test_a_cluster_of_names_has_another_table_as_soon_as_its_policy_is_another() -> None:
    named = named_cluster(lb_policy=LbPolicy.MAGLEV, table_size=11)
    kinds = []
    for changes in ({}, {"table_size": 101}, {"lb_policy": LbPolicy.RING_HASH}, {"maximum_ring_size": 7}):
        named.update(replace(named.config, **changes))
        named.pick(1)
        kinds.append(named.pick.__self__)  # type: ignore[attr-defined]
    assert len(set(kinds)) == 4
    assert [type(each) for each in kinds] == [Maglev, Maglev, RingHash, RingHash]


def test_an_address_that_is_listed_twice_stays_the_same_two_endpoints() -> None:
    made = Cluster(ClusterConfig(name="c", endpoints=tuple(map(EndpointConfig, ADDRESSES[:1] * 2))))
    first, second = made.endpoints
    assert first is not second
    for weight in (1, 2):
        made.set_endpoints(EndpointConfig(each, weight) for each in ADDRESSES[:1] * 2)
        assert made.endpoints == (first, second)
    made.set_endpoints([EndpointConfig(ADDRESSES[0])])
    assert made.endpoints == (first,)


@pytest.mark.parametrize("kept", [0, 3])
def test_whoever_watches_is_told_that_secured_otherwise_its_servers_are_others(kept: int) -> None:
    made = cluster()
    told: list[str] = []
    made.watch(lambda: told.append("servers"))
    made.watch_state(lambda: told.append("state"))
    made.update(replace(made.config, endpoints=made.config.endpoints[:kept], tls=UpstreamTlsConfig()))
    assert told == ["servers", "state"]


def test_a_bounded_hash_counts_the_requests_of_every_priority() -> None:
    made = Cluster(
        ClusterConfig(
            name="c",
            lb_policy=LbPolicy.RING_HASH,
            hash_balance_factor=150,
            endpoints=tuple(map(EndpointConfig, ADDRESSES)),
        )
    )
    first = made.pick(5)
    for each in made.endpoints:
        each.active = 12 if each is first else 9
    made.breakers[RoutingPriority.HIGH].stats.upstream_rq_active = 20
    made.stats.upstream_rq_active = 10
    assert made.pick(5) is first  # it has 12 of 30 requests, and may have half of them
