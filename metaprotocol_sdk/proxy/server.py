"""The composition root: a configuration becomes listeners and clusters, which start, change, drain and stop."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from metaprotocol_sdk.exceptions import ConfigError, Finding
from metaprotocol_sdk.proxy.assembly import Assembled, Assembly, MadeFilter, endpoints_of
from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.config.values import AnyAddress, Bound, ListenerConfig, ProxyConfig, TrafficDirection
from metaprotocol_sdk.proxy.filters.filter import FilterFactory
from metaprotocol_sdk.proxy.filters.registry import filter_factories
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.metrics import Counters, Histogram, ServerStats
from metaprotocol_sdk.proxy.net.cluster_manager import ClusterManager, ClusterPlan, KeeperFactory, Surroundings
from metaprotocol_sdk.proxy.net.context import Limits
from metaprotocol_sdk.proxy.net.health_checker import HealthChecker
from metaprotocol_sdk.proxy.net.listener import Listener
from metaprotocol_sdk.proxy.net.loop import Turns
from metaprotocol_sdk.proxy.net.outlier_keeper import OutlierKeeper
from metaprotocol_sdk.proxy.net.sharing import ALONE, Sharing
from metaprotocol_sdk.proxy.net.sockets import Bind, bind
from metaprotocol_sdk.proxy.net.strict_dns import StrictDns

_log = logging.getLogger(LOGGER_NAME)

DRAIN_TIME = 10.0
"""Seconds requests in flight have to end when their listener, or the proxy, stops; Kubernetes kills after 30."""
KEEPERS: tuple[KeeperFactory, ...] = (StrictDns, HealthChecker, OutlierKeeper)
"""What looks after every cluster of a proxy that is one process; those that find servers come first."""

_STOP_TIME = 1.0
_DRAIN_CHECK = 0.02


@dataclass(frozen=True, slots=True)
class _Serving:
    """A listener that serves, and what it was made of."""

    listener: Listener
    assembled: Assembled


@dataclass(frozen=True, slots=True)
class Prepared:
    """A configuration that is ready to be served, and not yet served: what :meth:`Server.prepare` makes."""

    config: ProxyConfig
    clusters: ClusterPlan
    serving: Mapping[str, _Serving]
    fresh: tuple[Listener, ...]
    """Those that are bound, and accept nobody yet."""

    @property
    def filters(self) -> dict[str, tuple[MadeFilter, ...]]:
        """The filters of each listener, the router left out."""
        return _filters(self.serving)


class Server:
    """A whole proxy, on the running event loop.

    Args:
        config: What it serves.
        filters: What makes the filter of each name in ``meta_protocol_filters``; None: those that are registered. The
            router is always there.
        limits: What keeps every listener bounded, instead of what its configuration says.
        drain_time: Seconds the requests of a listener that is removed have to end.
        bind: Gives the listening socket of each listener.
        keepers: What looks after each cluster.
        sharing: What it has in common with the other processes of the proxy.

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
        bind: Bind = bind,
        keepers: Sequence[KeeperFactory] = KEEPERS,
        sharing: Sharing = ALONE,
    ) -> None:
        self.config = config
        self.stats = ServerStats()
        self._turns = Turns(asyncio.get_running_loop())
        self._rng = random.Random()  # noqa: S311  chance, not secrets
        self._drain_time = drain_time
        self._bind = bind
        self._sharing = sharing
        self._assembly = Assembly(
            turns=self._turns,
            factories=filter_factories() if filters is None else filters,
            rng=self._rng,
            limits=limits,
            sharing=sharing,
        )
        self._manager = ClusterManager(Surroundings(turns=self._turns, rng=self._rng), keepers, sharing)
        self._first = self._manager.plan(config.clusters)
        self._manager.commit(self._first)
        self._watch_clusters(self._first.fresh)
        self._serving: Mapping[str, _Serving] = {
            each.name: self._plan(None, each, config, self.clusters) for each in config.listeners
        }
        self._leaving: list[Listener] = []

    @property
    def clusters(self) -> dict[str, Cluster]:
        """Those in use, by name."""
        return self._manager.clusters

    @property
    def listeners(self) -> list[Listener]:
        """Those that serve, in configured order."""
        return [each.listener for each in self._serving.values()]

    @property
    def addresses(self) -> dict[str, Bound]:
        """Bound host and port by listener name, once :meth:`start` has returned."""
        return {name: each.listener.bound for name, each in self._serving.items()}

    @property
    def filters(self) -> dict[str, tuple[MadeFilter, ...]]:
        """The filters of each listener, the router left out."""
        return _filters(self._serving)

    async def start(self) -> None:
        """Binds every listener, waits until the clusters can be used, and accepts clients.

        Raises:
            ConfigError: An address cannot be bound; nothing is bound then.
        """
        try:
            for listener in self.listeners:
                listener.bind(self._bind)
            await self._first.warm()
        except BaseException:
            await self.stop()
            raise
        for listener in self.listeners:
            listener.start()

    async def reload(self, config: ProxyConfig) -> None:
        """Serves ``config`` from now on, without one request failed by the change: :meth:`prepare` and :meth:`commit`.

        Raises:
            MetaProtocolError: It cannot be used; see :class:`Server` and :meth:`start`. Nothing has changed then.
        """
        self.commit(await self.prepare(config))

    async def prepare(self, config: ProxyConfig) -> Prepared:
        """Makes everything that ``config`` wants and is not there; what is served stays as it is.

        Raises:
            MetaProtocolError: It cannot be used; see :class:`Server` and :meth:`start`. Nothing has changed then.
        """
        self.require_undrained()
        plan = self._manager.plan(config.clusters)
        fresh: list[Listener] = []
        try:
            names = {each.name for each in config.listeners}
            clusters = plan.clusters
            serving = {
                each.name: self._plan(self._before(each, names), each, config, clusters) for each in config.listeners
            }
            there = self.listeners
            fresh = [each.listener for each in serving.values() if each.listener not in there]
            gone = self._gone(serving)
            for listener in fresh:
                listener.bind(lambda config: self._socket_of(config, gone))
            await plan.warm()
            self.require_undrained()
        except BaseException:  # a stop that comes meanwhile, too: nobody else knows of these
            plan.abandon()
            for listener in fresh:
                listener.drain()
            raise
        return Prepared(config, plan, serving, tuple(fresh))

    def require_undrained(self) -> None:
        """Asks whether another configuration can be taken on.

        Raises:
            ConfigError: It cannot, since a listener accepts nobody any more.
        """
        if any(listener.is_draining for listener in self.listeners):
            raise ConfigError([Finding(message="its listeners have been drained; start the proxy anew")])

    def commit(self, prepared: Prepared) -> None:
        """Serves what was prepared from now on, without one request failed by the change.

        Routes, filters and clusters change under the clients that are there: their next request sees the new ones.
        What is equal in both configurations goes on as it is: connections to servers, counters, the buckets of rate
        limits. A listener that is gone, or has another name, address or protocol now, lets go of its clients, who
        may end what is in flight.
        """
        gone = self._gone(prepared.serving)
        self._manager.commit(prepared.clusters)
        self._watch_clusters(prepared.clusters.fresh)
        self.config, self._serving = prepared.config, prepared.serving
        for serving in self._serving.values():
            serving.listener.update(serving.assembled.config, serving.assembled.parts)
        for listener in prepared.fresh:
            listener.start()
        for listener in gone:
            self._see_off(listener)
        self._retire_servers()
        self.stats.config_reload += 1

    def abandon(self, prepared: Prepared) -> None:
        """Lets go of what was prepared, and will not be served."""
        prepared.clusters.abandon()
        for listener in prepared.fresh:
            listener.drain()

    def _gone(self, serving: Mapping[str, _Serving]) -> list[Listener]:
        """The listeners there are that ``serving`` has no more."""
        kept = {each.listener for each in serving.values()}
        return [each for each in self.listeners if each not in kept]

    def _socket_of(self, config: ListenerConfig, gone: Iterable[Listener]) -> socket.socket:
        """A listening socket; that of the one of ``gone`` that has the address now, since two may change places."""
        before = next((each for each in gone if each.bound.address == config.address), None)
        return self._bind(config) if before is None else before.hand_on()

    def _watch_clusters(self, names: Iterable[str]) -> None:
        clusters = self.clusters
        for name in names:
            clusters[name].watch(self._retire_servers)

    def _retire_servers(self) -> None:
        """Lets go of connections to servers that no cluster has any more."""
        kept = endpoints_of(self.clusters)
        for listener in [*self.listeners, *self._leaving]:
            listener.retire(kept)

    def _before(self, config: ListenerConfig, names: Collection[str]) -> _Serving | None:
        """What serves the address of ``config`` now and may go on: under the same name, or under one that is gone."""
        for old in self._serving.values():
            before = old.assembled.config
            is_renamed = before.name not in names and config.address.is_fixed
            if before.address == config.address and (before.name == config.name or is_renamed):
                return old
        return None

    def _plan(
        self, old: _Serving | None, config: ListenerConfig, proxy: ProxyConfig, clusters: Mapping[str, Cluster]
    ) -> _Serving:
        previous = None if old is None else old.assembled
        assembled = self._assembly.assemble(config, clusters, node=proxy.node, previous=previous)
        listener = Listener(config, assembled.parts, self._sharing) if old is None else old.listener
        return _Serving(listener, assembled)

    def _see_off(self, listener: Listener) -> None:
        self._leaving.append(listener)
        listener.drain()
        self._turns.spawn(self._end(listener))

    async def _end(self, listener: Listener) -> None:
        await _until_idle([listener], self._drain_time)
        await listener.stop(_STOP_TIME)
        self._leaving.remove(listener)

    def report(self, cluster: str, address: AnyAddress, what: Any) -> None:
        """Tells what looks after a cluster what another process has seen of a server there."""
        self._manager.report(cluster, address, what)

    async def drain(self, seconds: float) -> bool:
        """Stops accepting, lets requests in flight end, and closes each client's connection once it has none.

        Returns:
            Whether everything had ended within ``seconds``.
        """
        listeners = [*self.listeners, *self._leaving]
        for listener in listeners:
            listener.drain()
        await _until_idle(listeners, seconds)
        return self.is_idle

    def drain_listeners(self, *, graceful: bool = False, skip_exit: bool = False, inbound_only: bool = False) -> None:
        """Has the clients of every listener leave: each connection is closed once it has no request in flight.

        No configuration can be taken on once a listener accepts nobody any more.

        Args:
            graceful: New clients are accepted until the drain time is over; else none from now on.
            skip_exit: They are accepted after it, too.
            inbound_only: Only listeners whose ``traffic_direction`` is INBOUND.
        """
        wanted = (TrafficDirection.INBOUND,) if inbound_only else tuple(TrafficDirection)
        listeners = [each for each in self.listeners if each.config.traffic_direction in wanted]
        for listener in listeners:
            if graceful:
                listener.shed()
            else:
                listener.drain()
        if graceful and not skip_exit:
            self._turns.spawn(self._drain_later(listeners))

    async def _drain_later(self, listeners: Iterable[Listener]) -> None:
        await asyncio.sleep(self._drain_time)
        for listener in listeners:
            listener.drain()

    @property
    def is_idle(self) -> bool:
        """Whether every client has gone and every request, oneways included, is done."""
        return all(listener.is_idle for listener in [*self.listeners, *self._leaving])

    async def stop(self) -> int:
        """Closes everything; returns how many clients' connections were cut."""
        # Together: each may have servers that are slow to close, and a worker has little time for all of them.
        cut = sum(await asyncio.gather(*(each.stop(_STOP_TIME) for each in [*self.listeners, *self._leaving])))
        self._manager.close()
        await self._turns.close()
        return cut

    def snapshot(self) -> dict[str, int]:
        """Every counter by its full name: MetaProtocol Proxy's for listeners and filters, Envoy's for clusters."""
        total: dict[str, int] = {}
        for prefix, counters in self._counted():
            for name, count in counters.snapshot(prefix).items():
                total[name] = total.get(name, 0) + count  # two listeners may share a stat_prefix
        return total

    def reset_counters(self) -> None:
        """Sets every counter to 0, and no gauge."""
        for _, counters in self._counted():
            counters.reset()

    def histograms(self) -> dict[str, Histogram]:
        """Every histogram by its full name; those of listeners with one stat_prefix are added up."""
        found: dict[str, Histogram] = {}
        for each in self._serving.values():
            histogram = each.listener.context.request_time
            name = f"{_prefix(each.assembled.config)}request_time_ms"
            found[name] = found[name] + histogram if name in found else histogram
        return found

    def _counted(self) -> Iterator[tuple[str, Counters]]:
        yield "server.", self.stats
        for each in self._serving.values():
            yield _prefix(each.assembled.config), each.listener.context.stats
            for made in each.assembled.filters:
                yield from made.counters
            yield from each.listener.counters
        yield from self._manager.counters


async def _until_idle(listeners: Sequence[Listener], seconds: float) -> None:
    """Waits until clients have gone and their requests, oneways included, are done, for so long at most."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            for listener in listeners:
                await listener.connections.wait_gone(seconds)
            # Oneways, which no client's connection waits for; too rare to deserve a signal of their end.
            while not all(listener.is_idle for listener in listeners):  # noqa: ASYNC110
                await asyncio.sleep(_DRAIN_CHECK)


def _prefix(config: ListenerConfig) -> str:
    return f"meta_protocol.{config.protocol.name}.{config.stat_prefix}."


def _filters(serving: Mapping[str, _Serving]) -> dict[str, tuple[MadeFilter, ...]]:
    return {name: each.assembled.filters for name, each in serving.items()}
