"""The parent of a proxy of several processes, which is that proxy to whoever runs it.

It is a :class:`~metaprotocol_sdk.proxy.server.Server` that accepts nobody: so what a configuration makes of listeners,
filters and clusters, whether it can be used, and what looks after clusters, is as in a proxy of one process.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from metaprotocol_sdk.exceptions import WorkerError
from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.config import Document
from metaprotocol_sdk.proxy.config.values import AnyAddress, ProxyConfig
from metaprotocol_sdk.proxy.metrics import Histogram, ServerStats
from metaprotocol_sdk.proxy.net.listener import Listener
from metaprotocol_sdk.proxy.net.loop import Turns
from metaprotocol_sdk.proxy.net.sockets import Bind, bind
from metaprotocol_sdk.proxy.process import Addresses, Terms, operate
from metaprotocol_sdk.proxy.server import DRAIN_TIME, Prepared, Server
from metaprotocol_sdk.proxy.workers.channel import Message
from metaprotocol_sdk.proxy.workers.fleet import Fleet, Start
from metaprotocol_sdk.proxy.workers.memory import Block
from metaprotocol_sdk.proxy.workers.operation import FleetOperation
from metaprotocol_sdk.proxy.workers.plain import from_plain
from metaprotocol_sdk.proxy.workers.sharing import Host, Seats
from metaprotocol_sdk.proxy.workers.tally import Tally
from metaprotocol_sdk.proxy.workers.told import Gossip, State, state_of

ASK_TIME = 2.0
"""Seconds a worker has to say what it has counted; what it said last counts when it does not."""
_SLACK = 1.0
_ASKED = ("upstream_cx_total", "upstream_cx_connect_fail", "upstream_cx_connect_timeout", "upstream_cx_none_healthy")
"""What is counted of a cluster that is asked for a server."""


def run(document: Document, *, workers: int, terms: Terms[Document], log: tuple[str, str] = ("text", "info")) -> int:
    """Serves by several processes; to its operator what :func:`metaprotocol_sdk.proxy.process.run` is.

    Args:
        document: What it serves.
        workers: How many processes accept clients.
        terms: How it is run.
        log: The form and the level of the workers' log.

    Returns:
        The process's exit code, 0.

    Raises:
        MetaProtocolError: It cannot start.
    """

    def make(bind: Bind) -> Parent:
        return Parent(document, workers=workers, drain_time=terms.drain_time, log=log, bind=bind)

    return operate(make, FleetOperation, terms)


class Parent:
    """A proxy of several processes, on the running event loop of the one that owns them.

    Args:
        document: What it serves.
        workers: How many processes accept clients.
        drain_time: Seconds requests in flight have to end.
        log: The form and the level of the workers' log.
        bind: Gives the listening socket of each listener.

    Raises:
        MetaProtocolError: The configuration cannot be used; see :class:`~metaprotocol_sdk.proxy.server.Server`.
    """

    def __init__(
        self,
        document: Document,
        *,
        workers: int,
        drain_time: float = DRAIN_TIME,
        log: tuple[str, str] = ("text", "info"),
        bind: Bind = bind,
    ) -> None:
        loop = asyncio.get_running_loop()
        self._document = document
        self._settings: dict[str, Any] = {"path": sys.path, "log": log, "drain_time": drain_time, "workers": workers}
        self._turns = Turns(loop)
        self._block = Block.create(workers)
        self._host = Host(self._block)
        self._server = Server(document.config, drain_time=drain_time, sharing=self._host, bind=bind)
        self._seats = self._host.seats(self._server.clusters, self._server.filters)
        self._fleet = Fleet(self._turns, workers, self, random.Random())  # noqa: S311  chance, not secrets
        self._tally = Tally()
        self._gossip = Gossip(loop, lambda states: self._fleet.tell("states", states=states))

    @property
    def config(self) -> ProxyConfig:
        """What it serves."""
        return self._server.config

    @property
    def stats(self) -> ServerStats:
        """What is counted about the whole proxy."""
        return self._server.stats

    @property
    def addresses(self) -> Addresses:
        """Bound host and port by listener name."""
        return self._server.addresses

    @property
    def is_serving(self) -> bool:
        """Whether a worker serves its clients; else they wait in the kernel until one does."""
        return self._fleet.is_serving

    @property
    def pids(self) -> list[int]:
        """The workers' process ids."""
        return self._fleet.pids

    @property
    def server(self) -> Server:
        """What knows its listeners and clusters, and accepts nobody."""
        return self._server

    async def start(self) -> None:
        """Binds every listener, and returns when all workers accept clients.

        Raises:
            ConfigError: An address cannot be bound.
            WorkerError: A worker cannot serve, or dies again and again before it is ready.
        """
        try:
            await self._server.start()
            self._gossip.watch(self._server.clusters)
            await self._fleet.start()
        except BaseException:
            await self.stop()
            raise

    async def reload(self, document: Document) -> None:
        """Has all workers serve something else from now on, or none of them.

        Raises:
            MetaProtocolError: It cannot be used, here or in a worker. Nothing has changed then.
        """
        async with self._fleet.held():
            try:
                prepared = await self._server.prepare(document.config)
                await self._prepare(document, prepared)
            except BaseException:
                self._host.keep(self._seats)
                raise
            self._document = document
            self._server.commit(prepared)
            clusters = self._server.clusters
            self._seats = self._host.seats(clusters, self._server.filters)
            self._host.keep(self._seats)
            self._gossip.watch(clusters)
            answers = await self._fleet.ask("commit", states=_states(clusters.values()))
            for number, answer in answers.items():
                if isinstance(answer, WorkerError):  # what it serves nobody can say
                    await self._fleet.replace(number, f"has not taken on the configuration: {answer}")
            self._tally.keep(self._server.snapshot().keys())  # no worker tells of anything else from here on

    async def _prepare(self, document: Document, prepared: Prepared) -> None:
        plan = prepared.clusters
        fresh = [plan.clusters[name] for name in plan.fresh]
        seats = self._host.seats(plan.clusters, prepared.filters)
        start = self._start(document, prepared.fresh, seats, fresh)
        try:
            answers = await self._fleet.ask("prepare", blob=start.blob, descriptors=start.descriptors, **start.fields)
            for number, answer in answers.items():
                if isinstance(answer, WorkerError):
                    raise WorkerError(f"worker {number + 1}: {answer}")
            self._server.require_undrained()  # meanwhile
        except BaseException:
            self._fleet.tell("abandon")
            self._server.abandon(prepared)
            raise

    def _start(
        self, document: Document, listeners: Iterable[Listener], seats: Seats, clusters: Iterable[Cluster]
    ) -> Start:
        sockets = {each.config.name: each.socket.fileno() for each in listeners}
        fields = {
            "file": document.file,
            "listeners": list(sockets),
            "clusters": seats.clusters,
            "buckets": seats.buckets,
            "states": _states(clusters),
        }
        return Start(fields, document.text, tuple(sockets.values()))

    def start_of(self, worker: int) -> Start:
        """What a worker that starts now serves."""
        server = self._server
        listeners = [each for each in server.listeners if not each.is_draining]
        start = self._start(self._document, listeners, self._seats, server.clusters.values())
        drained = [each.config.name for each in server.listeners if each.is_draining]
        fields = {**self._settings, **start.fields, "worker": worker, "drained": drained}
        return Start(fields, start.blob, (self._block.descriptor, *start.descriptors))

    def on_told(self, worker: int, message: Message) -> None:
        """A worker tells what it has counted, or what it has seen of a server."""
        fields = message.fields
        if fields["kind"] == "counted":
            self._tally.update(worker, fields["changed"])
            self._note_traffic(fields["changed"])
        else:
            self._server.report(fields["cluster"], _address(fields["address"]), fields["what"])

    def _note_traffic(self, counted: Collection[str]) -> None:
        """Has health checks know which clusters are asked for servers."""
        for name, cluster in self._server.clusters.items():
            if not cluster.has_traffic and any(f"cluster.{name}.{each}" in counted for each in _ASKED):
                cluster.note_traffic()

    def on_death(self, worker: int) -> None:
        """What a worker had under way is gone, what it has counted stays."""
        self._tally.bury(worker)
        self._host.bury(worker)

    async def counters(self) -> dict[str, int]:
        """Every counter of the whole proxy by its full name."""
        await self._fleet.ask("counters", seconds=ASK_TIME)  # each tells them before it answers
        return self._tally.total(self._server.snapshot())

    async def active(self) -> dict[str, list[int]]:
        """How many requests are in flight at each server of each cluster, in the order of its servers."""
        active = {name: [0] * len(cluster.endpoints) for name, cluster in self._server.clusters.items()}
        for answer in (await self._fleet.ask("active", seconds=ASK_TIME)).values():
            found: Mapping[str, list[int]] = {} if isinstance(answer, WorkerError) else answer["active"]
            for name, counts in found.items():
                if len(active.get(name, ())) == len(counts):  # else it has not yet been told of other servers
                    active[name] = [sum(each) for each in zip(active[name], counts, strict=True)]
        return active

    async def histograms(self) -> dict[str, Histogram]:
        """Every histogram of the whole proxy by its full name; what dead workers had observed is not in them."""
        total = self._server.histograms()
        for answer in (await self._fleet.ask("histograms", seconds=ASK_TIME)).values():
            found: Mapping[str, Any] = {} if isinstance(answer, WorkerError) else answer["histograms"]
            for name, (counts, sum_of_all) in found.items():
                if name in total:
                    total[name] += Histogram.from_counts(total[name].bounds, counts, sum_of_all)
        return total

    def reset_counters(self) -> None:
        """Sets every counter to 0, and no gauge."""
        self._fleet.tell("reset_counters")
        self._tally.reset()
        self._server.reset_counters()

    def drain_listeners(self, *, graceful: bool, skip_exit: bool, inbound_only: bool) -> None:
        """As :meth:`~metaprotocol_sdk.proxy.server.Server.drain_listeners` has it, in every process."""
        how = {"graceful": graceful, "skip_exit": skip_exit, "inbound_only": inbound_only}
        self._fleet.tell("drain_listeners", **how)
        self._server.drain_listeners(**how)
        if graceful and not skip_exit:
            self._turns.spawn(self._drain_latecomers({**how, "graceful": False}))

    async def _drain_latecomers(self, how: Mapping[str, bool]) -> None:
        """Has workers that were started during a graceful drain end it with the others."""
        document = self._document
        await asyncio.sleep(self._settings["drain_time"])
        if self._document is document:  # else others may listen now, who are not meant
            self._fleet.tell("drain_listeners", **how)

    def set_log_level(self, level: str) -> None:
        """Has the workers write what is as grave as ``level`` or graver; those that start later, too."""
        form, _ = self._settings["log"]
        self._settings["log"] = form, level
        self._fleet.tell("log_level", level=level)

    async def drain(self, seconds: float) -> bool:
        """Accepts no more, lets requests in flight end, and closes each client's connection once it has none.

        Returns:
            Whether everything had ended within ``seconds``.
        """
        self._fleet.retire()
        # The parent's sockets close at once: a client that nobody accepts must not wait in one.
        answers, _ = await asyncio.gather(
            self._fleet.ask("drain", seconds=seconds + _SLACK, with_starting=True, **{"for": seconds}),
            self._server.drain(seconds),
        )
        return all(not isinstance(each, WorkerError) and each["is_idle"] for each in answers.values())

    async def stop(self) -> int:
        """Ends every worker; returns how many clients' connections were cut."""
        cut = await self._fleet.stop()
        await self._server.stop()
        await self._turns.close()
        self._block.close()
        return cut


def _states(clusters: Iterable[Cluster]) -> dict[str, State]:
    return {each.name: state_of(each) for each in clusters}


def _address(plain: Any) -> AnyAddress:
    kind: Any = AnyAddress
    found: AnyAddress = from_plain(kind, plain)
    return found
