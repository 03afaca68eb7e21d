"""Questions, answers and descriptors between two ends of a channel."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from metaprotocol_sdk.exceptions import WorkerError
from metaprotocol_sdk.proxy.net.loop import Turns
from metaprotocol_sdk.proxy.workers import link as module
from metaprotocol_sdk.proxy.workers.channel import MAX_SIZE, Message
from metaprotocol_sdk.proxy.workers.link import Answer, Link
from tests.proxy.harness import LOOPS, run, until

loops = pytest.mark.parametrize("loop", sorted(LOOPS))


class Other:
    """The other end: answers with what it was asked, refuses, or says nothing."""

    def __init__(self, turns: Turns, sock: socket.socket) -> None:
        self.heard: list[tuple[Message, list[int]]] = []
        self.is_ended = False
        self.link = Link(turns, sock, self.hear, self.on_end)

    async def hear(self, message: Message, descriptors: list[int]) -> Answer | None:
        self.heard.append((message, descriptors))
        if message.fields["kind"] == "refuse":
            raise WorkerError("not with me")
        if message.fields["kind"] == "wait":
            await asyncio.get_running_loop().create_future()
        return {"size": len(message.blob), "fields": message.fields}

    def on_end(self) -> None:
        self.is_ended = True


@asynccontextmanager
async def ends() -> AsyncIterator[tuple[Other, Other]]:
    turns = Turns(asyncio.get_running_loop())
    one, two = (Other(turns, each) for each in socket.socketpair())
    try:
        yield one, two
    finally:
        one.link.close()
        two.link.close()
        for _, descriptors in one.heard + two.heard:
            for each in descriptors:
                os.close(each)
        await turns.close()


@loops
def test_a_question_is_answered_with_what_came_whatever_its_size(loop: str) -> None:
    async def main() -> None:
        async with ends() as (one, two):
            asked = [one.link.ask("echo", blob=b"x" * size, number=size) for size in (0, 5, 3_000_000, 1)]
            one.link.tell("told")
            answers = await asyncio.gather(*asked)
            assert [each["size"] for each in answers] == [0, 5, 3_000_000, 1]
            assert [each["fields"]["number"] for each in answers] == [0, 5, 3_000_000, 1]
            await until(lambda: len(two.heard) == 5)
            with pytest.raises(WorkerError, match="not with me"):
                await two.link.ask("refuse")

    run(main(), loop)


@loops
def test_descriptors_come_with_their_message_however_many(loop: str) -> None:
    async def main() -> None:
        async with ends() as (one, two):
            reads, writes = zip(*(os.pipe() for _ in range(4)), strict=True)
            for count in (1, 0, 600, 2):
                one.link.tell("have", blob=b"y" * 300_000, descriptors=[reads[0]] * count)
            last = one.link.ask("have", descriptors=reads)
            for each in reads:
                os.close(each)  # what was asked to be sent is sent
            await last
            assert [len(descriptors) for _, descriptors in two.heard] == [1, 0, 600, 2, 4]
            for number, each in enumerate(writes):
                os.write(each, b"%d" % number)
                os.close(each)
            assert [os.read(each, 9) for each in two.heard[-1][1]] == [b"0", b"1", b"2", b"3"]
            assert not any(os.get_inheritable(each) for each in two.heard[-1][1])

    run(main(), loop)


@loops
def test_the_end_of_one_side_is_told_and_answers_what_was_asked(loop: str) -> None:
    async def main() -> None:
        async with ends() as (one, two):
            asked = one.link.ask("wait")
            await until(lambda: len(two.heard) == 1)
            two.link.close()
            two.link.close()
            with pytest.raises(WorkerError, match="gone"):
                await asked
            assert one.is_ended
            assert not one.link.is_open
            assert not two.is_ended  # who closes need not be told
            with pytest.raises(WorkerError, match="gone"):
                await one.link.ask("echo")
            one.link.tell("nobody")

    run(main(), loop)


@loops
def test_who_does_not_speak_as_agreed_is_given_up(loop: str) -> None:
    async def main() -> None:
        turns = Turns(asyncio.get_running_loop())
        ours, theirs = socket.socketpair()
        end = Other(turns, ours)
        theirs.sendall(b"\xff" * 100)
        await until(lambda: end.is_ended)
        theirs.close()
        await turns.close()

    run(main(), loop)


@loops
def test_who_reads_nothing_is_given_up(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_UNSENT", 1_000_000)

    async def main() -> None:
        turns = Turns(asyncio.get_running_loop())
        ours, theirs = socket.socketpair()
        end = Other(turns, ours)
        read, write = os.pipe()
        for _ in range(5):
            end.link.tell("much", blob=b"x" * 400_000, descriptors=[read])
        assert end.is_ended
        for each in (read, write):
            os.close(each)
        theirs.close()
        await turns.close()

    run(main(), loop)


@loops
def test_a_message_that_cannot_be_sent_leaves_nothing_and_is_an_answer(loop: str) -> None:
    made: list[int] = []

    def dup(descriptor: int) -> int:
        if len(made) == 2:
            raise OSError(errno.EMFILE, "Too many open files")
        made.append(os.dup(descriptor))
        return made[-1]

    async def main() -> None:
        async with ends() as (one, two):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(socket, "dup", dup)
                with pytest.raises(WorkerError, match="too many open files"):
                    await one.link.ask("question", descriptors=[0, 0, 0])
            with pytest.raises(WorkerError, match="over the limit"):
                await one.link.ask("question", blob=bytes(MAX_SIZE))
            for each in made:
                with pytest.raises(OSError):
                    os.fstat(each)
            assert one.link._asked == {}
            assert (await one.link.ask("question"))["size"] == 0
            assert len(two.heard) == 1

    run(main(), loop)
