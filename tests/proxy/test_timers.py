from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.timers import RESOLUTION, TimerWheel
from tests.proxy.fakes import FakeClock


class Alarm:
    def __init__(self, rung: list[Alarm] | None = None) -> None:
        self.rung = [] if rung is None else rung
        self.at: float | None = None

    def on_timer(self, now: float) -> None:
        self.rung.append(self)
        self.at = now


@given(st.lists(st.floats(0, 100), min_size=1, max_size=30), st.lists(st.floats(0.001, 20), max_size=60))
def test_nothing_fires_early_nothing_twice_and_all_within_one_tick(delays: list[float], steps: list[float]) -> None:
    clock = FakeClock()
    wheel = TimerWheel(clock)
    alarms = [(clock.time + delay, Alarm()) for delay in delays]
    for due, alarm in alarms:
        wheel.add(alarm, due - clock.time)
    for step in [*steps, 200]:
        clock.time += step
        wheel.advance()
        for due, alarm in alarms:
            assert len(alarm.rung) <= 1
            assert not alarm.rung or (alarm.at or 0) >= due
            assert alarm.rung or clock.time <= due + RESOLUTION + 1e-6
    assert len(wheel) == 0
    assert wheel.next_due is None


def test_a_cancelled_item_never_fires() -> None:
    clock = FakeClock()
    wheel = TimerWheel(clock)
    alarm = Alarm()
    slot = wheel.add(alarm, 1)
    slot.pop(alarm, None)
    clock.time += 2
    wheel.advance()
    assert not alarm.rung
    slot.pop(alarm, None)  # and cancelling after the time is no error


def test_an_item_that_fires_may_cancel_one_of_the_same_tick() -> None:
    clock = FakeClock()
    wheel = TimerWheel(clock)
    rung: list[Alarm] = []
    victim = Alarm(rung)

    class Canceller(Alarm):
        def on_timer(self, now: float) -> None:
            super().on_timer(now)
            slot.pop(victim, None)

    slot = wheel.add(Canceller(rung), 1)
    assert wheel.add(victim, 1) is slot
    clock.time += 2
    wheel.advance()
    assert len(rung) == 1


def test_an_item_may_add_itself_again() -> None:
    clock = FakeClock()
    wheel = TimerWheel(clock)

    class Again(Alarm):
        def on_timer(self, now: float) -> None:
            super().on_timer(now)
            wheel.add(self, 0)

    again = Again()
    wheel.add(again, 0)
    for rounds in (1, 2, 3):
        clock.time += 1
        wheel.advance()
        assert len(again.rung) == rounds


def test_an_item_that_raises_leaves_the_others_for_the_next_call() -> None:
    clock = FakeClock()
    wheel = TimerWheel(clock)

    class Broken(Alarm):
        def on_timer(self, now: float) -> None:
            raise RuntimeError("broken")

    other = Alarm()
    wheel.add(Broken(), 1)
    wheel.add(other, 1)
    clock.time += 2
    with pytest.raises(RuntimeError):
        wheel.advance()
    wheel.advance()
    assert len(other.rung) == 1


def test_the_alarm_is_asked_for_only_by_the_earliest() -> None:
    asked: list[float] = []
    clock = FakeClock()
    wheel = TimerWheel(clock, on_earlier=asked.append)
    wheel.add(Alarm(), 5)
    wheel.add(Alarm(), 9)
    assert len(asked) == 1
    wheel.add(Alarm(), 1)
    assert len(asked) == 2
    assert asked[1] == wheel.next_due
