from __future__ import annotations

import itertools
import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.cluster.health import HealthFlag
from metaprotocol_sdk.proxy.cluster.slow_start import SlowStart, ends, factor
from metaprotocol_sdk.proxy.config.values import SlowStartConfig
from tests.proxy.cluster.servers import equals, servers
from tests.proxy.fakes import FakeClock

MINUTE = SlowStartConfig(window=60)
CONFIGS = st.builds(
    SlowStartConfig,
    window=st.floats(0.001, 1e6),
    aggression=st.floats(0.01, 100),
    minimum=st.floats(0, 1),
)


@pytest.mark.parametrize(
    ("seconds", "aggression", "expected"),
    [
        (0, 1.0, 0.1),  # min_weight_percent
        (3, 1.0, 0.1),
        (30, 1.0, 0.5),
        (45, 1.0, 0.75),
        (60, 1.0, 1.0),
        (15, 2.0, 0.5),  # the square root of a quarter
        (30, 0.5, 0.25),  # the square of a half
        (90, 0.5, 1.0),
    ],
)
def test_the_share_is_envoys_formula(seconds: float, aggression: float, expected: float) -> None:
    assert factor(SlowStartConfig(window=60, aggression=aggression), seconds) == pytest.approx(expected)


@given(CONFIGS, st.floats(0, 2e6), st.floats(0, 2e6))
def test_the_share_only_grows_and_ends_whole(config: SlowStartConfig, one: float, other: float) -> None:
    assert factor(config, min(one, other)) <= factor(config, max(one, other))
    assert config.minimum <= factor(config, one) <= 1
    assert factor(config, one) > 0
    assert factor(config, config.window) == 1


def test_it_lasts_until_the_youngest_healthy_server_has_its_whole_share() -> None:
    one, two, three = equals(3)
    one.since, two.since = 100, 130
    three.since, three.flags = 150, HealthFlag.DEGRADED_EDS_HEALTH
    assert ends(MINUTE, [one, two, three], 140) == 190
    assert ends(MINUTE, [one, two, three], 190) is None
    assert ends(MINUTE, [three], 150) is None
    assert ends(MINUTE, equals(2), 0) is None


def nothing() -> None:
    """What a test does not look at."""


def shares(clock: FakeClock, weights: tuple[int, ...], ages: tuple[float, ...], *, bias: float = 0.0) -> list[int]:
    endpoints = servers(*weights)
    for each, age in zip(endpoints, ages, strict=True):
        each.since = clock() - age
    balancer = SlowStart(endpoints, MINUTE, bias=bias, now=clock, until=math.inf, on_end=nothing)
    counted = Counter(balancer.pick() for _ in range(1000))
    return [counted[each] for each in endpoints]


def test_requests_are_shared_by_weight_times_age() -> None:
    clock = FakeClock()
    assert shares(clock, (1, 1), (60, 30)) == pytest.approx([667, 333], abs=2)
    assert shares(clock, (1, 1), (60, 0)) == pytest.approx([909, 91], abs=2)
    assert shares(clock, (2, 1), (30, 60)) == pytest.approx([500, 500], abs=2)
    assert shares(clock, (3, 1), (0, 0)) == pytest.approx([750, 250], abs=2)


def test_the_share_grows_while_requests_come() -> None:
    clock = FakeClock()
    old, new = endpoints = equals(2)
    new.since = clock()
    balancer = SlowStart(endpoints, MINUTE, bias=0, now=clock, until=clock() + 60, on_end=nothing)
    found = []
    for _ in range(60):
        clock.time += 1
        found.append(Counter(balancer.pick() for _ in range(100))[new])
    assert found[0] == pytest.approx(9, abs=2)
    assert found[29] == pytest.approx(33, abs=2)
    assert found[59] == pytest.approx(50, abs=2)
    assert all(later >= earlier - 2 for earlier, later in itertools.pairwise(found))
    assert old.since == -math.inf


def test_requests_in_flight_count_as_much_as_the_bias_says() -> None:
    one, two = endpoints = equals(2)
    one.active = 3
    clock = FakeClock()
    for bias, expected in ((0.0, 500), (0.5, 333), (1.0, 200)):
        balancer = SlowStart(endpoints, MINUTE, bias=bias, now=clock, until=math.inf, on_end=nothing)
        counted = Counter(balancer.pick() for _ in range(1000))
        assert counted[one] == pytest.approx(expected, abs=3)
        assert counted[two] == 1000 - counted[one]


def test_a_pick_after_the_end_says_so() -> None:
    clock = FakeClock()
    ended: list[bool] = []
    until = clock() + 60
    balancer = SlowStart(equals(2), MINUTE, bias=0, now=clock, until=until, on_end=lambda: ended.append(True))
    balancer.pick()
    assert not ended
    clock.time = until
    balancer.pick()
    assert ended


@given(st.integers(0, 20))
def test_it_may_begin_anywhere(start: int) -> None:
    clock = FakeClock()
    endpoints = equals(3)
    late = SlowStart(endpoints, MINUTE, bias=0, now=clock, until=math.inf, on_end=nothing, start=start)
    early = SlowStart(endpoints, MINUTE, bias=0, now=clock, until=math.inf, on_end=nothing)
    for _ in range(start):
        early.pick()
    assert [late.pick() for _ in range(6)] == [early.pick() for _ in range(6)]


def test_no_bias_is_more_than_can_be_worked_out() -> None:
    clock, endpoints = FakeClock(), equals(2)
    for each in endpoints:
        each.active, each.since = 2**32, clock()
    config = SlowStartConfig(window=60.0, minimum=0.0)
    balancer = SlowStart(endpoints, config, bias=1e308, now=clock, until=math.inf, on_end=nothing)
    assert [balancer.pick() for _ in range(4)] == [*endpoints, *endpoints]
