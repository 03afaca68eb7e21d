from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import pytest

from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.exceptions import DecodeError
from metaprotocol_sdk.metadata import MessageType, Metadata
from metaprotocol_sdk.mutation import Mutation
from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.config.values import (
    Address,
    ClusterConfig,
    EndpointConfig,
    LbPolicy,
    Locality,
    MatcherConfig,
    MatchKind,
    MirrorConfig,
    RetryOn,
    RetryPolicyConfig,
    RouteConfig,
    RouteTableConfig,
    SubsetFallback,
    SubsetsConfig,
    SubsetSelectorConfig,
    WeightedClusterConfig,
    lb_metadata,
)
from metaprotocol_sdk.proxy.metrics import ListenerStats
from metaprotocol_sdk.proxy.route import RouteTable
from metaprotocol_sdk.proxy.router import Router
from metaprotocol_sdk.proxy.timers import TimerWheel
from tests.proxy.fakes import FakeClock, FakeUpstream, request, stream_of

PROD, DEV = (lb_metadata({"stage": each}) for each in ("prod", "dev"))
PARTED = tuple(EndpointConfig(Address("127.0.0.2", port), metadata=PROD if port < 4 else DEV) for port in range(1, 5))
BY_STAGE = SubsetsConfig(selectors=(SubsetSelectorConfig(keys=("stage",)),), fallback=SubsetFallback.ANY_ENDPOINT)


class Setup:
    def __init__(self, *routes: RouteConfig) -> None:
        self.upstream = FakeUpstream()
        self.clock = FakeClock()
        self.wheel = TimerWheel(self.clock)
        clusters = [
            ClusterConfig(
                name="good",
                endpoints=(EndpointConfig(Address("127.0.0.1", 1)), EndpointConfig(Address("127.0.0.1", 2))),
            ),
            ClusterConfig(name="parted", endpoints=PARTED, subsets=BY_STAGE),
            ClusterConfig(name="empty"),
            ClusterConfig(name="closed", maintenance=1.0, endpoints=(EndpointConfig(Address("127.0.0.1", 3)),)),
        ]
        self.clusters = {each.name: Cluster(each) for each in clusters}
        table = RouteTable.from_config(RouteTableConfig(routes=routes))
        self.stats = ListenerStats()
        self.router = Router(
            table, self.clusters, upstream=self.upstream, wheel=self.wheel, stats=self.stats, rng=random.Random(1)
        )


def test_a_request_goes_to_each_endpoint_of_its_cluster_in_turn() -> None:
    setup = Setup(RouteConfig(cluster="good"))
    for _ in range(3):
        assert setup.router.route(stream_of(request())) is None
    names = [stream.endpoint.name for stream in setup.upstream.sent if stream.endpoint]
    assert names == ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:1"]
    assert {stream.cluster for stream in setup.upstream.sent} == {setup.clusters["good"]}


SENTENCES = [
    ("x", ErrorType.ROUTE_NOT_FOUND, "meta protocol router: no matched route for request '7'", "NR"),
    ("missing", ErrorType.CLUSTER_NOT_FOUND, "meta protocol router: unknown cluster 'missing'", "NC"),
    ("empty", ErrorType.NO_HEALTHY_UPSTREAM, "meta protocol router: no healthy upstream for 'empty'", "UH"),
    ("closed", ErrorType.UNSPECIFIED, "meta protocol router: maintenance mode for cluster 'closed'", "UO"),
]


@pytest.mark.parametrize(("to", "kind", "text", "flag"), SENTENCES)
def test_a_request_without_a_way_says_why(to: str, kind: ErrorType, text: str, flag: str) -> None:
    names = ("good", "missing", "empty", "closed")
    setup = Setup(
        *(RouteConfig(cluster=name, metadata=(MatcherConfig("to", MatchKind.EXACT, name),)) for name in names)
    )
    assert setup.router.route(stream_of(request(to=to))) == Error(kind, text, flag)
    assert not setup.upstream.sent
    assert len(setup.wheel) == 0
    assert setup.clusters["empty"].stats.upstream_cx_none_healthy == (to == "empty")
    assert setup.clusters["closed"].stats.upstream_rq_maintenance_mode == (to == "closed")


def test_a_cluster_half_in_maintenance_refuses_half_and_oneways_too() -> None:
    setup = Setup(RouteConfig(cluster="good"))
    setup.clusters["good"].maintenance = 0.5
    for number in range(1000):
        kind = MessageType.ONEWAY if number % 2 else MessageType.REQUEST
        setup.router.route(stream_of(request(message_type=kind)))
    refused = setup.clusters["good"].stats.upstream_rq_maintenance_mode
    assert 400 < refused < 600
    assert len(setup.upstream.sent) == 1000 - refused
    assert 200 < sum(stream.is_oneway for stream in setup.upstream.sent) < 300


def test_a_mirror_in_maintenance_gets_no_copies() -> None:
    setup = Setup(RouteConfig(cluster="good", mirrors=(MirrorConfig("closed"),)))
    assert setup.router.route(stream_of(request())) is None
    assert len(setup.upstream.sent) == 1
    assert (setup.stats.request_mirrored, setup.stats.request_mirror_skipped) == (0, 1)
    assert setup.clusters["closed"].stats.upstream_rq_maintenance_mode == 1


def test_the_routes_timeout_is_armed_for_a_request_and_never_for_a_oneway() -> None:
    setup = Setup(RouteConfig(cluster="good", timeout=3))
    setup.router.route(stream_of(request(message_type=MessageType.ONEWAY)))
    assert len(setup.wheel) == 0
    setup.router.route(stream_of(request()))
    assert len(setup.wheel) == 1
    assert setup.wheel.next_due == pytest.approx(1003, abs=0.011)


def test_no_timeout_is_no_timer() -> None:
    setup = Setup(RouteConfig(cluster="good", timeout=None))
    setup.router.route(stream_of(request()))
    assert len(setup.wheel) == 0


def test_the_routes_mutation_wins_over_a_filters() -> None:
    setup = Setup(
        RouteConfig(cluster="good", request_mutation=Mutation(a="route"), response_mutation=Mutation(b="route"))
    )
    stream = stream_of(request())
    stream.mutation = Mutation(a="filter", c="filter")
    setup.router.route(stream)
    assert stream.mutation == Mutation(a="route", c="filter")
    assert stream.response_mutation == Mutation(b="route")


def test_malformed_deferred_strings_escape_to_the_chain() -> None:
    def broken(_: Metadata) -> None:
        raise DecodeError("no")

    message = request()
    message.defer(broken)
    setup = Setup(RouteConfig(cluster="good", metadata=(MatcherConfig("a", MatchKind.EXACT, "1"),)))
    with pytest.raises(DecodeError):
        setup.router.route(stream_of(message))


@pytest.mark.parametrize("policy", [LbPolicy.RANDOM, LbPolicy.LEAST_REQUEST, LbPolicy.ROUND_ROBIN])
def test_a_retry_goes_to_another_server_than_the_one_that_failed(policy: LbPolicy) -> None:
    retry = RetryPolicyConfig(retry_on=frozenset({RetryOn.CONNECT_FAILURE}), num_retries=50, base_interval=0.001)
    setup = Setup(RouteConfig(cluster="good", retry=retry, timeout=None))
    setup.clusters["good"].update(replace(setup.clusters["good"].config, lb_policy=policy))
    stream = stream_of(request())
    assert setup.router.route(stream) is None
    found = [stream.endpoint]
    for _ in range(50):
        stream.chain.fail(stream, Error(ErrorType.UNSPECIFIED, "refused", "UF"))
        setup.clock.time += 1
        setup.wheel.advance()
        found.append(stream.endpoint)
    assert all(one is not next_one for one, next_one in pairwise(found))


@pytest.mark.parametrize("weight", [1, 5])
def test_a_dead_server_that_has_the_least_requests_is_not_tried_twice(weight: int) -> None:
    retry = RetryPolicyConfig(retry_on=frozenset({RetryOn.CONNECT_FAILURE}), base_interval=0.001)
    setup = Setup(RouteConfig(cluster="good", retry=retry, timeout=None))
    good = setup.clusters["good"]
    dead, alive = good.config.endpoints
    good.update(replace(good.config, lb_policy=LbPolicy.LEAST_REQUEST, endpoints=(replace(dead, weight=weight), alive)))
    good.endpoints[1].active = 100
    for _ in range(20):
        stream = stream_of(request())
        setup.router.route(stream)
        if stream.endpoint is good.endpoints[0]:
            stream.chain.fail(stream, Error(ErrorType.UNSPECIFIED, "refused", "UF"))
            setup.clock.time += 1
            setup.wheel.advance()
            assert stream.endpoint is good.endpoints[1]
        stream.give_up()


def test_a_retry_by_hash_keeps_its_server_and_a_cluster_of_one_has_no_other() -> None:
    retry = RetryPolicyConfig(retry_on=frozenset({RetryOn.CONNECT_FAILURE}), base_interval=0.001)
    setup = Setup(RouteConfig(cluster="good", retry=retry, hash_policy=("k",)))
    good = setup.clusters["good"]
    for config in (
        replace(good.config, lb_policy=LbPolicy.MAGLEV),
        replace(good.config, endpoints=good.config.endpoints[:1]),
    ):
        good.update(config)
        stream = stream_of(request(k="v"))
        setup.router.route(stream)
        first = stream.endpoint
        stream.chain.fail(stream, Error(ErrorType.UNSPECIFIED, "refused", "UF"))
        setup.clock.time += 1
        setup.wheel.advance()
        assert stream.endpoint is first


def port_of(endpoint: Endpoint) -> int:
    assert isinstance(endpoint.address, Address)
    return endpoint.address.port


def ports(setup: Setup) -> list[int]:
    """Where the requests of a setup have gone, each once."""
    return sorted({port_of(each.endpoint) for each in setup.upstream.sent if each.endpoint is not None})


def test_a_routes_metadata_match_says_which_servers_take_its_requests() -> None:
    for match, expected in ((PROD, [1, 2, 3]), (DEV, [4]), (None, [1, 2, 3, 4])):
        setup = Setup(RouteConfig(cluster="parted", metadata_match=match))
        for _ in range(12):
            assert setup.router.route(stream_of(request())) is None
        assert ports(setup) == expected
        assert setup.clusters["parted"].stats.lb_subsets_selected == (12 if match else 0)
        assert setup.clusters["parted"].stats.lb_subsets_fallback == (0 if match else 12)


def test_weighted_clusters_may_be_parts_of_one_cluster() -> None:
    canary = (WeightedClusterConfig("parted", 90), WeightedClusterConfig("parted", 10, DEV))
    setup = Setup(RouteConfig(weighted_clusters=canary, metadata_match=PROD))
    for _ in range(500):
        setup.router.route(stream_of(request()))
    found = [port_of(each.endpoint) for each in setup.upstream.sent if each.endpoint is not None]
    assert 25 < found.count(4) < 75
    assert all(found.count(port) > 100 for port in (1, 2, 3))


def test_a_retry_stays_in_the_subset_and_takes_another_server_there() -> None:
    policy = RetryPolicyConfig(retry_on=frozenset([RetryOn.RESET]), num_retries=3)
    setup = Setup(RouteConfig(cluster="parted", metadata_match=PROD, retry=policy))
    for _ in range(20):
        stream = stream_of(request())
        setup.router.route(stream)
        for _ in range(3):
            before = stream.endpoint
            stream.chain.fail(stream, Error(ErrorType.UNSPECIFIED, "reset", "UC"))
            setup.clock.time += 1
            setup.wheel.advance()
            assert stream.endpoint is not before
        stream.give_up()
    assert ports(setup) == [1, 2, 3]


def retried(setup: Setup) -> list[Endpoint | None]:
    """The two servers that one request is sent to, each of which refuses it."""
    stream = stream_of(request(k="v"))
    setup.router.route(stream)
    first = stream.endpoint
    stream.chain.fail(stream, Error(ErrorType.UNSPECIFIED, "refused", "UF"))
    setup.clock.time += 1
    setup.wheel.advance()
    stream.give_up()
    return [first, stream.endpoint]


REFUSED = RetryPolicyConfig(retry_on=frozenset({RetryOn.CONNECT_FAILURE}), base_interval=0.001)


def test_a_retry_does_not_leave_the_fallback_of_the_subsets() -> None:
    setup = Setup(RouteConfig(cluster="parted", retry=REFUSED))
    parted = setup.clusters["parted"]
    subsets = replace(BY_STAGE, fallback=SubsetFallback.DEFAULT_SUBSET, default_subset=DEV)
    parted.update(replace(parted.config, subsets=subsets))
    assert {each.name for _ in range(20) for each in retried(setup) if each} == {"127.0.0.2:4"}


def test_a_retry_does_not_go_to_a_place_without_weight() -> None:
    setup = Setup(RouteConfig(cluster="good", retry=REFUSED))
    good = setup.clusters["good"]
    east, west = (
        replace(each, locality=Locality(zone=zone), locality_weight=weight)
        for each, zone, weight in zip(good.config.endpoints, ("east", "west"), (1, 0), strict=True)
    )
    for endpoints, expected in (((east, west), {0}), ((east, replace(west, locality_weight=1)), {0, 1})):
        good.update(replace(good.config, is_locality_weighted=True, endpoints=endpoints))
        found = {good.endpoints.index(each) for _ in range(20) for each in retried(setup) if each}
        assert found == expected


@pytest.mark.parametrize("policy", [LbPolicy.ROUND_ROBIN, LbPolicy.RANDOM, LbPolicy.LEAST_REQUEST])
def test_a_hash_that_the_policy_does_not_follow_keeps_no_retry_at_its_server(policy: LbPolicy) -> None:
    setup = Setup(RouteConfig(cluster="good", retry=REFUSED, hash_policy=("k",)))
    good = setup.clusters["good"]
    good.update(replace(good.config, lb_policy=policy))
    for _ in range(20):
        first, second = retried(setup)
        assert first is not second


def test_a_copy_goes_to_any_server() -> None:
    setup = Setup(RouteConfig(cluster="parted", metadata_match=DEV, mirrors=(MirrorConfig("parted"),)))
    for _ in range(8):
        setup.router.route(stream_of(request()))
    assert ports(setup) == [1, 2, 3, 4]


def test_a_subset_without_servers_is_a_cluster_without_any() -> None:
    setup = Setup(RouteConfig(cluster="parted", metadata_match=DEV))
    parted = setup.clusters["parted"]
    selector = SubsetSelectorConfig(keys=("stage",), fallback=SubsetFallback.NO_FALLBACK)
    parted.update(replace(parted.config, endpoints=PARTED[:3], subsets=replace(BY_STAGE, selectors=(selector,))))
    error = setup.router.route(stream_of(request()))
    assert error is not None
    assert error.flag == "UH"
    assert parted.stats.upstream_cx_none_healthy == 1
