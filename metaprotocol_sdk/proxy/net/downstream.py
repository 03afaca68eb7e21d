"""One client's connection: its bytes become streams, their replies become bytes again, in order per request id."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from metaprotocol_sdk.decoder import Decoder
from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.exceptions import CodecBug, CodecError, DecodeError
from metaprotocol_sdk.metadata import APPLICATION_PROTOCOL, MessageType, Metadata
from metaprotocol_sdk.proxy.filters.chain import FilterChain
from metaprotocol_sdk.proxy.frame_stream import FRAMES, FrameStream
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.net.context import Context
from metaprotocol_sdk.proxy.net.ending import EndingConnection
from metaprotocol_sdk.proxy.net.loop import Crowd
from metaprotocol_sdk.proxy.peer import Told
from metaprotocol_sdk.proxy.replies import Replies
from metaprotocol_sdk.proxy.responder import Responder
from metaprotocol_sdk.proxy.stream import Downstream, Stream

_log = logging.getLogger(LOGGER_NAME)

_REQUEST, _ONEWAY, _HEARTBEAT = MessageType.REQUEST, MessageType.ONEWAY, MessageType.HEARTBEAT
_STREAM_INIT = MessageType.STREAM_INIT
_TOO_MANY_STREAMS = Error(ErrorType.UNSPECIFIED, "meta protocol connection manager: too many streams", "UO")


class DownstreamConnection(EndingConnection):
    """One client's connection.

    It reads until the client's end, a malformed message or a request that can have no reply; delivers every reply
    that is still to come; and closes.

    Args:
        context: The listener's.
        chain: What requests go through.
        crowd: The listener's connections; this one adds itself.
        idle_timeout: Seconds without a byte in either direction, and no request in flight, until it is closed.
        on_lost: Called with the connection once it has ended.
        told: Whom the client speaks for.
    """

    __slots__ = (
        "_chain",
        "_crowd",
        "_decoder",
        "_flows",
        "_has_ids",
        "_holds",
        "_observe",
        "_on_lost",
        "_oneways",
        "_protocol",
        "_replies",
        "_request_bytes",
        "_responder",
    )

    def __init__(
        self,
        context: Context,
        chain: FilterChain,
        *,
        crowd: Crowd[DownstreamConnection],
        idle_timeout: float | None = None,
        on_lost: Callable[[Downstream], None] | None = None,
        told: Told | None = None,
    ) -> None:
        super().__init__(context, idle_timeout=idle_timeout, told=told)
        encoder = context.encoder.for_connection()
        self._chain = chain
        self._crowd = crowd
        self._decoder = Decoder(encoder.codec, MessageType.REQUEST)
        self._responder = Responder(encoder, listener=context.listener)
        self._has_ids = context.has_ids
        self._protocol = context.protocol
        self._observe = context.request_time.observe
        self._on_lost = on_lost
        self._replies: Replies[Stream] = Replies()
        self._flows: dict[int, FrameStream] = {}
        self._oneways = 0
        self._request_bytes = 0
        self._holds = 0

    @property
    def in_flight(self) -> int:
        """How many requests wait for their reply, or to be on their way."""
        return self._replies.count + self._oneways + len(self._flows)

    @property
    def partial(self) -> int:
        """Bytes of a request that is half read."""
        return self._decoder.buffered

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop once a client has connected."""
        super().connection_made(transport)
        self._crowd.add(self)
        if len(self._crowd) > self._context.limits.clients:
            self._stats.downstream_cx_overflow += 1
            _log.warning("listener %s: over %d clients; one was refused", self._context.listener, len(self._crowd) - 1)
            self.abort()
        if self._crowd.is_draining:
            self.close()  # it has said nothing yet

    def update(self, context: Context, chain: FilterChain, *, idle_timeout: float | None) -> None:
        """Goes by another configuration of its listener from the next request on."""
        self._context = context
        self._chain = chain
        self._set_idle_timeout(idle_timeout)

    # Requests come in.

    def data_received(self, data: bytes) -> None:
        """Called by the loop with bytes of the client."""
        self._active_at = self._now()
        self._stats.downstream_cx_rx_bytes_total += len(data)
        if self._is_ending or self.is_closing:
            return
        self._decoder.receive_data(data)
        self._read()
        if (seconds := self._context.limits.request_timeout) is not None:
            self._watch_request(len(data), seconds)

    def _read(self) -> None:
        """Decodes until there is no whole message, or no more may be taken now. Not entered twice: a request that is
        answered at once would else recurse for every message of a read."""
        if self._is_reading:
            return
        self._is_reading = True
        next_message, most = self._decoder.next_message, self._context.limits.in_flight - 1
        try:
            while not (self._is_paused or self._is_ending or self.is_closing):
                message = next_message()
                if message is None:
                    break
                self._stats.request_decoding_success += 1
                self._on_message(message)
                if self._is_full(most):
                    self._pace()
        except CodecError as error:
            self._stats.request_decoding_error += 1
            self._on_malformed(error)
        finally:
            self._is_reading = False
        if self._is_leaving:
            self._settle()

    def _on_message(self, message: Metadata) -> None:
        stats, kind = self._stats, message.message_type
        if kind is not _REQUEST and kind is not _ONEWAY:
            self._on_event(message, kind)
            return
        key = message.request_id if self._has_ids else 0
        stream = Stream(message, key, self, self._chain, self._active_at)
        if kind is _REQUEST:
            stats.request_twoway += 1
            self._replies.open(stream)
        else:
            stats.request_oneway += 1
            self._oneways += 1
        self._count_in(message)
        self._chain.start(stream)

    def _count_in(self, message: Metadata) -> None:
        stats = self._stats
        stats.request += 1
        stats.request_active += 1
        self._request_bytes += len(message.origin_message)
        message.folded[APPLICATION_PROTOCOL] = self._protocol

    def _on_event(self, message: Metadata, kind: MessageType) -> None:
        """A message that is no request: a heartbeat, a part of a stream of frames, or what no client may send."""
        if kind is _HEARTBEAT:
            self._stats.request_event += 1
            key = message.request_id if self._has_ids else 0
            stream = Stream(message, key, self, self._chain, self._active_at)
            stream.is_over = True
            self._replies.open(stream)
            self._write_reply(stream, self._responder.answer(stream))
        elif kind is _STREAM_INIT:
            self._on_stream_init(message)
        elif kind in FRAMES:
            flow = self._flows.get(message.stream_id)
            if flow is None or not flow.on_client_frame(message):
                self._stats.request_unexpected += 1  # its stream may just have ended
        else:
            self._stats.request_unexpected += 1
            self._end_reading(f"sent a {kind.name}, which servers send")

    def _on_stream_init(self, message: Metadata) -> None:
        if message.stream_id in self._flows:
            self._stats.request_unexpected += 1
            self._end_reading(f"opened stream {message.stream_id}, which is open")
            return
        self._stats.request_event += 1
        self._stats.request_stream += 1
        flow = FrameStream(
            message, message.request_id, self, self._chain, self._active_at, limit=self._context.limits.watermark
        )
        self._flows[message.stream_id] = flow
        self._count_in(message)
        limits = self._context.limits
        if len(self._flows) > limits.in_flight or self._request_bytes > limits.buffered_bytes:
            self._chain.fail(flow, _TOO_MANY_STREAMS)  # not held back: the frames that end those there must be read
        else:
            self._chain.start(flow)

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
        if stream.is_oneway:
            self._oneways -= 1
            self._stats.local_response_error += stream.error is not None
            self._proceed()
        elif type(stream) is Stream:
            self._write_reply(stream, self._responder.answer(stream))
        elif isinstance(stream, FrameStream):
            is_answered = stream.error is not None or stream.response is not None
            self._end_flow(stream, self._responder.answer(stream) if is_answered else b"")

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
        elif isinstance(stream, FrameStream):
            self._end_flow(stream, None)
        else:
            self._write_reply(stream, None)

    def forward(self, frame: bytes) -> None:
        """Writes a server's frame of one of the client's streams, unchanged."""
        self._active_at = self._now()
        self._stats.downstream_cx_tx_bytes_total += len(frame)
        self.write(frame)
        if self.is_clogged:
            self._is_over_limit()

    def _end_flow(self, flow: FrameStream, reply: bytes | None) -> None:
        """Streams end in no order, and what tells of a failure is all that is written for one."""
        del self._flows[flow.request.stream_id]
        flow.let_go()
        if reply is None:
            self._is_ending = self._is_leaving = True
        elif reply:
            self._stats.downstream_cx_tx_bytes_total += len(reply)
            self.write(reply)
        self._proceed()

    def _close_stream(self, stream: Stream) -> None:
        stream.is_over = True
        self._active_at = now = self._now()
        self._stats.request_active -= 1
        self._request_bytes -= len(stream.request.origin_message)
        self._observe((now - stream.started) * 1000)

    def _write_reply(self, stream: Stream, reply: bytes | None) -> None:
        if reply and self._replies.close(stream):
            self._stats.downstream_cx_tx_bytes_total += len(reply)
            self.write(reply)
            self._proceed()
            return
        for data in self._replies.finish(stream, reply):
            if data:
                self._stats.downstream_cx_tx_bytes_total += len(data)
                self.write(data)
        if reply is None:
            self._is_ending = self._is_leaving = True
        if self._replies.abandoned:
            self._abort_abandoned()
        self._proceed()

    def _abort_abandoned(self) -> None:
        """Ends the requests behind one that has no reply: theirs could not be told from it."""
        abandoned, self._replies.abandoned = self._replies.abandoned, []
        for each in abandoned:
            each.is_over = True  # before any is given up: with it go those that wait for the same server
            self._stats.request_active -= 1
            self._request_bytes -= len(each.request.origin_message)
        for each in abandoned:
            each.abort()

    def _proceed(self) -> None:
        """After a stream has ended: reads on if that was waited for, closes if that was the last."""
        if self.is_closing:
            return
        held = self._replies.held
        if (self.is_clogged or held) and self._is_over_limit():
            return
        if self._is_paused or held > self._context.limits.held_bytes:
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
        in_flight = self._replies.count + self._oneways  # not streams: their frames end them, and must be read
        return in_flight > most or self._request_bytes > self._context.limits.buffered_bytes

    def _settle(self) -> None:
        """Closes if nothing is left to do."""
        if (self._is_eof or self._is_ending) and not (self._is_paused or self._is_reading):
            for flow in list(self._flows.values()):
                flow.on_client_end()
        super()._settle()

    def pause_writing(self) -> None:
        """Called by the loop when the client does not read."""
        super().pause_writing()
        self._throttle()

    def resume_writing(self) -> None:
        """Called by the loop when the client reads again."""
        super().resume_writing()
        self._throttle()

    def _throttle(self) -> None:
        for stream in [*self._replies, *self._flows.values()]:
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

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop when the connection has ended, by whichever side. Oneways still go their way."""
        stats, was_ours = self._stats, self.is_closing
        super().connection_lost(exc)
        self._crowd.discard(self)
        for stream in [*self._replies, *self._flows.values()]:
            if stream.is_over:
                continue
            stats.request_active -= 1
            if was_ours:
                stats.cx_destroy_local_with_active_rq += 1
            else:
                stats.cx_destroy_remote_with_active_rq += 1
            stream.abort()
        self._replies.clear()
        self._flows.clear()
        if self._on_lost is not None:
            self._on_lost(self)
