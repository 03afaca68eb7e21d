"""One connection to a server.

By default it carries one request at a time. Shared, it carries the requests of many clients at once: each goes out
under an id of this connection, and its reply is told by that id.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from metaprotocol_sdk.decoder import Decoder
from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.exceptions import CodecBug, CodecError
from metaprotocol_sdk.metadata import REAL_SERVER_ADDRESS, MessageType, Metadata, ResponseStatus
from metaprotocol_sdk.proxy.cluster.outlier_monitor import Monitor
from metaprotocol_sdk.proxy.ids import RequestIds
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.net.connection import Connection
from metaprotocol_sdk.proxy.net.lifespan import Lifespan
from metaprotocol_sdk.proxy.net.owner import Owner
from metaprotocol_sdk.proxy.net.pressure import Pressure
from metaprotocol_sdk.proxy.stream import Stream

_log = logging.getLogger(LOGGER_NAME)

_REPLIES = (MessageType.RESPONSE, MessageType.ERROR)
_MOST_TOLD = 256
"""Ids of oneways that an unshared connection remembers before it is given up."""


class UpstreamConnection(Connection):
    """One connection to a server, made by its pool."""

    __slots__ = (
        "_decoder",
        "_encoder",
        "_endpoint",
        "_has_ids",
        "_has_server_ended",
        "_ids",
        "_is_adopted",
        "_is_spent",
        "_lifespan",
        "_listener_stats",
        "_pool",
        "_pressure",
        "_stats",
        "_streams",
        "_told",
    )

    def __init__(self, pool: Owner) -> None:
        context = pool.context
        super().__init__(context, watermark=pool.cluster.buffer_limit)
        self._encoder = context.encoder.for_connection()
        codec = self._encoder.codec
        self._pool = pool
        self._endpoint = pool.endpoint
        self._stats = pool.breaker.stats
        self._listener_stats = context.stats
        self._decoder = Decoder(codec, MessageType.RESPONSE)
        self._has_ids = context.has_ids
        self._ids = RequestIds(codec.request_ids, limit=context.limits.shared_in_flight) if pool.is_shared else None
        self._streams: dict[int, Stream] = {}
        self._told: set[int] = set()
        self._pressure = Pressure()
        self._lifespan = Lifespan(pool.cluster.connections, self._stats)
        self._is_adopted = False
        self._is_spent = False
        self._has_server_ended = False

    @property
    def has_capacity(self) -> bool:
        """Whether it can take a request now."""
        if self.is_closing or self._is_spent or self.is_clogged:
            return False
        return self._ids.has_free if self._ids is not None else not self._streams

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits for a reply here."""
        return all(stream.is_copy for stream in self._streams.values())

    def adopt(self) -> None:
        """Called by its pool once the connection is there to be used; until then its end is not told of."""
        self._is_adopted = True
        self._stats.upstream_cx_total += 1
        self._stats.upstream_cx_active += 1
        self._lifespan.begin(self._context.turns.loop.time())
        self._await_end()

    # A request goes out.

    def start(self, stream: Stream) -> None:
        """Sends a request; the connection must have capacity."""
        request = stream.request
        if request.request_id in self._told and not stream.is_oneway:
            self.retire()
            self._pool.hand_on(stream)
            return
        wire_id = self._ids.take() if self._ids is not None else request.request_id
        try:
            data = self._encoder.message(request, stream.mutation, wire_id, stream.route)
        except CodecError as error:
            self._free_id(wire_id)
            stream.refuse(error)
            return
        lifespan = self._lifespan
        lifespan.uses += 1
        if lifespan.uses == lifespan.limit:
            lifespan.use_up()
            self._is_spent = True
        stats = self._stats
        stats.upstream_rq_total += 1
        stats.upstream_cx_tx_bytes_total += len(data)
        if stream.is_oneway:
            self._pressure.note_teller(stream.downstream, is_first=not self._out)
        self.write(data)
        if stream.is_oneway:
            self._sent_oneway(stream, wire_id)
            return
        stats.upstream_rq_active += 1
        self._endpoint.active += 1
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
        if self._ids is None and not self._pool.is_bound:
            # Should the server answer all the same, nothing but an id would tell that answer from the next request's.
            self._told.add(wire_id)
            self._is_spent |= not self._has_ids or len(self._told) == _MOST_TOLD
        if self._is_spent and not self._streams:
            self.close()
        stream.chain.sent(stream)

    def has_told(self, request_id: int) -> bool:
        """Whether it carried a oneway of that id: its answer, should there be one, must not meet a request."""
        return request_id in self._told

    def cancel(self, stream: Stream) -> None:
        """Gives a request up. Its answer may still come, so an unshared connection ends with it."""
        if self._streams.pop(stream.wire_id, None) is None:  # all of them are being failed right now
            return
        self._stats.upstream_rq_active -= 1
        self._stats.upstream_rq_cancelled += 1
        self._endpoint.active -= 1
        if self._ids is None:
            self._end()
            return
        self._ids.quarantine(stream.wire_id)
        if self._ids.is_spoilt:
            self._end()
        elif self._is_spent and not self._streams:  # no reply will come to end it
            self.retire()

    def expire(self, stream: Stream) -> None:
        """Gives up a request that the server has not answered in time."""
        if self._endpoint.monitor is not None and stream.wire_id in self._streams:
            self._endpoint.monitor.failed()
        self.cancel(stream)

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
        is_ok = reply.response_status is ResponseStatus.OK
        if is_ok:
            stats.response_success += 1
        else:
            stats.response_error += 1
        if reply.message_type is MessageType.ERROR:
            stats.response_business_exception += 1
            is_ok = False
        self._stats.upstream_rq_active -= 1
        self._stats.upstream_rq_completed += 1
        endpoint = self._endpoint
        endpoint.active -= 1
        if endpoint.monitor is not None:
            endpoint.monitor.replied(is_ok)
        reply.folded[REAL_SERVER_ADDRESS] = endpoint.name
        stream.chain.respond(stream, reply)

    def _on_unmatched(self, reply: Metadata) -> None:
        """Nothing waits for this reply: it is late, or the server is wrong. It never reaches a client."""
        self._listener_stats.response_unmatched += 1
        if self._ids is not None:
            if self._ids.is_late(reply.request_id):
                return
        elif not self._streams and not (self._has_ids and self._pool.is_bound):
            self._is_spent = True  # for its one client a bound connection goes on while ids tell replies apart
        _log.warning(
            "listener %s: a reply with id %d from %s answers no request and was dropped",
            self._context.listener,
            reply.request_id,
            self._endpoint.name,
        )

    def _on_other(self, message: Metadata) -> None:
        if message.message_type is MessageType.HEARTBEAT:
            answer = self._encoder.heartbeat_reply(message)
            if answer and not self.is_clogged:  # one that reads nothing misses nothing
                self.write(answer)
            return
        self._listener_stats.response_unmatched += 1
        _log.warning(
            "listener %s: a %s from server %s was dropped; servers send replies and heartbeats here",
            self._context.listener,
            message.message_type.name,
            self._endpoint.name,
        )

    def _after_read(self) -> None:
        """Only here, with every byte of the read looked at, is the connection handed to another request."""
        if self.is_closing or (self._ids is None and self._streams):
            return
        if self._ids is None and (self._decoder.buffered or self.is_clogged):
            self._is_spent = True  # it says more than it was asked, or answers without having read
        if not self._is_adopted:
            return
        if not self._is_spent:
            self._pool.update(self)
        elif not self._streams:
            self.retire()

    def retire(self) -> None:
        """Closes once what is unwritten has gone; takes no request meanwhile."""
        self._is_spent = True
        self._pool.update(self)
        if not self._streams:
            self.close()

    # The end.

    def eof_received(self) -> None:
        """Called by the loop when the server sends no more. What was written for it still goes out."""
        self._is_spent = True
        if self._is_adopted:
            self._on_server_end()
            self.close()

    def _on_server_end(self) -> None:
        self._has_server_ended = self._is_spent = True
        self._stats.upstream_cx_destroy_remote += 1
        self._stats.upstream_cx_destroy_remote_with_active_rq += bool(self._streams)
        self._pool.update(self)
        self._tell_monitor(Monitor.failed)
        self._fail_lost()

    def _fail_lost(self) -> None:
        self._pressure.release()
        text = f"meta protocol upstream request: remote connection failure '{self._endpoint.name}'"
        self._fail_all(Error(ErrorType.UNSPECIFIED, text, "UC"))

    def _on_broken(self, error: CodecError) -> None:
        stats = self._listener_stats
        stats.response_decoding_error += 1
        stats.response_error_caused_connection_close += 1
        name = self._endpoint.name
        if isinstance(error, CodecBug):
            self._context.report(error)
            text = f"meta protocol upstream request: the codec failed on the reply of '{name}'"
        else:
            _log.warning("connection to %s closed: %s", name, error)
            text = str(error)
            self._tell_monitor(Monitor.garbled)
        self._forget(error)
        self._give_up(Error(ErrorType.BAD_RESPONSE, text, "UPE"))

    def _give_up(self, error: Error) -> None:
        self._stats.upstream_cx_destroy_local_with_active_rq += bool(self._streams)
        self._end()
        self._fail_all(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop when the connection has ended, by whichever side."""
        if not self._is_adopted:
            super().connection_lost(exc)
            return
        stats = self._stats
        stats.upstream_cx_active -= 1
        if self.is_closing:
            stats.upstream_cx_destroy_local += not self._has_server_ended
        else:
            self._on_server_end()
        super().connection_lost(exc)
        self._pressure.forget()
        self._pool.lost(self)
        self._fail_lost()

    def _end(self) -> None:
        """Leaves the pool before anything else happens, so that no request comes this way any more."""
        self.abort()
        self._pool.lost(self)

    def _tell_monitor(self, what: Callable[[Monitor], None]) -> None:
        """Tells what becomes of every request that is here."""
        if (monitor := self._endpoint.monitor) is not None:
            for _ in self._streams:
                what(monitor)

    def _fail_all(self, error: Error) -> None:
        streams, self._streams = self._streams, {}
        self._stats.upstream_rq_active -= len(streams)
        self._endpoint.active -= len(streams)
        for stream in streams.values():
            if not stream.is_over:  # one that fails may take others of its client with it
                stream.chain.fail(stream, error)

    def _await_end(self) -> None:
        delay = self._lifespan.delay(self._context.turns.loop.time())
        if delay is not None:
            self._arm(delay)

    def on_timer(self, now: float) -> None:
        """A close that took too long, a server that reads nothing, or the end of the connection's use."""
        if self.is_closing:
            super().on_timer(now)
        elif self.is_clogged:
            self._on_stall()
        elif self._lifespan.is_over(now, is_unused=not (self._streams or self._pool.is_bound)):
            self.retire()
        else:
            self._await_end()

    def _on_stall(self) -> None:
        limits = self._context.limits
        if self._is_read_by_peer():
            self._arm(limits.stall_timeout)
            return
        name = self._endpoint.name
        _log.warning("connection to %s closed: it has read nothing for %g s", name, limits.stall_timeout)
        self._tell_monitor(Monitor.failed)
        text = f"meta protocol upstream request: '{name}' reads no requests"
        self._give_up(Error(ErrorType.UNSPECIFIED, text, "UC"))

    # Back-pressure: a server that does not read stops the clients that send to it.

    def pause_writing(self) -> None:
        """Called by the loop when the server does not read."""
        super().pause_writing()
        self._pressure.hold_all([stream.downstream for stream in self._streams.values()])
        self._left = self.unwritten
        self._arm(self._context.limits.stall_timeout)
        self._pool.update(self)

    def resume_writing(self) -> None:
        """Called by the loop when the server reads again."""
        super().resume_writing()
        if not self.is_closing:
            self._disarm()
            self._await_end()
        self._pressure.release()
        self._pool.update(self)
