"""A connection to a server that carries one stream of frames and ends with it.

It is never used again: a frame the server sends late would else meet somebody else's stream.
"""

from __future__ import annotations

from collections.abc import Callable

from metaprotocol_sdk.errors import Error
from metaprotocol_sdk.metadata import MessageType, Metadata
from metaprotocol_sdk.proxy.cluster.outlier_monitor import Monitor
from metaprotocol_sdk.proxy.frame_stream import FRAMES, FrameStream
from metaprotocol_sdk.proxy.net.upstream import UpstreamConnection
from metaprotocol_sdk.proxy.stream import Stream


class StreamConnection(UpstreamConnection):
    """One stream's connection."""

    __slots__ = ()

    def start(self, stream: Stream) -> None:
        """Sends STREAM_INIT and what has waited behind it."""
        assert isinstance(stream, FrameStream)
        super().start(stream)
        self._is_spent = True
        if stream.wire_id in self._streams:  # the codec could write it
            stream.connected(self)
        else:
            self.close()

    def forward(self, frame: bytes) -> None:
        """Writes a frame of the client's."""
        self._stats.upstream_cx_tx_bytes_total += len(frame)
        self.write(frame)
        if self.is_clogged:
            self._left += len(frame)

    def release(self) -> None:
        """The stream is over, as both sides wanted."""
        if self._streams and self._endpoint.monitor is not None:
            self._endpoint.monitor.replied(True)
        self._stats.upstream_rq_active -= len(self._streams)
        self._stats.upstream_rq_completed += len(self._streams)
        self._endpoint.active -= len(self._streams)
        self._streams.clear()
        self.retire()

    def _on_other(self, message: Metadata) -> None:
        """A frame, or what any connection may get."""
        is_frame = message.message_type in FRAMES or message.message_type is MessageType.STREAM_INIT
        for stream in list(self._streams.values()) if is_frame else ():
            assert isinstance(stream, FrameStream)
            if message.stream_id == stream.request.stream_id and stream.on_server_frame(message):
                return
        super()._on_other(message)

    def _tell_monitor(self, what: Callable[[Monitor], None]) -> None:
        if not any(isinstance(each, FrameStream) and each.is_server_closed for each in self._streams.values()):
            super()._tell_monitor(what)

    def _fail_all(self, error: Error) -> None:
        """A server that has closed its direction may close the connection too."""
        for stream in list(self._streams.values()):
            assert isinstance(stream, FrameStream)
            if stream.is_server_closed and not stream.is_over:
                stream.finish(self)
        super()._fail_all(error)
