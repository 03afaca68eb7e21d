from __future__ import annotations

import random

from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.health import HealthFlag
from metaprotocol_sdk.proxy.config.values import (
    Address,
    CircuitBreakersConfig,
    ClusterConfig,
    ConnectionConfig,
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


def test_it_knows_what_its_servers_were_made_of() -> None:
    servers = (EndpointConfig(ADDRESSES[0], 3), EndpointConfig(ADDRESSES[1]))
    cluster = Cluster(ClusterConfig(name="c"))
    cluster.set_endpoints(iter(servers))
    assert cluster.servers == servers
    assert [each.address for each in cluster.endpoints] == [each.address for each in servers]
