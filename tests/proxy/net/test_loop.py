from __future__ import annotations

import asyncio
import builtins
from typing import Any

import pytest

from metaprotocol_sdk.proxy.net.loop import Crowd, Turns, new_event_loop
from tests.proxy.harness import LOOPS, run

loops = pytest.mark.parametrize("loop", LOOPS)


class Sink:
    def __init__(self) -> None:
        self.flushed = 0

    def flush(self) -> None:
        self.flushed += 1


class Alarm:
    def __init__(self) -> None:
        self.rung = asyncio.Event()

    def on_timer(self, now: float) -> None:
        self.rung.set()


def test_uvloop_is_used_when_it_is_installed_and_asyncio_when_not(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = new_event_loop()
    assert type(loop).__module__.startswith("uvloop")
    loop.close()
    real = builtins.__import__

    def no_uvloop(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "uvloop":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", no_uvloop)
    loop = new_event_loop()
    assert type(loop).__module__.startswith("asyncio")
    loop.close()


@loops
def test_each_connection_flushes_once_at_the_end_of_the_turn(loop: str) -> None:
    async def main() -> None:
        turns = Turns(asyncio.get_running_loop())
        sinks = [Sink(), Sink()]
        for sink in sinks:
            turns.flush_later(sink)
        assert [sink.flushed for sink in sinks] == [0, 0]
        await asyncio.sleep(0)
        assert [sink.flushed for sink in sinks] == [1, 1]
        turns.flush_later(sinks[0])
        await asyncio.sleep(0)
        assert [sink.flushed for sink in sinks] == [2, 1]

    run(main(), loop)


@loops
def test_the_wheel_rings_by_itself_earliest_first(loop: str) -> None:
    async def main() -> None:
        turns = Turns(asyncio.get_running_loop())
        late, soon = Alarm(), Alarm()
        turns.wheel.add(late, 0.06)
        turns.wheel.add(soon, 0.01)
        await soon.rung.wait()
        assert not late.rung.is_set()
        await late.rung.wait()
        assert turns.wheel.next_due is None
        await turns.close()

    run(main(), loop)


def test_closing_cancels_what_still_runs_and_tells_of_what_failed(caplog: pytest.LogCaptureFixture) -> None:
    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("on the way out")

    async def main() -> None:
        turns = Turns(asyncio.get_running_loop())
        before = len(asyncio.all_tasks())
        waits: asyncio.Future[object] = turns.spawn(asyncio.Event().wait())
        fails = turns.spawn(stubborn())
        turns.wheel.add(Alarm(), 60)
        await asyncio.sleep(0)
        await turns.close()
        assert waits.cancelled()
        assert isinstance(fails.exception(), ValueError)
        assert len(asyncio.all_tasks()) == before

    run(main())
    assert "a task ended with ValueError" in caplog.text


def test_a_crowd_is_gone_when_its_last_member_is() -> None:
    async def main() -> None:
        crowd: Crowd[str] = Crowd()
        assert await crowd.wait_gone(0)
        crowd.add("a")
        crowd.add("b")
        crowd.discard("a")
        crowd.discard("a")
        assert not await crowd.wait_gone(0)
        waiting = asyncio.ensure_future(crowd.wait_gone(5))
        await asyncio.sleep(0)
        assert (list(crowd), len(crowd)) == (["b"], 1)
        crowd.discard("b")
        assert await waiting

    run(main())
