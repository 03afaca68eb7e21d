"""Clients that know their own replies: every request has a token of its own, and its reply must bring it back."""

from __future__ import annotations

import asyncio
import itertools
import random
import socket
import ssl
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tests.integration.chaos.processes import eventually
from tests.proxy.codecs import ERROR, ONEWAY, REPLY, IdCodec, message
from tests.proxy.harness import Client

_numbers = itertools.count(1)


@dataclass(slots=True)
class Tally:
    """What became of requests.

    Attributes:
        outcomes: Replies by kind: ``reply``, or the text of an error.
        errors: When each error came, after how long, and its text.
        wrong: Sentences about replies that are nobody's, or lost.
        doomed: Ports of clients whose connections end with a process of the proxy's that is killed.
        lost: Requests that ended with those.
        reconnected: How often a client has come again.
    """

    sent: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    errors: list[tuple[float, float, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    doomed: set[int] = field(default_factory=set)
    lost: int = 0
    reconnected: int = 0

    @property
    def answered(self) -> int:
        return self.outcomes.total()


async def connect(port: int, context: ssl.SSLContext | None = None) -> Client:
    """A client of that port, by TLS where there is a context."""
    name = None if context is None else "localhost"
    streams = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name, limit=1 << 22)
    return Client(IdCodec(), *streams)


async def admitted(port: int, context: ssl.SSLContext | None, tally: Tally) -> tuple[Client, int]:
    """A client of that port, and its own port; one that a dying process had accepted comes again."""
    while True:
        sock = socket.socket()
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        own = sock.getsockname()[1]
        try:
            name = None if context is None else "localhost"
            streams = await asyncio.open_connection(sock=sock, ssl=context, server_hostname=name, limit=1 << 22)
            return Client(IdCodec(), *streams), own
        except OSError:
            if own not in tally.doomed:
                raise
            tally.reconnected += 1


class Caller:
    """One client that asks all the time, several requests at once.

    Args:
        name: Its own.
        tally: What it tells.
        depth: Requests in flight.
        pause: Seconds between them.
        context: Its TLS.
        lifetime: Requests after which it comes again by another connection.
    """

    def __init__(
        self,
        name: str,
        tally: Tally,
        *,
        depth: int = 4,
        pause: float = 0.005,
        context: ssl.SSLContext | None = None,
        lifetime: int | None = None,
    ) -> None:
        self.name = name
        self.tally = tally
        self.depth = depth
        self.pause = pause
        self.context = context
        self.lifetime = lifetime
        self.is_over = False
        self.waiting: dict[int, tuple[bytes, float]] = {}
        self._rng = random.Random(name)

    async def run(self, port: int) -> None:
        """Asks until it is told to end, and then until every reply is there."""
        while await self._run_once(port) and not self.is_over:
            self.tally.reconnected += 1

    async def _run_once(self, port: int) -> bool:
        """One connection; whether there is to be another."""
        client, own = None, 0
        try:
            client, own = await admitted(port, self.context, self.tally)
            await self._talk(client)
        except (EOFError, OSError) as error:
            if own in self.tally.doomed:
                self.tally.lost += len(self.waiting)
                self.waiting.clear()
                return True
            self.tally.wrong.append(f"{self.name}'s connection ended with {type(error).__name__}: {error}")
            return False
        else:
            return True
        finally:
            self.tally.wrong += [f"{self.name} has no reply of {token!r}" for token, _ in self.waiting.values()]
            if client is not None:
                client.writer.transport.abort()

    async def _talk(self, client: Client) -> None:
        """Asks until it has asked enough, and then until every reply is there."""
        loop = asyncio.get_running_loop()
        left = self.lifetime if self.lifetime is not None else sys.maxsize
        while self.waiting or not (self.is_over or left <= 0):
            while not self.is_over and left > 0 and len(self.waiting) < self.depth:
                await self._ask(client, loop.time())
                left -= 1
            await self._hear(client)
            if self.pause:
                await asyncio.sleep(self.pause)

    async def _ask(self, client: Client, now: float) -> None:
        number = next(_numbers) & 0xFFFFFFFF
        token = f"{self.name}.{number}".encode()
        self.waiting[number] = token, now
        self.tally.sent += 1
        size = self._rng.choice([0, 0, 0, 100, 5000, 40_000])
        oneway = message(number, b"|0", kind=ONEWAY) if self._rng.random() < 0.02 else b""
        await client.send(oneway + message(number, b"%b|%d" % (token, size)))

    async def _hear(self, client: Client) -> None:
        reply = await client.reply()
        token, since = self.waiting.pop(reply.request_id, (b"", 0.0))
        body = reply.origin_message[reply.header_size :]
        kind = reply.origin_message[1]
        if kind == REPLY and token and body.split(b"|")[0] == token:
            self.tally.outcomes["reply"] += 1
        elif kind == ERROR and token:
            at = asyncio.get_running_loop().time()
            self.tally.outcomes[body.decode()] += 1
            self.tally.errors.append((at, at - since, body.decode()))
        else:
            self.tally.wrong.append(f"{self.name} got {body[:60]!r}, and asked {token!r}")


class Load:
    """Several callers of one port."""

    def __init__(self, name: str, port: int, count: int, *, tally: Tally | None = None, **caller: Any) -> None:
        self.tally = tally or Tally()
        self.callers = [Caller(f"{name}{each}", self.tally, **caller) for each in range(count)]
        self._tasks = [asyncio.ensure_future(each.run(port)) for each in self.callers]

    async def more(self, count: int) -> None:
        """Waits until so many requests more are answered."""
        wanted = self.tally.answered + count
        await eventually(lambda: self.tally.answered >= wanted or bool(self.tally.wrong), "requests are answered")

    async def stop(self) -> Tally:
        """Lets every caller end what it has begun."""
        for each in self.callers:
            each.is_over = True
        await asyncio.wait_for(asyncio.gather(*self._tasks), 60)
        return self.tally


# Clients that come and go.


async def ask_once(port: int, tally: Tally) -> None:
    """One of a burst."""
    caller = Caller("burst", tally, depth=1)
    caller.is_over = True
    client, own = await admitted(port, None, tally)
    try:
        await caller._ask(client, 0.0)
        await caller._hear(client)
    except (EOFError, OSError) as error:
        if own in tally.doomed:
            tally.lost += 1
        else:
            tally.wrong.append(f"one of a burst ended with {type(error).__name__}: {error}")
    finally:
        client.writer.transport.abort()


async def die(port: int) -> None:
    """Asks, and is killed."""
    client = await connect(port)
    with suppress(OSError):
        await client.send(message(1, b"dead|20000") * 3 + message(2, b"never")[:7])
    client.reset()


async def read_slowly(port: int, seconds: float) -> None:
    """Asks for a lot, and reads a little of it now and then."""
    with socket.socket() as sock:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, ("127.0.0.1", port))
        asking = asyncio.ensure_future(loop.sock_sendall(sock, message(1, b"slow|60000") * 20))
        end = loop.time() + seconds
        with suppress(OSError):
            while loop.time() < end:
                await loop.sock_recv(sock, 500)
                await asyncio.sleep(0.05)
        asking.cancel()


async def say(port: int, data: bytes, seconds: float) -> None:
    """Says something, and nothing more for a while."""
    client = await connect(port)
    with suppress(OSError):
        await client.send(data)
    await asyncio.sleep(seconds)
    client.writer.transport.abort()
