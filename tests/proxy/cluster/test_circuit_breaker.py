from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.cluster.circuit_breaker import CircuitBreaker
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.config.values import Address, CircuitBreakersConfig
from metaprotocol_sdk.proxy.metrics import ClusterStats


def limits(**most: Any) -> CircuitBreakersConfig:
    return replace(CircuitBreakersConfig(), **most)


class Gauges:
    """A breaker, and whatever it is held against."""

    def __init__(self, config: CircuitBreakersConfig) -> None:
        self.stats = ClusterStats()
        self.breaker = CircuitBreaker(config, self.stats)

    def set(self, limit: str, value: int) -> None:
        match limit:
            case "max_connections":
                self.breaker.connections = value
            case "max_pending_requests":
                self.stats.upstream_rq_pending_active = value
            case "max_requests":
                self.stats.upstream_rq_active = value
            case _:
                self.breaker.retries = value

    def allows(self, limit: str) -> bool:
        return ALLOWS[limit](self.breaker)


ENDPOINT = Endpoint(Address("127.0.0.1", 1))
ALLOWS: dict[str, Callable[[CircuitBreaker], bool]] = {
    "max_connections": lambda breaker: breaker.allows_connection(ENDPOINT),
    "max_pending_requests": CircuitBreaker.allows_pending,
    "max_requests": CircuitBreaker.allows_request,
    "max_retries": CircuitBreaker.allows_retry,
}


@pytest.mark.parametrize("limit", ALLOWS)
@pytest.mark.parametrize("most", [1, 5])
def test_each_gauge_is_held_to_its_own_limit(limit: str, most: int) -> None:
    gauges = Gauges(limits(**{**dict.fromkeys(ALLOWS, 0), limit: most}))
    for value, allowed in [(0, True), (most - 1, True), (most, False), (most + 1, False), (most - 1, True)]:
        gauges.set(limit, value)
        assert gauges.allows(limit) is allowed


@pytest.mark.parametrize("limit", ALLOWS)
def test_a_limit_of_0_allows_nothing(limit: str) -> None:
    assert not Gauges(limits(**dict.fromkeys(ALLOWS, 0))).allows(limit)


def test_the_defaults_are_envoys() -> None:
    for limit, most in [("max_connections", 1024), ("max_pending_requests", 1024), ("max_requests", 1024)]:
        gauges = Gauges(CircuitBreakersConfig())
        gauges.set(limit, most - 1)
        assert gauges.allows(limit)
        gauges.set(limit, most)
        assert not gauges.allows(limit)
    gauges.set("max_retries", 2)
    assert gauges.allows("max_retries")
    gauges.set("max_retries", 3)
    assert not gauges.allows("max_retries")


def test_requests_that_wait_count_as_requests() -> None:
    gauges = Gauges(CircuitBreakersConfig(max_requests=5))
    gauges.set("max_requests", 3)
    gauges.set("max_pending_requests", 2)
    assert not gauges.allows("max_requests")


def test_a_pool_without_a_connection_gets_one_whatever_the_limit() -> None:
    breaker = CircuitBreaker(CircuitBreakersConfig(max_connections=2), ClusterStats())
    breaker.connections = 2
    assert not breaker.allows_connection(ENDPOINT)
    assert breaker.allows_connection(ENDPOINT, is_first=True)


def test_each_server_is_held_to_its_own_limit_too() -> None:
    breaker = CircuitBreaker(CircuitBreakersConfig(max_connections=5, max_connections_per_host=2), ClusterStats())
    one, other = Endpoint(Address("127.0.0.1", 1)), Endpoint(Address("127.0.0.1", 2))
    one.connections, breaker.connections = 2, 2
    assert not breaker.allows_connection(one)
    assert breaker.allows_connection(one, is_first=True)
    assert breaker.allows_connection(other)
    breaker.connections = 5
    assert not breaker.allows_connection(other)


LIMITS = ("max_connections", "max_pending_requests", "max_requests", "max_retries")


@given(st.tuples(*[st.integers(0, 5)] * 4), st.tuples(*[st.integers(0, 5)] * 4), st.none() | st.floats(0, 100))
def test_gauges_say_what_is_open_and_what_is_left(
    most: tuple[int, ...], now: tuple[int, ...], budget: float | None
) -> None:
    config = replace(limits(**dict(zip(LIMITS, most, strict=True))), retry_budget_percent=budget)
    gauges = Gauges(config)
    for limit, value in zip(LIMITS, now, strict=True):
        gauges.set(limit, value)
    cx, pending, active, retries = now
    found = gauges.breaker.snapshot("p.")
    assert found == {f"p.{name}": not ALLOWS[limit](gauges.breaker) for name, limit in zip(OPEN, LIMITS, strict=True)}
    gauges.breaker.update(replace(config, track_remaining=True))
    assert {name: value for name, value in gauges.breaker.snapshot().items() if "remaining" in name} == {
        "remaining_cx": max(most[0] - cx, 0),
        "remaining_pending": max(most[1] - pending, 0),
        "remaining_rq": max(most[2] - active - pending, 0),
        "remaining_retries": max(most[3] - retries, 0) if budget is None else 0,
    }


OPEN = ("cx_open", "rq_pending_open", "rq_open", "rq_retry_open")


@pytest.mark.parametrize(
    ("percent", "requests", "pending", "retries", "allowed"),
    [
        (20.0, 0, 0, 2, True),  # min_retry_concurrency, 3
        (20.0, 0, 0, 3, False),
        (20.0, 19, 0, 3, False),  # 20 % of 19 is 3.8
        (20.0, 20, 0, 3, True),
        (20.0, 20, 0, 4, False),
        (20.0, 5, 15, 3, True),  # pending requests count
        (0.0, 1000, 0, 3, False),
        (100.0, 10, 0, 9, True),
        (100.0, 10, 0, 10, False),
    ],
)
def test_a_budget_allows_a_share_of_the_requests_and_always_a_few(
    percent: float, requests: int, pending: int, retries: int, allowed: bool
) -> None:
    gauges = Gauges(CircuitBreakersConfig(max_retries=0, retry_budget_percent=percent))
    gauges.set("max_requests", requests)
    gauges.set("max_pending_requests", pending)
    gauges.set("max_retries", retries)
    assert gauges.allows("max_retries") is allowed


@given(st.integers(1, 100), st.integers(1, 10**6))
def test_a_whole_percentage_is_exactly_what_it_says(percent: int, hundreds: int) -> None:
    gauges = Gauges(CircuitBreakersConfig(retry_budget_percent=float(percent), min_retry_concurrency=0))
    gauges.set("max_requests", hundreds * 100)
    gauges.set("max_retries", percent * hundreds)
    assert not gauges.allows("max_retries")
    gauges.set("max_retries", percent * hundreds - 1)
    assert gauges.allows("max_retries")
