from __future__ import annotations

import contextlib
import signal
import threading
import time

import pytest

from metaprotocol_sdk.conformance import watchdog
from metaprotocol_sdk.conformance.watchdog import DidNotEnd, time_limit


def spin(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def test_code_that_does_not_end_is_ended_even_when_it_swallows_exceptions() -> None:
    def swallow() -> None:
        while True:
            with contextlib.suppress(Exception):
                spin(10)

    with pytest.raises(DidNotEnd), time_limit(0.02):
        swallow()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_alarm_that_was_swallowed_rings_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "_AGAIN", 0.02)

    class Finalised:
        def __del__(self) -> None:
            spin(0.05)

    def hang() -> None:
        Finalised()
        spin(10)

    with pytest.raises(DidNotEnd), time_limit(0.02):
        hang()


def test_code_that_waits_for_its_turn_is_left_alone_and_code_that_waits_for_ever_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watchdog, "_AGAIN", 0.01)
    monkeypatch.setattr("time.process_time", lambda: 0.0)  # a process that never has its turn
    with time_limit(0.5) as restart:
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
        spin(0.05)
        restart()
    with pytest.raises(DidNotEnd), time_limit(0.02):
        spin(10)


def test_code_that_ends_in_time_is_left_alone_and_the_alarm_is_given_back() -> None:
    handler, before = signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)
    with time_limit(60):
        assert signal.getsignal(signal.SIGALRM) is not handler
    assert signal.getsignal(signal.SIGALRM) is handler
    after = signal.getitimer(signal.ITIMER_REAL)
    assert (after[0] > 0) == (before[0] > 0)
    assert after[0] <= before[0]


def test_starting_anew_gives_all_the_time_again() -> None:
    with time_limit(60) as restart:
        signal.setitimer(signal.ITIMER_REAL, 1)
        restart()
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 50


def test_outside_the_main_thread_it_limits_nothing() -> None:
    ended = []

    def run() -> None:
        with time_limit(0.001) as restart:
            restart()
            spin(0.01)
            ended.append(True)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert ended == [True]
