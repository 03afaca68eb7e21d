from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.filters.bucket import Bucket

START = 1000.0
TICK = 1 / 1024
"""Seconds; a power of two, so that the sums of a test are exact."""


def drain(bucket: Bucket, now: float) -> int:
    """How many tokens it has."""
    taken = 0
    while bucket.take(now):
        taken += 1
    return taken


def bucket(max_tokens: int = 5, tokens_per_fill: int = 2, fill_interval: float = 10.0) -> Bucket:
    return Bucket(max_tokens=max_tokens, tokens_per_fill=tokens_per_fill, fill_interval=fill_interval, now=START)


def test_it_is_full_at_the_start() -> None:
    assert drain(bucket(), START) == 5


def test_it_is_filled_when_a_whole_interval_has_passed_and_not_before() -> None:
    one = bucket()
    drain(one, START)
    assert drain(one, START + 9.999) == 0
    assert drain(one, START + 10) == 2
    assert drain(one, START + 10) == 0
    assert drain(one, START + 19.999) == 0
    assert drain(one, START + 20) == 2


def test_intervals_that_passed_unseen_count_each() -> None:
    one = bucket()
    drain(one, START)
    assert drain(one, START + 25) == 4
    assert drain(one, START + 29.999) == 0
    assert drain(one, START + 30) == 2


def test_it_holds_no_more_than_its_size() -> None:
    one = bucket()
    assert drain(one, START + 1_000_000) == 5
    two = bucket()
    assert two.take(START)
    assert drain(two, START + 10) == 5


class Ticking:
    """The bucket of MetaProtocol Proxy, without its fault: a timer looks at every tick whether a fill is due."""

    def __init__(self, size: int, fill: int, interval: int) -> None:
        self.size, self.fill, self.interval = size, fill, interval
        self.tokens = size
        self.now = self.filled = 0

    def advance(self, ticks: int) -> None:
        for _ in range(ticks):
            self.now += 1
            if self.now - self.filled >= self.interval:
                self.tokens = min(self.size, self.tokens + self.fill)
                self.filled = self.now

    def take(self) -> bool:
        allowed = self.tokens > 0
        self.tokens -= allowed
        return allowed


@given(
    st.integers(1, 6),
    st.integers(1, 8),
    st.integers(1, 40),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 8)), max_size=12),
)
@example(3, 1, 7, [(6, 4), (1, 2), (20, 4), (0, 1)])
def test_looking_at_the_clock_allows_what_a_timer_at_every_tick_does(
    size: int, fill: int, interval: int, steps: list[tuple[int, int]]
) -> None:
    ours = bucket(size, fill, interval * TICK)
    theirs = Ticking(size, fill, interval)
    for ticks, requests in steps:
        theirs.advance(ticks)
        now = START + theirs.now * TICK
        assert [ours.take(now) for _ in range(requests)] == [theirs.take() for _ in range(requests)]


@given(st.floats(0.05, 1e9), st.lists(st.floats(0, 1e9), max_size=20))
def test_any_interval_and_any_clock_never_allow_more_than_what_was_filled(interval: float, steps: list[float]) -> None:
    one = bucket(1, 1, interval)
    now, taken = START, 0
    for step in steps:
        now += step
        taken += one.take(now)
    assert taken <= 1 + (now - START) / interval * (1 + 1e-9) + 1e-6
