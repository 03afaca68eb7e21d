"""A monitor counts what becomes of requests, and tells of too many failures in a row."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.cluster.outlier_monitor import Cause, Interval, Monitor, SplitMonitor, Volume, monitor_of
from metaprotocol_sdk.proxy.config.values import OutlierDetectionConfig

GATEWAY, LOCAL, EXTERNAL = (
    Cause.CONSECUTIVE_GATEWAY_FAILURE,
    Cause.CONSECUTIVE_LOCAL_ORIGIN_FAILURE,
    Cause.CONSECUTIVE_5XX,
)
EVENTS = {
    "ok": lambda monitor: monitor.replied(True),
    "error": lambda monitor: monitor.replied(False),
    "garbage": Monitor.garbled,
    "lost": Monitor.failed,
    "refused": Monitor.connect_failed,
    "connected": Monitor.connected,
}
OFTEN = OutlierDetectionConfig(
    consecutive_5xx=10**9, consecutive_gateway_failure=10**9, consecutive_local_origin_failure=10**9
)


def told(config: OutlierDetectionConfig, *events: str) -> list[Cause]:
    causes: list[Cause] = []
    monitor = monitor_of(config, causes.append)
    for event in events:
        EVENTS[event](monitor)
    return causes


def test_the_configuration_says_whether_origins_are_split() -> None:
    assert type(monitor_of(OutlierDetectionConfig(), lambda _: None)) is Monitor
    split = OutlierDetectionConfig(split_external_local_origin_errors=True)
    assert type(monitor_of(split, lambda _: None)) is SplitMonitor


FIVE = OutlierDetectionConfig(consecutive_gateway_failure=3)
SPLIT = OutlierDetectionConfig(split_external_local_origin_errors=True, consecutive_local_origin_failure=3)


@pytest.mark.parametrize(
    ("config", "events", "causes"),
    [
        (FIVE, ["error"] * 4, []),
        (FIVE, ["error"] * 5, [EXTERNAL]),
        (FIVE, ["garbage"] * 5, [EXTERNAL]),
        (FIVE, ["error"] * 4 + ["ok"] + ["error"] * 4, []),
        (FIVE, ["error"] * 10, [EXTERNAL] * 2),
        (FIVE, ["lost"] * 5, [GATEWAY, EXTERNAL]),
        (FIVE, ["refused", "lost", "refused"], [GATEWAY]),
        (FIVE, ["lost", "lost", "error", "lost", "lost"], [EXTERNAL]),  # an error is no gateway failure
        (FIVE, ["lost", "lost", "ok", "lost", "lost"], []),
        (replace(FIVE, consecutive_5xx=0, consecutive_gateway_failure=0), ["lost"] * 50, []),
        (SPLIT, ["lost"] * 7, [LOCAL] * 2),
        (SPLIT, ["refused"] * 3, [LOCAL]),
        (SPLIT, ["lost", "lost", "error", "lost", "lost"], []),  # an error is an answer
        (SPLIT, ["error"] * 4 + ["lost"] * 2 + ["error"], [EXTERNAL]),  # neither ends the other's run
        (SPLIT, ["error"] * 4 + ["ok", "error"], []),
        (replace(SPLIT, consecutive_local_origin_failure=0), ["lost"] * 50, []),
    ],
)
def test_failures_in_a_row_are_told_by_their_origin(
    config: OutlierDetectionConfig, events: list[str], causes: list[Cause]
) -> None:
    assert told(config, *events) == causes


@pytest.mark.parametrize("config", [replace(FIVE, consecutive_5xx=3, consecutive_gateway_failure=0), SPLIT])
def test_a_connection_that_is_made_ends_a_run_of_failures_to_connect_and_no_other(
    config: OutlierDetectionConfig,
) -> None:
    assert told(config, *["refused", "refused", "connected"] * 9) == []
    assert len(told(config, *["connected", "lost"] * 3)) == 1
    assert len(told(config, "lost", "refused", "connected", "lost")) == 1
    assert len(told(config, "refused", "lost", "connected", "refused")) == 1
    assert told(config, *["connected"] * 9) == []


@pytest.mark.parametrize("config", [replace(FIVE, consecutive_5xx=3), SPLIT])
def test_a_server_that_comes_back_begins_anew(config: OutlierDetectionConfig) -> None:
    causes: list[Cause] = []
    monitor = monitor_of(config, causes.append)
    for _ in range(9):
        monitor.failed()
        monitor.failed()
        monitor.reset()
    assert causes == []


@given(st.lists(st.sampled_from(sorted(EVENTS))), st.lists(st.sampled_from(sorted(EVENTS))))
def test_volumes_are_those_since_they_were_last_taken(first: list[str], second: list[str]) -> None:
    together = monitor_of(OFTEN, lambda _: None)
    split = monitor_of(replace(OFTEN, split_external_local_origin_errors=True), lambda _: None)
    for events in (first, second):
        for event in events:
            EVENTS[event](together)
            EVENTS[event](split)
        ok, answered = events.count("ok"), sum(map(events.count, ("ok", "error", "garbage")))
        total = len(events) - events.count("connected")  # a connection is no request
        assert together.take() == Interval(Volume(total, ok), Volume(0, 0))
        assert split.take() == Interval(Volume(answered, ok), Volume(total, answered))
