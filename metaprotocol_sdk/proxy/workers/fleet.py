"""A number of workers that are kept alive."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from metaprotocol_sdk.exceptions import WorkerError
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.net.loop import Turns
from metaprotocol_sdk.proxy.workers.channel import Message
from metaprotocol_sdk.proxy.workers.link import Answer
from metaprotocol_sdk.proxy.workers.process import WorkerProcess
from metaprotocol_sdk.proxy.workers.restarts import BackOff

_log = logging.getLogger(LOGGER_NAME)

START_TIME = 60.0
"""Seconds a worker has to accept clients, or to prepare a configuration."""
STARTS = 3
"""How often each worker is started before the proxy gives up, while it has not been ready yet."""
PING_INTERVAL = 5.0
"""Seconds from an answer of a worker to the next question whether it still answers."""
HANG_TIME = 30.0
"""Seconds after which a worker that answers nothing is ended: far more than its longest message takes it."""
STOP_TIME = 3.0
"""Seconds a worker has to end once it is told to."""


@dataclass(frozen=True, slots=True)
class Start:
    """The first message of a worker: what it serves.

    Args:
        fields: What JSON can say.
        blob: The configuration's text.
        descriptors: The block, and the listening sockets.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    blob: bytes = b""
    descriptors: tuple[int, ...] = ()


class Home(Protocol):
    """What a fleet belongs to."""

    def start_of(self, worker: int) -> Start:
        """What a worker that starts now serves."""

    def on_told(self, worker: int, message: Message) -> None:
        """A worker tells something."""

    def on_death(self, worker: int) -> None:
        """A worker is dead; called once for each."""


class Fleet:
    """Workers by number, from 0. One that dies is started again.

    Args:
        turns: The event loop.
        count: How many.
        home: What says what they serve.
        rng: The source of chance.
    """

    def __init__(self, turns: Turns, count: int, home: Home, rng: random.Random) -> None:
        self._turns = turns
        self._count = count
        self._home = home
        self._rng = rng
        self._processes: dict[int, WorkerProcess] = {}
        self._ready: set[int] = set()
        self._first: dict[int, asyncio.Future[None]] = {}
        self._keepers: list[asyncio.Future[None]] = []
        self._may_start = asyncio.Event()
        self._may_start.set()
        self._settled = asyncio.Event()
        self._retired = asyncio.Event()

    @property
    def pids(self) -> list[int]:
        """The processes that are there."""
        return [each.pid for each in self._processes.values()]

    @property
    def is_serving(self) -> bool:
        """Whether one of them is ready."""
        return bool(self._ready)

    async def start(self) -> None:
        """Starts them, and returns when all are ready.

        Raises:
            WorkerError: One cannot serve, or dies again and again before it is ready.
        """
        self._first = {number: self._turns.loop.create_future() for number in range(self._count)}
        self._keepers = [self._turns.spawn(self._keep(number)) for number in range(self._count)]
        await asyncio.gather(*self._first.values())

    async def _keep(self, number: int) -> None:
        back_off = BackOff(self._rng)
        while True:
            await self._may_start.wait()
            if self._retired.is_set():  # since it died
                return
            began = self._turns.loop.time()
            how = await self._live(number)
            if self._retired.is_set():
                return
            delay = back_off.delay(self._turns.loop.time() - began)
            first = self._first[number]
            if not first.done() and back_off.failures >= STARTS:
                text = f"worker {number + 1} was started {STARTS} times and was never ready: the last one {how}"
                first.set_exception(WorkerError(text))
                return
            text = f"worker {number + 1} {how}; it is started again in {delay:.1f} s"
            _log.error(text)
            await asyncio.sleep(delay)

    async def _live(self, number: int) -> str:
        """One life of a worker; says how it ended."""
        try:
            process = WorkerProcess(self._turns, self._handler(number))
        except OSError as error:
            return f"could not be started: {(error.strerror or str(error)).lower()}"
        self._processes[number] = process
        try:
            return await self._begin(number, process) or await self._end_of(process)
        except Exception as error:  # whatever it is, the worker is started again
            _log.exception("a bug in the proxy; please report it")
            return f"could not be looked after: {type(error).__name__}: {error}"
        finally:
            await process.kill()
            del self._processes[number]
            self._ready.discard(number)
            self._settled.set()
            self._home.on_death(number)

    async def _end_of(self, process: WorkerProcess) -> str:
        """How a worker ends that serves: by itself, or because it answers no more."""
        ended, silent = (asyncio.ensure_future(each) for each in (process.ended(), self._silence_of(process)))
        try:
            await asyncio.wait({ended, silent}, return_when=asyncio.FIRST_COMPLETED)
            return ended.result() if ended.done() else silent.result()
        finally:
            for each in (ended, silent):
                each.cancel()

    async def _silence_of(self, process: WorkerProcess) -> str:
        """Returns once a worker has answered nothing for too long: a codec may never return."""
        while True:
            await asyncio.sleep(PING_INTERVAL)
            answer = process.link.ask("ping")
            await asyncio.wait({answer}, timeout=HANG_TIME)
            if not answer.done():
                answer.cancel()
                return f"has answered nothing for {HANG_TIME:g} s"
            if answer.exception() is not None:  # it has ended, which is told otherwise
                await asyncio.Event().wait()

    def _handler(self, number: int) -> Callable[[Message, list[int]], Awaitable[Answer | None]]:
        async def handle(message: Message, _: list[int]) -> None:
            self._home.on_told(number, message)

        return handle

    async def _begin(self, number: int, process: WorkerProcess) -> str | None:
        """Has a process serve; says why it does not, None when it does, or has died of it."""
        start = self._home.start_of(number)
        first = self._first[number]
        try:
            async with asyncio.timeout(START_TIME):
                await process.link.ask("start", blob=start.blob, descriptors=start.descriptors, **start.fields)
        except TimeoutError:
            return f"was not ready in {START_TIME:g} s"
        except WorkerError as error:
            if not process.link.is_open:
                return None
            if not first.done():
                first.set_exception(WorkerError(f"worker {number + 1}: {error}"))
            return f"cannot serve: {'; '.join(str(error).splitlines())}"
        self._ready.add(number)
        self._settled.set()
        if first.done():
            _log.info("worker %d serves again", number + 1)
        else:
            first.set_result(None)
        return None

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """No worker starts meanwhile: each is ready, or will start when this is over."""
        self._may_start.clear()
        try:
            while self._processes.keys() != self._ready:
                self._settled.clear()
                await self._settled.wait()
            yield
        finally:
            self._may_start.set()

    async def ask(
        self, kind: str, *, seconds: float = START_TIME, with_starting: bool = False, **question: Any
    ) -> dict[int, Answer | WorkerError]:
        """What each worker answers, or why it does not.

        Args:
            kind: What is asked.
            seconds: How long an answer may take.
            with_starting: Whether those are asked that are not ready yet; they answer when they are.
            question: What :meth:`~metaprotocol_sdk.proxy.workers.link.Link.ask` takes.
        """
        asked = {
            number: process.link.ask(kind, **question)
            for number, process in self._processes.items()
            if with_starting or number in self._ready
        }
        if asked:
            await asyncio.wait(asked.values(), timeout=seconds)
        return {number: _answer(future, seconds) for number, future in asked.items()}

    def tell(self, kind: str, **fields: Any) -> None:
        """Tells every worker."""
        for process in self._processes.values():
            process.link.tell(kind, **fields)

    async def replace(self, number: int, why: str) -> None:
        """Ends a worker; another one is started for it."""
        process = self._processes.get(number)
        if process is not None:
            _log.error("worker %d is ended, for it %s", number + 1, why)
            await process.kill()

    def retire(self) -> None:
        """Those that end from now on are not started again."""
        self._retired.set()

    async def stop(self) -> int:
        """Ends them all; returns how many clients' connections were cut."""
        self.retire()
        answers = await self.ask("stop", seconds=STOP_TIME)
        told = {number: answer for number, answer in answers.items() if not isinstance(answer, WorkerError)}
        leaving = [self._keepers[number] for number in told]
        if leaving:
            await asyncio.wait(leaving, timeout=STOP_TIME)
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        return sum(answer["cut"] for answer in told.values())


def _answer(future: asyncio.Future[Answer], seconds: float) -> Answer | WorkerError:
    if not future.done():
        future.cancel()
        return WorkerError(f"there was no answer in {seconds:g} s")
    error = future.exception()
    if error is None:
        return future.result()
    return error if isinstance(error, WorkerError) else WorkerError(str(error))
