"""The codec of Apache Dubbo."""

from __future__ import annotations

from collections.abc import Iterable

from metaprotocol_sdk import (
    Buffer,
    Codec,
    DecodeError,
    DecodeStatus,
    EncodeError,
    Error,
    Field,
    MessageTooLarge,
    MessageType,
    Metadata,
    Mutation,
)
from reference_codecs.dubbo.attachments import rewrite
from reference_codecs.dubbo.description import NO_TYPE, check_magic, describe, describe_error, describe_reply
from reference_codecs.dubbo.frame import (
    EVENT,
    FLAGS_AT,
    HEADER,
    HEADER_SIZE,
    HESSIAN2,
    ID_AT,
    LENGTH_AT,
    MAGIC,
    MAGIC_BYTES,
    REQUEST,
    RESPONSE_TYPES,
    SERIALIZATION,
    STATUS_AT,
    TWO_WAY,
    Status,
    has_attachments,
)
from reference_codecs.dubbo.hessian import Hessian, short_front
from reference_codecs.dubbo.hessian2 import LIMITS, Limits
from reference_codecs.dubbo.layout import fields_of
from reference_codecs.dubbo.replies import error_reply, heartbeat, heartbeat_reply
from reference_codecs.dubbo.serializations import serializations
from reference_codecs.dubbo.versions import reads_attachments

_WAIT, _DONE = DecodeStatus.WAIT_FOR_DATA, DecodeStatus.DONE
_REQUEST = MessageType.REQUEST
_OK = int(Status.OK)
_unpack = HEADER.unpack_from
_CALL = REQUEST | TWO_WAY | HESSIAN2
"""The flags of nearly every request."""
_TYPE_0, _TYPES = 0x90, len(RESPONSE_TYPES)
"""What hessian2 writes for 0; what it writes for the types that follow is one more each."""
_ID = slice(ID_AT, ID_AT + 8)
_NEGATIVE = 1 << 31
_LONGEST_TIMEOUT = 16
"""Digits of a timeout that no one waits for."""


class DubboCodec(Codec):
    """Apache Dubbo's protocol, as Dubbo for Java, Go and JavaScript speak it on TCP.

    Args:
        max_message_size: Bytes of a message with its header.
        max_depth: How deep the lists, maps and objects of a body may nest.
        max_containers: How many lists, maps and objects are passed on the way to a body's attachments.
        deadlines: Whether a request's attachment ``timeout`` is the time its server has. It costs a walk of every
            request's arguments.

    Raises:
        ValueError: An argument is no positive number.
    """

    name = "dubbo"
    request_ids = range(1, 1 << 53)
    """Ids are 64 bits wide; servers in JavaScript keep no more than 53 of them."""

    def __init__(
        self,
        *,
        max_message_size: int = 16 * 1024 * 1024,
        max_depth: int = LIMITS.depth,
        max_containers: int = LIMITS.containers,
        deadlines: bool = False,
    ) -> None:
        super().__init__(max_message_size=max_message_size)
        if max_depth < 1:
            raise ValueError(f"max_depth is {max_depth}; it is a number, at least 1")
        if max_containers < 1:
            raise ValueError(f"max_containers is {max_containers}; it is a number, at least 1")
        self._serializations = serializations(Limits(depth=max_depth, containers=max_containers))
        self._tells_deadlines = deadlines

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        """The header, and of the body what a route most often asks for; attachments are put off."""
        have = len(buffer)
        if have < HEADER_SIZE:
            check_magic(buffer.peek(2))
            buffer.needed = min(HEADER_SIZE, self.max_message_size)
            return _WAIT
        data, at = buffer.front(HEADER_SIZE)
        magic, flags, status, request_id, length = _unpack(data, at)
        total = HEADER_SIZE + length
        if magic != MAGIC or total > self.max_message_size:
            self._refuse(buffer.peek(2), length)
        if have < total:
            buffer.needed = total
            return _WAIT
        self._describe(metadata, flags, status, buffer, total)
        metadata.request_id = request_id
        metadata.header_size = HEADER_SIZE
        metadata.body_size = length
        metadata.origin_message = buffer.drain(total)
        return _DONE

    def _describe(self, metadata: Metadata, flags: int, status: int, buffer: Buffer, total: int) -> None:
        """A call and a reply in hessian2, as nearly all are, where they lie; any other message taken together."""
        data, at = buffer.front(total)
        if flags == _CALL:
            call = short_front(data, at + HEADER_SIZE, at + total)
            if call is not None:
                strings = metadata.folded
                strings["serialization"] = "hessian2"
                strings["dubbo"], strings["interface"], version, strings["method"], strings["parameter_types"], _ = call
                if version:
                    strings["version"] = version
                metadata.operation_name = f"{call[1]}/{call[3]}"
                metadata.message_type = _REQUEST
                metadata.defer(self._load_attachments)
                return
        serialization = self._serializations[flags & SERIALIZATION]
        if not flags & (REQUEST | EVENT):
            if status != _OK:
                describe_error(metadata, serialization, status)
                return
            kind = data[at + HEADER_SIZE] - _TYPE_0 if total > HEADER_SIZE else _TYPES
            if flags == HESSIAN2 and 0 <= kind < _TYPES:
                describe_reply(metadata, serialization, kind, self._load_attachments)
                return
        describe(metadata, buffer.peek(total), serialization, self._load_attachments)

    def _load_attachments(self, metadata: Metadata) -> None:
        message = metadata.origin_message
        serialization = self._serializations[message[FLAGS_AT] & SERIALIZATION]
        if not serialization.is_read:
            serialization.read_call(message)
        for key, value in serialization.read_attachments(message):
            metadata[key] = value

    def _refuse(self, front: bytes, length: int) -> None:
        """Says what is wrong with a header.

        Raises:
            DecodeError: Always.
        """
        check_magic(front)
        if length >= _NEGATIVE:
            raise DecodeError(f"the body length is {length - 2 * _NEGATIVE}", path="body_length", offset=LENGTH_AT)
        raise MessageTooLarge(HEADER_SIZE + length, self.max_message_size, path="body_length", offset=LENGTH_AT)

    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        """Patches the request id, and writes the mutation into the attachments."""
        message = metadata.origin_message
        if len(message) < HEADER_SIZE:
            raise EncodeError("its origin is no message")
        if mutation:
            if reason := self._immutable(metadata):
                raise EncodeError(reason, key=next(iter(mutation)))
            serialization = self._serializations[message[FLAGS_AT] & SERIALIZATION]
            assert isinstance(serialization, Hessian)
            message = rewrite(message, mutation, serialization)
        if not 0 <= metadata.request_id < 1 << 64:
            raise EncodeError(f"the request id {metadata.request_id} is not of 64 bits")
        if (request_id := metadata.request_id.to_bytes(8, "big")) != message[_ID]:
            view = memoryview(message)
            message = b"".join((view[:ID_AT], request_id, view[_ID.stop :]))
        buffer.append(message)

    def _immutable(self, metadata: Metadata) -> str:
        """Why the message has no place for attachments; empty: it has."""
        message = metadata.origin_message
        flags = message[FLAGS_AT]
        serialization = self._serializations[flags & SERIALIZATION]
        if flags & EVENT:
            return "an event has no attachments"
        if not isinstance(serialization, Hessian):
            return f"the attachments are written in {serialization.name}, and changed in hessian2 alone"
        if flags & REQUEST:
            return ""
        if message[STATUS_AT] != Status.OK:
            return f"a reply of status {message[STATUS_AT]} has no attachments"
        return self._immutable_reply(metadata, serialization)

    def _immutable_reply(self, metadata: Metadata, serialization: Hessian) -> str:
        message, request = metadata.origin_message, metadata.request
        if message[HEADER_SIZE:] == NO_TYPE:
            return "the reply is a null without a response type, so nothing can follow it"
        try:
            has_some = has_attachments(serialization.read_response_type(message))
        except DecodeError as error:
            return f"its origin is malformed: {error}"
        if has_some or request is None or reads_attachments(request.folded.get("dubbo")):
            return ""
        return f"its client's Dubbo version is {request.folded.get('dubbo')!r}, which reads no attachments in replies"

    def can_mutate(self, metadata: Metadata) -> bool:
        """Whether the message is a request, or a reply of status 20, in hessian2.

        Attachments are not walked for the answer, so a mutation of ones that are odd may still be an EncodeError.
        """
        return len(metadata.origin_message) >= HEADER_SIZE and not self._immutable(metadata)

    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        """A reply whose status tells the error and whose body is its sentence; none for a oneway."""
        if metadata.message_type is MessageType.ONEWAY:
            return
        if not 0 <= metadata.request_id < 1 << 64:
            raise EncodeError(f"the request id {metadata.request_id} is not of 64 bits")
        number = metadata.origin_message[FLAGS_AT] & SERIALIZATION
        buffer.append(error_reply(number, self._serializations[number], metadata.request_id, error))

    def fields(self, data: bytes) -> Iterable[Field]:
        """The header's fields, each value of a body in hessian2, and each attachment."""
        return fields_of(data, self._serializations)

    def heartbeat(self, request_id: int, buffer: Buffer) -> bool:
        """A two-way event that holds a null."""
        buffer.append(heartbeat(request_id))
        return True

    def heartbeat_reply(self, metadata: Metadata, buffer: Buffer) -> bool:
        """An event that holds a null; for a heartbeat that asks for no answer, as Dubbo, none."""
        buffer.append(heartbeat_reply(metadata.origin_message, metadata.request_id))
        return bool(buffer)

    def deadline(self, metadata: Metadata) -> float | None:
        """With ``deadlines``, the attachment ``timeout`` of a request, which is milliseconds.

        Raises:
            DecodeError: Reaching it found the message malformed.
        """
        if not self._tells_deadlines:
            return None
        flags = metadata.origin_message[FLAGS_AT]
        if not flags & REQUEST or not self._serializations[flags & SERIALIZATION].reads_attachments:
            return None
        timeout = metadata.get("timeout", "")
        is_number = timeout.isascii() and timeout.isdigit() and len(timeout) < _LONGEST_TIMEOUT
        return int(timeout) / 1000 or None if is_number else None

    def match(self, prefix: bytes) -> bool | None:
        """Whether it starts with the magic number and a request's flags."""
        if not MAGIC_BYTES.startswith(prefix[:2]):
            return False
        return bool(prefix[FLAGS_AT] & REQUEST) if len(prefix) > FLAGS_AT else None
