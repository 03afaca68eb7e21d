"""A real proxy under load while servers die, freeze and return, its configuration changes and clients misbehave.

Not one reply is lost or another's, and no request fails beyond what an event explains; memory and descriptors stay as
they are. ``CHAOS_MINUTES`` is how long (2), ``CHAOS_SEED`` what is drawn; a failure prints the events, which
``CHAOS_EVENTS`` reads from a file.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from metaprotocol_sdk.cli.proxy import command as proxy_command
from tests.integration.chaos.deployment import Deployment, bootstrap
from tests.integration.chaos.events import SERVERS, Event, drawn, read
from tests.integration.chaos.load import Load, Tally, ask_once, die, read_slowly, say
from tests.integration.chaos.processes import Proxy, Server, eventually, unused_ports
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

    def __init__(self, folder: Path, *, shared: bool, options: tuple[str, ...]) -> None:
        self.folder = folder
        self.shared = shared
        self.options = options
        self.servers = [Server(f"server{number}") for number in range(SERVERS)]
        self.deployment = Deployment(folder)
        self.ports = dict(zip(("safe", "plain"), unused_ports(2), strict=True))
        self.side = Tally()
        self.has_failed: list[float] = []
        self._killing = asyncio.Lock()
        self._pending: set[asyncio.Future[Any]] = set()

    def write(self, change: dict[str, Any]) -> None:
        ports = self.ports if not change.get("has_extra") else {**self.ports, "extra": 0}
        servers = [each.port for each in self.servers]
        self.deployment.write(bootstrap(ports, servers, shared=self.shared, **change))

    async def run(self, events: list[Event]) -> None:
        for server in self.servers:
            await server.start()
        self.write({})
        proxy = Proxy(self.deployment.path, "--watch", *self.options)
        try:
            for name in self.ports:
                await proxy.port(name)
            await self._under_load(proxy, events)
        finally:
            code = proxy.stop()
            for server in self.servers:
                server.kill()
        assert code == 0
        bad = [line for line in proxy.said if any(word in line for word in ("bug", "event loop", "task", "Traceback"))]
        assert not bad, bad

    async def _under_load(self, proxy: Proxy, events: list[Event]) -> None:
        idle = proxy.footprint.descriptors
        loads = [Load(name, port, 4) for name, port in self.ports.items()]
        await asyncio.gather(*(self._happen(proxy, event) for event in WARMING * 2))
        warm = proxy.footprint
        started = asyncio.get_running_loop().time()
        for event in events:
            await asyncio.sleep(max(0, started + event.at - asyncio.get_running_loop().time()))
            assert proxy.process.poll() is None, f"the proxy has ended: {proxy.said[-20:]}"
            self._spawn(self._happen(proxy, event))
        await asyncio.gather(*self._pending)
        safe, plain = [await load.stop() for load in loads]
        await eventually(lambda: proxy.footprint.descriptors <= idle + 1, "descriptors are as many as before")
        end = proxy.footprint
        print(f"{safe.answered + plain.answered} requests, {len(plain.errors)} explained errors; {warm} -> {end}")
        self._judge(safe, plain)
        assert end.resident < warm.resident + GROWTH, f"memory grows: {warm} -> {end}"

    def _judge(self, safe: Tally, plain: Tally) -> None:
        assert not safe.wrong + plain.wrong + self.side.wrong, (safe.wrong + plain.wrong + self.side.wrong)[:5]
        assert min(safe.answered, plain.answered) > 100
        assert set(safe.outcomes) == {"reply"}, safe.outcomes
        for at, took, text in plain.errors:
            is_explained = any(at - took - 1 <= failed <= at for failed in self.has_failed)
            assert is_explained, f"{text}, and nothing failed in those {took} seconds"
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
        elif event.what in ("kill", "freeze"):
            async with self._killing:  # one at a time: the others serve meanwhile
                await (self._kill if event.what == "kill" else self._freeze)(
                    self.servers[how["server"]], how["seconds"]
                )
        else:
            await asyncio.gather(*(self._clients(event.what, how["seconds"]) for _ in range(how["count"])))

    async def _kill(self, server: Server, seconds: float) -> None:
        now = asyncio.get_running_loop().time
        self.has_failed.append(now())
        server.kill()
        for _ in range(int(seconds / 0.1) + 1):
            self.has_failed.append(now())
            await asyncio.sleep(0.1)
        await server.start()
        self.has_failed.append(now())

    async def _freeze(self, server: Server, seconds: float) -> None:
        server.signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        server.signal(signal.SIGCONT)

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
    options = () if workers == 1 else ("--workers", str(workers))
    if options and not any("--workers" in each.opts for each in proxy_command.params):
        pytest.skip("this proxy is one process")
    seconds = MINUTES * 60
    path = os.environ.get("CHAOS_EVENTS")
    events = read(Path(path).read_text()) if path else drawn(SEED, seconds)
    print(f"CHAOS_SEED={SEED} CHAOS_MINUTES={MINUTES:g}; for CHAOS_EVENTS:", *events, sep="\n")
    asyncio.run(Chaos(tmp_path, shared=shared, options=options).run(events))
