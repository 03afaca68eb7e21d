"""One end of a channel: messages and sockets over a pair of local sockets, questions with their answers."""

from __future__ import annotations

import array
import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from metaprotocol_sdk.exceptions import WorkerError
from metaprotocol_sdk.proxy.net.loop import Turns
from metaprotocol_sdk.proxy.workers.channel import MAX_SIZE, ChannelError, Message, Reader, encode

_READ = 256 * 1024
_MOST_AT_ONCE = 250
"""Descriptors in one call; the kernel takes 253."""
_ROOM = socket.CMSG_SPACE(_MOST_AT_ONCE * array.array("i").itemsize)
_MOST_UNSENT = 4 * MAX_SIZE
"""Bytes the other side has not read above which it is given up."""

Answer = dict[str, Any]
Handler = Callable[[Message, list[int]], Awaitable[Answer | None]]
"""Takes a message and the descriptors that came with it, which it owns then; returns what answers it."""


class Link:
    """One end of a channel, on the running loop.

    A message that has an ``id`` asks; what the handler returns, or the MetaProtocolError it raises, is the answer.

    Args:
        turns: The event loop.
        sock: One of a pair of AF_UNIX stream sockets; the link closes it.
        handler: Called with each message that is no answer.
        on_end: Called once when the other side is gone, or does not speak as it should.
    """

    def __init__(self, turns: Turns, sock: socket.socket, handler: Handler, on_end: Callable[[], None]) -> None:
        sock.setblocking(False)
        self._turns = turns
        self._sock = sock
        self._handler = handler
        self._on_end = on_end
        self._reader = Reader()
        self._descriptors: list[int] = []
        self._unsent: list[tuple[memoryview, Sequence[int]]] = []
        self._asked: dict[int, asyncio.Future[Answer]] = {}
        self._next_id = 0
        self._is_open = True
        turns.loop.add_reader(sock.fileno(), self._read)

    @property
    def is_open(self) -> bool:
        """Whether the other side may still be there."""
        return self._is_open

    def tell(self, kind: str, *, blob: bytes = b"", descriptors: Sequence[int] = (), **fields: Any) -> None:
        """Sends a message that nobody answers; nothing, when the other side is gone."""
        self._send(Message({"kind": kind, **fields}, blob, len(descriptors)), descriptors)

    def ask(
        self, kind: str, *, blob: bytes = b"", descriptors: Sequence[int] = (), **fields: Any
    ) -> asyncio.Future[Answer]:
        """Sends a message; the future is its answer, or raises WorkerError: it was refused, or the other side is gone.

        Args:
            kind: What is asked.
            blob: Bytes beside the fields.
            descriptors: Descriptors the other side gets duplicates of; they stay the caller's.
            fields: The rest of the question.
        """
        future: asyncio.Future[Answer] = self._turns.loop.create_future()
        future.add_done_callback(_look_at)  # whoever asked may have been cancelled
        if not self._is_open:
            future.set_exception(WorkerError("the worker is gone"))
            return future
        self._next_id += 1
        message = Message({"kind": kind, "id": self._next_id, **fields}, blob, len(descriptors))
        self._asked[self._next_id] = future
        try:
            self._send(message, descriptors)
        except (ChannelError, OSError) as error:  # it is too long, or there is no descriptor left
            del self._asked[self._next_id]
            future.set_exception(WorkerError(f"it cannot be asked: {str(error).lower()}"))
        return future

    def _send(self, message: Message, descriptors: Sequence[int]) -> None:
        if not self._is_open:
            return
        data = memoryview(encode(message))
        # Each batch of descriptors travels with a byte of its own; the last one with all the rest.
        owned = _copies(descriptors)  # the caller may close its own before they are sent
        while len(owned) > _MOST_AT_ONCE:
            self._unsent.append((data[:1], owned[:_MOST_AT_ONCE]))
            data, owned = data[1:], owned[_MOST_AT_ONCE:]
        self._unsent.append((data, owned))
        self._write()

    def _write(self) -> None:
        try:
            while self._unsent:
                data, descriptors = self._unsent[0]
                sent = _send(self._sock, data, descriptors)
                _close(descriptors)
                self._unsent[0] = (data[sent:], ())
                if sent == len(data):
                    del self._unsent[0]
        except (BlockingIOError, InterruptedError):
            self._turns.loop.add_writer(self._sock.fileno(), self._write)
            if sum(len(data) for data, _ in self._unsent) > _MOST_UNSENT:
                self._end()
        except OSError:
            self._end()
        else:
            self._turns.loop.remove_writer(self._sock.fileno())

    def _read(self) -> None:
        try:
            data, ancillary, _, _ = self._sock.recvmsg(_READ, _ROOM)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data, ancillary = b"", []
        for level, kind, found in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                self._descriptors += _received(found)
        if data:
            self._take(data)
        else:
            self._end()

    def _take(self, data: bytes) -> None:
        self._reader.receive_data(data)
        try:
            while self._is_open and (message := self._reader.next_message()) is not None:
                self._on_message(message)
        except ChannelError:
            self._end()

    def _on_message(self, message: Message) -> None:
        descriptors = self._descriptors[: message.descriptors]
        del self._descriptors[: message.descriptors]
        if "re" not in message.fields:
            self._turns.spawn(self._handle(message, descriptors))
            return
        future = self._asked.pop(message.fields["re"], None)
        if future is None or future.done():
            return
        if "error" in message.fields:
            future.set_exception(WorkerError(message.fields["error"]))
        else:
            future.set_result(message.fields)

    async def _handle(self, message: Message, descriptors: list[int]) -> None:
        try:
            answer = await self._handler(message, descriptors) or {}
        except WorkerError as error:
            answer = {"error": str(error)}
        if "id" in message.fields:
            self._send(Message({"re": message.fields["id"], **answer}), ())

    def _end(self) -> None:
        if self._is_open:
            self.close()
            self._on_end()

    def close(self) -> None:
        """Ends the channel; what was asked and not answered raises WorkerError."""
        if not self._is_open:
            return
        self._is_open = False
        self._turns.loop.remove_reader(self._sock.fileno())
        self._turns.loop.remove_writer(self._sock.fileno())
        self._sock.close()
        for _, descriptors in self._unsent:
            _close(descriptors)
        _close(self._descriptors)
        self._unsent.clear()
        self._descriptors.clear()
        for future in self._asked.values():
            if not future.done():
                future.set_exception(WorkerError("the worker is gone"))
        self._asked.clear()


def _look_at(future: asyncio.Future[Answer]) -> None:
    if not future.cancelled():
        future.exception()


def _send(sock: socket.socket, data: memoryview, descriptors: Sequence[int]) -> int:
    if not descriptors:
        return sock.send(data)
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
    return sock.sendmsg([data], rights)


def _copies(descriptors: Sequence[int]) -> list[int]:
    copies: list[int] = []
    try:
        for each in descriptors:
            copies.append(socket.dup(each))  # noqa: PERF401  an error leaves those before it in there
    except OSError:
        _close(copies)
        raise
    return copies


def _received(data: bytes) -> array.array[int]:
    found = array.array("i")
    found.frombytes(data[: len(data) - len(data) % found.itemsize])
    for each in found:
        os.set_inheritable(each, False)
    return found


def _close(descriptors: Sequence[int]) -> None:
    for each in descriptors:
        socket.close(each)
