"""The codec of Apache Thrift."""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct
from struct import error as struct_error

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
from reference_codecs.thrift.application_exception import CODES
from reference_codecs.thrift.binary import BINARY, NON_STRICT
from reference_codecs.thrift.choices import Choices
from reference_codecs.thrift.description import (
    FRONT,
    KINDS,
    describe,
    describe_exception,
    describe_headers,
    describe_name,
    describe_result,
    message_type_of,
)
from reference_codecs.thrift.frame import (
    FRAME,
    FRAMED_BINARY,
    HEADER_MAGIC,
    MAX_NAME_SIZE,
    VERSION_1,
    Kind,
    Transport,
    Type,
)
from reference_codecs.thrift.layout import fields_of
from reference_codecs.thrift.limits import Limits
from reference_codecs.thrift.message import (
    DETECTED_BY,
    Message,
    detect,
    is_told_by_first_byte,
    refuse_foreign,
    take_apart,
)
from reference_codecs.thrift.protocol import Beginning, Data, Form, Short, Walk, check_waiting
from reference_codecs.thrift.rewriting import rewrite, write

_WAIT, _DONE, _SKIPPED = DecodeStatus.WAIT_FOR_DATA, DecodeStatus.DONE, DecodeStatus.SKIPPED
_SEQID = Struct(">i")
_unpack_seqid = _SEQID.unpack_from
_pack_seqid = _SEQID.pack
_SMALL = 2048
_unpack_framed_binary = FRAMED_BINARY.unpack_from
_FRAMED_BINARY_SIZE = FRAMED_BINARY.size
_HEADER_MAGIC = HEADER_MAGIC.to_bytes(2, "big")
_RESULT_SIZE = 3
"""Bytes of the header of a result's first field."""
_FIRST_BIT = 1 << 31
"""A frame's length never has it; the version of an unframed strict message has."""
_SUCCESSES = frozenset(bytes((kind, 0, 0)) for kind in Type if kind is not Type.STOP)
"""What the results of most calls begin with: field 0, of any type."""
_FRAMED_BINARY = Form(Transport.FRAMED, BINARY)
_REPLY, _EXCEPTION = int(Kind.REPLY), int(Kind.EXCEPTION)
_OWN = frozenset({"method", "service", "transport", "protocol", "result"})
"""Strings that say what a message is; they are read from it and cannot be changed."""


class ThriftCodec(Codec):
    """Apache Thrift in its framed, unframed and header transports; binary, compact and JSON protocols.

    Args:
        max_message_size: Bytes of a message with its framing.
        transport: ``framed``, ``unframed`` or ``header``: what clients speak, another is malformed. ``auto``: each
            message tells.
        protocol: ``binary`` (strict or not), ``compact`` or ``json``, likewise.
        upstream_transport: What requests are written in for the server. ``same``: as they came. ``header`` upgrades
            messages to a transport that carries headers, for a server known to speak it.
        upstream_protocol: ``binary`` or ``compact``, or ``same``. Replies are written as their client speaks.
        max_string_size: Bytes of a string in an unframed message; in JSON, as it is written.
        max_container_size: Elements of a container in an unframed message.
        max_depth: How deep the structs and containers of an unframed message may nest, 256 at most.
        max_header_size: Bytes of a header block.
        max_headers: Pairs in a header block.
        max_decompressed_size: Bytes of a compressed message once it is decompressed.

    Raises:
        ValueError: An argument is none of these, or no positive number.
    """

    name = "thrift"
    request_ids = range(1, 1 << 31)

    def __init__(
        self,
        *,
        max_message_size: int = 16 * 1024 * 1024,
        transport: str = "auto",
        protocol: str = "auto",
        upstream_transport: str = "same",
        upstream_protocol: str = "same",
        max_string_size: int = 16 * 1024 * 1024,
        max_container_size: int = 1024 * 1024,
        max_depth: int = 64,
        max_header_size: int = 64 * 1024,
        max_headers: int = 256,
        max_decompressed_size: int = 16 * 1024 * 1024,
    ) -> None:
        super().__init__(max_message_size=max_message_size)
        self._choices = Choices.parse(
            transport=transport,
            protocol=protocol,
            upstream_transport=upstream_transport,
            upstream_protocol=upstream_protocol,
        )
        self._limits = Limits(
            message_size=max_message_size,
            string_size=max_string_size,
            container_size=max_container_size,
            depth=max_depth,
            header_size=max_header_size,
            headers=max_headers,
            decompressed_size=max_decompressed_size,
        )
        self.rewrites = self._choices.rewrites
        self._takes_framed_binary = self._choices.takes(_FRAMED_BINARY, is_reply=False)

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        """Framed strict binary, which most peers speak, in one step; everything else by what it starts with."""
        have = buffer.length
        if buffer.hint is not None:
            return self._decode_more(buffer, metadata, have)
        if have >= _FRAMED_BINARY_SIZE:
            data, at = buffer.front(_FRAMED_BINARY_SIZE)
            length, version, kind, size = _unpack_framed_binary(data, at)
            if version == VERSION_1 and length < _FIRST_BIT and self._takes_framed_binary:
                total = length + 4
                if total > self.max_message_size:
                    raise MessageTooLarge(total, self.max_message_size, path="length", offset=0)
                if have < total:
                    buffer.needed = total
                    return _WAIT
                if len(data) - at < total:
                    data, at = buffer.front(min(total, _FRAMED_BINARY_SIZE + size + _SEQID.size + _RESULT_SIZE))
                return self._take_framed_binary(buffer, metadata, (data, at, total, kind, size))
        return self._decode_any(buffer, metadata, have)

    def _take_framed_binary(
        self, buffer: Buffer, metadata: Metadata, front: tuple[Data, int, int, int, int]
    ) -> DecodeStatus:
        data, at, total, kind, size = front
        body = 16 + size
        message_type = KINDS[metadata.side].get(kind)
        if message_type is None or size > MAX_NAME_SIZE or body >= total:
            return self._take_frame(buffer, metadata, total, _FRAMED_BINARY)  # which says what is wrong
        id_at = at + body - 4
        try:
            name = data[at + 12 : id_at].decode()
        except UnicodeDecodeError:
            return self._take_frame(buffer, metadata, total, _FRAMED_BINARY)
        metadata.message_type = message_type
        (metadata.request_id,) = _unpack_seqid(data, id_at)
        metadata.folded = {"transport": "framed", "protocol": "binary", "method": name}
        metadata.operation_name = name
        if ":" in name:
            describe_name(metadata, name)
        if kind == _REPLY:
            result = bytes(data[at + body : at + body + _RESULT_SIZE])
            if result in _SUCCESSES:
                metadata.folded["result"] = "success"
            else:
                describe_result(metadata, BINARY, result, body)
        elif kind == _EXCEPTION:
            describe_exception(metadata)
        metadata.header_size = body
        metadata.body_size = total - body
        metadata.origin_message = buffer.drain(total)
        return _DONE

    def _decode_more(self, buffer: Buffer, metadata: Metadata, have: int) -> DecodeStatus:
        """An unframed message that was looked at before."""
        hint = buffer.hint
        if type(hint) is Walk:
            return self._go_on(buffer, metadata, hint, have)
        return self._take_unframed(buffer, metadata, hint.form, have, hint.searched)

    def _decode_any(self, buffer: Buffer, metadata: Metadata, have: int) -> DecodeStatus:
        data, at = buffer.front(min(have, DETECTED_BY))
        if have < DETECTED_BY and not is_told_by_first_byte(data[at]):
            buffer.needed = DETECTED_BY
            return _WAIT
        form = detect(data, at)
        if form.transport is not Transport.HEADER:
            self._choices.check(form, is_reply=metadata.side is MessageType.RESPONSE)
        if form.transport is Transport.UNFRAMED:
            if form.protocol is NON_STRICT:
                refuse_foreign(data, at)
            return self._take_unframed(buffer, metadata, form, have)
        total = FRAME.unpack_from(data, at)[0] + FRAME.size
        if total > self.max_message_size:
            refuse_foreign(data, at)
            raise MessageTooLarge(total, self.max_message_size, path="length", offset=0)
        if have < total:
            buffer.needed = total
            return _WAIT
        return self._take_frame(buffer, metadata, total, form)

    def _take_frame(self, buffer: Buffer, metadata: Metadata, total: int, form: Form) -> DecodeStatus:
        data, at = buffer.front(total)
        message = take_apart(data, at, total, form, self._limits)
        if message is None:
            buffer.drain(total)
            return _SKIPPED
        begin, header = message.begin, message.header
        form = Form(form.transport, message.protocol)
        self._choices.check(form, is_reply=metadata.side is MessageType.RESPONSE)
        describe(metadata, form, begin, bytes(message.part(begin.body, min(begin.body + FRONT, message.end))))
        if header is not None:
            describe_headers(metadata, header)
        # A compressed message begin cannot be told from its body, and another sequence id changes every byte of both.
        metadata.header_size = total if header is not None and header.transforms else begin.body
        metadata.body_size = total - metadata.header_size
        metadata.origin_message = buffer.drain(total)
        return _DONE

    def _take_unframed(
        self, buffer: Buffer, metadata: Metadata, form: Form, have: int, searched: int = 0
    ) -> DecodeStatus:
        data, at = buffer.front(have)
        try:
            begin = form.protocol.read_begin(data, at, at + have, at, searched)
        except Short as short:
            check_waiting(short.needed - at, self._limits)
            buffer.hint = Beginning(form, short.searched)
            buffer.needed = short.needed - at
            return _WAIT
        message_type_of(metadata, begin.kind)
        return self._go_on(buffer, metadata, Walk(form, begin, self._limits), have)

    def _go_on(self, buffer: Buffer, metadata: Metadata, walk: Walk, have: int) -> DecodeStatus:
        """Skips the struct of an unframed message from where it was skipped before."""
        data, at = buffer.front(have)
        form = walk.form
        if not form.protocol.skip(data, at, walk):
            # Where to go on may be before the end of what is there: at the start of a value that was cut.
            needed = max(walk.needed, have + 1)
            check_waiting(needed, self._limits)
            buffer.hint = walk
            buffer.needed = needed
            return _WAIT
        body, total = walk.begin.body, walk.position
        describe(metadata, form, walk.begin, data[at + body : at + min(body + FRONT, total)])
        metadata.header_size = body
        metadata.body_size = total - body
        metadata.origin_message = buffer.drain(total)
        return _DONE

    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        """Patches the sequence id where only that changed; what else changes is written again."""
        origin = metadata.origin_message
        if not mutation and not self.rewrites and len(origin) > _FRAMED_BINARY_SIZE:
            length, version, _, size = _unpack_framed_binary(origin)
            at = _FRAMED_BINARY_SIZE + size
            if version == VERSION_1 and length < _FIRST_BIT and at + 4 < len(origin):
                buffer.append(_patched(origin, at, metadata.request_id))
                return
        own = next((key for key in mutation if key.lower() in _OWN), None)
        if own is not None:
            raise EncodeError("it says what the message is; it is read from it and cannot be changed", key=own)
        message = self._taken_apart(origin)
        target = self._target(metadata, message)
        buffer.append(
            rewrite(message, origin, seqid=metadata.request_id, mutation=mutation, target=target, limits=self._limits)
        )

    def _taken_apart(self, origin: bytes) -> Message:
        try:
            message = take_apart(origin, 0, len(origin), detect(origin, 0), self._limits)
        except (DecodeError, LookupError) as error:
            raise EncodeError(f"its origin is not one whole message: {error}") from error
        if message is None:
            raise EncodeError("its origin is a frame without a message")
        return message

    def _target(self, metadata: Metadata, message: Message) -> Form:
        request = metadata.request
        choices = self._choices
        if not self.rewrites or (metadata.side is MessageType.RESPONSE and request is None):
            return Form(message.transport, message.protocol)
        if metadata.side is MessageType.RESPONSE and request is not None:
            asked = self._taken_apart(request.origin_message)
            return Form(asked.transport, asked.protocol)
        return Form(choices.upstream_transport or message.transport, choices.upstream_protocol or message.protocol)

    def can_mutate(self, metadata: Metadata) -> bool:
        """Whether the message has a place for headers where it goes: it is, or becomes, one of the header transport."""
        if self.rewrites:
            try:
                return self._target(metadata, self._taken_apart(metadata.origin_message)).transport is Transport.HEADER
            except EncodeError:
                return False
        return metadata.origin_message[4:6] == _HEADER_MAGIC and metadata.origin_message[0] < 0x80

    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        """A TApplicationException of the request's method, sequence id, transport and protocol; none for a oneway."""
        if metadata.message_type is MessageType.ONEWAY:
            return
        request = self._taken_apart(metadata.origin_message)
        protocol = request.protocol
        # Servers answer a multiplexed request with the method's own name.
        method = request.begin.name.partition(":")[2] or request.begin.name
        content = b"".join(
            (
                protocol.write_begin(method, Kind.EXCEPTION, metadata.request_id),
                protocol.write_exception(error.message, CODES[error.type]),
                protocol.tail,
            )
        )
        buffer.append(write(Form(request.transport, protocol), content, request=request, limits=self._limits))

    def fields(self, data: bytes) -> Iterable[Field]:
        """The transport's fields, the header block's, the message begin's, and the struct's by their ids and types."""
        return fields_of(data, self._limits)

    def match(self, prefix: bytes) -> bool | None:
        """Whether it starts as a call does, in a transport and protocol that are taken; the rest need not be there."""
        if not prefix or (len(prefix) < DETECTED_BY and not is_told_by_first_byte(prefix[0])):
            return None
        try:
            form = detect(prefix, 0)
            if form.transport is Transport.HEADER:
                return self._choices.transport in (None, form.transport)
            self._choices.check(form, is_reply=False)
            start = FRAME.size if form.transport is Transport.FRAMED else 0
            begin = form.protocol.read_begin(prefix, start, len(prefix), 0)
        except Short:
            return None
        except DecodeError:
            return False
        return begin.kind in KINDS[MessageType.REQUEST]


def _patched(origin: bytes, at: int, seqid: int) -> bytes:
    try:
        packed = _pack_seqid(seqid)
    except struct_error as error:
        raise EncodeError(f"the request id {seqid} is not of 32 bits with a sign") from error
    if len(origin) < _SMALL:
        return origin[:at] + packed + origin[at + 4 :]
    view = memoryview(origin)
    return b"".join((view[:at], packed, view[at + 4 :]))
