"""Streams of frames: STREAM_INIT opens one, both sides send STREAM_DATA, and each closes its own direction.

::

    client ── INIT ──▶ filters, route, endpoint ──▶ a connection of the stream's own ──▶ server
    client ◀── DATA, DATA, CLOSE_ONE_WAY ──────────────────── as they come, in order ──▶ server

STREAM_INIT goes through the filters and is routed as a request is. The frames behind it go the way it went, unchanged;
those that come before its connection is there wait for it, in order. A stream is over when both directions are
closed: by CLOSE_ONE_WAY from each side, or by one CLOSE_TWO_WAY.
"""

from __future__ import annotations

from typing import Protocol

from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.metadata import MessageType, Metadata
from metaprotocol_sdk.proxy.stream import Chain, Downstream, Stream
from metaprotocol_sdk.proxy.timers import TimerWheel

FRAMES = (MessageType.STREAM_DATA, MessageType.STREAM_CLOSE_ONE_WAY, MessageType.STREAM_CLOSE_TWO_WAY)
"""What follows a STREAM_INIT."""

_ONE_WAY, _TWO_WAY = MessageType.STREAM_CLOSE_ONE_WAY, MessageType.STREAM_CLOSE_TWO_WAY


class Link(Protocol):
    """The connection that carries one stream of frames to its server."""

    def forward(self, frame: bytes) -> None:
        """Writes a frame."""

    def release(self) -> None:
        """The stream is over; the connection ends with it."""


class FrameStream(Stream):
    """One stream of frames, from its STREAM_INIT on.

    Attributes:
        link: What carries it, once that is there.
        is_client_closed: Whether the client sends no more frames.
        is_server_closed: Whether the server sends no more frames.
    """

    __slots__ = (
        "_frames",
        "_held",
        "_idle_timeout",
        "_is_holding",
        "_limit",
        "_moves",
        "_moves_then",
        "_wheel",
        "is_client_closed",
        "is_server_closed",
        "link",
    )

    def __init__(
        self, request: Metadata, key: int, downstream: Downstream, chain: Chain, started: float, *, limit: int
    ) -> None:
        super().__init__(request, key, downstream, chain, started)
        self.link: Link | None = None
        self.is_client_closed = False
        self.is_server_closed = False
        self._frames: list[bytes] = []
        self._held = 0
        self._limit = limit
        self._is_holding = False
        self._moves = self._moves_then = 0
        self._wheel: TimerWheel | None = None
        self._idle_timeout = 0.0

    @property
    def can_retry(self) -> bool:
        """A stream is never sent again: its frames are not kept."""
        return False

    @property
    def is_closed(self) -> bool:
        """Whether both directions are."""
        return self.is_client_closed and self.is_server_closed

    # Frames.

    def on_client_frame(self, message: Metadata) -> bool:
        """Takes a frame of the client's; False: it had closed its direction before, and the frame goes nowhere."""
        if self.is_client_closed:
            return False
        self._moves += 1
        kind = message.message_type
        self.is_client_closed = kind in (_ONE_WAY, _TWO_WAY)
        self.is_server_closed |= kind is _TWO_WAY
        if self.link is None:
            self._keep(message.origin_message)
            return True
        self.link.forward(message.origin_message)
        self._finish_if_closed()
        return True

    def on_server_frame(self, message: Metadata) -> bool:
        """Takes a frame of the server's; False: it had closed its direction before, and the frame goes nowhere."""
        if self.is_server_closed:
            return False
        self._moves += 1
        kind = message.message_type
        self.is_server_closed = kind in (_ONE_WAY, _TWO_WAY)
        self.is_client_closed |= kind is _TWO_WAY
        self.downstream.forward(message.origin_message)
        self._finish_if_closed()
        return True

    def on_client_end(self) -> None:
        """The client can send no more, whether it closed its direction or not."""
        self.is_client_closed = True
        self._finish_if_closed()

    def connected(self, link: Link) -> None:
        """STREAM_INIT has been written by ``link``; what has waited follows."""
        self.link = link
        frames, self._frames = self._frames, []
        for frame in frames:
            link.forward(frame)
        self.let_go()
        self._finish_if_closed()

    def _keep(self, frame: bytes) -> None:
        self._frames.append(frame)
        self._held += len(frame)
        if self._held > self._limit and not self._is_holding:
            self._is_holding = True
            self.downstream.hold()

    def let_go(self) -> None:
        """Drops the frames that wait; their client is read again if it was not because of them."""
        self._frames.clear()
        self._held = 0
        if self._is_holding:
            self._is_holding = False
            self.downstream.release()

    def _finish_if_closed(self) -> None:
        if self.is_closed and self.link is not None:
            self.finish(self.link)

    def finish(self, link: Link) -> None:
        """Ends the stream as its sides wanted."""
        self.disarm()
        self.link = None
        link.release()
        self.chain.sent(self)

    # Time.

    def arm(self, wheel: TimerWheel, timeout: float | None) -> None:  # noqa: ARG002  a stream may be long, not silent
        """Gives the stream its route's ``idle_timeout`` from frame to frame."""
        assert self.route is not None
        idle = self.route.idle_timeout
        if idle is not None:
            self._wheel, self._idle_timeout = wheel, idle
            self.timer = wheel.add(self, idle)

    def on_timer(self, now: float) -> None:  # noqa: ARG002
        """Ends a stream that has had no frame since this was last called: within twice its idle timeout."""
        self.timer = None
        if self._moves != self._moves_then:
            self._moves_then = self._moves
            assert self._wheel is not None
            self.timer = self._wheel.add(self, self._idle_timeout)
            return
        self.give_up()
        text = f"meta protocol router: no frame on the stream in {self._idle_timeout:g} s"
        self.chain.fail(self, Error(ErrorType.UNSPECIFIED, text, "SI"))

    def give_up(self) -> None:
        """Ends everything under way for the stream."""
        self.link = None
        self.let_go()
        super().give_up()
