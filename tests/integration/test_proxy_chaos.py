"""A real proxy under load while servers die, freeze and return, its configuration and its certificates change, its own
processes are killed, and clients misbehave.

Not one reply is lost or another's, and no request fails beyond what an event explains: a process that is killed takes
the connections it had with it, and no other. Memory and descriptors stay as they are.

``CHAOS_MINUTES`` is how long (2), ``CHAOS_SEED`` what is drawn; a failure prints the events, which ``CHAOS_EVENTS``
reads from a file.
"""

from __future__ import annotations

import asyncio
import math
import os
import random
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.chaos.deployment import Deployment, bootstrap
from tests.integration.chaos.events import CALM, SERVERS, Event, drawn, read
from tests.integration.chaos.load import Load, Tally, admitted, ask_once, die, read_slowly, say
from tests.integration.chaos.processes import Proxy, Server, clients_of, eventually, has_stopped, unused_ports
from tests.proxy.certificates import Authority, replace_file, serial_of
from tests.proxy.codecs import message

MINUTES = float(os.environ.get("CHAOS_MINUTES", "2"))
SEED = int(os.environ.get("CHAOS_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
WARMING = [
    Event(0, what, {"count": count, "seconds": 3})
    for what, count in (("burst", 200), ("die", 50), ("read slowly", 10), ("say half", 20), ("say nonsense", 20))
]
"""What takes the most memory, before that is looked at first."""
GROWTH = 8 * 1024 * 1024
"""Bytes it may grow all the same: the allocator's fragments."""
_FAILED = ("connection failure", "no connection")


class Chaos:
    """One run."""

    def __init__(self, folder: Path, *, shared: bool, workers: int) -> None:
        self.folder = folder
        self.shared = shared
        self.workers = workers
        self.authority = Authority(folder)
        self.serials: list[str] = []
        """Of the certificates that have been shown, in order."""
        self.servers = [Server(f"server{number}") for number in range(SERVERS)]
        self.deployment = Deployment(folder)
        self.ports = dict(zip(("safe", "plain", "secure"), unused_ports(3), strict=True))
        self.side = Tally()
        self.has_failed: list[tuple[float, float]] = []
        """From when to when a server was away, a second more for what is told late."""
        self._killing = asyncio.Lock()
        self._rotating = asyncio.Lock()
        self._pending: set[asyncio.Future[Any]] = set()

    def write(self, change: dict[str, Any]) -> None:
        ports = self.ports if not change.get("has_extra") else {**self.ports, "extra": 0}
        servers = [each.port for each in self.servers]
        certificate = str(self.folder / "localhost")
        self.deployment.write(bootstrap(ports, servers, shared=self.shared, certificate=certificate, **change))

    def issue(self) -> None:
        """Another certificate for the listener that speaks TLS."""
        self.serials.append(serial_of(self.authority.issue("localhost").chain))

    async def run(self, events: list[Event]) -> None:
        for server in self.servers:
            await server.start()
        self.issue()
        self.write({})
        proxy = Proxy(self.deployment.path, "--watch", "--workers", str(self.workers))
        try:
            for name in self.ports:
                await proxy.port(name)
            await self._under_load(proxy, events)
        finally:
            code = proxy.stop()
            (self.folder / "proxy.log").write_text("\n".join(proxy.said))
            for server in self.servers:
                server.kill()
        assert code == 0
        bad = [line for line in proxy.said if any(word in line for word in ("bug", "event loop", "task", "Traceback"))]
        assert not bad, bad

    async def _under_load(self, proxy: Proxy, events: list[Event]) -> None:
        idle = proxy.footprint
        most = idle.descriptors + len(idle.each)  # an event loop has one more once it has had a connection
        loads = [self._load(name) for name in self.ports]
        await asyncio.gather(*(self._happen(proxy, event) for event in WARMING * 2))
        warm = proxy.footprint
        started = asyncio.get_running_loop().time()
        for event in events:
            await asyncio.sleep(max(0, started + event.at - asyncio.get_running_loop().time()))
            assert proxy.process.poll() is None, f"the proxy has ended: {proxy.said[-20:]}"
            self._spawn(self._happen(proxy, event))
        await asyncio.gather(*self._pending)
        tallies = {name: await load.stop() for name, load in zip(self.ports, loads, strict=True)}
        await self._come_to_rest(proxy)
        await eventually(lambda: proxy.footprint.descriptors <= most, f"there are at most {most} descriptors again")
        end = proxy.footprint
        answered, lost = [sum(each) for each in zip(*((t.answered, t.lost) for t in tallies.values()), strict=True)]
        explained = f"{len(tallies['plain'].errors)} explained errors, {lost} lost with a worker"
        print(f"{answered} requests, {explained}, {len(self.serials)} certificates; {warm} -> {end}")
        self._judge(tallies)
        assert end.each[0] < warm.each[0] + GROWTH, f"memory grows: {warm} -> {end}"
        assert end.largest < warm.largest + GROWTH, f"memory grows: {warm} -> {end}"

    def _load(self, name: str) -> Load:
        tally = Tally(doomed=self.side.doomed)
        if name != "secure":
            return Load(name, self.ports[name], 4, tally=tally)
        return Load(name, self.ports[name], 4, tally=tally, context=self.authority.client(), lifetime=50)

    async def _come_to_rest(self, proxy: Proxy) -> None:
        """The usual configuration again, and every worker."""
        if self.workers > 1:
            await eventually(lambda: len(proxy.workers) == self.workers, "every worker is there", proxy.said)
        self.write({})
        proxy.reload()
        await asyncio.sleep(CALM)
        assert not self.serials or (await self._shown()) == self.serials[-1], "it shows an old certificate"

    def _judge(self, tallies: dict[str, Tally]) -> None:
        wrong = [sentence for each in [*tallies.values(), self.side] for sentence in each.wrong]
        assert not wrong, wrong[:5]
        assert min(each.answered for each in tallies.values()) > 100
        safe, plain, secure = (tallies[name] for name in ("safe", "plain", "secure"))
        assert set(safe.outcomes) == set(secure.outcomes) == {"reply"}, (safe.outcomes, secure.outcomes)
        for at, took, text in plain.errors:
            is_explained = any(since <= at and at - took <= end for since, end in self.has_failed)
            ago = asyncio.get_running_loop().time() - at
            when = datetime.now(UTC) - timedelta(seconds=ago)
            assert is_explained, f"{when}: {text}, and nothing failed in those {took} seconds; see {self.folder}"
            assert any(words in text for words in _FAILED), text
        assert all(self.has_failed or text == "reply" for text in self.side.outcomes), self.side.outcomes

    def _spawn(self, what: Awaitable[Any]) -> None:
        task = asyncio.ensure_future(what)
        self._pending.add(task)

    async def _happen(self, proxy: Proxy, event: Event) -> None:
        how = event.how
        if event.what in ("reload", "swap"):
            self.write(how)
            if event.what == "reload":
                proxy.reload()
        elif event.what == "rotate":
            async with self._rotating:
                await self._rotate(is_slow=how["is_slow"])
        elif event.what == "kill worker":
            await self._kill_worker(proxy, how["worker"])
        elif event.what in ("kill", "freeze"):
            async with self._killing:  # one at a time: the others serve meanwhile
                await (self._kill if event.what == "kill" else self._freeze)(
                    self.servers[how["server"]], how["seconds"]
                )
                await asyncio.sleep(CALM)
        else:
            await asyncio.gather(*(self._clients(event.what, how["seconds"]) for _ in range(how["count"])))

    async def _kill(self, server: Server, seconds: float) -> None:
        now = asyncio.get_running_loop().time
        since = now()
        self.has_failed.append((since, math.inf))
        server.kill()
        await asyncio.sleep(seconds)
        await server.start()
        self.has_failed[-1] = since, now() + 1

    async def _freeze(self, server: Server, seconds: float) -> None:
        server.signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        server.signal(signal.SIGCONT)

    async def _kill_worker(self, proxy: Proxy, number: int) -> None:
        """Without a word; whose connections it has is looked up while it cannot take another."""
        there = proxy.workers
        if not there:
            return
        pid = there[number % len(there)]
        with suppress(ProcessLookupError, FileNotFoundError):
            os.kill(pid, signal.SIGSTOP)
            await eventually(lambda: has_stopped(pid), "it has stopped")
            self.side.doomed |= clients_of(pid)
            os.kill(pid, signal.SIGKILL)

    async def _rotate(self, *, is_slow: bool) -> None:
        """A new certificate, which those who come must see in time; its key may come later."""
        key = self.folder / "localhost.key"
        before = key.read_bytes()
        self.issue()
        if is_slow:
            after = key.read_bytes()
            replace_file(str(key), before)
            await asyncio.sleep(1.5)
            replace_file(str(key), after)
        shown = [""]

        async def look() -> None:
            while shown[0] != self.serials[-1]:
                await asyncio.sleep(0.3)
                shown[0] = await self._shown()

        await asyncio.wait_for(look(), 20)

    async def _shown(self) -> str:
        """The serial number that a client sees now."""
        client, _ = await admitted(self.ports["secure"], self.authority.client(), self.side)
        found: str = client.writer.get_extra_info("peercert")["serialNumber"]
        client.writer.transport.abort()
        return found

    def _clients(self, what: str, seconds: float) -> Awaitable[None]:
        port = self.ports["safe"]
        ways: dict[str, Callable[[], Awaitable[None]]] = {
            "burst": lambda: ask_once(port, self.side),
            "die": lambda: die(port),
            "read slowly": lambda: read_slowly(port, seconds),
            "say half": lambda: say(port, message(7, b"half a request|0")[:-3], seconds),
            "say nonsense": lambda: say(port, b"\0\xff" * 50, seconds),
        }
        return ways[what]()


@pytest.mark.slow
@pytest.mark.timeout(MINUTES * 60 + 300)
@pytest.mark.parametrize("shared", [False, True], ids=["pooled", "shared"])
@pytest.mark.parametrize("workers", [1, 2])
def test_whatever_happens_around_it_a_proxy_serves_on(tmp_path: Path, shared: bool, workers: int) -> None:
    seconds = MINUTES * 60
    path = os.environ.get("CHAOS_EVENTS")
    events = read(Path(path).read_text()) if path else drawn(SEED, seconds, has_workers=workers > 1)
    print(f"CHAOS_SEED={SEED} CHAOS_MINUTES={MINUTES:g}; for CHAOS_EVENTS:", *events, sep="\n")
    asyncio.run(Chaos(tmp_path, shared=shared, workers=workers).run(events))
