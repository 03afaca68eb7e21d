"""A worker's clusters are as the parent's are, whatever happens to them there."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import replace

from hypothesis import example, given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.health import HealthFlag
from metaprotocol_sdk.proxy.config.values import Address, AnyAddress, ClusterConfig, EndpointConfig
from metaprotocol_sdk.proxy.net.cluster_manager import ClusterManager, Surroundings
from metaprotocol_sdk.proxy.net.loop import Turns
from metaprotocol_sdk.proxy.workers.told import Gossip, Hearsay, State, state_of
from tests.proxy.harness import run

ONE = EndpointConfig(Address("10.0.0.1", 1))
servers = st.lists(
    st.builds(EndpointConfig, st.builds(Address, st.just("10.0.0.1"), st.integers(1, 4)), st.integers(1, 3))
)
steps = st.lists(
    st.one_of(servers, st.tuples(st.integers(0, 3), st.sampled_from(HealthFlag), st.booleans())), max_size=12
)


def seen(cluster: Cluster) -> list[tuple[AnyAddress, int, HealthFlag]]:
    return [(each.address, each.weight, each.flags) for each in cluster.endpoints]


class Worker:
    """The clusters of a worker."""

    def __init__(self, states: dict[str, State], *configs: ClusterConfig) -> None:
        self.hearsay = Hearsay()
        self.hearsay.take(states)
        surroundings = Surroundings(turns=Turns(asyncio.get_running_loop()), rng=random.Random(1))
        self.manager = ClusterManager(surroundings, (self.hearsay.keeper,))
        self.plan = self.manager.plan(configs)
        self.manager.commit(self.plan)


@given(servers, steps)
@example([ONE], [(0, HealthFlag.FAILED_EDS_HEALTH, True), [ONE]])
def test_what_changes_in_the_parent_changes_in_a_worker(first: list[EndpointConfig], steps: list[object]) -> None:
    async def main() -> None:
        config = ClusterConfig(name="c", endpoints=tuple(first))
        cluster = Cluster(config)
        told: list[dict[str, State]] = []
        gossip = Gossip(asyncio.get_running_loop(), told.append)
        gossip.watch({"c": cluster})
        worker = Worker({"c": state_of(cluster)}, config)
        await worker.plan.warm()
        for step in steps:
            if isinstance(step, list):
                cluster.set_endpoints(step)
            elif isinstance(step, tuple) and cluster.endpoints:
                index, flag, is_set = step
                cluster.mark(cluster.endpoints[index % len(cluster.endpoints)], flag, is_set=is_set)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            for states in told:
                worker.hearsay.take(json.loads(json.dumps(states)))
            told.clear()
            assert seen(worker.manager.clusters["c"]) == seen(cluster)

    run(main())


def test_what_is_told_before_a_configuration_is_taken_on_stays_when_it_is() -> None:
    async def main() -> None:
        config = ClusterConfig(name="c", endpoints=(EndpointConfig(Address("names.example", 1)),))
        found = Cluster(replace(config, endpoints=(EndpointConfig(Address("10.0.0.1", 1)),)))
        found.mark(found.endpoints[0], HealthFlag.FAILED_ACTIVE_HC, is_set=True)
        worker = Worker({"c": state_of(found)}, config)
        cluster = worker.manager.clusters["c"]
        assert seen(cluster) == seen(found)
        worker.manager.commit(worker.manager.plan([replace(config, connect_timeout=1)]))
        assert (seen(cluster), cluster.connect_timeout) == (seen(found), 1)

    run(main())


def test_a_cluster_that_is_gone_is_told_of_no_more_and_a_new_one_of_its_name_begins_anew() -> None:
    async def main() -> None:
        config = ClusterConfig(name="c", endpoints=(EndpointConfig(Address("10.0.0.1", 1)),))
        worker = Worker({"c": state_of(Cluster(config))}, config)
        worker.manager.commit(worker.manager.plan([]))
        assert worker.hearsay.state("c") is None
        plan = worker.manager.plan([config])
        plan.abandon()
        assert worker.hearsay.state("c") is None

    run(main())


def test_many_changes_are_told_at_once_and_those_of_a_cluster_that_is_gone_are_not() -> None:
    async def main() -> None:
        kept, gone = (Cluster(ClusterConfig(name=name)) for name in ("kept", "gone"))
        told: list[dict[str, State]] = []
        gossip = Gossip(asyncio.get_running_loop(), told.append)
        gossip.watch({"kept": kept, "gone": gone})
        gossip.watch({"kept": kept})
        for port in (1, 2, 3):
            for each in (kept, gone):
                each.set_endpoints([EndpointConfig(Address("10.0.0.1", port))])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert told == [{"kept": state_of(kept)}]
        gone.set_endpoints([])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(told) == 1

    run(main())
