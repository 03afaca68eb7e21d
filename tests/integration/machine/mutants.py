"""Proxies broken on purpose, in one place each: what the machine must catch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

from metaprotocol_sdk.proxy.attempts import Attempts
from metaprotocol_sdk.proxy.cluster.circuit_breaker import CircuitBreaker
from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.frame_stream import FrameStream
from metaprotocol_sdk.proxy.ids import RequestIds
from metaprotocol_sdk.proxy.net.downstream import DownstreamConnection
from metaprotocol_sdk.proxy.net.pool import Pool
from metaprotocol_sdk.proxy.net.pools import Pools
from metaprotocol_sdk.proxy.net.tls import Security
from metaprotocol_sdk.proxy.net.upstream import UpstreamConnection
from metaprotocol_sdk.proxy.replies import Replies
from metaprotocol_sdk.proxy.router import Router
from metaprotocol_sdk.proxy.server import Server
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


def _fails_who_waits(self: Any) -> None:
    """A server that is gone gets nothing more, not even what already waits for it."""
    self._fail_pending(len(self._pending), self._failure("gone"))
    _RETIRE(self)


_RETIRE = Pool.retire


def _closes_at_once(self: Any) -> None:
    for connection in self._open:
        connection.abort()


def _keeps_every_server(self: Any, kept: Any) -> None:
    """Lets no connection to a server go that is gone."""


def _cuts_its_clients(self: Any, listener: Any) -> None:
    for connection in listener.connections:
        connection.abort()
    _SEE_OFF(self, listener)


_SEE_OFF = Server._see_off


def _knows_nobody_again(self: Any, config: Any, known: Any) -> Endpoint:
    """Takes every server for another, and the requests in flight along."""
    endpoint = Endpoint(config.address)
    endpoint.update(config)
    found = known.pop(config.address, None)
    endpoint.active = found.active if found is not None else 0
    return endpoint


def _stays_as_it_is(self: Any, *args: Any, **kwargs: Any) -> None:
    """Goes by what it began with."""


_KEPT: list[Any] = []


def _keeps_it(self: Any, prepared: Any) -> None:
    _KEPT.append(prepared)


def _ends_what_is_in_flight(self: Any, endpoint: Endpoint, flag: Any, *, is_set: bool) -> None:
    """Takes a server that is marked for one that is gone."""
    _MARK(self, endpoint, flag, is_set=is_set)
    for watcher in self._watchers:
        for serving in getattr(watcher.__self__, "_serving", {}).values():
            for pool in serving.assembled.pools._all:
                if pool.endpoint is endpoint and not endpoint.is_usable:
                    _closes_at_once(pool)


def _tells_nobody(self: Any, endpoint: Endpoint, flag: Any, *, is_set: bool) -> None:
    """Sets a mark that no pick sees."""
    endpoint.flags = endpoint.flags | flag if is_set else endpoint.flags & ~flag


_MARK = Cluster.mark


def _waits_for_somebody(self: Any, stream: Stream) -> Any:
    """Leaves a request that finds no server for later, which never comes."""
    return _SEND(self, stream) if stream.cluster is not None and stream.cluster.pick() is not None else None


_SEND = Router._send


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
    "a reload fails what waits for a server that is gone": lambda: mock.patch.object(Pool, "retire", _fails_who_waits),
    "a reload cuts what is in flight at a server that is gone": lambda: mock.patch.object(
        Pool, "retire", _closes_at_once
    ),
    "connections to servers that are gone stay": lambda: mock.patch.object(Pools, "retire", _keeps_every_server),
    "a listener that is gone cuts its clients": lambda: mock.patch.object(Server, "_see_off", _cuts_its_clients),
    "a server that stays is another after a reload": lambda: mock.patch.object(
        Cluster, "_endpoint", _knows_nobody_again
    ),
    "clients that stay keep their routes": lambda: mock.patch.object(DownstreamConnection, "update", _stays_as_it_is),
    "limits stay as they were": lambda: mock.patch.object(CircuitBreaker, "update", _stays_as_it_is),
    "what is prepared and given up stays bound": lambda: mock.patch.object(Server, "abandon", _keeps_it),
    "a mark ends what is in flight": lambda: mock.patch.object(Cluster, "mark", _ends_what_is_in_flight),
    "marks are not looked at": lambda: mock.patch.object(Cluster, "mark", _tells_nobody),
    "certificates stay as they were": lambda: mock.patch.object(Security, "on_timer", _stays_as_it_is),
    "a request that finds no server waits": lambda: mock.patch.object(Router, "_send", _waits_for_somebody),
}
"""What is broken, and what breaks it while it is entered."""
