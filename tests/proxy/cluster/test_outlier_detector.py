"""The detector against a model of its own: what Envoy's documentation says, written another way."""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from statistics import fmean, pstdev
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.health import HealthFlag
from metaprotocol_sdk.proxy.cluster.outlier_detector import OutlierDetector, OutlierStats
from metaprotocol_sdk.proxy.cluster.outlier_monitor import Cause, Interval, Volume
from metaprotocol_sdk.proxy.config.values import Address, ClusterConfig, EndpointConfig, OutlierDetectionConfig
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from tests.proxy.fakes import FakeClock

CONFIG = OutlierDetectionConfig(max_ejection_percent=100, interval=1.0, base_ejection_time=10.0, max_ejection_time=35.0)
NONE = Volume(0, 0)
FAILURES = Cause.CONSECUTIVE_5XX


class Setup:
    """A detector, its servers, and what its monitors say."""

    def __init__(self, config: OutlierDetectionConfig = CONFIG, *, servers: int = 4, seed: int = 1) -> None:
        self.config = config
        self.cluster = Cluster(ClusterConfig(name="c"))
        self.cluster.set_endpoints(map(server, range(servers)))
        self.clock = FakeClock()
        self.counts: dict[Endpoint, Interval] = {}
        self.forgotten: list[Endpoint] = []
        self.stats = OutlierStats()
        self.detector = OutlierDetector(
            self.cluster, config, self, stats=self.stats, now=self.clock, rng=random.Random(seed)
        )

    @property
    def servers(self) -> tuple[Endpoint, ...]:
        return self.cluster.endpoints

    def take_interval(self) -> Mapping[Endpoint, Interval]:
        counts, self.counts = self.counts, {}
        return counts

    def reset(self, endpoint: Endpoint) -> None:
        self.forgotten.append(endpoint)

    def fail(self, *indexes: int, cause: Cause = FAILURES) -> None:
        for index in indexes:
            self.detector.consecutive_failures(self.servers[index], cause)

    def sweep(self, seconds: float = 0.0) -> None:
        self.clock.time += seconds
        self.detector.sweep()

    def is_out(self, index: int) -> bool:
        return not self.servers[index].is_usable

    @property
    def out(self) -> list[int]:
        return [index for index in range(len(self.servers)) if self.is_out(index)]


def server(port: int) -> EndpointConfig:
    return EndpointConfig(Address("127.0.0.1", port + 1))


def rates(*percents: float, of: int = 100) -> list[Volume]:
    return [Volume(of, round(of * each / 100)) for each in percents]


# How long.


def test_an_ejection_lasts_longer_each_time_and_shorter_again_while_the_server_is_well() -> None:
    setup = Setup()
    lasted = []
    for _ in range(5):
        setup.fail(0)
        assert setup.out == [0]
        since = setup.clock.time
        while setup.is_out(0):
            setup.sweep(0.5)
        lasted.append(setup.clock.time - since)
    assert lasted == [10, 20, 30, 35, 35]
    assert setup.forgotten == [setup.servers[0]] * 5

    # The multiplier has gone to 5, where it stops; four sweeps in service later it is 1, and the next ejection lasts 2.
    setup.clock.time += 1.0
    for _ in range(4):
        setup.sweep()
    setup.fail(0)
    setup.sweep(19.9)
    assert setup.out == [0]
    setup.sweep(0.1)
    assert setup.out == []


def test_it_takes_a_whole_interval_in_service_to_shorten_the_next_ejection() -> None:
    setup = Setup()
    setup.fail(0)
    setup.sweep(10)
    setup.sweep(0.9)
    setup.fail(0)
    setup.sweep(19.9)
    assert setup.out == [0]


@given(
    st.tuples(st.floats(0.1, 50), st.floats(0, 50), st.floats(0, 20)),
    st.integers(1, 12),
    st.integers(0, 2**32),
    st.floats(0, 1),
)
def test_an_ejection_lasts_its_time_and_not_longer_than_to_the_next_sweep(
    seconds: tuple[float, float, float], times: int, seed: int, part: float
) -> None:
    base, more, jitter = seconds
    config = replace(
        CONFIG,
        base_ejection_time=base,
        max_ejection_time=base + more,
        max_ejection_time_jitter=jitter,
        interval=1e9,
    )
    setup = Setup(config, seed=seed)
    for number in range(1, times + 1):
        setup.fail(0)
        since = setup.clock.time
        least = min(base * number, base + more)
        setup.clock.time = since + least * part * 0.999
        setup.sweep()
        assert setup.out == [0]
        setup.clock.time = since + (least + jitter) * 1.000001 + 1e-6
        setup.sweep()
        assert setup.out == []


def test_jitter_is_drawn_and_so_servers_come_back_one_after_the_other() -> None:
    setup = Setup(replace(CONFIG, max_ejection_time_jitter=10.0), servers=50)
    setup.fail(*range(50))
    left = []
    for _ in range(21):
        setup.sweep(1.0)
        left.append(len(setup.out))
    assert left[8] == 50
    assert left[20] == 0
    assert 10 < left[14] < 40


# How many.


@given(
    servers=st.integers(1, 30),
    percent=st.integers(0, 100),
    always=st.booleans(),
    steps=st.lists(st.tuples(st.sampled_from(["fail", "sweep", "remove", "add", "check"]), st.integers(0, 40))),
)
def test_never_more_are_ejected_than_may_be(
    servers: int, percent: int, always: bool, steps: list[tuple[str, int]]
) -> None:
    config = replace(CONFIG, max_ejection_percent=percent, always_eject_one_host=always)
    setup = Setup(config, servers=servers)
    ports = list(range(servers))
    fresh = servers
    for what, number in steps:
        before = set(setup.out)
        match what:
            case "fail" if ports:
                index = number % len(ports)
                setup.fail(index)
                allowed = max(int(Fraction(percent, 100) * len(ports)), always)
                assert setup.is_out(index) is (index in before or len(before) < allowed)
            case "sweep":
                setup.sweep(float(number))
            case "check" if ports:
                setup.detector.uneject(setup.servers[number % len(ports)])
                assert not setup.is_out(number % len(ports))
            case "remove" | "add":
                if what == "remove" and ports:
                    ports.pop(number % len(ports))
                elif what == "add":
                    ports.append(fresh)
                    fresh += 1
                setup.cluster.set_endpoints(map(server, ports))
                setup.detector.follow_servers()
        assert len(setup.out) <= max(percent * len(ports) / 100, always)
        assert setup.stats.ejections_active == len(setup.out)


def test_what_may_not_be_ejected_is_counted() -> None:
    setup = Setup(replace(CONFIG, max_ejection_percent=50))
    setup.fail(0, 1, 2, 3)
    assert setup.out == [0, 1]
    assert setup.stats.ejections_overflow == 2
    assert setup.stats.ejections_detected_consecutive_5xx == 4
    assert setup.stats.ejections_enforced_total == setup.stats.ejections_enforced_consecutive_5xx == 2


def test_by_default_of_fewer_than_ten_servers_none_is_ejected() -> None:
    for servers in (1, 9):
        setup = Setup(OutlierDetectionConfig(), servers=servers)
        setup.fail(0)
        assert setup.out == []
    setup = Setup(OutlierDetectionConfig(), servers=10)
    setup.fail(0, 1)
    assert setup.out == [0]


def test_a_server_that_is_out_is_not_ejected_again_and_one_that_is_gone_never() -> None:
    setup = Setup()
    gone = setup.servers[3]
    setup.fail(0, 0)
    setup.cluster.set_endpoints(map(server, range(3)))
    setup.detector.follow_servers()
    setup.detector.consecutive_failures(gone, FAILURES)
    assert gone.is_usable
    assert setup.stats.ejections_detected_consecutive_5xx == 1


# Whether.

ENFORCING = {
    Cause.CONSECUTIVE_5XX: "enforcing_consecutive_5xx",
    Cause.CONSECUTIVE_GATEWAY_FAILURE: "enforcing_consecutive_gateway_failure",
    Cause.CONSECUTIVE_LOCAL_ORIGIN_FAILURE: "enforcing_consecutive_local_origin_failure",
    Cause.SUCCESS_RATE: "enforcing_success_rate",
    Cause.SUCCESS_RATE_LOCAL_ORIGIN: "enforcing_local_origin_success_rate",
    Cause.FAILURE_PERCENTAGE: "enforcing_failure_percentage",
    Cause.FAILURE_PERCENTAGE_LOCAL_ORIGIN: "enforcing_failure_percentage_local_origin",
}
NOBODY = dict.fromkeys(ENFORCING.values(), 0)


def detect(setup: Setup, cause: Cause) -> None:
    """Lets servers be detected by that cause, and perhaps by others that are not enforced."""
    if "consecutive" in cause.value:
        setup.fail(0, cause=cause)
        return
    is_local = "local" in cause.value
    volumes = rates(*[0.0] + [100.0] * (len(setup.servers) - 1))
    setup.counts = {
        each: Interval(NONE, volume) if is_local else Interval(volume, NONE)
        for each, volume in zip(setup.servers, volumes, strict=True)
    }
    setup.sweep()


@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize("percent", [0, 1, 50, 99, 100])
def test_of_what_is_detected_so_many_percent_are_enforced_by_the_source_of_chance(cause: Cause, percent: int) -> None:
    enforcing: dict[str, Any] = {**NOBODY, ENFORCING[cause]: percent}
    config = replace(CONFIG, **enforcing, split_external_local_origin_errors=True)
    enforced = 0
    for seed in range(200):
        setup = Setup(config, servers=6, seed=seed)
        detect(setup, cause)
        drawn = random.Random(seed)
        if cause in (Cause.FAILURE_PERCENTAGE, Cause.FAILURE_PERCENTAGE_LOCAL_ORIGIN):
            drawn.random()  # the success rate detects it first
        assert setup.out == ([0] if drawn.random() * 100 < percent else [])
        assert getattr(setup.stats, f"ejections_detected_{cause.value}") == 1
        assert getattr(setup.stats, f"ejections_enforced_{cause.value}") == len(setup.out)
        enforced += len(setup.out)
    assert abs(enforced - 2 * percent) <= 20
    assert percent % 100 or enforced == 2 * percent


# By rates.


def swept(config: OutlierDetectionConfig, volumes: list[Volume], *, local: bool = False) -> Setup:
    setup = Setup(config, servers=len(volumes))
    setup.counts = {
        each: Interval(NONE, volume) if local else Interval(volume, NONE)
        for each, volume in zip(setup.servers, volumes, strict=True)
    }
    setup.sweep()
    return setup


def test_success_rates_are_compared_by_the_arithmetic_envoy_documents() -> None:
    # 50, 100, 100, 100, 100: mean 90, deviation 20, and so 52 with the factor of 1.9.
    setup = swept(CONFIG, rates(50, 100, 100, 100, 100))
    assert setup.out == [0]
    assert setup.stats.ejections_enforced_success_rate == 1
    assert swept(replace(CONFIG, success_rate_stdev_factor=2000), rates(50, 100, 100, 100, 100)).out == []
    assert swept(CONFIG, rates(50, 100, 100, 100)).out == []  # fewer than success_rate_minimum_hosts
    assert swept(CONFIG, rates(50, 100, 100, 100, 100, of=98)).out == []  # than success_rate_request_volume
    assert swept(CONFIG, rates(0, 0, 0, 0, 0)).out == []  # alike


@given(
    st.lists(st.tuples(st.integers(0, 200), st.floats(0, 1)), min_size=1, max_size=12),
    st.integers(0, 3000),
    st.integers(0, 12),
    st.integers(0, 150),
    st.booleans(),
)
def test_an_outlier_is_whose_rate_is_below_the_mean_by_more_than_the_factor_of_the_deviation(
    drawn: list[tuple[int, float]], factor: int, hosts: int, volume: int, local: bool
) -> None:
    volumes = [Volume(total, int(total * part)) for total, part in drawn]
    config = replace(
        CONFIG,
        success_rate_stdev_factor=factor,
        success_rate_minimum_hosts=hosts,
        success_rate_request_volume=volume,
        split_external_local_origin_errors=True,
    )
    setup = swept(config, volumes, local=local)
    compared = {
        index: each.good / each.total for index, each in enumerate(volumes) if each.total and each.total >= volume
    }
    if len(compared) < hosts or not compared:
        assert setup.out == []
        return
    least = fmean(compared.values()) - pstdev(compared.values()) * factor / 1000
    for index in range(len(volumes)):
        if index not in compared:
            assert not setup.is_out(index)
        elif abs(compared[index] - least) > 1e-9:  # neither of the two arithmetics is exact
            assert setup.is_out(index) is (compared[index] < least)


def test_failure_percentages_are_held_against_the_threshold() -> None:
    config = replace(CONFIG, enforcing_success_rate=0, enforcing_failure_percentage=100)
    setup = swept(config, rates(15, 16, 0, 100, 100))
    assert setup.out == [0, 2]
    assert setup.stats.ejections_enforced_failure_percentage == 2
    assert swept(config, rates(0, 0, 0, 0)).out == []  # fewer than failure_percentage_minimum_hosts
    assert swept(config, rates(0, 0, 0, 0, 0, of=49)).out == []  # than failure_percentage_request_volume
    assert swept(config, rates(0, 0, 0, 0, 0)).out == [0, 1, 2, 3, 4]
    none = replace(config, failure_percentage_minimum_hosts=0, failure_percentage_request_volume=0)
    assert swept(none, [NONE, Volume(1, 0)]).out == [1]


def test_whom_the_success_rate_has_ejected_is_not_ejected_again_in_that_sweep() -> None:
    setup = swept(replace(CONFIG, enforcing_failure_percentage=100), rates(0, 100, 100, 100, 100))
    assert setup.out == [0]
    assert setup.stats.ejections_active == setup.stats.ejections_enforced_total == 1


def test_a_server_that_is_out_is_not_compared() -> None:
    setup = Setup(servers=6)
    setup.fail(5)
    setup.counts = dict(
        zip(setup.servers, [Interval(each, NONE) for each in rates(50, 100, 100, 100, 100, 0)], strict=True)
    )
    setup.sweep()
    assert setup.out == [0, 5]


# Health checks and other configurations.


def test_a_health_check_ends_an_ejection_and_says_nothing_of_a_server_that_is_in() -> None:
    setup = Setup()
    setup.fail(0, 1)
    for each in setup.servers:
        setup.detector.uneject(each)
    assert setup.out == []
    assert setup.forgotten == list(setup.servers[:2])
    setup.sweep(100)


def test_another_configuration_keeps_the_ejections_it_would_allow() -> None:
    setup = Setup()
    setup.fail(0)
    setup.clock.time += 1
    setup.fail(1, cause=Cause.CONSECUTIVE_GATEWAY_FAILURE)
    assert setup.out == [0]  # enforcing_consecutive_gateway_failure is 0
    setup.fail(1, 2)
    setup.clock.time += 1
    setup.detector.update(replace(CONFIG, max_ejection_percent=50))
    assert setup.out == [1, 2]  # the one that has been out longest comes back
    setup.detector.update(replace(CONFIG, base_ejection_time=100.0, max_ejection_time=100.0))
    setup.sweep(90)
    assert setup.out == [1, 2]
    setup.sweep(10)
    assert setup.out == []


@pytest.mark.parametrize(
    ("cause", "change"),
    [
        (Cause.CONSECUTIVE_5XX, {"enforcing_consecutive_5xx": 0}),
        (Cause.CONSECUTIVE_5XX, {"consecutive_5xx": 0}),
        (Cause.CONSECUTIVE_LOCAL_ORIGIN_FAILURE, {"split_external_local_origin_errors": False}),
        (Cause.CONSECUTIVE_5XX, {"max_ejection_percent": 0}),
    ],
)
def test_an_ejection_that_the_configuration_would_not_allow_ends(cause: Cause, change: dict[str, int]) -> None:
    config = replace(CONFIG, split_external_local_origin_errors=True)
    setup = Setup(config)
    setup.fail(0, cause=cause)
    setup.detector.update(replace(config, interval=2.0))
    assert setup.out == [0]
    setup.detector.update(replace(config, **change))  # type: ignore[arg-type]
    assert setup.out == []
    assert setup.stats.ejections_active == 0


def test_without_outlier_detection_everybody_is_in() -> None:
    setup = Setup()
    setup.fail(0, 1)
    setup.cluster.mark(setup.servers[0], HealthFlag.FAILED_ACTIVE_HC, is_set=True)
    setup.detector.close()
    assert setup.out == [0]  # for a reason of its own
    assert setup.stats.ejections_active == 0


# The log.


def test_each_ejection_and_its_end_is_a_line_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    setup = Setup(replace(CONFIG, max_ejection_percent=25))
    with caplog.at_level(logging.INFO, LOGGER_NAME):
        setup.fail(0, 1)
        setup.sweep(10)
        setup.fail(0)
        setup.detector.uneject(setup.servers[0])
    address = setup.servers[0].name
    assert [record.getMessage() for record in caplog.records] == [
        f"cluster c: server {address} ejected for 10 s, ejection 1: consecutive_5xx, 5 failures in a row",
        f"cluster c: server {setup.servers[1].name} is an outlier; max_ejection_percent keeps it in",
        f"cluster c: server {address} is back after 10 s, ejection 1: its time is over",
        f"cluster c: server {address} ejected for 20 s, ejection 2: consecutive_5xx, 5 failures in a row",
        f"cluster c: server {address} is back after 0 s, ejection 2: it passes its health check",
    ]
    assert len({str(record.msg) for record in caplog.records if record.levelno >= logging.WARNING}) == 3


def test_the_log_says_the_figures_of_rates(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, LOGGER_NAME):
        swept(CONFIG, rates(50, 100, 100, 100, 100))
        swept(
            replace(CONFIG, enforcing_success_rate=0, enforcing_failure_percentage=100), rates(10, 100, 100, 100, 100)
        )
    assert [record.getMessage().partition("ejection 1: ")[2] for record in caplog.records] == [
        "success_rate, 50 % where the mean is 90 % and the least 52 %",
        "failure_percentage, 90 % of 100 requests",
    ]
