"""A connection to a server that is asked whether it is well."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from metaprotocol_sdk.proxy.cluster.health_check import CheckFailure


class Heard(NamedTuple):
    """What a server's bytes mean.

    Attributes:
        verdict: Empty: it is well; else why it is not; None: it has not said.
        answer: What it wants to be told, should it have asked.
    """

    verdict: str | None = None
    answer: bytes = b""


class Conversation(Protocol):
    """What is said on one connection: a question, what is taken for its answer, the next question."""

    def ask(self) -> bytes:
        """The next question.

        Raises:
            CodecError: It cannot be said.
        """

    def hear(self, data: bytes) -> Heard:
        """What the server's bytes mean. While no question is open, a verdict is that the connection is of no use."""


@dataclass(frozen=True, slots=True)
class CheckFailed:
    """What a check has found that did not find the server well."""

    kind: CheckFailure
    reason: str


_ENDED = CheckFailed(CheckFailure.NETWORK, "it closed the connection")


class Probe(asyncio.Protocol):
    """One connection, for as many questions as it lasts.

    Args:
        conversation: What is said on it; None: nothing, a connection that is made says enough.

    Attributes:
        is_over: Whether it has ended, or is of no use any more.
    """

    __slots__ = ("_conversation", "_is_clogged", "_transport", "_verdict", "is_over")

    def __init__(self, conversation: Conversation | None) -> None:
        self._conversation = conversation
        self._transport: Any = None
        self._verdict: asyncio.Future[CheckFailed | None] | None = None
        self._is_clogged = False
        self.is_over = False

    async def ask(self) -> CheckFailed | None:
        """Asks, and waits for an answer for as long as the connection lasts.

        Raises:
            CodecError: The question cannot be said.
        """
        if self._conversation is None:
            return None
        if self.is_over:
            return _ENDED
        self._verdict = asyncio.get_running_loop().create_future()
        self._transport.write(self._conversation.ask())
        return await self._verdict

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop once, first."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Called by the loop with bytes of the server."""
        if self.is_over or self._conversation is None:
            return
        heard = self._conversation.hear(data)
        if heard.answer and not self._is_clogged:  # one that reads nothing misses nothing
            self._transport.write(heard.answer)
        if heard.verdict is not None:
            self._decide(CheckFailed(CheckFailure.ACTIVE, heard.verdict) if heard.verdict else None)
            if heard.verdict:
                self.abort()

    def pause_writing(self) -> None:
        """Called by the loop when the server does not read."""
        self._is_clogged = True

    def resume_writing(self) -> None:
        """Called by the loop when the server reads again."""
        self._is_clogged = False

    def eof_received(self) -> None:
        """Called by the loop when the server sends no more."""
        self.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Called by the loop once, last."""
        self.abort()

    def abort(self) -> None:
        """Ends it, with whatever question is open."""
        self.is_over = True
        self._decide(_ENDED)
        if self._transport is not None:
            self._transport.abort()

    def _decide(self, found: CheckFailed | None) -> None:
        verdict, self._verdict = self._verdict, None
        if verdict is not None and not verdict.done():
            verdict.set_result(found)
