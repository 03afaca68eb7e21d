"""One connection to a server.

By default it carries one request at a time. Shared, it carries the requests of many clients at once: each goes out
under an id of this connection, and its reply is told by that id.
"""

from __future__ import annotations

import logging
from typing import Protocol

from metaprotocol_sdk.decoder import Decoder
from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.exceptions import CodecBug, CodecError, EncodeError
from metaprotocol_sdk.metadata import REAL_SERVER_ADDRESS, MessageType, Metadata, ResponseStatus
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.ids import RequestIds
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.metrics import ClusterStats
from metaprotocol_sdk.proxy.net.connection import Connection
from metaprotocol_sdk.proxy.net.context import Context
from metaprotocol_sdk.proxy.stream import Downstream, Stream

_log = logging.getLogger(LOGGER_NAME)

_REPLIES = (MessageType.RESPONSE, MessageType.ERROR)


class Owner(Protocol):
    """The pool a connection belongs to."""

    @property
    def context(self) -> Context:
        """The listener's."""

    @property
    def endpoint(self) -> Endpoint:
        """The server."""

    @property
    def stats(self) -> ClusterStats:
        """What is counted about its cluster."""

    def update(self, connection: UpstreamConnection) -> None:
        """The connection's capacity may have changed."""

    def lost(self, connection: UpstreamConnection) -> None:
        """The connection takes no more requests."""


class UpstreamConnection(Connection):
    """One connection to a server, made by its pool."""

    __slots__ = (
        "_decoder",
        "_encoder",
        "_has_ids",
        "_held",
        "_ids",
        "_is_adopted",
        "_is_spent",
        "_listener_stats",
        "_pool",
        "_stats",
        "_streams",
        "_uses",
        "_uses_then",
    )

    def __init__(self, pool: Owner) -> None:
        context = pool.context
        super().__init__(context)
        codec = context.encoder.codec.for_connection()
        self._pool = pool
        self._stats = pool.stats
        self._listener_stats = context.stats
        self._decoder = Decoder(codec, MessageType.RESPONSE)
        self._encoder = context.encoder.for_codec(codec)
        self._has_ids = context.has_ids
        self._ids = RequestIds(codec.request_ids, limit=context.limits.shared_in_flight) if context.is_shared else None
        self._streams: dict[int, Stream] = {}
        self._held: set[Downstream] = set()
        self._is_adopted = False
        self._is_spent = False
        self._uses = self._uses_then = 0

    @property
    def has_capacity(self) -> bool:
        """Whether it can take a request now."""
        if self.is_closing or self._is_spent:
            return False
        return self._ids.has_free if self._ids is not None else not self._streams

    @property
    def in_flight(self) -> int:
        """How many requests wait for their reply here."""
        return len(self._streams)

    def adopt(self) -> None:
        """Called by its pool once the connection is there to be used; until then its end is not told of."""
        self._is_adopted = True
        self._stats.upstream_cx_total += 1
        self._stats.upstream_cx_active += 1
        self._arm(self._context.limits.upstream_idle_timeout)

    # A request goes out.

    def start(self, stream: Stream) -> None:
        """Sends a request; the connection must have capacity."""
        request = stream.request
        wire_id = self._ids.take() if self._ids is not None else request.request_id
        try:
            data = self._encoder.message(request, stream.mutation, wire_id)
        except CodecError as error:
            self._free_id(wire_id)
            _refuse(stream, error)
            return
        self._uses += 1
        stats = self._stats
        stats.upstream_rq_total += 1
        stats.upstream_cx_tx_bytes_total += len(data)
        self.write(data)
        if self.is_clogged:
            self._hold(stream.downstream)
        if stream.is_oneway:
            self._sent_oneway(stream, wire_id)
            return
        stats.upstream_rq_active += 1
        stream.carrier = self
        stream.wire_id = wire_id if self._has_ids else 0
        self._streams[stream.wire_id] = stream
        if stream.downstream.is_clogged:
            self.throttle(stream)

    def _free_id(self, wire_id: int) -> None:
        if self._ids is not None:
            self._ids.give_back(wire_id)

    def _sent_oneway(self, stream: Stream, wire_id: int) -> None:
        self._free_id(wire_id)
        if self._ids is None and not self._has_ids:
            # Should the server answer all the same, nothing would tell that answer from the next request's.
            self._is_spent = True
            self.close()
        stream.chain.sent(stream)

    def cancel(self, stream: Stream) -> None:
        """Gives a request up. Its answer may still come, so an unshared connection ends with it."""
        del self._streams[stream.wire_id]
        self._stats.upstream_rq_active -= 1
        self._stats.upstream_rq_cancelled += 1
        if self._ids is None:
            self._end()
            return
        self._ids.quarantine(stream.wire_id)
        if self._ids.is_spoilt:
            self._end()

    def throttle(self, stream: Stream) -> None:
        """Reads the reply no faster than its client does. A shared connection goes on for the other clients."""
        if self._ids is not None or self.is_closing:
            return
        if stream.downstream.is_clogged:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    # Replies come in.

    def data_received(self, data: bytes) -> None:
        """Called by the loop with bytes of the server."""
        self._stats.upstream_cx_rx_bytes_total += len(data)
        if self.is_closing:
            return
        decoder = self._decoder
        decoder.receive_data(data)
        try:
            while (message := decoder.next_message()) is not None:
                if message.message_type in _REPLIES:
                    self._on_reply(message)
                else:
                    self._on_other(message)
        except CodecError as error:
            self._on_broken(error)
            return
        self._after_read()

    def _on_reply(self, reply: Metadata) -> None:
        stats = self._listener_stats
        stats.response += 1
        stats.response_decoding_success += 1
        stream = self._streams.pop(reply.request_id if self._has_ids else 0, None)
        if stream is None:
            self._on_unmatched(reply)
            return
        if self._ids is not None:
            self._ids.give_back(reply.request_id)
        if reply.message_type is MessageType.ERROR:
            stats.response_business_exception += 1
        if reply.response_status is ResponseStatus.OK:
            stats.response_success += 1
        else:
            stats.response_error += 1
        self._stats.upstream_rq_active -= 1
        self._stats.upstream_rq_completed += 1
        reply.folded[REAL_SERVER_ADDRESS] = self._pool.endpoint.name
        stream.chain.respond(stream, reply)

    def _on_unmatched(self, reply: Metadata) -> None:
        """Nothing waits for this reply: it is late, or the server is wrong. It never reaches a client."""
        self._listener_stats.response_unmatched += 1
        if self._ids is not None:
            if self._ids.is_late(reply.request_id):
                return
        elif not self._streams:
            self._is_spent = True
        _log.warning(
            "listener %s: a reply with id %d from %s answers no request and was dropped",
            self._context.listener,
            reply.request_id,
            self._pool.endpoint.name,
        )

    def _on_other(self, message: Metadata) -> None:
        if message.message_type is MessageType.HEARTBEAT:
            answer = self._encoder.heartbeat_reply(message)
            if answer:
                self.write(answer)
            return
        self._listener_stats.response_unmatched += 1
        _log.warning(
            "listener %s: a %s from server %s was dropped; servers send replies and heartbeats here",
            self._context.listener,
            message.message_type.name,
            self._pool.endpoint.name,
        )

    def _after_read(self) -> None:
        """Only here, with every byte of the read looked at, is the connection handed to another request."""
        if self.is_closing or (self._ids is None and self._streams):
            return
        if self._is_spent or (self._ids is None and self._decoder.buffered):
            self._end()
            return
        self._pool.update(self)

    # The end.

    def eof_received(self) -> None:
        """Called by the loop when the server sends no more; the loop closes the connection a little later."""
        self._is_spent = True
        self._pool.update(self)

    def _on_broken(self, error: CodecError) -> None:
        stats = self._listener_stats
        stats.response_decoding_error += 1
        stats.response_error_caused_connection_close += 1
        name = self._pool.endpoint.name
        if isinstance(error, CodecBug):
            stats.codec_bug += 1
            _log.error("connection to %s closed: %s", name, error, exc_info=error.__cause__)
            text = f"meta protocol upstream request: the codec failed on the reply of '{name}'"
        else:
            _log.warning("connection to %s closed: %s", name, error)
            text = str(error)
        self._stats.upstream_cx_destroy_local_with_active_rq += bool(self._streams)
        self._end()
        self._fail_all(Error(ErrorType.BAD_RESPONSE, text))

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop when the connection has ended, by whichever side."""
        if not self._is_adopted:
            super().connection_lost(exc)
            return
        stats = self._stats
        stats.upstream_cx_active -= 1
        if self.is_closing:
            stats.upstream_cx_destroy_local += 1
        else:
            stats.upstream_cx_destroy_remote += 1
            stats.upstream_cx_destroy_remote_with_active_rq += bool(self._streams)
        super().connection_lost(exc)
        self._pool.lost(self)
        self._release_held()
        text = f"meta protocol upstream request: remote connection failure '{self._pool.endpoint.name}'"
        self._fail_all(Error(ErrorType.UNSPECIFIED, text, "UC"))

    def _end(self) -> None:
        """Leaves the pool before anything else happens, so that no request comes this way any more."""
        self.abort()
        self._pool.lost(self)

    def _fail_all(self, error: Error) -> None:
        streams, self._streams = self._streams, {}
        self._stats.upstream_rq_active -= len(streams)
        for stream in streams.values():
            stream.chain.fail(stream, error)

    def on_timer(self, now: float) -> None:
        """A close that took too long, or nothing to do for as long as an idle connection is kept."""
        if self.is_closing:
            super().on_timer(now)
        elif not self._streams and self._uses == self._uses_then:
            self._end()
        else:
            self._uses_then = self._uses
            self._arm(self._context.limits.upstream_idle_timeout)

    # Back-pressure: a server that does not read stops the clients that send to it.

    def pause_writing(self) -> None:
        """Called by the loop when the server does not read."""
        super().pause_writing()
        for stream in self._streams.values():
            self._hold(stream.downstream)

    def resume_writing(self) -> None:
        """Called by the loop when the server reads again."""
        super().resume_writing()
        self._release_held()

    def _hold(self, downstream: Downstream) -> None:
        if downstream not in self._held:
            self._held.add(downstream)
            downstream.hold()

    def _release_held(self) -> None:
        held, self._held = self._held, set()
        for downstream in held:
            downstream.release()


def _refuse(stream: Stream, error: CodecError) -> None:
    if isinstance(error, EncodeError):
        stream.chain.fail(stream, Error(ErrorType.UNSPECIFIED, str(error)))
    else:
        stream.downstream.reject(stream, error)
