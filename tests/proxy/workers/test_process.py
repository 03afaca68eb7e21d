"""A worker as a process: its start, its signals, its end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from metaprotocol_sdk.proxy.net.loop import Turns
from metaprotocol_sdk.proxy.workers import process as module
from metaprotocol_sdk.proxy.workers.channel import Message
from metaprotocol_sdk.proxy.workers.process import WorkerProcess
from tests.proxy.harness import run
from tests.proxy.workers.running import is_alive


async def deaf(message: Message, descriptors: list[int]) -> None:
    """Nothing is told here."""


@asynccontextmanager
async def process() -> AsyncIterator[WorkerProcess]:
    turns = Turns(asyncio.get_running_loop())
    found = WorkerProcess(turns, deaf)
    try:
        yield found
    finally:
        await found.kill()
        await turns.close()
    assert not is_alive(found.pid)


def test_what_stops_a_service_does_not_stop_a_worker_however_early_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EXIT_TIME", 15.0)

    async def main() -> None:
        async with process() as worker:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                os.kill(worker.pid, number)
            # It ends because the channel does, by itself and with 0; a signal would be in what is said.
            worker.link.close()
            worker._is_gone.set()
            assert await worker.ended() == "ended with 0"

    run(main())


def test_how_it_has_ended_is_said() -> None:
    async def main() -> None:
        async with process() as worker:
            os.kill(worker.pid, signal.SIGKILL)
            assert await worker.ended() == "was killed by SIGKILL"
            assert not worker.link.is_open

    run(main())
