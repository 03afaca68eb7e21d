from __future__ import annotations

import random
from dataclasses import replace

from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.health import HealthFlag
from metaprotocol_sdk.proxy.config.values import (
    Address,
    CircuitBreakersConfig,
    ClusterConfig,
    ConnectionConfig,
    DnsConfig,
    EndpointConfig,
    LbPolicy,
)

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


def test_who_waits_for_health_is_told_of_every_check_that_a_server_passes() -> None:
    made = cluster()
    told: list[Endpoint] = []
    made.watch_checks(told.append)
    made.passed_check(made.endpoints[1])
    assert told == [made.endpoints[1]]


def test_a_cluster_that_was_asked_for_a_server_has_traffic() -> None:
    for counter in ("upstream_cx_total", "upstream_cx_connect_fail", "upstream_cx_none_healthy"):
        made = cluster()
        assert not made.has_traffic
        setattr(made.stats, counter, 1)
        assert made.has_traffic
