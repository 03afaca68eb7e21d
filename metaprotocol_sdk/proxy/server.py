"""The composition root: a configuration becomes listeners and clusters, which start, change, drain and stop."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from metaprotocol_sdk.exceptions import ConfigError
from metaprotocol_sdk.proxy.assembly import Assembled, Assembly, endpoints_of
from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.config.values import ClusterConfig, ListenerConfig, ProxyConfig
from metaprotocol_sdk.proxy.filters.filter import FilterFactory
from metaprotocol_sdk.proxy.filters.registry import filter_factories
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.metrics import Counters, ServerStats
from metaprotocol_sdk.proxy.net.context import Limits
from metaprotocol_sdk.proxy.net.listener import Listener
from metaprotocol_sdk.proxy.net.loop import Turns

_log = logging.getLogger(LOGGER_NAME)

DRAIN_TIME = 10.0
"""Seconds requests in flight have to end when their listener, or the proxy, stops; Kubernetes kills after 30."""
_STOP_TIME = 1.0
_DRAIN_CHECK = 0.02


@dataclass(frozen=True, slots=True)
class _Serving:
    """A listener that serves, and what it was made of."""

    listener: Listener
    assembled: Assembled


class Server:
    """A whole proxy, on the running event loop.

    Args:
        config: What it serves.
        filters: What makes the filter of each name in ``meta_protocol_filters``; None: those that are registered. The
            router is always there.
        limits: What keeps every listener bounded, instead of what its configuration says.
        drain_time: Seconds the requests of a listener that is removed have to end.

    Raises:
        ConfigError: A filter has no factory, or a codec cannot share connections as it is told to.
        FilterLoadError: A registered filter cannot be loaded, or a filter cannot be made.
        CodecNotFound: No codec has a listener's name for it.
        CodecLoadError: A listener's codec cannot be loaded.
    """

    def __init__(
        self,
        config: ProxyConfig,
        *,
        filters: Mapping[str, FilterFactory] | None = None,
        limits: Limits | None = None,
        drain_time: float = DRAIN_TIME,
    ) -> None:
        self.config = config
        self.stats = ServerStats()
        self._turns = Turns(asyncio.get_running_loop())
        self._rng = random.Random()  # noqa: S311  chance, not secrets
        self._drain_time = drain_time
        self._assembly = Assembly(
            turns=self._turns,
            factories=filter_factories() if filters is None else filters,
            rng=self._rng,
            limits=limits,
        )
        self._clusters = {each.name: Cluster(each, self._rng) for each in config.clusters}
        self._serving = {each.name: self._serve(each) for each in config.listeners}
        self._leaving: list[Listener] = []

    def _serve(self, config: ListenerConfig) -> _Serving:
        assembled = self._assembly.assemble(config, self._clusters, node=self.config.node)
        return _Serving(Listener(config, assembled.parts), assembled)

    @property
    def listeners(self) -> list[Listener]:
        """Those that serve, in configured order."""
        return [each.listener for each in self._serving.values()]

    @property
    def addresses(self) -> dict[str, tuple[str, int]]:
        """Bound host and port by listener name, once :meth:`start` has returned."""
        return {name: each.listener.bound for name, each in self._serving.items()}

    async def start(self) -> None:
        """Binds every listener.

        Raises:
            ConfigError: An address cannot be bound; nothing is bound then.
        """
        try:
            await _start_all(self.listeners)
        except ConfigError:
            await self.stop()
            raise

    async def reload(self, config: ProxyConfig) -> None:
        """Serves ``config`` from now on, without one request failed by the change.

        Routes, filters and clusters change under the clients that are there: their next request sees the new ones.
        What is equal in both configurations goes on as it is: connections to servers, counters, the buckets of rate
        limits. A listener that is gone, or has another name, address or protocol now, lets go of its clients, who
        may end what is in flight.

        Raises:
            MetaProtocolError: It cannot be used; see :class:`Server` and :meth:`start`. Nothing has changed then.
        """
        clusters = {each.name: self._clusters.get(each.name) or Cluster(each, self._rng) for each in config.clusters}
        names = {each.name for each in config.listeners}
        plan = {each.name: self._plan(self._before(each, names), each, config, clusters) for each in config.listeners}
        await _start_all([serving.listener for serving in plan.values() if serving.listener not in self.listeners])
        self._update_clusters(config.clusters, clusters)
        gone = [each for each in self.listeners if each not in {serving.listener for serving in plan.values()}]
        self.config, self._serving = config, plan
        for serving in plan.values():
            serving.listener.update(serving.assembled.config, serving.assembled.parts)
        for listener in gone:
            self._see_off(listener)
        for way in {serving.assembled.pools for serving in plan.values()}:
            way.retire(endpoints_of(clusters))
        self.stats.config_reload += 1

    def _before(self, config: ListenerConfig, names: Collection[str]) -> _Serving | None:
        """What serves the address of ``config`` now and may go on: under the same name, or under one that is gone."""
        for old in self._serving.values():
            before = old.assembled.config
            is_renamed = before.name not in names and config.address.port != 0
            if before.address == config.address and (before.name == config.name or is_renamed):
                return old
        return None

    def _plan(
        self, old: _Serving | None, config: ListenerConfig, proxy: ProxyConfig, clusters: Mapping[str, Cluster]
    ) -> _Serving:
        previous = None if old is None else old.assembled
        assembled = self._assembly.assemble(config, clusters, node=proxy.node, previous=previous)
        return _Serving(Listener(config, assembled.parts) if old is None else old.listener, assembled)

    def _update_clusters(self, configs: Iterable[ClusterConfig], clusters: dict[str, Cluster]) -> None:
        for config in configs:
            clusters[config.name].update(config)
        self._clusters = clusters

    def _see_off(self, listener: Listener) -> None:
        self._leaving.append(listener)
        listener.drain()
        self._turns.spawn(self._end(listener))

    async def _end(self, listener: Listener) -> None:
        await listener.connections.wait_gone(self._drain_time)
        await listener.stop(_STOP_TIME)
        self._leaving.remove(listener)

    async def drain(self, seconds: float) -> bool:
        """Stops accepting, lets requests in flight end, and closes each client's connection once it has none.

        Returns:
            Whether everything had ended within ``seconds``.
        """
        listeners = [*self.listeners, *self._leaving]
        for listener in listeners:
            listener.drain()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                for listener in listeners:
                    await listener.connections.wait_gone(seconds)
                # Oneways, which no client's connection waits for; too rare to deserve a signal of their end.
                while not self.is_idle:  # noqa: ASYNC110
                    await asyncio.sleep(_DRAIN_CHECK)
        return self.is_idle

    @property
    def is_idle(self) -> bool:
        """Whether every client has gone and every request, oneways included, is done."""
        return all(listener.is_idle for listener in [*self.listeners, *self._leaving])

    async def stop(self) -> int:
        """Closes everything; returns how many clients' connections were cut."""
        cut = sum([await listener.stop(_STOP_TIME) for listener in [*self.listeners, *self._leaving]])
        await self._turns.close()
        return cut

    def snapshot(self) -> dict[str, int]:
        """Every counter by its full name: MetaProtocol Proxy's for listeners and filters, Envoy's for clusters."""
        counted: list[tuple[str, Counters]] = [("server.", self.stats)]
        for each in self._serving.values():
            config = each.assembled.config
            prefix = f"meta_protocol.{config.protocol.name}.{config.stat_prefix}."
            counted.append((prefix, each.listener.context.stats))
            counted += [pair for made in each.assembled.filters for pair in made.counters]
        counted += [(f"cluster.{cluster.name}.", cluster.stats) for cluster in self._clusters.values()]
        total: Counter[str] = Counter()
        for prefix, counters in counted:
            total.update(counters.snapshot(prefix))  # two listeners may share a stat_prefix
        return dict(total)


async def _start_all(listeners: Iterable[Listener]) -> None:
    """Binds all of them, or none."""
    started = []
    try:
        for listener in listeners:
            await listener.start()
            started.append(listener)
    except BaseException:  # a stop that comes meanwhile, too: nobody else knows of these
        for listener in started:
            await listener.stop(_STOP_TIME)
        raise
