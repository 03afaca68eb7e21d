"""A worker: serves what the parent has, until the parent says otherwise, or is gone.

Started as a program, with the descriptor of its end of the channel. The first message is ``start``.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from metaprotocol_sdk.exceptions import ConfigError, Finding, MetaProtocolError, WorkerError
from metaprotocol_sdk.proxy.config import parse_config
from metaprotocol_sdk.proxy.config.values import AnyAddress, ListenerConfig, ProxyConfig
from metaprotocol_sdk.proxy.filters.registry import filter_models
from metaprotocol_sdk.proxy.log import LOGGER_NAME, configure
from metaprotocol_sdk.proxy.net.cluster_manager import KeeperFactory
from metaprotocol_sdk.proxy.net.loop import Turns, new_event_loop
from metaprotocol_sdk.proxy.process import calm_collector, on_loop_error
from metaprotocol_sdk.proxy.server import Prepared, Server
from metaprotocol_sdk.proxy.workers.channel import Message
from metaprotocol_sdk.proxy.workers.link import Answer, Link
from metaprotocol_sdk.proxy.workers.memory import Block
from metaprotocol_sdk.proxy.workers.outlier_witness import OutlierWitness, Report
from metaprotocol_sdk.proxy.workers.plain import to_plain
from metaprotocol_sdk.proxy.workers.sharing import Guest, Seats
from metaprotocol_sdk.proxy.workers.tally import Changes
from metaprotocol_sdk.proxy.workers.told import Hearsay

REPORT_INTERVAL = 1.0
"""Seconds from one time the parent is told the counters to the next: what a worker that is killed has counted since
is not known."""

WITNESSES: tuple[Callable[[Report], KeeperFactory], ...] = (lambda report: functools.partial(OutlierWitness, report),)
"""What makes the keepers that see, in each worker, what the parent's keepers must know."""


class Worker:
    """One worker, on the running event loop.

    Args:
        sock: Its end of the channel.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._turns = Turns(asyncio.get_running_loop())
        self._ended = asyncio.Event()
        self._started = asyncio.Event()
        self._hearsay = Hearsay()
        self._changes = Changes()
        self._sockets: dict[str, socket.socket] = {}
        self._drain_time = 0.0
        self._server: Server | None = None
        self._guest: Guest | None = None
        self._prepared: asyncio.Future[Prepared] | None = None
        self._link = Link(self._turns, sock, self._on_message, self._on_orphaned)

    async def run(self) -> None:
        """Serves until it is told to stop, or has drained after the parent's death."""
        self._turns.spawn(self._report())
        await self._ended.wait()
        self._link.close()
        await self._turns.close()

    async def _on_message(self, message: Message, descriptors: list[int]) -> Answer | None:
        kind = message.fields["kind"]
        if kind == "start":
            return await _told(self._start(message, descriptors))
        await self._started.wait()
        handler: Callable[[Message, list[int]], Awaitable[Answer | None]] = getattr(self, f"_on_{kind}")
        return await _told(handler(message, descriptors))

    @property
    def _serving(self) -> Server:
        assert self._server is not None, "start comes first"
        return self._server

    async def _start(self, message: Message, descriptors: list[int]) -> Answer:
        fields = message.fields
        sys.path[:] = fields["path"]
        configure(
            form=fields["log"][0],
            level=fields["log"][1],
            stream=sys.stderr,
            now=time.monotonic,
            worker=fields["worker"] + 1,
        )
        block = Block(descriptors.pop(0), fields["workers"])
        self._guest = Guest(block, fields["worker"])
        self._drain_time = fields["drain_time"]
        sockets, config = _sockets(message, descriptors), await _config(message)
        self._provide(message, sockets)
        serving = tuple(each for each in config.listeners if each.name not in fields["drained"])
        server = Server(
            replace(config, listeners=serving),
            drain_time=self._drain_time,
            bind=self._bind,
            keepers=(self._hearsay.keeper, *(make(self._witness) for make in WITNESSES)),
            sharing=self._guest,
        )
        await server.start()
        self._server = server
        self._started.set()
        return {}

    def _provide(self, message: Message, sockets: dict[str, socket.socket]) -> None:
        """Has what comes with a configuration ready for the server, which takes all of it before it waits for
        anything."""
        fields = message.fields
        self._sockets = sockets
        self._hearsay.take(fields["states"])
        assert self._guest is not None
        self._guest.seats = Seats(fields["clusters"], fields["buckets"])

    def _bind(self, config: ListenerConfig) -> socket.socket:
        found = self._sockets.pop(config.name, None)
        if found is None:
            text = f"listener {config.name!r} has no socket here; a codec or a filter differs from the parent's"
            raise ConfigError([Finding(message=text)])
        return found

    async def _on_prepare(self, message: Message, descriptors: list[int]) -> Answer | None:
        sockets = _sockets(message, descriptors)

        async def prepare() -> Prepared:
            config = await _config(message)
            self._provide(message, sockets)
            return await self._serving.prepare(config)

        preparing = self._prepared = asyncio.ensure_future(prepare())
        try:
            await preparing
        except asyncio.CancelledError:
            raise WorkerError("it was abandoned") from None
        finally:
            for each in sockets.values():  # those that nobody has taken
                each.close()
        return None

    async def _on_commit(self, message: Message, _: list[int]) -> Answer | None:
        assert self._prepared is not None, "prepare comes first"
        self._hearsay.take(message.fields["states"])
        prepared, self._prepared = self._prepared.result(), None
        self._serving.commit(prepared)
        return None

    async def _on_abandon(self, _: Message, __: list[int]) -> Answer | None:
        prepared, self._prepared = self._prepared, None
        if prepared is not None and not prepared.cancel() and prepared.exception() is None:
            self._serving.abandon(prepared.result())
        return None

    async def _on_states(self, message: Message, _: list[int]) -> Answer | None:
        self._hearsay.take(message.fields["states"])
        return None

    async def _on_ping(self, _: Message, __: list[int]) -> Answer | None:
        return {}

    async def _on_counters(self, _: Message, __: list[int]) -> Answer | None:
        self._tell_counters()
        return None

    async def _on_active(self, _: Message, __: list[int]) -> Answer | None:
        clusters = self._serving.clusters.items()
        return {"active": {name: [each.active for each in cluster.endpoints] for name, cluster in clusters}}

    async def _on_histograms(self, _: Message, __: list[int]) -> Answer | None:
        histograms = self._serving.histograms()
        return {"histograms": {name: (each.counts, each.total) for name, each in histograms.items()}}

    async def _on_reset_counters(self, _: Message, __: list[int]) -> Answer | None:
        self._serving.reset_counters()
        return None

    async def _on_drain_listeners(self, message: Message, _: list[int]) -> Answer | None:
        fields = message.fields
        self._serving.drain_listeners(**{each: fields[each] for each in ("graceful", "skip_exit", "inbound_only")})
        return None

    async def _on_log_level(self, message: Message, _: list[int]) -> Answer | None:
        logging.getLogger(LOGGER_NAME).setLevel(message.fields["level"].upper())
        return None

    async def _on_drain(self, message: Message, _: list[int]) -> Answer | None:
        return {"is_idle": await self._serving.drain(message.fields["for"])}

    async def _on_stop(self, _: Message, __: list[int]) -> Answer | None:
        cut = await self._serving.stop()
        self._turns.loop.call_soon(self._ended.set)  # once the answer is on its way
        self._tell_counters()
        return {"cut": cut}

    def _witness(self, cluster: str, address: AnyAddress, what: Any) -> None:
        self._link.tell("seen", cluster=cluster, address=to_plain(address), what=what)

    def _on_orphaned(self) -> None:
        self._turns.spawn(self._end_alone())

    async def _end_alone(self) -> None:
        """The parent is gone, and with it whoever could say more: what is in flight may end."""
        if self._server is not None:
            await self._server.drain(self._drain_time)
            await self._server.stop()
        self._ended.set()

    async def _report(self) -> None:
        await self._started.wait()
        while True:
            await asyncio.sleep(REPORT_INTERVAL)
            self._tell_counters()

    def _tell_counters(self) -> None:
        changed = self._changes.since(self._serving.snapshot())
        if changed:
            self._link.tell("counted", changed=changed)


def _sockets(message: Message, descriptors: list[int]) -> dict[str, socket.socket]:
    """The listening sockets that came with a message, by the names of their listeners."""
    names, found = message.fields["listeners"], [socket.socket(fileno=each) for each in descriptors]
    if len(names) != len(found):  # the system gives none to a process that has as many as it may have
        for each in found:
            each.close()
        raise WorkerError(f"{len(found)} of {len(names)} listening sockets have come")
    return dict(zip(names, found, strict=True))


async def _config(message: Message) -> ProxyConfig:
    """The configuration of a message."""
    parse = functools.partial(parse_config, message.blob, file=message.fields["file"], filters=filter_models())
    return await asyncio.to_thread(parse)


async def _told(work: Awaitable[Answer | None]) -> Answer | None:
    """What ``work`` returns; what it cannot do, as the sentence the parent is told."""
    try:
        return await work
    except WorkerError:
        raise
    except MetaProtocolError as error:
        raise WorkerError(str(error)) from error
    except Exception as error:  # a codec and a filter run any code; the parent must hear of it
        raise WorkerError(f"{type(error).__name__}: {error}") from error


def main(descriptor: int) -> None:
    """Runs a worker.

    Args:
        descriptor: Its end of the channel.
    """
    # A terminal's Ctrl-C, and what stops a service, come to every process; the parent says what is to be done.
    signals = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    for number in signals:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
    os.set_inheritable(descriptor, False)
    calm_collector()

    async def serve() -> None:
        asyncio.get_running_loop().set_exception_handler(on_loop_error)
        await Worker(socket.socket(fileno=descriptor)).run()

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(serve())


if __name__ == "__main__":
    main(int(sys.argv[1]))
