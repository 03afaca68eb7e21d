"""The contract between a protocol and whatever carries its messages.

A codec is three methods. ``decode`` takes a message off the front of a buffer and describes it, ``encode`` writes it
again with an id and a mutation in it, ``on_error`` writes the reply that tells a client of a failure. Names and
numbers are MetaProtocol Proxy's (``src/meta_protocol_proxy/codec/codec.h``), snake_cased.

A codec keeps nothing between calls: the same bytes give the same answer, and one instance serves every connection.
A stateful protocol says so by overriding :meth:`Codec.for_connection`.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Self

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.errors import Error
from metaprotocol_sdk.exceptions import DecodeError
from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.mutation import Mutation

CODEC_API = 1
"""The version of this contract. A codec written for another one is refused at load, with a sentence."""

DEFAULT_MAX_MESSAGE_SIZE = 16 * 1024 * 1024
"""Bytes; what Envoy's Thrift and Dubbo proxies allow a frame."""


class DecodeStatus(enum.IntEnum):
    """What :meth:`Codec.decode` did."""

    WAIT_FOR_DATA = 0
    """More bytes are needed; nothing moved."""
    DONE = 1
    """One message moved from the buffer to ``metadata.origin_message``."""
    SKIPPED = 2
    """Bytes that are no message were drained; ask again."""


@dataclass(frozen=True, slots=True)
class Field:
    """One named range of a message's bytes.

    Args:
        name: Dotted where parts nest: ``headers[0].key``.
        start: Index of its first byte, from the message's first.
        end: Index after its last byte; on a partial message, where the data ends.
        value: What the bytes say, for a person to read; None when they cannot be read.
        problem: What is wrong with it, as a clause, or empty.
    """

    name: str
    start: int
    end: int
    value: object = None
    problem: str = ""


class Codec(ABC):
    """One protocol, as a proxy needs to know it.

    Args:
        max_message_size: Bytes; a larger message is refused by the end of its header where a length is declared,
            else as soon as more than that is waiting.

    Attributes:
        name: The protocol's name, lower-case, words joined by ``_``.
        api: The contract's version the codec was written for, :data:`CODEC_API`.
        request_ids: The ids a proxy may write into a request. Empty: no id pairs a reply with its request.
        rewrites: Whether this configuration re-encodes messages even when nothing changed.
    """

    name: ClassVar[str]
    api: ClassVar[int] = CODEC_API
    request_ids: ClassVar[range] = range(0)
    rewrites: bool = False

    def __init__(self, *, max_message_size: int = DEFAULT_MAX_MESSAGE_SIZE) -> None:
        if max_message_size < 1:
            raise ValueError(f"max_message_size is {max_message_size}; it is a number of bytes, at least 1")
        self.max_message_size = max_message_size

    @abstractmethod
    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        """Takes one message off the front of ``buffer`` and describes it in ``metadata``.

        On entry ``metadata.message_type`` says which side speaks: REQUEST for a client's bytes, RESPONSE for a
        server's. The codec may change it to ONEWAY, HEARTBEAT, ERROR or STREAM_*.

        Returns:
            DONE: exactly the message's bytes, at least one, have moved from the front of ``buffer`` to
            ``metadata.origin_message``, and the fields and strings describe them; what follows is untouched.
            SKIPPED: bytes that are no message, at least one, were drained.
            WAIT_FOR_DATA: both arguments are as they were, except ``buffer.needed`` and ``buffer.hint``.

        Raises:
            DecodeError: These bytes can never become a message. Nothing else may be raised.
        """

    @abstractmethod
    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        """Appends the whole message to ``buffer``, which is empty: the origin message with ``metadata.request_id``
        and the mutation in it. With nothing changed it appends the origin bytes, identical.

        ``metadata.request`` of a reply is the Metadata of the request it answers.

        Raises:
            EncodeError: The protocol cannot say it; ``buffer`` is untouched. A change is never dropped silently.
        """

    @abstractmethod
    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        """Appends a reply that answers ``metadata``'s request with ``error``.

        Decoded again it has the same request id, is RESPONSE or ERROR and has ResponseStatus.ERROR. It tells the
        ErrorTypes apart as far as the protocol can, and carries the message. Nothing is written for a oneway.
        """

    def can_mutate(self, metadata: Metadata) -> bool:
        """Whether this message may carry any string header a mutation names. Default: False."""
        return False

    def fields(self, data: bytes) -> Iterable[Field]:
        """The name and value of every byte range of ``data``, in order, without gap or overlap.

        Total: on a partial or broken message it names what can be named and never raises. Default: one field.
        """
        if data:
            yield Field("message", 0, len(data), data)

    def heartbeat(self, request_id: int, buffer: Buffer) -> bool:
        """Appends a heartbeat with that id for a server to answer. Default: False, the protocol has none."""
        return False

    def heartbeat_reply(self, metadata: Metadata, buffer: Buffer) -> bool:
        """Appends the answer to a HEARTBEAT; writes nothing and returns False when it is itself an answer."""
        return False

    def deadline(self, metadata: Metadata) -> float | None:
        """Seconds the message gives its server to answer. Default: None, it does not say."""
        return None

    def match(self, prefix: bytes) -> bool | None:
        """Whether a connection that starts with ``prefix`` speaks this protocol; None: more bytes are needed.

        Default: decodes the prefix as a request, so a protocol with a magic number refuses soon and one without
        believes any bytes that could be its message.
        """
        try:
            status = self.decode(Buffer(prefix), Metadata(codec=self.name))
        except DecodeError:
            return False
        return None if status is DecodeStatus.WAIT_FOR_DATA else True

    def for_connection(self) -> Self:
        """The codec for one connection. Default: itself, as it keeps no state.

        A stateful protocol returns a fresh instance: the downstream one decodes requests and writes replies and
        errors, the upstream one encodes requests and decodes replies.
        """
        return self
