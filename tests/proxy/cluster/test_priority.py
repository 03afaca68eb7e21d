"""Load by priority: Envoy's tables of examples, a model written the other way round, and what must always hold."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.cluster.priority import Level, Spread, spread


def level(healthy: int, degraded: int = 0, total: int = 100, *, excluded: int = 0, heavy: int = 1) -> Level:
    counted = total - excluded
    return Level(
        healthy=healthy,
        degraded=degraded,
        counted=counted,
        total=total,
        healthy_weight=healthy * heavy,
        degraded_weight=degraded * heavy,
        counted_weight=counted * heavy,
    )


def loads(*levels: Level, factor: int = 140, threshold: int = 50) -> Spread:
    return spread(levels, factor=factor, threshold=threshold)


@pytest.mark.parametrize(
    ("healthy", "expected"),
    [  # "Priority levels" of Envoy's architecture overview: percent healthy, and percent of the traffic
        ((100, 100), (100, 0)),
        ((72, 100), (100, 0)),
        ((71, 100), (99, 1)),
        ((50, 100), (70, 30)),
        ((25, 100), (35, 65)),
        ((0, 100), (0, 100)),
        ((72, 72), (100, 0)),
        ((71, 71), (99, 1)),
        ((50, 50), (70, 30)),
        ((25, 25), (50, 50)),
        ((100, 100, 100), (100, 0, 0)),
        ((72, 72, 100), (100, 0, 0)),
        ((71, 71, 100), (99, 1, 0)),
        ((50, 50, 100), (70, 30, 0)),
        ((25, 100, 100), (35, 65, 0)),
        ((25, 25, 100), (35, 35, 30)),
    ],
)
def test_envoys_table_of_priorities(healthy: tuple[int, ...], expected: tuple[int, ...]) -> None:
    assert loads(*map(level, healthy), threshold=0).healthy == expected


def test_the_row_of_envoys_table_that_its_own_arithmetic_makes_another() -> None:
    """25 %, 25 % and 20 % healthy are 35, 35 and 28: together 98. The table has 36/36/28; whole numbers make
    35 * 100 // 98 = 35 for each, 28 for the last, and what rounding leaves, 2, goes to the first."""
    assert loads(level(25), level(25), level(20), threshold=0).healthy == (37, 35, 28)


@pytest.mark.parametrize(
    ("healthy", "degraded", "expected"),
    [  # "Degraded endpoints": percent of the traffic to the healthy and to the degraded of one priority
        (100, 0, (100, 0)),
        (71, 0, (100, 0)),
        (71, 29, (99, 1)),
        (25, 65, (35, 65)),
        (5, 0, (100, 0)),
    ],
)
def test_envoys_table_of_degraded_endpoints(healthy: int, degraded: int, expected: tuple[int, int]) -> None:
    found = loads(level(healthy, degraded), threshold=0)
    assert (*found.healthy, *found.degraded) == expected


def test_the_example_of_healthy_and_degraded_priorities_in_envoys_source() -> None:
    """Availabilities of 10/20/10 % healthy and 20/10/0 % degraded, together 70: 16/28/14 and 28/14/0."""
    found = loads(level(10, 20), level(20, 10), level(10), factor=100, threshold=0)
    assert (found.healthy, found.degraded) == ((16, 28, 14), (28, 14, 0))


@pytest.mark.parametrize(
    ("healthy", "expected", "panics"),
    [  # "Panic threshold"; rows whose shares of traffic contradict "Priority levels" are given by the latter
        ((72, 100), (100, 0), (False, False)),
        ((71, 100), (99, 1), (False, False)),
        ((50, 100), (70, 30), (False, False)),
        ((25, 100), (35, 65), (False, False)),
        ((0, 100), (0, 100), (False, False)),
        ((72, 72), (100, 0), (False, False)),
        ((71, 71), (99, 1), (False, False)),
        ((50, 60), (70, 30), (False, False)),
        ((25, 25), (50, 50), (True, True)),
        ((5, 65), (8, 92), (True, False)),
    ],
)
def test_envoys_table_of_panic(healthy: tuple[int, ...], expected: tuple[int, ...], panics: tuple[bool, ...]) -> None:
    found = loads(*map(level, healthy))
    assert (found.healthy, found.panics) == (expected, panics)


def test_where_all_panic_load_goes_by_the_number_of_servers() -> None:
    found = loads(level(0, total=1), level(0, total=2), level(0, total=0))
    assert (found.healthy, found.panics) == ((34, 66, 0), (True, True, True))
    assert loads(level(0, total=0)).healthy == (100,)


def test_without_panic_and_without_anybody_the_first_priority_has_the_load() -> None:
    found = loads(level(0), level(0), threshold=0)
    assert (found.healthy, found.degraded, found.panics) == ((100, 0), (0, 0), (False, False))


def test_an_empty_priority_is_passed_over() -> None:
    assert loads(level(0, total=0), level(3, total=3)).healthy == (0, 100)
    assert loads(level(50), level(0, total=0), level(100)).healthy == (70, 0, 30)


def test_servers_that_wait_for_their_first_check_do_not_count() -> None:
    assert loads(level(2, total=10, excluded=8), level(100)).healthy == (100, 0)


LEVELS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 4)).map(
        lambda each: level(each[0], each[1], sum(each), excluded=each[3])
    ),
    min_size=1,
    max_size=5,
)


@given(LEVELS, st.integers(1, 300), st.integers(0, 100))
def test_all_loads_are_one_hundred_percent_and_none_goes_to_nobody(
    levels: list[Level], factor: int, threshold: int
) -> None:
    found = spread(levels, factor=factor, threshold=threshold)
    assert sum(found.healthy) + sum(found.degraded) == 100
    assert min(*found.healthy, *found.degraded) >= 0
    if any(each.healthy or each.degraded for each in levels) and factor >= 100:
        for index, each in enumerate(levels):
            panics = found.panics[index]
            assert found.healthy[index] == 0 or each.healthy or (panics and each.total)
            assert found.degraded[index] == 0 or each.degraded


@given(LEVELS, st.integers(100, 300), st.integers(0, 100))
@settings(max_examples=300)
def test_a_model_that_goes_by_percents_one_at_a_time_agrees(levels: list[Level], factor: int, threshold: int) -> None:
    """Envoy's pseudo-code, load handed out by the percent: each goes to the first that has not its share yet."""
    found = spread(levels, factor=factor, threshold=threshold)
    shares = []
    for kind in ("healthy", "degraded"):
        for each in levels:
            share = Fraction(factor * getattr(each, kind), each.counted) if each.counted else Fraction(0)
            shares.append(min(100, int(share)))
    whole = min(100, sum(shares))
    low = [(each.healthy + each.degraded) * 100 < threshold * each.counted or not each.counted for each in levels]
    panics = tuple(whole < 100 and is_low and threshold > 0 for is_low in low)
    assert found.panics == panics
    if all(panics) or not whole:
        return
    most = [share * 100 // whole for share in shares]
    given_out = [0] * len(shares)
    for _ in range(100):
        index = next((i for i, share in enumerate(most) if given_out[i] < share), None)
        if index is None:  # rounding: the first that is there at all
            index = next(i for i, share in enumerate(shares) if share)
        given_out[index] += 1
    assert (*found.healthy, *found.degraded) == tuple(given_out)


@given(LEVELS, st.integers(0, 100))
def test_panic_is_off_at_0_and_where_the_priorities_together_are_enough(levels: list[Level], threshold: int) -> None:
    assert not any(spread(levels, factor=140, threshold=0).panics)
    assert not any(spread([*levels, level(5, total=5)], factor=140, threshold=threshold).panics)
