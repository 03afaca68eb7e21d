"""Clusters by name, and what looks after each."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import Any

import pytest

from metaprotocol_sdk.exceptions import CodecNotFound
from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.config.values import Address, ClusterConfig
from metaprotocol_sdk.proxy.metrics import Counters
from metaprotocol_sdk.proxy.net.cluster_manager import ClusterManager, Surroundings
from metaprotocol_sdk.proxy.net.loop import Turns
from tests.proxy.harness import run


@dataclass(slots=True, eq=False)
class LookStats(Counters):
    looks: int = 0


class Look:
    """Keeps what it is told."""

    def __init__(self, cluster: Cluster, surroundings: Surroundings) -> None:
        self.told = ["made"]
        self.cluster = cluster
        self.is_ready = asyncio.Event()
        self.counters = (("look.", LookStats(looks=3)),)

    def update(self) -> None:
        self.told.append(f"timeout is {self.cluster.config.connect_timeout}")

    async def warm(self) -> None:
        await self.is_ready.wait()

    def close(self) -> None:
        self.told.append("closed")


def test_a_keeper_is_waited_for_when_those_before_it_are_ready() -> None:
    async def main() -> None:
        told: list[str] = []

        class Slow(Look):
            async def warm(self) -> None:
                await asyncio.sleep(0)
                told.append("finds servers")

        class Quick(Look):
            async def warm(self) -> None:
                told.append("checks them")

        turns = Turns(asyncio.get_running_loop())
        manager = ClusterManager(Surroundings(turns=turns, rng=random.Random(1)), (Slow, Quick))
        await manager.plan([ClusterConfig(name="a")]).warm()
        assert told == ["finds servers", "checks them"]
        await turns.close()

    run(main())


def test_a_keeper_that_cannot_be_made_leaves_no_other() -> None:
    async def main() -> None:
        looks: list[Look] = []

        def look(cluster: Cluster, surroundings: Surroundings) -> Look:
            looks.append(Look(cluster, surroundings))
            return looks[-1]

        def fussy(cluster: Cluster, surroundings: Surroundings) -> Look:
            if cluster.name == "b":
                raise CodecNotFound("none")
            return look(cluster, surroundings)

        turns = Turns(asyncio.get_running_loop())
        manager = ClusterManager(Surroundings(turns=turns, rng=random.Random(1)), (look, fussy))
        with pytest.raises(CodecNotFound):
            manager.plan([ClusterConfig(name="a"), ClusterConfig(name="b")])
        assert [each.told for each in looks] == [["made", "closed"]] * 3
        assert manager.clusters == {}
        await turns.close()

    run(main())


def test_keepers_live_as_long_as_their_cluster() -> None:
    async def main() -> None:
        looks: dict[str, Look] = {}

        def look(cluster: Cluster, surroundings: Surroundings) -> Look:
            looks[cluster.name] = made = Look(cluster, surroundings)
            return made

        turns = Turns(asyncio.get_running_loop())
        manager = ClusterManager(Surroundings(turns=turns, rng=random.Random(1)), (look,))
        a, b = (ClusterConfig(name=name) for name in "ab")
        manager.commit(manager.plan([a, b]))
        first = manager.clusters
        assert dict(manager.counters)["cluster.a.look."].snapshot() == {"looks": 3}

        plan = manager.plan([a, ClusterConfig(name="b", connect_timeout=1.0), ClusterConfig(name="c")])
        assert plan.fresh == {"c"}
        assert manager.clusters == first
        assert first["b"].connect_timeout == 5.0
        waiting = asyncio.ensure_future(plan.warm())
        await asyncio.sleep(0)
        assert not waiting.done()
        looks["c"].is_ready.set()
        await waiting
        manager.commit(plan)
        assert {name: manager.clusters[name] for name in "ab"} == first
        assert first["b"].connect_timeout == 1.0

        abandoned = manager.plan([ClusterConfig(name="d")])
        await abandoned.warm(0.0)  # not ready, and nobody waits for it for ever
        abandoned.abandon()
        manager.commit(manager.plan([ClusterConfig(name="c")]))
        manager.close()
        assert {name: each.told for name, each in looks.items()} == {
            "a": ["made", "closed"],
            "b": ["made", "timeout is 1.0", "closed"],
            "c": ["made", "closed"],
            "d": ["made", "closed"],
        }
        await turns.close()

    run(main())


class Ear(Look):
    """Hears what other processes see."""

    def on_report(self, address: Address, what: Any) -> None:
        self.told.append(f"{what} of {address}")


def test_what_another_process_has_seen_is_told_to_those_who_listen_and_are_still_there() -> None:
    async def main() -> None:
        made: list[Look] = []

        def making(kind: type[Look]) -> Any:
            def make(cluster: Cluster, surroundings: Surroundings) -> Look:
                made.append(kind(cluster, surroundings))
                return made[-1]

            return make

        turns = Turns(asyncio.get_running_loop())
        manager = ClusterManager(Surroundings(turns=turns, rng=random.Random(1)), (making(Look), making(Ear)))
        manager.commit(manager.plan([ClusterConfig(name="c")]))
        for name in ("c", "gone"):
            manager.report(name, Address("10.0.0.1", 80), 5)
        assert [each.told for each in made] == [["made"], ["made", "5 of 10.0.0.1:80"]]
        await turns.close()

    run(main())
