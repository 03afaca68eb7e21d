"""The writing half of a codec, as Decoder is the reading half: what it hands out can be trusted.

Whatever a codec raises that its contract does not allow becomes a CodecBug that names it.
"""

from __future__ import annotations

import logging
from typing import Self

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.errors import Error
from metaprotocol_sdk.exceptions import UNCONTRACTED, CodecBug, EncodeError
from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.mutation import NO_MUTATION, Mutation
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.metrics import ListenerStats
from metaprotocol_sdk.proxy.route import Route

_log = logging.getLogger(LOGGER_NAME)

MAX_WARNINGS = 100
"""Warnings of mutations that one listener makes: a filter may make their keys of what clients send."""


class Encoder:
    """Writes the messages of one listener's protocol.

    Args:
        codec: The protocol.
        stats: What failed mutations are counted in.
        warned: The keys of mutations that were warned of.
    """

    __slots__ = ("_buffer", "_codec_encode", "_rewrites", "_warned", "codec", "stats")

    def __init__(self, codec: Codec, stats: ListenerStats, *, warned: set[tuple[str, ...]] | None = None) -> None:
        self.codec = codec
        self.stats = stats
        self._rewrites = codec.rewrites
        self._codec_encode = codec.encode
        self._buffer = Buffer()
        self._warned = set() if warned is None else warned

    def for_connection(self) -> Self:
        """The encoder of one connection's codec: the same one unless the protocol keeps state per connection.

        Raises:
            CodecBug: The codec broke its contract.
        """
        name = self.codec.name
        try:
            codec = self.codec.for_connection()
        except UNCONTRACTED as error:
            raise CodecBug.from_exception(name, "for_connection", error) from error
        if not isinstance(codec, Codec):
            raise CodecBug(name, "for_connection", f"returned {type(codec).__name__}; it returns a codec")
        return self if codec is self.codec else type(self)(codec, self.stats, warned=self._warned)

    def message(self, metadata: Metadata, mutation: Mutation, request_id: int, route: Route | None = None) -> bytes:
        """The message with that id and that mutation in it; the origin bytes themselves when neither changes it.

        A mutation that the protocol cannot say is left out, counted and warned of once, unless the route requires it.

        Raises:
            EncodeError: The protocol cannot say the message, even with its mutation left out, or may not leave it out.
            CodecBug: The codec broke its contract.
        """
        if request_id == metadata.request_id and (mutation is NO_MUTATION or not mutation) and not self._rewrites:
            return metadata.origin_message
        try:
            return self._encode(metadata, mutation, request_id)
        except EncodeError as error:
            if not mutation or (route is not None and route.is_mutation_required):
                raise
            self._mutation_failed(mutation, error)
        return self.message(metadata, NO_MUTATION, request_id)

    def _encode(self, metadata: Metadata, mutation: Mutation, request_id: int) -> bytes:
        origin_id = metadata.request_id
        metadata.request_id = request_id
        buffer = self._buffer
        try:
            self._codec_encode(metadata, mutation, buffer)
        except UNCONTRACTED as error:
            self._buffer = Buffer()
            if isinstance(error, EncodeError):
                raise
            raise CodecBug.from_exception(self.codec.name, "encode", error) from error
        finally:
            metadata.request_id = origin_id
        if not buffer.length:
            raise CodecBug(self.codec.name, "encode", "wrote nothing")
        return buffer.drain(buffer.length)

    def _mutation_failed(self, mutation: Mutation, error: EncodeError) -> None:
        self.stats.mutation_failed += 1
        keys = tuple(mutation)  # values may differ in each message
        if keys in self._warned or len(self._warned) >= MAX_WARNINGS:
            return
        self._warned.add(keys)
        _log.warning(
            "a mutation of %s was left out: %s. Messages it cannot be applied to are forwarded unchanged and "
            "counted in mutation_failed; this is said once",
            ", ".join(keys),
            error,
        )

    def error(self, metadata: Metadata, error: Error) -> bytes:
        """The reply that tells a request's client of ``error``; empty when the codec writes none.

        Raises:
            CodecBug: The codec broke its contract.
        """
        buffer = Buffer()
        try:
            self.codec.on_error(metadata, error, buffer)
        except EncodeError as problem:
            _log.warning("codec %s cannot say an error reply: %s", self.codec.name, problem)
            return b""
        except UNCONTRACTED as problem:
            raise CodecBug.from_exception(self.codec.name, "on_error", problem) from problem
        return buffer.drain(len(buffer))

    def heartbeat(self, request_id: int) -> bytes:
        """A heartbeat for a server to answer.

        Raises:
            EncodeError: The codec cannot say it.
            CodecBug: The codec broke its contract, or has none.
        """
        buffer = Buffer()
        try:
            has_any = self.codec.heartbeat(request_id, buffer)
        except EncodeError:
            raise
        except UNCONTRACTED as problem:
            raise CodecBug.from_exception(self.codec.name, "heartbeat", problem) from problem
        if not has_any or not buffer:
            raise CodecBug(self.codec.name, "heartbeat", f"returned {has_any} and wrote {len(buffer)} bytes")
        return buffer.drain(len(buffer))

    def heartbeat_reply(self, metadata: Metadata) -> bytes:
        """The answer to a heartbeat; empty when it is itself an answer.

        Raises:
            CodecBug: The codec broke its contract.
        """
        buffer = Buffer()
        try:
            has_reply = self.codec.heartbeat_reply(metadata, buffer)
        except EncodeError as problem:
            _log.warning("codec %s cannot answer a heartbeat: %s", self.codec.name, problem)
            return b""
        except UNCONTRACTED as problem:
            raise CodecBug.from_exception(self.codec.name, "heartbeat_reply", problem) from problem
        if has_reply and not buffer:
            raise CodecBug(self.codec.name, "heartbeat_reply", "returned True and wrote nothing")
        return buffer.drain(len(buffer))
