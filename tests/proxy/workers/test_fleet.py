"""Workers that are slow, that cannot be started, that die: the fleet goes on, or says why it does not."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest

from metaprotocol_sdk.exceptions import WorkerError
from metaprotocol_sdk.proxy.net.loop import Turns
from metaprotocol_sdk.proxy.workers import fleet as module
from metaprotocol_sdk.proxy.workers import restarts
from metaprotocol_sdk.proxy.workers.channel import Message
from metaprotocol_sdk.proxy.workers.fleet import Fleet, Start
from tests.proxy.harness import run, until


class Process:
    """A worker that answers as a test says; no process."""

    made: list[Process]
    answers: Callable[[Process, str], Any]

    def __init__(self, turns: Turns, handler: Any) -> None:
        self.pid = len(self.made)
        self.made.append(self)
        self.link = self
        self.is_open = True
        self.asked: list[str] = []
        self._gone = asyncio.Event()

    def ask(self, kind: str, **question: Any) -> asyncio.Future[Any]:
        self.asked.append(kind)
        future = asyncio.get_running_loop().create_future()
        answer = self.answers(self, kind)
        if isinstance(answer, Exception):
            future.set_exception(answer)
        elif answer is not None:
            future.set_result(answer)
        if kind == "stop" and answer is not None:
            self._gone.set()
        return future

    def tell(self, kind: str, **fields: Any) -> None:
        self.asked.append(kind)

    async def ended(self) -> str:
        await self._gone.wait()
        return "has gone"

    def die(self) -> WorkerError:
        self.is_open = False
        self._gone.set()
        return WorkerError("gone")

    async def kill(self) -> None:
        self.is_open = False
        self._gone.set()


class Home:
    def __init__(self) -> None:
        self.deaths: list[int] = []

    def start_of(self, worker: int) -> Start:
        return Start({"worker": worker})

    def on_told(self, worker: int, message: Message) -> None:
        """Nothing is told."""

    def on_death(self, worker: int) -> None:
        self.deaths.append(worker)


def check(
    monkeypatch: pytest.MonkeyPatch,
    answers: Callable[[Process, str], Any],
    script: Callable[[Fleet, Home, list[Process]], Any],
) -> None:
    async def main() -> None:
        made: list[Process] = []
        kind = type("Fake", (Process,), {"made": made, "answers": staticmethod(answers)})
        monkeypatch.setattr(module, "WorkerProcess", kind)
        monkeypatch.setattr(restarts, "FIRST_DELAY", 0.001)
        turns, home = Turns(asyncio.get_running_loop()), Home()
        fleet = Fleet(turns, 2, home, random.Random(1))
        try:
            await script(fleet, home, made)
        finally:
            await fleet.stop()
            await turns.close()
        assert fleet.pids == []
        assert len(home.deaths) == len(made)

    run(main())


def fine(process: Process, kind: str) -> Any:
    return {"cut": 2} if kind == "stop" else {}


def test_one_that_dies_is_started_again_and_the_answers_are_of_those_that_are_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def answers(process: Process, kind: str) -> Any:
        if kind == "question":
            return {"pid": process.pid} if process.pid != 1 else process.die()
        return fine(process, kind)

    async def script(fleet: Fleet, home: Home, made: list[Process]) -> None:
        await fleet.start()
        found = await fleet.ask("question")
        assert found[0] == {"pid": 0}
        assert str(found[1]) == "gone"
        await until(lambda: fleet.pids == [0, 2])
        async with fleet.held():
            assert await fleet.ask("question") == {0: {"pid": 0}, 1: {"pid": 2}}
        fleet.tell("news")
        assert [each.asked[-1] for each in made] == ["news", "question", "news"]
        assert home.deaths == [1]
        assert await fleet.stop() == 4

    check(monkeypatch, answers, script)


def test_none_starts_while_they_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    async def script(fleet: Fleet, home: Home, made: list[Process]) -> None:
        await fleet.start()
        async with fleet.held():
            made[0].die()
            await until(lambda: home.deaths == [0])
            for _ in range(20):
                await asyncio.sleep(0.001)
            assert len(made) == 2
        await until(lambda: len(fleet.pids) == 2)

    check(monkeypatch, fine, script)


def test_none_starts_once_they_are_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async def script(fleet: Fleet, home: Home, made: list[Process]) -> None:
        await fleet.start()
        made[0].die()
        await until(lambda: home.deaths == [0])
        fleet.retire()  # while it waits to be started again
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert len(made) == 2

    check(monkeypatch, fine, script)


def test_what_does_not_answer_in_time_is_an_answer_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def answers(process: Process, kind: str) -> Any:
        return None if kind == "question" else fine(process, kind)

    async def script(fleet: Fleet, home: Home, made: list[Process]) -> None:
        await fleet.start()
        found = await fleet.ask("question", seconds=0.01)
        assert {str(each) for each in found.values()} == {"there was no answer in 0.01 s"}

    check(monkeypatch, answers, script)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda process: WorkerError("no such codec"), "worker [12]: no such codec"),
        (lambda process: process.die(), "worker [12] was started 3 times and was never ready: the last one has gone"),
        (lambda process: None, "was never ready: the last one was not ready in 0.01 s"),
    ],
)
def test_those_that_are_never_ready_end_the_start(
    answer: Callable[[Process], Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "START_TIME", 0.01)

    def answers(process: Process, kind: str) -> Any:
        return answer(process) if kind == "start" else fine(process, kind)

    async def script(fleet: Fleet, home: Home, made: list[Process]) -> None:
        with pytest.raises(WorkerError, match=said):
            await fleet.start()

    check(monkeypatch, answers, script)


def test_one_that_cannot_start_again_is_tried_again_and_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def answers(process: Process, kind: str) -> Any:
        return (
            WorkerError("out of luck\nout of time") if kind == "start" and 1 < process.pid < 7 else fine(process, kind)
        )

    async def script(fleet: Fleet, home: Home, made: list[Process]) -> None:
        await fleet.start()
        made[0].die()
        await until(lambda: len(made) == 8 and len(fleet.pids) == 2 and len(fleet._ready) == 2)

    check(monkeypatch, answers, script)
    assert caplog.text.count("worker 1 cannot serve: out of luck; out of time; it is started again in") == 5


def test_a_system_that_has_no_process_left_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failures = [OSError(11, "Resource temporarily unavailable")] * 2

    async def script(fleet: Fleet, home: Home, made: list[Process]) -> None:
        real: Any = vars(module)["WorkerProcess"]

        def make(*arguments: Any) -> Any:
            if failures:
                raise failures.pop()
            return real(*arguments)

        monkeypatch.setattr(module, "WorkerProcess", make)
        await fleet.start()

    check(monkeypatch, fine, script)
    assert caplog.text.count("could not be started: resource temporarily unavailable") == 2


def test_a_bug_here_is_told_and_does_not_leave_the_start_waiting(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def answers(process: Process, kind: str) -> Any:
        return RuntimeError("a bug") if kind == "start" else fine(process, kind)

    async def script(fleet: Fleet, home: Home, made: list[Process]) -> None:
        with pytest.raises(WorkerError, match="RuntimeError: a bug"):
            await fleet.start()

    check(monkeypatch, answers, script)
    assert "please report it" in caplog.text


def test_one_that_answers_no_more_is_ended_and_started_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "PING_INTERVAL", 0.001)
    monkeypatch.setattr(module, "HANG_TIME", 0.02)

    def answers(process: Process, kind: str) -> Any:
        return None if kind == "ping" and process.pid == 1 and process.asked.count("ping") > 3 else fine(process, kind)

    async def script(fleet: Fleet, home: Home, made: list[Process]) -> None:
        await fleet.start()
        await until(lambda: len(made) == 3)
        await until(lambda: len(fleet._ready) == 2)
        assert fleet.pids == [0, 2]
        await until(lambda: made[2].asked.count("ping") > 3)

    check(monkeypatch, answers, script)
    assert "worker 2 has answered nothing for 0.02 s; it is started again" in caplog.text
