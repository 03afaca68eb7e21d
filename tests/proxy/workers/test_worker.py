"""A worker does what its parent says, step by step, and says why when it cannot."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from metaprotocol_sdk.exceptions import WorkerError
from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.config.values import Address, ProxyConfig
from metaprotocol_sdk.proxy.net.cluster_manager import Keeper, Surroundings
from metaprotocol_sdk.proxy.net.loop import Turns
from metaprotocol_sdk.proxy.net.sockets import listening
from metaprotocol_sdk.proxy.server import Prepared, Server
from metaprotocol_sdk.proxy.workers import worker as module
from metaprotocol_sdk.proxy.workers.channel import Message
from metaprotocol_sdk.proxy.workers.link import Link
from metaprotocol_sdk.proxy.workers.memory import Block
from metaprotocol_sdk.proxy.workers.outlier_witness import Report
from metaprotocol_sdk.proxy.workers.plain import to_plain
from metaprotocol_sdk.proxy.workers.told import Hearsay
from metaprotocol_sdk.proxy.workers.worker import Worker
from tests.proxy.harness import LOOPS, run, until
from tests.proxy.workers.running import listener, text

loops = pytest.mark.parametrize("loop", sorted(LOOPS))
SEATS: dict[str, Any] = {
    "clusters": {"none": [0, 1], "all": [2, 3]},
    "buckets": {"main": [], "other": []},
    "states": {},
}


class Parent:
    """Tells a worker what to do."""

    def __init__(self, turns: Turns, sock: socket.socket) -> None:
        self.counted: dict[str, int] = {}
        self.seen: list[dict[str, Any]] = []
        self.sockets = {name: listening(Address("127.0.0.1", 0)) for name in ("main", "other")}
        self.link = Link(turns, sock, self.hear, lambda: None)

    async def hear(self, message: Message, _: list[int]) -> None:
        if message.fields["kind"] == "counted":
            self.counted.update(message.fields["changed"])
        else:
            self.seen.append(message.fields)

    async def give(self, kind: str, written: str, *listeners: str, **fields: Any) -> None:
        descriptors = [self.sockets[name].fileno() for name in listeners]
        before = [fields.pop("block")] if "block" in fields else []
        fields = {**SEATS, **fields, "file": "proxy.yaml", "listeners": listeners}
        await self.link.ask(kind, blob=written.encode(), descriptors=[*before, *descriptors], **fields)


@asynccontextmanager
async def worker(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Parent, asyncio.Future[None]]]:
    monkeypatch.setattr(module, "configure", lambda **_: None)
    turns = Turns(asyncio.get_running_loop())
    ours, theirs = socket.socketpair()
    parent, block = Parent(turns, ours), Block.create(2)
    running = asyncio.ensure_future(Worker(theirs).run())
    settings = {"path": sys.path, "log": ["text", "info"], "drain_time": 5, "workers": 2, "worker": 0, "drained": []}
    await parent.give("start", text(), "main", **settings, block=block.descriptor)
    try:
        yield parent, running
    finally:
        parent.link.close()
        await running
        for each in parent.sockets.values():
            each.close()
        block.close()
        await turns.close()


def number_of_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@loops
def test_what_is_prepared_is_served_when_it_is_committed_and_never_when_it_is_abandoned(
    loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with worker(monkeypatch) as (parent, _):
            assert parent.counted == {}
            both = text(listeners=listener() + listener("other"))
            await parent.give("prepare", both, "other")
            await parent.link.ask("abandon")
            await parent.link.ask("counters")
            assert not any(".other." in name for name in parent.counted)
            await parent.give("prepare", both, "other")
            await parent.link.ask("commit", states={})
            _, writer = await asyncio.open_connection(*parent.sockets["other"].getsockname())
            while not parent.counted.get("meta_protocol.app.other.downstream_cx_total"):
                await parent.link.ask("counters")
            writer.close()
            assert (await parent.link.ask("active"))["active"] == {"none": [], "all": []}

    run(main(), loop)


@loops
def test_what_cannot_be_prepared_is_a_sentence_and_leaves_nothing(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with worker(monkeypatch) as (parent, _):
            gc.collect()  # what other tests have left
            before = number_of_descriptors()
            both = text(listeners=listener() + listener("other"))
            for written, listeners, said in [
                (text().replace("stat_prefix", "stat_prefx"), [], "stat_prefx"),
                (
                    text(listeners=listener() + listener("other", codec="nowhere")),
                    ["other"],
                    "no codec is named 'nowhere'",
                ),
                (both, [], "listener 'other' has no socket here"),
                (both.replace("name: none", "name: new"), ["other"], "KeyError: 'new'"),
            ]:
                with pytest.raises(WorkerError, match=said):
                    await parent.give("prepare", written, *listeners)
            asked = asyncio.ensure_future(parent.give("prepare", both, "other"))
            await asyncio.sleep(0)
            await parent.link.ask("abandon")  # before it is ready
            with pytest.raises(WorkerError, match="abandoned"):
                await asked
            assert number_of_descriptors() == before

    run(main(), loop)


@loops
def test_what_is_abandoned_and_asked_for_again_before_the_worker_came_to_it_is_prepared_once(
    loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with worker(monkeypatch) as (parent, _):
            gc.collect()
            before = number_of_descriptors()
            both = text(listeners=listener() + listener("other"))
            wanted = True
            for _ in range(3):  # all of it is there when the worker looks, as when it was stopped meanwhile
                first = asyncio.ensure_future(parent.give("prepare", both, "other"))
                await asyncio.sleep(0)
                parent.link.tell("abandon")
                if wanted:
                    second = asyncio.ensure_future(parent.give("prepare", both, "other"))
                with pytest.raises(WorkerError, match="abandoned"):
                    await first
                if wanted:
                    await second
                    await parent.link.ask("abandon")
                assert number_of_descriptors() == before
                wanted = not wanted

    run(main(), loop)


@loops
def test_what_is_abandoned_when_it_has_just_become_ready_leaves_nothing(
    loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with worker(monkeypatch) as (parent, _):
            gc.collect()
            before = number_of_descriptors()
            both, prepare = text(listeners=listener() + listener("other")), Server.prepare

            async def prepare_and_hear(server: Server, config: ProxyConfig) -> Prepared:
                prepared = await prepare(server, config)
                parent.link.tell("abandon")
                return prepared

            monkeypatch.setattr(Server, "prepare", prepare_and_hear)
            with suppress(WorkerError):
                await parent.give("prepare", both, "other")
            await parent.link.ask("counters")
            assert number_of_descriptors() == before

    run(main(), loop)


@loops
def test_a_parent_that_is_gone_is_a_drain(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with worker(monkeypatch) as (parent, running):
            reader, writer = await asyncio.open_connection(*parent.sockets["main"].getsockname())
            writer.write(b"\xc5")  # half a message keeps it
            while not parent.counted.get("meta_protocol.app.main.downstream_cx_rx_bytes_total"):
                await parent.link.ask("counters")
            parent.link.close()
            for _ in range(20):
                await asyncio.sleep(0)
            assert not running.done()
            writer.close()
            await until(running.done)
            assert await reader.read() == b""

    run(main(), loop)


@loops
def test_it_tells_what_it_counts_by_itself_and_how_many_it_cuts(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REPORT_INTERVAL", 0.01)

    async def main() -> None:
        async with worker(monkeypatch) as (parent, running):
            _, writer = await asyncio.open_connection(*parent.sockets["main"].getsockname())
            await until(lambda: parent.counted.get("meta_protocol.app.main.downstream_cx_active") == 1)
            assert (await parent.link.ask("stop"))["cut"] == 1
            await until(running.done)
            assert parent.counted["meta_protocol.app.main.downstream_cx_active"] == 0
            writer.close()

    run(main(), loop)


@loops
def test_what_a_keeper_here_sees_is_told_to_the_parents_keepers(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Address("10.0.0.1", 80)

    def witness(report: Report) -> Any:
        def keeper(cluster: Cluster, surroundings: Surroundings) -> Keeper:
            report(cluster.name, server, {"failures": 5})
            return Hearsay().keeper(cluster, surroundings)  # any that does nothing

        return keeper

    monkeypatch.setattr(module, "WITNESSES", (witness,))

    async def main() -> None:
        async with worker(monkeypatch) as (parent, _):
            await until(lambda: len(parent.seen) == 2)
            found = {each["cluster"]: (each["address"], each["what"]) for each in parent.seen}
            assert found == dict.fromkeys(["none", "all"], (to_plain(server), {"failures": 5}))

    run(main(), loop)
