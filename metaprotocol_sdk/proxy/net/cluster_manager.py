"""Every cluster by name, and what looks after each: its names, its servers' health."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.config.values import Address, ClusterConfig
from metaprotocol_sdk.proxy.metrics import Counters
from metaprotocol_sdk.proxy.net.loop import Turns
from metaprotocol_sdk.proxy.net.sharing import ALONE, Sharing

WARM_TIME = 5.0
"""Seconds a new cluster has to become ready before it is used as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a keeper works with.

    Args:
        turns: The event loop, and its timers.
        rng: The proxy's source of chance.
    """

    turns: Turns
    rng: random.Random


class Keeper(Protocol):
    """Looks after one thing of one cluster for as long as the cluster is there."""

    @property
    def counters(self) -> Sequence[tuple[str, Counters]]:
        """What it counts, each behind a prefix of its own that follows ``cluster.<name>.``."""

    def update(self) -> None:
        """``cluster.config`` is another."""

    async def warm(self) -> None:
        """Ends as soon as the cluster can be used, as far as this keeper is concerned."""

    def close(self) -> None:
        """The cluster is gone, or the proxy stops."""


@runtime_checkable
class Listening(Protocol):
    """A keeper that is told what other processes see of the cluster's servers."""

    def on_report(self, address: Address, what: Any) -> None:
        """A process has seen something of the server at ``address``, which may be gone by now.

        Args:
            address: The server's.
            what: What its keeper there has reported, as JSON says it.
        """


KeeperFactory = Callable[[Cluster, Surroundings], Keeper]
"""Makes a keeper, which begins its work at once."""


@dataclass(frozen=True, slots=True)
class _Kept:
    cluster: Cluster
    keepers: tuple[Keeper, ...]

    def close(self) -> None:
        for keeper in self.keepers:
            keeper.close()


@dataclass(frozen=True, slots=True)
class ClusterPlan:
    """The clusters of a configuration that is not in use yet: those that are there, as they are, and new ones.

    Nothing of it is seen from outside until :meth:`ClusterManager.commit`.
    """

    configs: tuple[ClusterConfig, ...]
    kept: Mapping[str, _Kept]
    fresh: frozenset[str]

    @property
    def clusters(self) -> dict[str, Cluster]:
        """By name."""
        return {name: kept.cluster for name, kept in self.kept.items()}

    async def warm(self, seconds: float = WARM_TIME) -> None:
        """Waits until the new ones can be used, for so long at most."""
        waits = [asyncio.ensure_future(keeper.warm()) for name in self.fresh for keeper in self.kept[name].keepers]
        if not waits:
            return
        try:
            done, _ = await asyncio.wait(waits, timeout=seconds)
            for each in done:
                each.result()
        finally:
            for each in waits:
                each.cancel()

    def abandon(self) -> None:
        """Ends what looks after the new ones."""
        for name in self.fresh:
            self.kept[name].close()


class ClusterManager:
    """The clusters of one proxy.

    Args:
        surroundings: What keepers work with.
        keepers: What makes those of a cluster.
        sharing: What makes a cluster.
    """

    def __init__(
        self, surroundings: Surroundings, keepers: Sequence[KeeperFactory] = (), sharing: Sharing = ALONE
    ) -> None:
        self._surroundings = surroundings
        self._factories = keepers
        self._sharing = sharing
        self._kept: Mapping[str, _Kept] = {}

    @property
    def clusters(self) -> dict[str, Cluster]:
        """Those in use, by name."""
        return {name: kept.cluster for name, kept in self._kept.items()}

    @property
    def counters(self) -> Iterator[tuple[str, Counters]]:
        """What is counted of each, by prefix."""
        for name, kept in self._kept.items():
            yield f"cluster.{name}.", kept.cluster.stats
            for keeper in kept.keepers:
                for prefix, counters in keeper.counters:
                    yield f"cluster.{name}.{prefix}", counters

    def report(self, cluster: str, address: Address, what: Any) -> None:
        """Tells the keepers of a cluster, if it is there, what another process has seen of a server."""
        kept = self._kept.get(cluster)
        for keeper in () if kept is None else kept.keepers:
            if isinstance(keeper, Listening):
                keeper.on_report(address, what)

    def plan(self, configs: Iterable[ClusterConfig]) -> ClusterPlan:
        """What ``configs`` would make of the clusters."""
        configs = tuple(configs)
        fresh = frozenset(each.name for each in configs) - self._kept.keys()
        kept = {each.name: self._made(each) if each.name in fresh else self._kept[each.name] for each in configs}
        return ClusterPlan(configs, kept, fresh)

    def _made(self, config: ClusterConfig) -> _Kept:
        cluster = self._sharing.cluster(config, self._surroundings.rng)
        return _Kept(cluster, tuple(make(cluster, self._surroundings) for make in self._factories))

    def commit(self, plan: ClusterPlan) -> None:
        """Uses the clusters of ``plan`` from now on. Those that were there are updated, those that are gone let go."""
        for name, kept in self._kept.items():
            if name not in plan.kept:
                kept.close()
        for config in plan.configs:
            kept = plan.kept[config.name]
            if config != kept.cluster.config:
                kept.cluster.update(config)
                for keeper in kept.keepers:
                    keeper.update()
        self._kept = plan.kept

    def close(self) -> None:
        """Ends what looks after them."""
        for kept in self._kept.values():
            kept.close()
