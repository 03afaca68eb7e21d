"""Clusters of which the parent takes care: its servers and what is known against them are told to the workers.

The parent alone asks a name server, checks health and ejects. A worker is told a cluster's state as a whole: when it
starts, with every configuration, and whenever the state is another.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.health import HealthFlag
from metaprotocol_sdk.proxy.config.values import EndpointConfig
from metaprotocol_sdk.proxy.metrics import Counters
from metaprotocol_sdk.proxy.net.cluster_manager import Surroundings
from metaprotocol_sdk.proxy.workers.plain import from_plain, to_plain

State = list[tuple[Any, int]]
"""The servers of a cluster, as JSON says it: each one's configuration, and what is known against it."""


def state_of(cluster: Cluster) -> State:
    """What workers are told of a cluster."""
    pairs = zip(cluster.servers, cluster.endpoints, strict=True)
    return [(to_plain(server), int(endpoint.flags)) for server, endpoint in pairs]


def _take_on(state: State, cluster: Cluster) -> None:
    configs = tuple(from_plain(EndpointConfig, server) for server, _ in state)
    if configs != cluster.servers:
        cluster.set_endpoints(configs)
    for endpoint, (_, number) in zip(cluster.endpoints, state, strict=True):
        flags = HealthFlag(number)
        cluster.mark(endpoint, ~flags, is_set=False)
        cluster.mark(endpoint, flags, is_set=True)


class Hearsay:
    """What a worker was told of each cluster; ``keeper`` is its only keeper factory."""

    def __init__(self) -> None:
        self._states: dict[str, State] = {}
        self._keepers: dict[str, _Told] = {}

    def take(self, states: Mapping[str, State]) -> None:
        """Takes on what the parent knows now; clusters that are not there yet begin with it."""
        self._states.update(states)
        for name in states:
            if name in self._keepers:
                self._keepers[name].update()

    def keeper(self, cluster: Cluster, surroundings: Surroundings) -> _Told:  # noqa: ARG002  a factory is given both
        """Keeps a cluster as the parent says it is."""
        keeper = self._keepers[cluster.name] = _Told(cluster, self)
        return keeper

    def state(self, name: str) -> State | None:
        """What the parent last said of a cluster."""
        return self._states.get(name)

    def forget(self, keeper: _Told) -> None:
        """A cluster is gone."""
        name = keeper.cluster.name
        if self._keepers.get(name) is keeper:
            del self._keepers[name]
            self._states.pop(name, None)


class _Told:
    """Keeps one cluster as the parent says it is."""

    counters: Sequence[tuple[str, Counters]] = ()

    def __init__(self, cluster: Cluster, hearsay: Hearsay) -> None:
        self.cluster = cluster
        self._hearsay = hearsay
        self.update()

    def update(self) -> None:
        """The state, or the configuration, is another."""
        state = self._hearsay.state(self.cluster.name)
        if state is not None:
            _take_on(state, self.cluster)

    async def warm(self) -> None:
        """The state comes with the configuration."""

    def close(self) -> None:
        """The cluster is gone."""
        self._hearsay.forget(self)


class Gossip:
    """Tells of every cluster whose state has changed, once for each turn of the loop.

    Args:
        loop: The event loop.
        tell: Takes the states of some clusters by name.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, tell: Callable[[dict[str, State]], None]) -> None:
        self._loop = loop
        self._tell = tell
        self._watched: dict[str, Cluster] = {}
        self._changed: dict[str, Cluster] = {}

    def watch(self, clusters: Mapping[str, Cluster]) -> None:
        """Tells of those, which are all there are."""
        for name, cluster in clusters.items():
            if self._watched.get(name) is not cluster:
                cluster.watch_state(functools.partial(self._on_change, cluster))
        self._watched = dict(clusters)

    def _on_change(self, cluster: Cluster) -> None:
        if not self._changed:
            self._loop.call_soon(self._say)
        self._changed[cluster.name] = cluster

    def _say(self) -> None:
        changed, self._changed = self._changed, {}
        states = {name: state_of(cluster) for name, cluster in changed.items() if self._watched.get(name) is cluster}
        if states:
            self._tell(states)
