"""Filters in order, and the router behind them. Requests run through it forwards, replies backwards."""

from __future__ import annotations

import logging
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Protocol

from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.exceptions import CodecError
from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.proxy.filters.delay import Delay
from metaprotocol_sdk.proxy.filters.filter import Filter, Verdict
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.stream import Stream

_log = logging.getLogger(LOGGER_NAME)


class Pending(Protocol):
    """What a filter waits for; an ``asyncio.Future`` is one, and a :class:`Delay`."""

    def add_done_callback(self, callback: Callable[[Any], None], /) -> None:
        """Calls ``callback(self)`` when it is done."""

    def cancel(self) -> object:
        """Gives it up."""

    def cancelled(self) -> bool:
        """Whether it was given up."""

    def result(self) -> Error | None:
        """What it came to; raises what it raised."""


Spawn = Callable[[Awaitable[Error | None]], Pending]
"""Runs an awaitable beside everything else; whoever provides it keeps it alive until it is done."""


Hook = Callable[[Stream], Verdict]
"""``on_request`` or ``on_response`` of one filter."""


class FilterChain:
    """What every stream of one listener goes through.

    Args:
        filters: In configured order.
        route: The chain's end: sends the request on its way, or says why it cannot.
        spawn: Runs what a filter must wait for.
    """

    __slots__ = ("_on_request", "_on_response", "_route", "_sees_replies", "_spawn")

    def __init__(self, filters: Sequence[Filter], route: Callable[[Stream], Error | None], *, spawn: Spawn) -> None:
        self._on_request = tuple(_own(each.on_request, Filter.on_request) for each in filters)
        self._on_response = tuple(_own(each.on_response, Filter.on_response) for each in filters)
        self._sees_replies = any(self._on_response)
        self._route = route
        self._spawn = spawn

    def start(self, stream: Stream, position: int = 0) -> None:
        """Takes a request through the filters, from the one at ``position`` on, and on its way."""
        hooks = self._on_request
        try:
            while position < len(hooks):
                hook = hooks[position]
                verdict = None if hook is None else self._ask(hook, stream)
                if verdict is not None:
                    return self._stop(stream, verdict, position)
                position += 1
                stream.passed = position
            error = self._route(stream)
        except CodecError as broken:  # strings put off until they were asked for, and found malformed
            return stream.downstream.reject(stream, broken)
        if error is not None:
            self.fail(stream, error)
        return None

    def _stop(self, stream: Stream, verdict: Error | Pending, position: int) -> None:
        if isinstance(verdict, Error):
            self.fail(stream, verdict)
        else:
            self._wait(stream, verdict, partial(self._resume_request, stream, position))

    def respond(self, stream: Stream, response: Metadata) -> None:
        """The server has answered."""
        stream.disarm()
        stream.carrier = None
        stream.response = response
        if self._sees_replies:
            self._reply(stream, stream.passed)
        else:
            stream.downstream.deliver(stream)

    def fail(self, stream: Stream, error: Error) -> None:
        """The request cannot be answered by its server; the client gets ``error``."""
        stream.disarm()
        stream.carrier = None
        stream.error = error
        self._reply(stream, stream.passed)

    def sent(self, stream: Stream) -> None:
        """A oneway is on its way."""
        stream.carrier = None
        stream.downstream.deliver(stream)

    def _reply(self, stream: Stream, position: int) -> None:
        if not stream.is_oneway:
            while position:
                position -= 1
                hook = self._on_response[position]
                try:
                    verdict = None if hook is None else self._ask(hook, stream)
                except CodecError as malformed:
                    verdict = Error(ErrorType.BAD_RESPONSE, str(malformed), "UPE")
                if isinstance(verdict, Error):
                    stream.error = verdict
                elif verdict is not None:
                    return self._wait(stream, verdict, partial(self._resume_reply, stream, position))
        return stream.downstream.deliver(stream)

    def _ask(self, hook: Hook, stream: Stream) -> Error | Pending | None:
        try:
            verdict = hook(stream)
        except CodecError:
            raise
        except Exception:
            return _broken(stream, f"{_name(hook)} raised")
        if verdict is None or isinstance(verdict, Error | Delay):
            return verdict
        try:
            return self._spawn(verdict)
        except (TypeError, ValueError):
            what = f"returned {type(verdict).__name__}, which is no Error and cannot be awaited"
            return _broken(stream, f"{_name(hook)} {what}")

    def _wait(self, stream: Stream, pending: Pending, resume: Callable[[Pending], None]) -> None:
        stream.waiting = pending
        pending.add_done_callback(resume)

    def _resume_request(self, stream: Stream, position: int, pending: Pending) -> None:
        if stream.waiting is not pending:  # given up; the wait may have ended all the same
            return
        stream.waiting = None
        error = _outcome(pending, stream, self._on_request[position])
        if error is not None:
            self.fail(stream, error)
        else:
            stream.passed = position + 1
            self.start(stream, position + 1)

    def _resume_reply(self, stream: Stream, position: int, pending: Pending) -> None:
        if stream.waiting is not pending:
            return
        stream.waiting = None
        stream.error = _outcome(pending, stream, self._on_response[position]) or stream.error
        self._reply(stream, position)


def _outcome(pending: Pending, stream: Stream, hook: Hook | None) -> Error | None:
    if pending.cancelled():  # by what it waited for: a stream that gives up waits no more
        return _broken(stream, f"the wait of {_name(hook)} was cancelled")
    try:
        outcome: object = pending.result()  # a filter may promise what it does not keep
    except Exception as error:
        failure = _failure(error, stream, hook)
        error.__traceback__ = None  # this frame, which holds what holds the error: a cycle with the request in it
        return failure
    if outcome is None or isinstance(outcome, Error):
        return outcome
    return _broken(stream, f"the wait of {_name(hook)} came to {type(outcome).__name__}, which is no Error")


def _failure(error: Exception, stream: Stream, hook: Hook | None) -> Error:
    if isinstance(error, CodecError):
        return Error(error.error_type, str(error))
    return _broken(stream, f"the wait of {_name(hook)} raised")


def _own(hook: Hook, default: Callable[..., Verdict]) -> Hook | None:
    """The hook, or None where a filter has only the default: not calling it spares a tenth of a microsecond."""
    return None if getattr(hook, "__func__", None) is default else hook


def _name(hook: Hook | None) -> str:
    return getattr(hook, "__qualname__", repr(hook))


def _broken(stream: Stream, what: str) -> Error:
    text = "bug in a filter: %s; the request with id %s failed"
    _log.error(text, what, stream.request.request_id, exc_info=sys.exception())
    return Error(ErrorType.UNSPECIFIED, "meta protocol filter chain: a filter failed")
