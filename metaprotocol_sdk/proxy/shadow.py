"""Copies of requests that go to other clusters: ``RequestMirrorPolicy``. Nobody waits for what becomes of them."""

from __future__ import annotations

from metaprotocol_sdk.errors import Error
from metaprotocol_sdk.exceptions import CodecError
from metaprotocol_sdk.metadata import MessageType, Metadata
from metaprotocol_sdk.mutation import Mutation
from metaprotocol_sdk.proxy.peer import Peer
from metaprotocol_sdk.proxy.stream import Stream

HELD_BYTES = 64 * 1024 * 1024
"""Bytes of copies that have had no answer yet, above which no more are made."""


class Copy(Stream):
    """A mirrored request."""

    __slots__ = ()

    is_copy = True


class Shadow:
    """Where copies come from and go back to: the client and the chain of every one of them.

    Whatever becomes of a copy ends here, so it can neither delay nor fail the request it is a copy of.
    """

    __slots__ = ("_held", "_limit")

    is_clogged = False
    is_lost = False
    client = Peer()

    def __init__(self, *, limit: int = HELD_BYTES) -> None:
        self._limit = limit
        self._held = 0

    def copy(self, stream: Stream, mutation: Mutation) -> Stream | None:
        """A copy of the request that changes it by ``mutation``.

        None: too much is under way already, or it opens a stream of frames, whose frames are not kept for a second
        server.
        """
        size = len(stream.request.origin_message)
        if self._held + size > self._limit or stream.request.message_type is MessageType.STREAM_INIT:
            return None
        self._held += size
        made = Copy(stream.request, stream.key, self, self, stream.started)
        made.mutation = mutation
        made.route = stream.route
        return made

    def end(self, stream: Stream) -> None:
        """Ends a copy."""
        if not stream.is_over:
            self._held -= len(stream.request.origin_message)
            stream.abort()

    # As a chain.

    def respond(self, stream: Stream, response: Metadata) -> None:  # noqa: ARG002
        """The server has answered, for nobody."""
        self._finish(stream)

    def fail(self, stream: Stream, error: Error) -> None:  # noqa: ARG002
        """The copy could not be delivered; its cluster's counters say so."""
        self._finish(stream)

    def sent(self, stream: Stream) -> None:
        """A copy of a oneway is on its way."""
        self._finish(stream)

    def _finish(self, stream: Stream) -> None:
        stream.carrier = None
        self.end(stream)

    # As a client's connection.

    def deliver(self, stream: Stream) -> None:
        """Nothing is delivered: no filter sees a copy."""
        self.end(stream)

    def reject(self, stream: Stream, error: CodecError) -> None:  # noqa: ARG002
        """The codec cannot write the copy; the request itself has told of it."""
        self.end(stream)

    def hold(self) -> None:
        """There is nothing to stop reading; the limit and the cluster's breakers bound what waits."""

    def release(self) -> None:
        """See :meth:`hold`."""

    def forward(self, frame: bytes) -> None:
        """Nobody reads it."""

    def finish(self) -> None:
        """There is nothing to close."""
