"""The bytes that answer a stream: its server's reply, a local reply, a heartbeat's answer."""

from __future__ import annotations

import logging

from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.exceptions import CodecBug, EncodeError
from metaprotocol_sdk.metadata import MessageType, Metadata
from metaprotocol_sdk.proxy.encoder import Encoder
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.stream import Stream

_log = logging.getLogger(LOGGER_NAME)

_WANTS_REPLY = (MessageType.REQUEST, MessageType.STREAM_INIT)


class Responder:
    """Answers the streams of one client's connection.

    Args:
        encoder: The connection's.
        listener: The listener's name, for the log.
    """

    __slots__ = ("_encoder", "_has_ids", "_listener")

    def __init__(self, encoder: Encoder, *, listener: str) -> None:
        self._encoder = encoder
        self._listener = listener
        self._has_ids = bool(encoder.codec.request_ids)

    def answer(self, stream: Stream) -> bytes | None:
        """What goes to the client; empty: nothing does; None: it waits for a reply and there can be none."""
        try:
            if stream.error is not None:
                return self._local(stream, stream.error)
            if stream.response is not None:
                return self._forward(stream, stream.response)
            return self._encoder.heartbeat_reply(stream.request)
        except CodecBug as bug:
            self.report(bug)
            return None

    def report(self, bug: CodecBug) -> None:
        """Counts and logs a codec's bug, with the place it was raised at."""
        self._encoder.stats.codec_bug += 1
        _log.error("listener %s: %s", self._listener, bug, exc_info=bug.__cause__)

    def _forward(self, stream: Stream, response: Metadata) -> bytes | None:
        request = response.request = stream.request
        request_id = request.request_id if self._has_ids else response.request_id
        try:
            return self._encoder.message(response, stream.response_mutation, request_id, stream.route)
        except EncodeError as error:
            stream.error = Error(ErrorType.BAD_RESPONSE, str(error), "UPE")
            return self._local(stream, stream.error)

    def _local(self, stream: Stream, error: Error) -> bytes | None:
        stats = self._encoder.stats
        if _log.isEnabledFor(logging.DEBUG):
            self._tell(stream.request, error)
        try:
            reply = self._encoder.error(stream.request, error)
        except CodecBug:
            stats.local_response_error += 1
            raise
        if reply:
            stats.local_response_business_exception += 1
            return reply
        if stream.request.message_type not in _WANTS_REPLY:
            return b""
        stats.local_response_error += 1
        return None

    def _tell(self, request: Metadata, error: Error) -> None:
        # The names of its strings and not their values, which are a message's contents: names are what routes mistake.
        _log.debug(
            "listener %s: request %s (%s) failed%s: %s; its strings are %s",
            self._listener,
            request.request_id,
            request.operation_name,
            f", {error.flag}" if error.flag else "",
            error.message,
            ", ".join(sorted(request)) or "none",
        )
