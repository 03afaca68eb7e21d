"""What a proxy bears: a thousand reloads, ten thousand clients, no descriptors, peers that say too little.

Each runs ``metaproto proxy`` between real programs, and is about its memory and descriptors as much as about replies.
"""

from __future__ import annotations

import asyncio
import random
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.chaos.deployment import Deployment, bootstrap
from tests.integration.chaos.events import SERVERS, change
from tests.integration.chaos.load import Load, Tally, ask_once, connect
from tests.integration.chaos.processes import ROOT, Proxy, Server, eventually, unused_ports
from tests.proxy.codecs import message
from tests.proxy.harness import Client

pytestmark = pytest.mark.slow

MEGABYTE = 1024 * 1024
_TCP_REPAIR = 19
both_modes = pytest.mark.parametrize("shared", [False, True], ids=["pooled", "shared"])


class Crowd:
    """Clients by the thousand, in a program of their own."""

    def __init__(self, port: int, *, idle: int, active: int) -> None:
        command = [sys.executable, "-m", "tests.integration.chaos.crowd", str(port), str(idle), str(active)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    async def hears(self) -> str:
        assert self._process.stdout is not None
        return (await asyncio.to_thread(self._process.stdout.readline)).strip()

    async def asks(self, count: int) -> str:
        """How many requests were answered in all, rightly and wrongly."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{count}\n")
        self._process.stdin.flush()
        return await self.hears()

    def leave(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()


class Running:
    """A proxy before one server or more."""

    def __init__(self, folder: Path, servers: int) -> None:
        self.deployment = Deployment(folder)
        self.servers = [Server(f"server{number}") for number in range(servers)]
        self.ports = dict(zip(("safe", "plain"), unused_ports(2), strict=True))
        self.proxy: Proxy

    def write(self, **what: Any) -> None:
        ports = self.ports if not what.get("has_extra") else {**self.ports, "extra": 0}
        self.deployment.write(bootstrap(ports, [each.port for each in self.servers], **what))


@asynccontextmanager
async def running(
    folder: Path, *, servers: int = 1, descriptors: int | None = None, **what: Any
) -> AsyncIterator[Running]:
    """Its end is a clean one."""
    found = Running(folder, servers)
    for server in found.servers:
        await server.start()
    found.write(**what)
    found.proxy = Proxy(found.deployment.path, "--drain-time", "1s", descriptors=descriptors)
    try:
        for name in found.ports:
            await found.proxy.port(name)
        yield found
    finally:
        code = found.proxy.stop()
        for server in found.servers:
            server.kill()
    assert code == 0
    bad = [line for line in found.proxy.said if any(word in line for word in ("bug", "event loop", "Traceback"))]
    assert not bad, bad


@both_modes
@pytest.mark.timeout(900)
def test_a_thousand_reloads_fail_no_request_and_leave_nothing(tmp_path: Path, shared: bool) -> None:
    async def main() -> None:
        rng = random.Random(1)
        async with running(tmp_path, servers=SERVERS, shared=shared) as found:
            load = Load("caller", found.ports["plain"], 8, pause=0.002)
            warm = None
            for count in range(1, 1001):
                found.write(shared=shared, **change(rng))
                found.proxy.reload()
                await found.proxy.says("info reloaded", count)
                await load.more(3)
                if count == 250:
                    warm = found.proxy.footprint
            tally = await load.stop()
            end = found.proxy.footprint
            print(f"{tally.answered} requests; after 250 reloads {warm}, after 1000 {end}")
            assert not tally.wrong, tally.wrong[:5]
            assert set(tally.outcomes) == {"reply"}, tally.outcomes
            assert warm is not None
            assert end.resident < warm.resident + 4 * MEGABYTE
            assert end.descriptors < warm.descriptors + 50

    asyncio.run(main())


@both_modes
@pytest.mark.timeout(600)
def test_ten_thousand_idle_and_two_thousand_active_clients(tmp_path: Path, shared: bool) -> None:
    idle, active, requests = 10_000, 2_000, 40_000

    async def cost_of(found: Running, crowd: Crowd, so_far: int) -> float:
        """Seconds of CPU time that one request takes the proxy."""
        before = found.proxy.cpu
        assert await crowd.asks(requests) == f"{so_far + requests} 0"
        return (found.proxy.cpu - before) / requests

    async def main() -> None:
        async with running(tmp_path, descriptors=18_000, shared=shared) as found:
            alone = Crowd(found.ports["plain"], idle=0, active=64)
            assert await alone.hears() == "ready"
            await cost_of(found, alone, 0)
            plain = await cost_of(found, alone, requests)
            empty = found.proxy.footprint
            crowd = Crowd(found.ports["plain"], idle=idle, active=0)
            assert await crowd.hears() == "ready"
            held = found.proxy.footprint
            crowded = await cost_of(found, alone, 2 * requests)
            busy = Crowd(found.ports["plain"], idle=0, active=active)
            assert await busy.hears() == "ready"
            loaded = await cost_of(found, busy, 0)
            full = found.proxy.footprint
            each = (held.resident - empty.resident) / idle
            print(
                f"{each / 1024:.1f} KiB an idle client, {(full.resident - held.resident) / active / 1024:.1f} KiB an "
                f"active one; a request takes {plain * 1e6:.1f} us, with {idle} idle {crowded * 1e6:.1f}, with "
                f"{active} active too {loaded * 1e6:.1f}; {full}"
            )
            for some in (alone, crowd, busy):
                some.leave()
            await eventually(lambda: found.proxy.footprint.descriptors < empty.descriptors + 10, "they are let go")
            assert each < 8 * 1024
            assert full.resident - held.resident < active * 64 * 1024
            assert crowded < 1.3 * plain

    asyncio.run(main())


@pytest.mark.timeout(300)
def test_without_descriptors_clients_wait_requests_get_errors_and_all_is_well_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path, descriptors=100) as found:
            port = found.ports["plain"]
            clients = [await connect(port) for _ in range(150)]  # the kernel takes those that the proxy cannot
            await found.proxy.says("a client cannot be accepted: too many open files")
            await clients[0].send(message(1, b"a|0"))
            error = await asyncio.wait_for(clients[0].reply(), 10)
            assert b"local connection failure" in error.origin_message
            await asyncio.sleep(2)  # ten times as often as it tries again
            said = [line for line in found.proxy.said if "cannot be accepted" in line]
            assert len(said) <= 5, "the log repeats itself"
            for each in clients[1:140]:
                each.writer.transport.abort()
            await eventually(lambda: found.proxy.footprint.descriptors < 50, "descriptors are free again")
            for each in (clients[0], *clients[140:]):  # those that were accepted, and those that waited
                await each.send(message(2, b"again|0"))
                assert b"again|server0" in (await asyncio.wait_for(each.reply(), 20)).origin_message
                each.writer.transport.abort()
            tally = Tally()
            await asyncio.gather(*(ask_once(port, tally) for _ in range(30)))
            assert tally.outcomes == {"reply": 30}, tally

    asyncio.run(main())


@pytest.mark.timeout(120)
def test_clients_that_send_a_byte_now_and_then_are_cut_in_time(tmp_path: Path) -> None:
    async def main() -> None:
        proxy = {"request_timeout": "2s", "idle_timeout": "3s"}
        async with running(tmp_path, proxy=proxy) as found:
            port, loop = found.ports["plain"], asyncio.get_running_loop()
            began, before = loop.time(), found.proxy.footprint
            clients = [await connect(port) for _ in range(500)]
            data = message(1, b"a|0" * 1000)

            async def trickle(each: Any) -> float:
                for byte in data:
                    each.writer.write(bytes((byte,)))
                    if each.reader.at_eof():
                        break
                    await asyncio.sleep(0.3)
                each.writer.transport.abort()
                return loop.time()

            trickling = [asyncio.ensure_future(trickle(each)) for each in clients]
            await asyncio.sleep(1)
            held = found.proxy.footprint
            tally = Tally()
            await ask_once(port, tally)  # others are served meanwhile
            ends = await asyncio.gather(*trickling)
            assert tally.outcomes == {"reply": 1}
            assert max(ends) - began < 10
            assert held.resident - before.resident < 500 * 8 * 1024 + 2 * MEGABYTE
            await eventually(lambda: found.proxy.footprint.descriptors <= before.descriptors + 2, "they are let go")

    asyncio.run(main())


def _vanish(client: Client) -> None:
    """Forgets a connection as a machine does that loses its power: nobody is told."""
    sock = client.writer.get_extra_info("socket")
    sock.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, 1)
    client.writer.transport.abort()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("is_looked_after", [True, False])
def test_clients_that_vanish_without_a_word_are_let_go_where_tcp_keepalive_says_so(
    tmp_path: Path, is_looked_after: bool
) -> None:
    listener = {"tcp_keepalive": {"keepalive_time": 1, "keepalive_interval": 1, "keepalive_probes": 2}}

    async def main() -> None:
        async with running(tmp_path, listener=listener if is_looked_after else {}) as found:
            before = found.proxy.footprint.descriptors
            clients = [await connect(found.ports["plain"]) for _ in range(50)]
            await eventually(lambda: found.proxy.footprint.descriptors >= before + 50, "they are accepted")
            try:
                for each in clients:
                    _vanish(each)
            except PermissionError:
                pytest.skip("only who may administer the network can leave without a word")
            if is_looked_after:
                await eventually(lambda: found.proxy.footprint.descriptors <= before + 2, "they are let go")
            else:
                await asyncio.sleep(5)
                assert found.proxy.footprint.descriptors >= before + 50

    asyncio.run(main())
