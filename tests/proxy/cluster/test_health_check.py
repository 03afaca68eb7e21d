from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.cluster.health_check import (
    SHORTEST,
    CheckFailure,
    ServerHealth,
    Transition,
    first_wait,
    next_wait,
)
from tests.proxy.checking import check

results = st.lists(st.none() | st.sampled_from(CheckFailure), max_size=40)
thresholds = st.integers(1, 4)


@dataclass
class Host:
    """Envoy's description of it, with its two counters."""

    unhealthy_threshold: int
    healthy_threshold: int
    has_failed: bool
    is_first: bool = True
    healthy_in_a_row: int = 0
    unhealthy_in_a_row: int = 0

    def check(self, failure: CheckFailure | None) -> Transition:
        first, self.is_first = self.is_first, False
        return self.success(first) if failure is None else self.failure(failure)

    def success(self, first: bool) -> Transition:
        self.unhealthy_in_a_row = 0
        if not self.has_failed:
            return Transition.UNCHANGED
        self.healthy_in_a_row += not first
        if first or self.healthy_in_a_row == self.healthy_threshold:
            self.has_failed = False
            return Transition.CHANGED
        return Transition.CHANGE_PENDING

    def failure(self, failure: CheckFailure) -> Transition:
        self.healthy_in_a_row = 0
        if self.has_failed:
            return Transition.UNCHANGED
        self.unhealthy_in_a_row += failure is not CheckFailure.ACTIVE
        if failure is CheckFailure.ACTIVE or self.unhealthy_in_a_row == self.unhealthy_threshold:
            self.has_failed = True
            return Transition.CHANGED
        return Transition.CHANGE_PENDING


@given(results=results, unhealthy=thresholds, healthy=thresholds, is_new=st.booleans())
def test_a_server_is_found_as_envoy_s_two_counters_find_it(
    results: list[CheckFailure | None], unhealthy: int, healthy: int, is_new: bool
) -> None:
    config = check(unhealthy_threshold=unhealthy, healthy_threshold=healthy)
    found = ServerHealth(config, is_healthy=not is_new)
    host = Host(unhealthy, healthy, has_failed=is_new)
    for result in results:
        transition = found.passed() if result is None else found.failed(result)
        assert (transition, found.is_healthy) == (host.check(result), not host.has_failed)
        assert found.is_known


def test_the_first_check_of_a_new_server_decides_alone() -> None:
    config = check(healthy_threshold=3, unhealthy_threshold=3)
    well, sick = (ServerHealth(config, is_healthy=False) for _ in range(2))
    assert not well.is_known
    assert (well.passed(), well.is_healthy, well.is_known) == (Transition.CHANGED, True, True)
    assert (sick.failed(CheckFailure.NETWORK), sick.is_healthy) == (Transition.UNCHANGED, False)


WAITS = check(
    interval=1.0,
    no_traffic_interval=2.0,
    no_traffic_healthy_interval=3.0,
    unhealthy_interval=4.0,
    unhealthy_edge_interval=5.0,
    healthy_edge_interval=6.0,
)


@pytest.mark.parametrize(
    ("has_passed", "transition", "has_traffic", "seconds"),
    [
        (True, Transition.UNCHANGED, True, 1.0),
        (True, Transition.CHANGED, True, 1.0),
        (True, Transition.CHANGE_PENDING, True, 6.0),
        (False, Transition.UNCHANGED, True, 4.0),
        (False, Transition.CHANGED, True, 4.0),
        (False, Transition.CHANGE_PENDING, True, 5.0),
        (True, Transition.UNCHANGED, False, 3.0),
        (True, Transition.CHANGED, False, 3.0),
        (True, Transition.CHANGE_PENDING, False, 2.0),
        (False, Transition.UNCHANGED, False, 2.0),
        (False, Transition.CHANGED, False, 2.0),
        (False, Transition.CHANGE_PENDING, False, 2.0),
    ],
)
def test_what_was_found_says_how_long_to_wait(
    has_passed: bool, transition: Transition, has_traffic: bool, seconds: float
) -> None:
    said = next_wait(WAITS, has_passed=has_passed, transition=transition, has_traffic=has_traffic, rng=random.Random(1))
    assert said == seconds


@given(
    seed=st.integers(),
    interval=st.floats(0.002, 100),
    jitter=st.floats(0, 10),
    percent=st.integers(0, 300),
)
def test_jitter_only_ever_adds_and_never_more_than_it_may(
    seed: int, interval: float, jitter: float, percent: int
) -> None:
    config = check(interval=interval, interval_jitter=jitter, interval_jitter_percent=percent, initial_jitter=jitter)
    rng = random.Random(seed)
    said = next_wait(config, has_passed=True, transition=Transition.UNCHANGED, has_traffic=True, rng=rng)
    assert interval <= said <= (interval * (1 + percent / 100) + jitter) * 1.000001
    assert 0 <= first_wait(config, rng) <= jitter


def test_two_checks_are_never_at_one_time() -> None:
    config = check(interval=1e-9)
    said = next_wait(config, has_passed=True, transition=Transition.UNCHANGED, has_traffic=True, rng=random.Random(1))
    assert said == SHORTEST
