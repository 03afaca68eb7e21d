"""One client's connection: its bytes become streams, their replies become bytes again, in order per request id."""

from __future__ import annotations

import asyncio
import logging

from metaprotocol_sdk.decoder import Decoder
from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.exceptions import CodecBug, CodecError, DecodeError
from metaprotocol_sdk.metadata import APPLICATION_PROTOCOL, MessageType, Metadata
from metaprotocol_sdk.proxy.filters.chain import FilterChain
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.net.connection import Connection
from metaprotocol_sdk.proxy.net.context import Context
from metaprotocol_sdk.proxy.net.loop import Crowd
from metaprotocol_sdk.proxy.replies import Replies
from metaprotocol_sdk.proxy.responder import Responder
from metaprotocol_sdk.proxy.stream import Stream

_log = logging.getLogger(LOGGER_NAME)

_REQUEST, _ONEWAY, _HEARTBEAT = MessageType.REQUEST, MessageType.ONEWAY, MessageType.HEARTBEAT
_STREAMS_UNSUPPORTED = Error(ErrorType.UNSPECIFIED, "streams are not supported yet")


class DownstreamConnection(Connection):
    """One client's connection.

    It reads until the client's end, a malformed message or a request that can have no reply; delivers every reply
    that is still to come; and closes.

    Args:
        context: The listener's.
        chain: What requests go through.
        crowd: The listener's connections; this one adds itself.
        idle_timeout: Seconds without a byte in either direction, and no request in flight, until it is closed.
    """

    __slots__ = (
        "_active_at",
        "_chain",
        "_crowd",
        "_decoder",
        "_has_ids",
        "_holds",
        "_idle_timeout",
        "_is_draining",
        "_is_ending",
        "_is_eof",
        "_is_leaving",
        "_is_lingering",
        "_is_lost",
        "_is_paused",
        "_is_reading",
        "_now",
        "_oneways",
        "_replies",
        "_request_bytes",
        "_responder",
        "_stats",
    )

    def __init__(
        self,
        context: Context,
        chain: FilterChain,
        *,
        crowd: Crowd[DownstreamConnection],
        idle_timeout: float | None = None,
    ) -> None:
        super().__init__(context)
        encoder = context.encoder.for_connection()
        self._chain = chain
        self._crowd = crowd
        self._idle_timeout = idle_timeout
        self._decoder = Decoder(encoder.codec, MessageType.REQUEST)
        self._responder = Responder(encoder, listener=context.listener)
        self._stats = context.stats
        self._has_ids = context.has_ids
        self._now = context.turns.loop.time
        self._replies: Replies[Stream] = Replies()
        self._oneways = 0
        self._request_bytes = 0
        self._holds = 0
        self._active_at = 0.0
        self._is_reading = False
        self._is_paused = False
        self._is_eof = False
        self._is_ending = False
        self._is_lingering = False
        self._is_draining = False
        self._is_leaving = False  # any of the three before: what is looked at after every message
        self._is_lost = False

    @property
    def in_flight(self) -> int:
        """How many requests wait for their reply, or to be on their way."""
        return self._replies.count + self._oneways

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop once a client has connected."""
        super().connection_made(transport)
        stats = self._stats
        stats.downstream_cx_total += 1
        stats.downstream_cx_active += 1
        self._crowd.add(self)
        self._active_at = self._now()
        if len(self._crowd) > self._context.limits.clients:
            stats.downstream_cx_overflow += 1
            _log.warning("listener %s: over %d clients; one was refused", self._context.listener, len(self._crowd) - 1)
            self.abort()
        elif self._idle_timeout is not None:
            self._arm(self._idle_timeout)
        if self._crowd.is_draining:
            self.drain()

    # Requests come in.

    def data_received(self, data: bytes) -> None:
        """Called by the loop with bytes of the client."""
        self._active_at = self._now()
        self._stats.downstream_cx_rx_bytes_total += len(data)
        if self._is_ending or self.is_closing:
            return
        self._decoder.receive_data(data)
        self._read()

    def eof_received(self) -> bool:
        """Called by the loop when the client sends no more; True keeps our half open for the replies to come."""
        self._is_eof = self._is_leaving = True
        if self._is_lingering:
            self.close()
        else:
            self._settle()
        return True

    def _read(self) -> None:
        """Decodes until there is no whole message, or no more may be taken now. Not entered twice: a request that is
        answered at once would else recurse for every message of a read."""
        if self._is_reading:
            return
        self._is_reading = True
        try:
            while not (self._is_paused or self._is_ending or self.is_closing):
                message = self._decoder.next_message()
                if message is None:
                    break
                self._stats.request_decoding_success += 1
                self._on_message(message)
                if self._is_full(self._context.limits.in_flight - 1):
                    self._pace()
        except CodecError as error:
            self._stats.request_decoding_error += 1
            self._on_malformed(error)
        finally:
            self._is_reading = False
        if self._is_leaving:
            self._settle()

    def _on_message(self, message: Metadata) -> None:
        stats = self._stats
        kind = message.message_type
        stream = Stream(
            message,
            key=message.request_id if self._has_ids else 0,
            downstream=self,
            chain=self._chain,
            started=self._active_at,
        )
        if kind is _REQUEST:
            stats.request_twoway += 1
            self._replies.open(stream)
        elif kind is _ONEWAY:
            stats.request_oneway += 1
            self._oneways += 1
        else:
            self._on_event(stream, kind)
            return
        stats.request += 1
        stats.request_active += 1
        self._request_bytes += len(message.origin_message)
        message.folded[APPLICATION_PROTOCOL] = self._context.protocol
        self._chain.start(stream)

    def _on_event(self, stream: Stream, kind: MessageType) -> None:
        """A message that is not routed: answered here, in its turn, or dropped."""
        stats = self._stats
        stream.is_over = True
        if kind in (MessageType.RESPONSE, MessageType.ERROR):
            stats.request_unexpected += 1
            _log.warning("listener %s: a %s from client %s was dropped", self._context.listener, kind.name, self.peer)
            return
        self._replies.open(stream)
        if kind is _HEARTBEAT:
            stats.request_event += 1
        else:
            stats.request_event += kind is MessageType.STREAM_INIT
            stats.request_stream_unsupported += 1
            stream.error = _STREAMS_UNSUPPORTED
        self._write_reply(stream, self._responder.answer(stream))

    def _on_malformed(self, error: CodecError) -> None:
        if isinstance(error, CodecBug):
            self._responder.report(error)
        else:
            _log.warning("listener %s: client %s: %s", self._context.listener, self.peer, error)
        self._forget(error)
        self._is_ending = self._is_leaving = True

    # Replies go out.

    def deliver(self, stream: Stream) -> None:
        """Ends a stream: its reply, or its error, goes to the client in its turn."""
        if stream.is_over:
            return
        self._close_stream(stream)
        if not stream.is_oneway:
            self._write_reply(stream, self._responder.answer(stream))
            return
        self._oneways -= 1
        self._stats.local_response_error += stream.error is not None
        self._proceed()

    def reject(self, stream: Stream, error: CodecError) -> None:
        """Ends a stream without a reply: its message, or its codec, is broken."""
        if stream.is_over:
            return
        self._close_stream(stream)
        stream.give_up()
        self._stats.request_decoding_error += isinstance(error, DecodeError)
        self._on_malformed(error)
        if stream.is_oneway:
            self._oneways -= 1
            self._proceed()
        else:
            self._write_reply(stream, None)

    def _close_stream(self, stream: Stream) -> None:
        stream.is_over = True
        self._active_at = now = self._now()
        self._stats.request_active -= 1
        self._request_bytes -= len(stream.request.origin_message)
        self._context.request_time.observe((now - stream.started) * 1000)

    def _write_reply(self, stream: Stream, reply: bytes | None) -> None:
        for data in self._replies.finish(stream, reply):
            if data:
                self._stats.downstream_cx_tx_bytes_total += len(data)
                self.write(data)
        if reply is None:
            self._is_ending = self._is_leaving = True
        for abandoned in self._replies.abandoned:
            self._stats.request_active -= 1
            self._request_bytes -= len(abandoned.request.origin_message)
            abandoned.abort()
        self._replies.abandoned.clear()
        self._proceed()

    def _proceed(self) -> None:
        """After a stream has ended: reads on if that was waited for, closes if that was the last."""
        if self._is_lost or self.is_closing:
            return
        if (self.is_clogged or self._replies.held) and self._is_over_limit():
            return
        if self._is_paused or self._replies.held > self._context.limits.held_bytes:
            self._pace()
        if self._is_leaving:
            self._settle()

    def _is_over_limit(self) -> bool:
        size = self.unwritten + self._replies.held
        if size <= self._context.limits.buffered_bytes:
            return False
        self._stats.downstream_buffer_overflow += 1
        _log.warning(
            "listener %s: client %s closed: %d bytes of replies wait for it", self._context.listener, self.peer, size
        )
        self.abort()
        return True

    # Pace: what stops reading, and what starts it again.

    def _pace(self) -> None:
        limits = self._context.limits
        most = limits.in_flight // 2 if self._is_paused else limits.in_flight - 1
        wants = self.is_clogged or self._holds > 0 or self._is_full(most) or self._replies.held > limits.held_bytes
        if wants == self._is_paused or self.is_closing:
            return
        self._is_paused = wants
        if wants:
            self._transport.pause_reading()
            return
        if not self._is_eof:
            self._transport.resume_reading()
        self._read()

    def _is_full(self, most: int) -> bool:
        return self.in_flight > most or self._request_bytes > self._context.limits.buffered_bytes

    def pause_writing(self) -> None:
        """Called by the loop when the client does not read."""
        super().pause_writing()
        self._throttle()

    def resume_writing(self) -> None:
        """Called by the loop when the client reads again."""
        super().resume_writing()
        self._throttle()

    def _throttle(self) -> None:
        for stream in self._replies:
            if stream.carrier is not None:
                stream.carrier.throttle(stream)
        self._pace()

    def hold(self) -> None:
        """Stops reading: a server does not take this client's requests as fast as they come."""
        self._holds += 1
        self._pace()

    def release(self) -> None:
        """Takes back one :meth:`hold`."""
        self._holds -= 1
        self._pace()

    # The end.

    def drain(self) -> None:
        """Closes as soon as no request is in flight and none is half read."""
        self._is_draining = self._is_leaving = True
        self._settle()

    def _settle(self) -> None:
        """Closes if nothing is left to do."""
        if self.in_flight or self._is_lingering or self._is_reading or self._transport.is_closing():
            return
        if self._is_ending and not self._is_eof:
            self._linger()
        elif self._is_ending or self._is_eof or (self._is_draining and not self._decoder.buffered):
            self.close()

    def _linger(self) -> None:
        """Says that no more will come and waits for the client's end: closing a socket that has unread bytes resets
        it, and the client would lose replies it has not read yet."""
        self._is_lingering = True
        self.flush()
        if self._is_paused:
            self._transport.resume_reading()
        self._transport.write_eof()
        self._arm(self._context.limits.linger_timeout)

    def on_timer(self, now: float) -> None:
        """A close that took too long, a client that lingers, or one that may have been idle for long enough."""
        if self.is_closing:
            super().on_timer(now)
            return
        if self._is_lingering:
            self.close()
            return
        assert self._idle_timeout is not None
        left = self._active_at + self._idle_timeout - now
        if self.in_flight or left > 0 or self._is_read_by_peer():
            self._arm(left if left > 0 else self._idle_timeout)
            return
        self._stats.idle_timeout += 1
        self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop when the connection has ended, by whichever side. Oneways still go their way."""
        stats = self._stats
        stats.downstream_cx_active -= 1
        was_ours = self.is_closing
        self._is_lost = True
        super().connection_lost(exc)
        self._crowd.discard(self)
        for stream in self._replies:
            if stream.is_over:
                continue
            stats.request_active -= 1
            if was_ours:
                stats.cx_destroy_local_with_active_rq += 1
            else:
                stats.cx_destroy_remote_with_active_rq += 1
            stream.abort()
