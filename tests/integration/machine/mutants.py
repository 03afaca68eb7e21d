"""Proxies broken on purpose, in one place each: what the machine must catch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

from metaprotocol_sdk.proxy.attempts import Attempts
from metaprotocol_sdk.proxy.frame_stream import FrameStream
from metaprotocol_sdk.proxy.ids import RequestIds
from metaprotocol_sdk.proxy.net.downstream import DownstreamConnection
from metaprotocol_sdk.proxy.net.pool import Pool
from metaprotocol_sdk.proxy.net.upstream import UpstreamConnection
from metaprotocol_sdk.proxy.replies import Replies
from metaprotocol_sdk.proxy.shadow import Shadow
from metaprotocol_sdk.proxy.stream import Stream


def _always_has_capacity(self: Any) -> bool:
    return not self.is_closing and not self.is_clogged


def _cancels_but_goes_on(self: Any, stream: Stream) -> None:
    """Gives a request up and keeps its connection."""
    if self._streams.pop(stream.wire_id, None) is None:
        return
    self._stats.upstream_rq_active -= 1
    self._stats.upstream_rq_cancelled += 1
    self._endpoint.active -= 1
    if self._ids is not None:
        self._ids.quarantine(stream.wire_id)
    else:
        self._pool.update(self)


def _frees_at_once(self: Any, request_id: int) -> None:
    self._taken.discard(request_id)


def _has_a_place_of_its_own(self: Any, turn: Any) -> None:
    """Lets a reply leave when it is there, whatever is before it."""
    turn.key = id(turn)
    self._firsts[turn.key] = turn.last = turn
    self.count += 1


_START = UpstreamConnection.start


def _drops_oneways(self: Any, stream: Any) -> None:
    """Says that a oneway is on its way, and keeps it."""
    if stream.is_oneway:
        stream.chain.sent(stream)
    else:
        _START(self, stream)


def _forgets_to_count(self: Any, stream: Stream) -> None:
    """Leaves a request that is given up among those that wait."""


def _keeps_nothing(self: Any, frame: bytes) -> None:
    """Drops frames while the server connects."""


def _retries_anything(self: Any, response: Any) -> bool:
    return True


def _holds_for_ever(self: Any, stream: Stream) -> None:
    stream.abort()


def _ignores_the_end(self: Any) -> bool:
    """A client's half-close is the end of everything."""
    self.abort()
    return True


def _late_reply_to_anyone(self: Any, reply: Any) -> None:
    """A reply nobody waits for goes to whoever waits."""
    for key in list(self._streams):
        stream = self._streams.pop(key)
        self._stats.upstream_rq_active -= 1
        self._endpoint.active -= 1
        stream.chain.respond(stream, reply)
        return


def _never_waits(self: Any) -> None:
    """Reads on, however much is under way."""


def _fails_nobody(self: Any, error: Any) -> None:
    """Forgets the requests of a connection that ends."""
    self._stats.upstream_rq_active -= len(self._streams)
    self._endpoint.active -= len(self._streams)
    self._streams = {}


def _reads_once(self: Any) -> None:
    """Decodes one message of each read, and the next with the next bytes."""
    if not (self._is_paused or self._is_ending or self.is_closing):
        message = self._decoder.next_message()
        if message is not None:
            self._on_message(message)
    if self._is_leaving:
        self._settle()


MUTANTS: dict[str, Callable[[], Any]] = {
    "a connection is handed on with a reply outstanding": lambda: mock.patch.object(
        UpstreamConnection, "cancel", _cancels_but_goes_on
    ),
    "a connection takes a second request before its reply": lambda: mock.patch.object(
        UpstreamConnection, "has_capacity", property(_always_has_capacity)
    ),
    "a reply nobody waits for is delivered": lambda: mock.patch.object(
        UpstreamConnection, "_on_unmatched", _late_reply_to_anyone
    ),
    "replies leave as they complete": lambda: mock.patch.object(Replies, "open", _has_a_place_of_its_own),
    "an id is free again at its timeout": lambda: mock.patch.object(RequestIds, "quarantine", _frees_at_once),
    "a oneway is dropped": lambda: mock.patch.object(UpstreamConnection, "start", _drops_oneways),
    "a request that is given up stays pending": lambda: mock.patch.object(Pool, "cancel", _forgets_to_count),
    "a reply that is well is retried": lambda: mock.patch.object(Attempts, "_is_retriable", _retries_anything),
    "frames are dropped while the server connects": lambda: mock.patch.object(FrameStream, "_keep", _keeps_nothing),
    "copies are never let go": lambda: mock.patch.object(Shadow, "end", _holds_for_ever),
    "a half-close ends everything": lambda: mock.patch.object(DownstreamConnection, "eof_received", _ignores_the_end),
    "a client is read however much is under way": lambda: mock.patch.object(
        DownstreamConnection, "_pace", _never_waits
    ),
    "requests of a lost connection are forgotten": lambda: mock.patch.object(
        UpstreamConnection, "_fail_all", _fails_nobody
    ),
    "one message of each read is decoded": lambda: mock.patch.object(DownstreamConnection, "_read", _reads_once),
}
"""What is broken, and what breaks it while it is entered."""
