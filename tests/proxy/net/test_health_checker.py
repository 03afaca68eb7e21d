"""The keeper of a cluster's health, before servers that are as well as a test says."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.health import HealthFlag
from metaprotocol_sdk.proxy.config.values import (
    Address,
    ClusterConfig,
    EndpointConfig,
    HealthCheckConfig,
    HeartbeatCheckConfig,
    TcpCheckConfig,
    UpstreamTlsConfig,
)
from metaprotocol_sdk.proxy.net.cluster_manager import Surroundings
from metaprotocol_sdk.proxy.net.health_checker import HealthChecker
from metaprotocol_sdk.proxy.net.loop import Turns
from tests.proxy.checking import HEARTBEAT, Patient, check, patients, pong
from tests.proxy.codecs import ERROR, LineCodec, message
from tests.proxy.harness import LOOPS, run, until, unused_port

loops = pytest.mark.parametrize("loop", sorted(LOOPS))

NEVER = check(
    interval=1000.0,
    no_traffic_interval=1000.0,
    no_traffic_healthy_interval=1000.0,
    unhealthy_interval=1000.0,
    unhealthy_edge_interval=1000.0,
    healthy_edge_interval=1000.0,
)


def events_of(log: Path) -> list[str]:
    """The kinds of events in a file."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return [next(key for key in line if key.endswith("_event")) for line in lines]


class Ward:
    """A cluster that is checked."""

    def __init__(self, cluster: Cluster, turns: Turns) -> None:
        self.cluster = cluster
        self.turns = turns
        self.checker = HealthChecker(cluster, Surroundings(turns=turns, rng=random.Random(1)))

    def count(self, name: str) -> int:
        ((prefix, counters),) = self.checker.counters
        return counters.snapshot(prefix)[f"health_check.{name}"]

    @property
    def well(self) -> list[str]:
        return [each.name for each in self.cluster.endpoints if each.is_usable]


@asynccontextmanager
async def ward(
    config: HealthCheckConfig | None, *hosts: Patient | EndpointConfig, **cluster: Any
) -> AsyncIterator[Ward]:
    """A checked cluster; looks at the end that nothing is left."""
    before = asyncio.all_tasks()
    turns = Turns(asyncio.get_running_loop())
    endpoints = tuple(each if isinstance(each, EndpointConfig) else EndpointConfig(each.address) for each in hosts)
    made = Ward(
        Cluster(ClusterConfig(name="c", endpoints=endpoints, health_check=config, panic_threshold=0, **cluster)), turns
    )
    try:
        yield made
    finally:
        made.checker.close()
        made.cluster.set_endpoints(())  # of no interest to it any more
        assert len(turns.wheel) == 0
        await until(lambda: asyncio.all_tasks() <= before)
        await turns.close()


@loops
def test_a_new_server_gets_nothing_before_its_first_check_which_decides_alone(loop: str) -> None:
    async def main() -> None:
        patient = Patient()
        async with patients(patient):
            dead = EndpointConfig(Address("127.0.0.1", unused_port()))
            config = replace(NEVER, healthy_threshold=3, unhealthy_threshold=3)
            async with ward(config, patient, dead) as checked:
                assert [each.flags for each in checked.cluster.endpoints] == [HealthFlag.FAILED_ACTIVE_HC] * 2
                assert checked.cluster.pick() is None
                await checked.checker.warm()
                assert checked.well == [str(patient.address)]
                assert {checked.cluster.pick() for _ in range(4)} == {checked.cluster.endpoints[0]}
                names = ("attempt", "success", "failure", "network_failure", "healthy")
                assert [checked.count(name) for name in names] == [2, 1, 1, 1, 1]

    run(main(), loop)


@loops
@pytest.mark.parametrize("by", [TcpCheckConfig(), HEARTBEAT])
def test_a_server_that_dies_is_out_after_enough_failures_and_back_after_enough_passes(
    loop: str, by: TcpCheckConfig | HeartbeatCheckConfig, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level("INFO", "metaprotocol.proxy")
    log = tmp_path / "events.log"

    async def main() -> None:
        patient = Patient()
        config = check(by=by, unhealthy_threshold=3, healthy_threshold=2, event_log_path=str(log))
        async with patients(patient), ward(config, patient) as checked:
            passed: list[Endpoint] = []
            checked.cluster.uneject = passed.append
            await until(lambda: len(passed) == 3)
            assert set(passed) == set(checked.cluster.endpoints)
            patient.stop()
            await until(lambda: checked.count("failure") == 2)
            assert checked.well == [str(patient.address)]
            await until(lambda: checked.count("failure") == 3)
            assert checked.well == []
            assert checked.count("healthy") == 0
            assert checked.cluster.pick() is None
            before = checked.count("success")
            await patient.start()
            await until(lambda: checked.count("success") == before + 1)
            assert checked.well == []
            await until(lambda: checked.count("success") == before + 2)
            assert checked.well == [str(patient.address)]
        await until(lambda: not patient.open_links)

    run(main(), loop)
    assert events_of(log) == [
        "add_healthy_event", "eject_unhealthy_event", "add_healthy_event",
    ]  # fmt: skip
    assert "is unhealthy: connection refused" in caplog.text
    assert caplog.text.count("is healthy again") == 1


@loops
def test_heartbeats_use_one_connection_unless_they_are_told_not_to(loop: str) -> None:
    async def main() -> None:
        for reuses in (True, False):
            patient = Patient()
            config = check(by=HEARTBEAT, reuse_connection=reuses)
            async with patients(patient), ward(config, patient) as checked:
                await until(lambda: checked.count("success") == 4)
                assert len(patient.links) == (1 if reuses else 4)
                assert [each.request_id for each in patient.asked] == ([0, 1, 2, 3] if reuses else [0, 0, 0, 0])

    run(main(), loop)


@loops
def test_a_server_may_close_a_connection_that_is_not_used(loop: str) -> None:
    async def main() -> None:
        patient = Patient()
        async with patients(patient), ward(check(by=HEARTBEAT), patient) as checked:
            for successes in (2, 4, 6):
                await until(lambda: checked.count("success") >= successes)  # noqa: B023
                patient.hang_up()
            assert checked.count("failure") == 0
            assert len(patient.links) >= 3

    run(main(), loop)


@loops
@pytest.mark.parametrize(
    ("say", "reason", "at_once"),
    [
        (lambda beat: b"", "no answer in 0.25 s", False),
        (lambda beat: message(beat.request_id + 1, kind=5), "no answer in 0.25 s", False),
        (lambda beat: message(beat.request_id + 1, kind=4), "no answer in 0.25 s", False),
        (lambda beat: b"SSH-2.0-OpenSSH_9.6\r\n", "magic 0x53", True),
        (lambda beat: message(beat.request_id, kind=ERROR), "it answers the heartbeat with an error", True),
    ],
)
def test_a_server_that_does_not_answer_as_it_should_is_unhealthy(
    loop: str, say: Any, reason: str, at_once: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        patient = Patient()
        config = check(by=HEARTBEAT, unhealthy_threshold=2, timeout=0.25)
        async with patients(patient), ward(config, patient) as checked:
            await checked.checker.warm()
            assert checked.well
            patient.say = say
            await until(lambda: not checked.well)
            assert checked.count("failure") == (1 if at_once else 2)
            assert checked.count("network_failure") == (0 if at_once else 2)
            patient.say = pong
            await until(lambda: bool(checked.well))

    run(main(), loop)
    assert reason in caplog.text


@loops
def test_bytes_are_sent_and_bytes_have_to_come(loop: str) -> None:
    async def main() -> None:
        def answer(said: Metadata) -> bytes:
            return b"well, well\n" if said["text"] == "how are you" else b"what\n"

        patient = Patient(answer, codec=LineCodec())
        for sent, is_well in ((b"SAY how are you\n", True), (b"SAY no\n", False)):
            config = replace(NEVER, by=TcpCheckConfig(sent, (b"we", b"we")), timeout=5.0 if is_well else 0.05)
            async with patients(patient), ward(config, patient) as checked:
                await checked.checker.warm()
                assert bool(checked.well) is is_well
            patient.address = Address("127.0.0.1", 0)

    run(main(), loop)


@loops
def test_a_server_can_be_checked_elsewhere_or_not_at_all(loop: str) -> None:
    async def main() -> None:
        patient = Patient()
        async with patients(patient):
            hosts = [Address("127.0.0.1", unused_port()) for _ in range(3)]
            elsewhere = EndpointConfig(hosts[0], health_check_port=patient.address.port)
            unchecked = EndpointConfig(hosts[1], is_checked=False)
            async with ward(NEVER, elsewhere, unchecked, EndpointConfig(hosts[2])) as checked:
                assert checked.well == [str(hosts[1])]
                await checked.checker.warm()
                assert checked.well == [str(hosts[0]), str(hosts[1])]
                checked.cluster.update(replace(checked.cluster.config, endpoints=tuple(map(EndpointConfig, hosts[:2]))))
                checked.checker.update()
                await checked.checker.warm()
                # what was known of the first stays, until it fails at its new place
                await until(lambda: checked.well == [])

    run(main(), loop)


@loops
def test_checks_follow_servers_that_come_and_go(loop: str) -> None:
    async def main() -> None:
        one, other = Patient(), Patient()
        async with patients(one, other), ward(check(by=HEARTBEAT), one) as checked:
            await checked.checker.warm()
            checked.cluster.set_endpoints([EndpointConfig(other.address)])
            assert checked.well == []
            await checked.checker.warm()
            assert checked.well == [str(other.address)]
            await until(lambda: not one.open_links)
            assert checked.count("healthy") == 1

    run(main(), loop)


@loops
def test_a_reload_keeps_what_is_known_and_servers_nobody_has_checked_yet_go_on(loop: str) -> None:
    async def main() -> None:
        patient = Patient(lambda beat: b"")
        async with patients(patient), ward(None, patient) as checked:
            assert checked.checker.counters == ()
            await checked.checker.warm()
            (server,) = checked.cluster.endpoints

            def reload(config: HealthCheckConfig | None) -> None:
                checked.cluster.update(replace(checked.cluster.config, health_check=config))
                checked.checker.update()

            reload(check(by=HEARTBEAT, timeout=0.02, unhealthy_threshold=2))
            assert checked.well, "a check that is new takes no server out before it has failed"
            await until(lambda: not checked.well)
            assert checked.count("failure") == 2
            reload(check(timeout=1.0, healthy_threshold=3))
            assert not checked.well
            before = checked.count("success")
            await until(lambda: bool(checked.well))
            assert checked.count("success") == before + 3
            patient.stop()
            await until(lambda: not checked.well)
            reload(None)
            assert checked.well == [server.name]
            assert checked.checker.counters == ()

    run(main(), loop)


@loops
def test_servers_that_are_to_be_secured_from_now_on_are_as_well_as_they_were(loop: str) -> None:
    async def main() -> None:
        well, dead = Patient(), EndpointConfig(Address("127.0.0.1", unused_port()))
        async with patients(well), ward(NEVER, well, dead) as checked:
            await checked.checker.warm()
            before = checked.cluster.endpoints
            checked.cluster.update(replace(checked.cluster.config, tls=UpstreamTlsConfig()))
            checked.checker.update()
            assert not {*before} & {*checked.cluster.endpoints}
            assert checked.well == [str(well.address)]

    run(main(), loop)


@loops
def test_many_servers_are_not_checked_at_one_time(loop: str) -> None:
    async def main() -> None:
        hosts = [EndpointConfig(Address("127.0.0.1", port)) for port in range(1, 201)]
        async with ward(NEVER, *hosts) as checked:
            begin_together = [len(slot) for slot in checked.turns.wheel._slots.values()]
            assert len(begin_together) > 3
            assert max(begin_together) <= 50
            await checked.checker.warm()
            assert checked.count("attempt") == 200

    run(main(), loop)


@loops
@pytest.mark.parametrize("by", [TcpCheckConfig(), TcpCheckConfig(b"x", (b"y",)), HEARTBEAT])
def test_an_end_in_the_middle_of_a_check_leaves_nothing(loop: str, by: TcpCheckConfig | HeartbeatCheckConfig) -> None:
    async def main() -> None:
        patient = Patient(lambda beat: b"")
        async with patients(patient):
            for turns in range(12):
                async with ward(check(by=by), patient) as checked:
                    await until(lambda: checked.count("attempt") > 0)
                    for _ in range(turns):
                        await asyncio.sleep(0)
            await until(lambda: not patient.open_links)

    run(main(), loop)


def test_before_the_first_check_a_server_is_pending_where_that_is_asked_for() -> None:
    async def main() -> None:
        patient = Patient()
        async with patients(patient), ward(NEVER, patient, ignore_new_hosts_until_first_hc=True) as checked:
            (server,) = checked.cluster.endpoints
            assert server.flags == HealthFlag.FAILED_ACTIVE_HC | HealthFlag.PENDING_ACTIVE_HC
            await checked.checker.warm()
            assert not server.flags

    run(main())


def test_traffic_changes_the_interval() -> None:
    async def main() -> None:
        patient = Patient()
        config = replace(NEVER, interval=0.01)
        async with patients(patient), ward(config, patient) as checked:
            checked.cluster.stats.upstream_cx_none_healthy = 1
            await until(lambda: checked.count("success") == 3)

    run(main())


def test_every_pass_and_every_failure_can_be_an_event(tmp_path: Path) -> None:
    log = tmp_path / "events.log"

    async def main() -> None:
        patient = Patient()
        config = check(
            event_log_path=str(log), always_log_health_check_failures=True, always_log_health_check_success=True
        )
        async with patients(patient), ward(config, patient) as checked:
            await until(lambda: checked.count("success") == 2)
            patient.stop()
            await until(lambda: checked.count("failure") == 2)

    run(main())
    events = events_of(log)
    assert events[:2] == ["add_healthy_event", "successful_health_check_event"]
    assert events[-3:] == ["eject_unhealthy_event", "health_check_failure_event", "health_check_failure_event"]
