from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.load_balancer import LOAD_BALANCERS, RoundRobin
from metaprotocol_sdk.proxy.config.values import Address, LbPolicy


@given(st.integers(1, 9), st.integers(1, 9))
def test_round_robin_gives_every_endpoint_as_many_as_any_other(count: int, rounds: int) -> None:
    endpoints = [Endpoint(Address("127.0.0.1", port)) for port in range(count)]
    balancer = RoundRobin()
    picked = [balancer.pick(endpoints) for _ in range(count * rounds)]
    assert picked == endpoints * rounds


@given(st.lists(st.integers(1, 6), min_size=1, max_size=20))
def test_round_robin_survives_a_list_that_changes(sizes: list[int]) -> None:
    endpoints = [Endpoint(Address("127.0.0.1", port)) for port in range(6)]
    balancer = RoundRobin()
    for size in sizes:
        assert balancer.pick(endpoints[:size]) in endpoints[:size]


def test_every_policy_of_the_configuration_has_its_balancer() -> None:
    assert set(LOAD_BALANCERS) == set(LbPolicy)
