"""One proxy on a real event loop, its clients and its servers, moved step by step until nothing moves any more."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

from metaprotocol_sdk.proxy import server as server_module
from metaprotocol_sdk.proxy.config.values import Address, ListenerConfig, ProxyConfig
from metaprotocol_sdk.proxy.net.loop import Turns
from metaprotocol_sdk.proxy.net.sockets import bind
from metaprotocol_sdk.proxy.server import Server
from tests.integration.machine.book import Arrival, Book, Client, Link, Said, Talk
from tests.integration.machine.certificates import Certificates, client_context, server_context
from tests.integration.machine.channel import Channel, Secured
from tests.integration.machine.clock import ClockedLoop, shrink
from tests.integration.machine.dialect import STRANGE_ID
from tests.integration.machine.inside import Inside
from tests.integration.machine.setup import USUAL, Setup
from tests.integration.machine.wire import Site
from tests.proxy.harness import LOOPS, PATIENCE

QUIET = 3
"""Looks in a row that find nothing moving until nothing moves."""
_T = TypeVar("_T")


async def _turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def _bind_small(config: ListenerConfig) -> socket.socket:
    sock = bind(config)
    shrink(sock)  # what is accepted has what this has
    return sock


def open_sockets() -> set[str]:
    """The sockets this process has open, as far as the system tells."""
    found = set()
    for path in Path("/proc/self/fd").glob("*"):
        with suppress(OSError):  # the listing's own is closed by now
            found.add(str(path.readlink()))
    return {each for each in found if each.startswith("socket:")}


class World:
    """Everything of one run.

    Args:
        setup: Its configuration.
        tell: Is told what happens, for whoever reads a failure.
    """

    def __init__(self, setup: Setup, tell: Callable[[str], None]) -> None:
        self.tell = tell
        self.sockets = open_sockets()
        self.loop = LOOPS[setup.loop]()
        self.clock = ClockedLoop(self.loop)
        self.book = Book(setup, self.clock)
        self.errors: list[str] = []
        self.has_failed = False
        self.loop.set_exception_handler(lambda loop, context: self.errors.append(repr(context)))
        self.sites = [Site(name) for name in ("main0", "main1", "other", "mirror")]
        self.clients: list[Client] = []
        self.links: list[Link] = []
        for site in self.sites:
            site.listen()
        self.certificates = Certificates(self.clock) if setup.tls else None
        self.server = self.run(self._start())
        self.inside = Inside(self.server)

    @property
    def setup(self) -> Setup:
        """What the proxy is configured as now."""
        return self.book.setup

    @property
    def addresses(self) -> list[Address]:
        """Where the servers are."""
        return [Address(*site.address) for site in self.sites]

    def config(self, setup: Setup) -> ProxyConfig:
        """What the proxy is told to be that."""
        *main, other, mirror = self.addresses
        return setup.config(main, other, mirror)

    def run(self, main: Coroutine[Any, Any, _T]) -> _T:
        return self.loop.run_until_complete(asyncio.wait_for(main, PATIENCE))

    async def _start(self) -> Server:
        loop: Any = self.clock
        with mock.patch.object(server_module, "Turns", return_value=Turns(loop)):
            server = Server(
                self.config(self.setup),
                filters=self.setup.filters(),
                limits=self.setup.limits,
                drain_time=60,
                bind=_bind_small,
            )
        server._rng.seed(0)
        await server.start()
        return server

    # Until nothing moves.

    def settle(self) -> None:
        """Lets everything happen that can without time passing; then the laws hold."""
        quiet = looks = 0
        before = self._moves()
        while quiet < QUIET:
            self.loop.run_until_complete(_turns(3))
            moved = self._move()
            now = self._moves()
            looks += 1
            is_connecting = self.inside.is_connecting and looks < 100
            quiet = 0 if moved or now != before or is_connecting else quiet + 1
            before = now
        assert not self.errors, self.errors
        self._note_causes()
        self.inside.check()

    def _moves(self) -> tuple[int, ...]:
        listeners = [each.context.stats for each in self.inside.listeners]
        clusters = [each.stats for each in self.inside.clusters]
        return (
            *(each.downstream_cx_rx_bytes_total for each in listeners),
            *(each.downstream_cx_tx_bytes_total for each in listeners),
            *(each.upstream_cx_rx_bytes_total + each.upstream_cx_tx_bytes_total for each in clusters),
        )

    def _move(self) -> bool:
        moved = False
        for site in self.sites:
            while (sock := site.accept()) is not None:
                self.links.append(Link(len(self.links), self._channel(sock, "servers"), self.setup, site))
                moved = True
        for link in self.links:
            moved |= link.move(partial(self.book.arrived, link))
        for client in self.clients:
            was_over = client.is_over
            was_unseen = not client.channel.serial
            moved |= client.move(partial(self.book.heard, client))
            if was_unseen and client.channel.serial and self.certificates is not None:
                self.certificates.check(client.channel.serial)
            if client.is_over and not was_over:
                self.tell(f"client {client.number}'s connection was ended")
                self._note_causes()
                self.book.ended(client)
        return moved

    def _note_causes(self) -> None:
        """Why connections of clients may be closed from now on."""
        is_over_full = any(each.context.stats.downstream_buffer_overflow for each in self.inside.listeners)
        is_ended = any(link.is_broken or not link.is_open for link in self.links) or "server failed" in self.book.facts
        is_short = any(each.timeout is not None or each.connections != USUAL.connections for each in self.book.since(0))
        is_unbound = self.setup.is_bound and (is_ended or is_short)
        for client in self.clients:
            if is_over_full and self.setup.limits.buffered_bytes < 1_000_000:
                client.causes.add("overflow")
            if is_unbound:
                client.causes.add("bound")

    def pass_time(self, seconds: float) -> None:
        """What is due within so many seconds happens, in order."""
        end = self.clock.now + seconds
        if self.setup.idle_timeout is not None and seconds > 0:
            for client in self.clients:
                client.causes.add("idle")
        if self.inside.is_clogged:  # it may read, and the kernel take its time with small buffers
            self.book.facts.add("stall")
        if any(each.limits.request_timeout is not None for each in self.book.since(0)):
            for client in self.clients:
                client.causes |= {"late"} if client.rest else set()
        while (alarm := self.clock.next_alarm(end)) is not None:
            self.loop.call_soon(alarm.callback)
            self.settle()
        self.settle()

    # Clients.

    def connect(self, number: int = 0) -> Client:
        """A client of a listener, whichever there are."""
        listener = self.server.listeners[number % len(self.server.listeners)]
        sock = socket.socket()
        shrink(sock)
        sock.connect(listener.bound)
        client = Client(len(self.clients), self._channel(sock, "clients"), self.setup, listener.config.name)
        there = [each for each in self.clients if each.listener == client.listener and each.is_open]
        if len(there) + len(listener.connections) >= self.setup.limits.clients:
            client.causes.add("refused")
        if self.certificates is not None and not self.certificates.is_whole:
            client.causes.add("refused")  # a proxy that is configured anew meanwhile has none to show
        self.clients.append(client)
        return client

    def _channel(self, sock: socket.socket, side: str) -> Channel:
        if side not in self.setup.tls:
            return Channel(sock)
        sock.setblocking(False)
        is_server = side == "servers"
        return Secured(sock, server_context() if is_server else client_context(), is_server=is_server)

    def ends(self, client: Client) -> None:
        """A client says no more, or leaves."""
        client.causes |= {"half-closed"} | ({"whole end"} if "clients" in self.setup.tls else set())

    def speak(self, client: Client, kinds: list[tuple[str, int, int]], cut: int | None) -> None:
        """A client says messages in one write, or cut in two."""
        data = b""
        for kind, number, size in kinds:
            request_id = number if self.setup.has_ids else 0
            token = b"c%d.%d" % (client.number, len(client.said))
            message = self.book.dialect.write(kind, request_id, token, size=size)
            data += message
            end = client.promised + len(data)
            said = Said(client, kind, request_id, token, message, self.clock.now, end, self.book.step)
            client.said.append(said)
            self.book.tokens[token] = said
            if kind != "oneway":
                client.waiting[request_id].append(said)
        client.say(data, None if cut is None else cut % len(data))

    def open_talk(self, client: Client) -> Talk:
        token = b"c%d.s%d" % (client.number, len(client.talks))
        talk = Talk(client, 100 + len(client.talks), token, self.book.step)
        client.talks[talk.id] = talk
        self.book.tokens[token] = talk
        client.say(self.book.dialect.write("open", talk.id, token))
        return talk

    def client_frame(self, talk: Talk, kind: str, size: int) -> None:
        data = self.book.dialect.frame(kind, talk.id, b"up%d" % len(talk.up), size)
        talk.up.append(data)
        talk.is_client_closed |= kind != "data"
        talk.has_closed_both |= kind == "close both"
        talk.client.say(data)

    def server_frame(self, talk: Talk, kind: str, size: int) -> None:
        assert talk.link is not None
        data = self.book.dialect.frame(kind, talk.id, b"down%d" % len(talk.down), size)
        talk.down.append(data)
        talk.is_server_closed |= kind != "data"
        talk.has_closed_both |= kind == "close both"
        talk.link.say(data)

    def server_answers_opening(self, talk: Talk, kind: str) -> None:
        """A server answers what opens a stream, as if it were a request; that ends it."""
        assert talk.link is not None
        talk.is_server_closed = talk.has_closed_both = True
        talk.link.say(self.book.dialect.write(kind, talk.id, talk.opening))

    # Servers.

    def unanswered(self) -> list[Arrival]:
        return [each for link in self.links if link.can_speak for each in link.unanswered]

    def answer(self, link: Link, arrivals: list[Arrival], how: str, size: int, cut: int | None) -> None:
        """A server answers requests of one connection in one write, or cut in two."""
        is_double = how == "twice" and not size and cut is None and not link.out and not link.rest
        before = b""
        if how == "strange id" and self.setup.has_ids:
            before = self.book.dialect.write("reply", STRANGE_ID, b"strange")
        elif how == "ping":
            before = self.book.dialect.write("ping", 0, b"")
            link.pings += 1
        data = before
        for arrival in arrivals:
            arrival.answer = "error" if how == "error" else "reply"
            answer = self.book.dialect.write(
                arrival.answer, arrival.id, arrival.said.token, origin=link.name, size=size
            )
            data += answer * (1 + is_double)
            arrival.answer_end = link.promised + len(data)
        link.say(data, None if cut is None else cut % len(data))

    def fail_link(self, link: Link, how: str) -> None:
        self.book.facts.add("server failed")
        link.is_broken = True
        if how == "half-close":
            link.half_close()
        elif how == "close":
            link.close()
        elif how == "reset":
            link.reset()
        else:
            self.book.facts.add("garbage")
            link.go_on()
            link.say(self.book.dialect.garbage)

    # Laws of a world at rest.

    def check_progress(self) -> None:
        """A reply that is due and can reach its client has reached it."""
        deadline = time.monotonic() + 5
        while (late := self._late()) is not None:
            assert time.monotonic() < deadline, f"the reply of {late.token!r} does not come"
            self.settle()

    def _late(self) -> Said | None:
        for client in self.clients:
            if client.is_well and client.is_reading and not client.has_paused:
                for queue in client.waiting.values():
                    if queue and self._is_due(queue[0]):
                        return queue[0]
        return None

    def _is_due(self, said: Said) -> bool:
        arrivals = [each for each in said.arrivals if not each.link.site.is_mirror]
        setups = self.book.since(said.step)
        if not arrivals or any(each.retry is not None for each in setups):
            return False
        last = arrivals[-1]
        is_timely = all(each.timeout is None or self.clock.now - said.at < each.timeout for each in setups)
        return last.is_answered and is_timely and last.link.is_open and not last.link.is_broken
