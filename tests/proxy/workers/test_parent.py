"""A proxy of several processes is to its operator what one of one process is: its signals, its words, its exit code."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from metaprotocol_sdk.proxy.config.values import Address
from metaprotocol_sdk.proxy.server import Server
from metaprotocol_sdk.proxy.workers.channel import Message
from metaprotocol_sdk.proxy.workers.parent import Parent
from metaprotocol_sdk.proxy.workers.plain import to_plain
from tests.proxy.codecs import IdCodec, message
from tests.proxy.harness import Backend, Client, run, serving
from tests.proxy.workers.running import document, eventually, listener, running, text

ROOT = Path(__file__).parents[3]


class Command:
    """A running ``metaproto proxy --workers 2``."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.port = 0
        self.said: list[str] = []
        self.clients: list[Client] = []

    async def ready(self) -> None:
        """Returns once it is."""
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.said.append(line.decode())
            if "ready:" in self.said[-1]:
                self.port = int("".join(each for each in self.said[-1].rpartition(":")[2] if each.isdigit()))
                return
        raise AssertionError("".join(self.said))

    async def end(self) -> int:
        """Its exit code, once all of it has ended: whoever has its standard error is part of it."""
        assert self.process.stderr is not None
        self.said += (await self.process.stderr.read()).decode().splitlines(keepends=True)
        return await self.process.wait()

    async def client(self) -> Client:
        client = Client(IdCodec(), *await asyncio.open_connection("127.0.0.1", self.port))
        self.clients.append(client)
        return client


@asynccontextmanager
async def command(folder: Path, written: str, *options: str) -> AsyncIterator[Command]:
    file = folder / "proxy.yaml"
    file.write_text(written)
    arguments = ["-m", "metaprotocol_sdk", "proxy", "-c", str(file), "--workers", "2", *options]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=ROOT, stderr=PIPE, start_new_session=True
    )
    found = Command(process)
    try:
        await found.ready()
        yield found
    finally:
        for client in found.clients:
            client.writer.transport.abort()
        if process.returncode is None:
            process.terminate()
        await found.end()
    await eventually(lambda: not group(process.pid))


def group(leader: int) -> list[int]:
    """The processes of a group that are alive."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, of_group, *_ = path.read_text().rpartition(")")[2].split()
            if int(of_group) == leader and state != "Z":
                found.append(int(path.parent.name))
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_whole_group_drains_and_ends_with_0(number: signal.Signals, tmp_path: Path) -> None:
    async def main() -> None:
        server = serving(Backend(IdCodec(), answer=None))
        async with server as backend, command(tmp_path, text(backend)) as proxy:
            client = await proxy.client()
            await client.send(message(5, b"slow"))
            link = await backend.request(0)
            os.killpg(proxy.process.pid, number)  # as a terminal's Ctrl-C does
            await eventually(lambda: is_refused(proxy.port))
            link.transport.write(message(5, b"done", kind=1))
            assert await client.body() == b"done"
            assert await proxy.end() == 0
            assert proxy.said[-1].endswith(" info stopped\n")
            assert sum("ready:" in line for line in proxy.said) == 1

    run(main())


def is_refused(port: int) -> bool:
    """Whether nobody listens there; asked of the kernel, so that no client is made."""
    return f":{port:04X} 00000000:0000 0A" not in Path("/proc/net/tcp").read_text()


def test_a_second_signal_stops_now(tmp_path: Path) -> None:
    async def main() -> None:
        server, options = serving(Backend(IdCodec(), answer=None)), ["--log-format", "json", "--drain-time", "60s"]
        async with server as backend, command(tmp_path, text(backend), *options) as proxy:
            client = await proxy.client()
            await client.send(message(5, b"slow"))
            await backend.request(0)
            proxy.process.terminate()
            await eventually(lambda: is_refused(proxy.port))
            proxy.process.terminate()
            assert await proxy.end() == 0
            said = [json.loads(line)["message"] for line in proxy.said]
            assert said[-1] == "stopped; 1 client cut off"
            with pytest.raises((EOFError, ConnectionError)):
                await client.reply()

    run(main())


def test_workers_whose_parent_is_killed_end_what_is_in_flight_and_then_themselves(tmp_path: Path) -> None:
    async def main() -> None:
        server = serving(Backend(IdCodec(), answer=None))
        async with server as backend, command(tmp_path, text(backend)) as proxy:
            client = await proxy.client()
            await client.send(message(5, b"slow"))
            link = await backend.request(0)
            assert len(group(proxy.process.pid)) == 3
            proxy.process.kill()
            await eventually(lambda: is_refused(proxy.port))
            link.transport.write(message(5, b"done", kind=1))
            assert await client.body() == b"done"
            await eventually(lambda: not group(proxy.process.pid))

    run(main())


def test_a_hangup_reloads_all_workers_and_says_so_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(Backend(IdCodec())) as backend, command(tmp_path, text(backend)) as proxy:
            (tmp_path / "proxy.yaml").write_text(text(backend, listeners=listener(codec="nowhere")))
            proxy.process.send_signal(signal.SIGHUP)
            assert proxy.process.stderr is not None
            assert b"not reloaded, the configuration stays as it is" in await proxy.process.stderr.readline()
            (tmp_path / "proxy.yaml").write_text(text(backend, listeners=listener(cluster="none")))
            proxy.process.send_signal(signal.SIGHUP)
            port = proxy.port
            await proxy.ready()
            assert proxy.port == port
            client = await proxy.client()
            await client.send(message(1, b"x"))
            assert b"no healthy upstream for 'none'" in (await client.reply()).origin_message

    run(main())


def test_what_an_operator_asks_for_is_answered_for_all() -> None:
    async def main() -> None:
        async with serving(Backend(IdCodec())) as backend, running(text(backend)) as proxy:
            parent = proxy.parent
            for client in await proxy.client_of_each():
                await client.send(message(1, b"a"), message(2, b"b"))
                assert [await client.body(), await client.body()] == [b"a", b"b"]
            assert await proxy.count("response_success") == 4 + len(proxy.clients)
            assert await proxy.count("downstream_cx_active") == len(proxy.clients)
            assert await proxy.count("config_reload") == 0
            assert (await parent.active())["all"] == [0]
            await parent.reload(document(text(backend)))
            assert await proxy.count("config_reload") == 1

    run(main())


def test_what_a_worker_sees_of_a_server_is_told_to_the_parents_keepers(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        seen: list[object] = []
        parent = Parent(document(text()), workers=1)
        monkeypatch.setattr(Server, "report", lambda _, *what: seen.append(what))
        address = Address("10.0.0.1", 80)
        parent.on_told(0, Message({"kind": "seen", "cluster": "all", "address": to_plain(address), "what": [1]}))
        assert seen == [("all", address, [1])]
        await parent.stop()

    run(main())
