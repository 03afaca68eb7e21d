"""Clients that know their own replies: every request has a token of its own, and its reply must bring it back."""

from __future__ import annotations

import asyncio
import itertools
import random
import socket
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

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
    """

    sent: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    errors: list[tuple[float, float, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def answered(self) -> int:
        return self.outcomes.total()


async def connect(port: int) -> Client:
    """A client of that port."""
    return Client(IdCodec(), *await asyncio.open_connection("127.0.0.1", port))


class Caller:
    """One client that asks all the time, several requests at once.

    Args:
        name: Its own.
        tally: What it tells.
        depth: Requests in flight.
        pause: Seconds between them.
    """

    def __init__(self, name: str, tally: Tally, *, depth: int = 4, pause: float = 0.005) -> None:
        self.name = name
        self.tally = tally
        self.depth = depth
        self.pause = pause
        self.is_over = False
        self.waiting: dict[int, tuple[bytes, float]] = {}
        self._rng = random.Random(name)

    async def run(self, port: int) -> None:
        """Asks until it is told to end, and then until every reply is there."""
        loop = asyncio.get_running_loop()
        client = await connect(port)
        try:
            while not self.is_over or self.waiting:
                while not self.is_over and len(self.waiting) < self.depth:
                    await self._ask(client, loop.time())
                await self._hear(client)
                if self.pause:
                    await asyncio.sleep(self.pause)
        except (EOFError, OSError) as error:
            self.tally.wrong.append(f"{self.name}'s connection ended with {type(error).__name__}: {error}")
        finally:
            self.tally.wrong += [f"{self.name} has no reply of {token!r}" for token, _ in self.waiting.values()]
            client.writer.transport.abort()

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

    def __init__(self, name: str, port: int, count: int, *, depth: int = 4, pause: float = 0.005) -> None:
        self.tally = Tally()
        self.callers = [Caller(f"{name}{each}", self.tally, depth=depth, pause=pause) for each in range(count)]
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
    client = await connect(port)
    try:
        await caller._ask(client, 0.0)
        await caller._hear(client)
    except (EOFError, OSError) as error:
        tally.wrong.append(f"one of a burst ended with {type(error).__name__}: {error}")
    finally:
        client.writer.transport.abort()


async def die(port: int) -> None:
    """Asks, and is killed."""
    client = await connect(port)
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
    await client.send(data)
    await asyncio.sleep(seconds)
    client.writer.transport.abort()
