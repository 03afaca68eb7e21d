"""The keeper has the detector work for as long as the configuration wants one."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.config.values import Address, ClusterConfig, EndpointConfig, OutlierDetectionConfig
from metaprotocol_sdk.proxy.net.cluster_manager import Surroundings
from metaprotocol_sdk.proxy.net.loop import Turns
from metaprotocol_sdk.proxy.net.outlier_keeper import OutlierKeeper
from tests.proxy.harness import run, until

FAST = OutlierDetectionConfig(consecutive_5xx=1, max_ejection_percent=100, base_ejection_time=0.02, interval=0.02)
SLOW = replace(FAST, base_ejection_time=300.0, interval=300.0)


def servers(*ports: int) -> tuple[EndpointConfig, ...]:
    return tuple(EndpointConfig(Address("127.0.0.1", port)) for port in ports)


class Setup:
    """A cluster with its keeper, on the running loop."""

    def __init__(self, config: OutlierDetectionConfig | None) -> None:
        self.turns = Turns(asyncio.get_running_loop())
        self.cluster = Cluster(ClusterConfig(name="c", endpoints=servers(1, 2), outlier_detection=config))
        self.keeper = OutlierKeeper(self.cluster, Surroundings(turns=self.turns, rng=random.Random(1)))

    @property
    def first(self) -> Endpoint:
        return self.cluster.endpoints[0]

    def is_out(self) -> bool:
        return not self.first.is_usable

    def fail(self, endpoint: Endpoint) -> None:
        assert endpoint.monitor is not None
        endpoint.monitor.replied(False)

    def update(self, config: OutlierDetectionConfig | None) -> None:
        self.cluster.update(replace(self.cluster.config, outlier_detection=config))
        self.keeper.update()

    @property
    def active(self) -> int:
        [(prefix, counters)] = self.keeper.counters
        assert prefix == "outlier_detection."
        return counters.snapshot()["ejections_active"]


def test_what_is_ejected_comes_back_with_the_sweep_after_its_time() -> None:
    async def main() -> None:
        setup = Setup(FAST)
        await setup.keeper.warm()
        for _ in range(3):
            setup.fail(setup.first)
            assert setup.is_out()
            assert setup.active == 1
            await until(lambda: not setup.is_out())
            assert setup.active == 0
        setup.keeper.close()
        assert len(setup.turns.wheel) == 0
        await setup.turns.close()

    run(main())


def test_a_cluster_without_it_costs_nothing_and_may_have_it_later() -> None:
    async def main() -> None:
        setup = Setup(None)
        assert setup.keeper.counters == ()
        assert len(setup.turns.wheel) == 0
        assert setup.first.monitor is None
        assert setup.cluster.uneject is None
        setup.cluster.set_endpoints(servers(1))
        assert setup.first.monitor is None

        setup.update(SLOW)
        setup.fail(setup.first)
        assert setup.is_out()
        setup.update(None)
        assert not setup.is_out()
        assert setup.first.monitor is None
        assert len(setup.turns.wheel) == 0
        assert setup.keeper.counters == ()
        await setup.turns.close()

    run(main())


def test_another_interval_counts_from_now_and_the_same_one_goes_on() -> None:
    async def main() -> None:
        setup = Setup(SLOW)
        setup.fail(setup.first)
        setup.update(replace(SLOW, max_ejection_percent=50))
        assert setup.is_out()
        assert len(setup.turns.wheel) == 1
        setup.update(FAST)
        assert len(setup.turns.wheel) == 1
        await until(lambda: not setup.is_out())
        setup.keeper.close()
        await setup.turns.close()

    run(main())


def test_servers_that_come_have_monitors_and_those_that_go_are_forgotten() -> None:
    async def main() -> None:
        setup = Setup(SLOW)
        gone = setup.first
        setup.fail(gone)
        setup.cluster.set_endpoints(servers(2, 3))
        assert setup.active == 0
        assert getattr(gone, "monitor") is None  # noqa: B009  mypy would hold it to what it was
        for each in setup.cluster.endpoints:
            setup.fail(each)
        assert setup.active == 2
        setup.keeper.close()
        assert all(each.monitor is None for each in setup.cluster.endpoints)
        await setup.turns.close()

    run(main())


def test_a_health_check_that_succeeds_lets_a_server_in_unless_it_is_told_not_to() -> None:
    async def main() -> None:
        setup = Setup(SLOW)
        setup.fail(setup.first)
        assert setup.cluster.uneject is not None
        setup.cluster.uneject(setup.first)
        assert not setup.is_out()
        setup.update(replace(SLOW, successful_active_health_check_uneject_host=False))
        assert getattr(setup.cluster, "uneject") is None  # noqa: B009
        setup.keeper.close()
        await setup.turns.close()

    run(main())
