"""What one process counts of a server is what the keeper of another decides by."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import replace
from typing import Any

import pytest

from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.health import HealthFlag
from metaprotocol_sdk.proxy.config.values import (
    Address,
    AnyAddress,
    ClusterConfig,
    EndpointConfig,
    OutlierDetectionConfig,
)
from metaprotocol_sdk.proxy.net.cluster_manager import Surroundings
from metaprotocol_sdk.proxy.net.loop import Turns
from metaprotocol_sdk.proxy.net.outlier_keeper import OutlierKeeper
from metaprotocol_sdk.proxy.workers.outlier_witness import OutlierWitness
from tests.proxy.harness import run

OUTLIERS = OutlierDetectionConfig(consecutive_5xx=3, max_ejection_percent=100, interval=0.02)
CONFIG = ClusterConfig(
    name="c",
    endpoints=tuple(EndpointConfig(Address("10.0.0.1", port)) for port in (1, 2)),
    outlier_detection=OUTLIERS,
)


class Two:
    """A worker's cluster with its witness, and the parent's with its keeper; what is told goes through JSON."""

    def __init__(self, config: ClusterConfig = CONFIG) -> None:
        self.turns = Turns(asyncio.get_running_loop())
        surroundings = Surroundings(turns=self.turns, rng=random.Random(1))
        self.reports: list[Any] = []
        self.worker, self.parent = Cluster(config), Cluster(config)
        self.keeper = OutlierKeeper(self.parent, surroundings)
        self.witness = OutlierWitness(self.report, self.worker, surroundings)

    def report(self, cluster: str, address: AnyAddress, what: Any) -> None:
        assert cluster == "c"
        self.reports.append(what)
        self.keeper.on_report(address, json.loads(json.dumps(what)))

    def fail(self, times: int) -> None:
        for _ in range(times):
            monitor = self.worker.endpoints[0].monitor
            assert monitor is not None
            monitor.replied(False)

    def is_ejected(self) -> bool:
        return bool(self.parent.endpoints[0].flags & HealthFlag.FAILED_OUTLIER_CHECK)

    def report_now(self) -> None:
        """The witness's timer fires, off the wheel as it is by then."""
        for slot in self.turns.wheel._slots.values():
            slot.pop(self.witness, None)
        self.witness.on_timer(0)

    async def close(self) -> None:
        self.witness.close()
        self.keeper.close()
        assert len(self.turns.wheel) == 0
        await self.turns.close()


def test_failures_in_a_row_are_told_at_once_and_begin_anew_after_an_ejection() -> None:
    async def main() -> None:
        two = Two()
        await two.witness.warm()
        two.fail(2)
        assert not two.reports
        two.fail(1)
        assert two.reports == [{"failures": "consecutive_5xx"}]
        assert two.is_ejected()
        two.fail(2)
        two.worker.mark(two.worker.endpoints[0], HealthFlag.FAILED_OUTLIER_CHECK, is_set=True)  # as the parent tells
        two.fail(2)
        assert len(two.reports) == 1
        await two.close()

    run(main())


@pytest.mark.parametrize("is_split", [False, True])
def test_what_is_counted_is_told_and_is_what_the_parents_monitors_give(is_split: bool) -> None:
    async def main() -> None:
        outliers = replace(OUTLIERS, consecutive_5xx=100, split_external_local_origin_errors=is_split, interval=300.0)
        two = Two(replace(CONFIG, outlier_detection=outliers))
        seen, known = two.worker.endpoints[0].monitor, two.parent.endpoints[0].monitor
        assert seen is not None
        assert known is not None
        for _ in range(2):
            seen.replied(True)
            seen.replied(False)
            seen.failed()
        two.report_now()
        two.report_now()
        assert len(two.reports) == 1
        assert known.take() == (((4, 2), (6, 4)) if is_split else ((6, 2), (0, 0)))
        await two.close()

    run(main())


def test_what_is_told_of_a_server_that_is_gone_or_not_watched_is_nothing() -> None:
    async def main() -> None:
        two = Two()
        two.keeper.on_report(Address("10.0.0.9", 9), {"failures": "consecutive_5xx"})
        two.parent.update(replace(CONFIG, outlier_detection=None))
        two.keeper.update()
        two.fail(3)
        assert not two.is_ejected()
        two.worker.update(replace(CONFIG, outlier_detection=None))
        two.witness.update()
        assert [each.monitor for each in two.worker.endpoints] == [None, None]
        two.worker.update(CONFIG)
        two.witness.update()
        two.worker.set_endpoints([EndpointConfig(Address("10.0.0.3", 3))])
        assert all(each.monitor is not None for each in two.worker.endpoints)
        await two.close()

    run(main())
