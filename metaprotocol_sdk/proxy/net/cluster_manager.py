"""Every cluster by name, and what looks after each: its names, its servers' health."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.config.values import AnyAddress, ClusterConfig
from metaprotocol_sdk.proxy.metrics import Counters
from metaprotocol_sdk.proxy.net.loop import Turns
from metaprotocol_sdk.proxy.net.sharing import ALONE, Sharing
from metaprotocol_sdk.proxy.net.tls_keeper import TlsKeeper

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

    def on_report(self, address: AnyAddress, what: Any) -> None:
        """A process has seen something of the server at ``address``, which may be gone by now.

        Args:
            address: The server's.
            what: What its keeper there has reported, as JSON says it.
        """


KeeperFactory = Callable[[Cluster, Surroundings], Keeper]
"""Makes a keeper, which begins its work at once."""


def _keep_tls(cluster: Cluster, surroundings: Surroundings) -> Keeper:
    """Of every cluster, whatever else looks after it: one that is to be secured is never spoken to in the clear."""
    return TlsKeeper(cluster, surroundings.turns)


@dataclass(frozen=True, slots=True)
class _Kept:
    cluster: Cluster
    keepers: tuple[Keeper, ...]

    async def warm(self) -> None:
        """One after the other: those that come later look after what the earlier ones have found."""
        for keeper in self.keepers:
            await keeper.warm()

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
        waits = [asyncio.ensure_future(self.kept[name].warm()) for name in self.fresh]
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
        self._factories: Sequence[KeeperFactory] = (_keep_tls, *keepers)
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
            for counted in (kept.cluster.counters, *(keeper.counters for keeper in kept.keepers)):
                for prefix, counters in counted:
                    yield f"cluster.{name}.{prefix}", counters

    def report(self, cluster: str, address: AnyAddress, what: Any) -> None:
        """Tells the keepers of a cluster, if it is there, what another process has seen of a server."""
        kept = self._kept.get(cluster)
        for keeper in () if kept is None else kept.keepers:
            if isinstance(keeper, Listening):
                keeper.on_report(address, what)

    def plan(self, configs: Iterable[ClusterConfig]) -> ClusterPlan:
        """What ``configs`` would make of the clusters.

        Raises:
            MetaProtocolError: What looks after a new one cannot be made; nothing is left of the others then.
        """
        configs = tuple(configs)
        fresh = frozenset(each.name for each in configs) - self._kept.keys()
        made: list[Keeper] = []
        try:
            kept = {
                each.name: self._made(each, made) if each.name in fresh else self._kept[each.name] for each in configs
            }
        except BaseException:
            for keeper in made:
                keeper.close()
            raise
        return ClusterPlan(configs, kept, fresh)

    def _made(self, config: ClusterConfig, made: list[Keeper]) -> _Kept:
        surroundings = self._surroundings
        cluster = self._sharing.cluster(config, surroundings.rng, surroundings.turns.loop.time)
        before = len(made)
        for make in self._factories:
            made.append(make(cluster, self._surroundings))  # noqa: PERF401  an error leaves those before it in there
        return _Kept(cluster, tuple(made[before:]))

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
