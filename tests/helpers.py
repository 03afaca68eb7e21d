"""What tests of several packages share."""

from __future__ import annotations

import struct

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import Codec, DecodeStatus
from metaprotocol_sdk.errors import Error
from metaprotocol_sdk.exceptions import DecodeError, EncodeError, MessageTooLarge
from metaprotocol_sdk.metadata import MessageType, Metadata, ResponseStatus
from metaprotocol_sdk.mutation import Mutation


class TinyCodec(Codec):
    """A right codec by hand: ``0xAB | status u8 | request id u16 | body length u16 | body``, big-endian."""

    name = "tiny"
    request_ids = range(1 << 16)
    header = struct.Struct(">BBHH")

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        if len(buffer) < self.header.size:
            buffer.needed = self.header.size
            return DecodeStatus.WAIT_FOR_DATA
        magic, status, request_id, length = self.header.unpack_from(*buffer.front(self.header.size))
        if magic != 0xAB:
            raise DecodeError(f"the magic is {magic:#x}, not 0xab", path="magic", offset=0)
        size = self.header.size + length
        if size > self.max_message_size:
            raise MessageTooLarge(size, self.max_message_size, path="length", offset=4)
        if len(buffer) < size:
            buffer.needed = size
            return DecodeStatus.WAIT_FOR_DATA
        metadata.origin_message = buffer.drain(size)
        metadata.request_id = request_id
        metadata.header_size, metadata.body_size = self.header.size, length
        metadata.response_status = ResponseStatus(bool(status))
        metadata.operation_name = "tiny"
        return DecodeStatus.DONE

    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        for key in mutation:
            raise EncodeError("this protocol has no headers", key=key)
        origin = metadata.origin_message
        buffer.append(origin[:2] + struct.pack(">H", metadata.request_id) + origin[4:])

    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        buffer.append(tiny(error.message.encode(), request_id=metadata.request_id, status=1 + error.type))


def tiny(body: bytes = b"", *, request_id: int = 0, status: int = 0) -> bytes:
    """One message of :class:`TinyCodec`."""
    return TinyCodec.header.pack(0xAB, status, request_id, len(body)) + body


def decoded(codec: Codec, data: bytes, side: MessageType = MessageType.REQUEST) -> Metadata:
    """The Metadata of the one whole message that ``data`` is."""
    metadata = Metadata(side, codec=codec.name)
    assert codec.decode(Buffer(data), metadata) is DecodeStatus.DONE
    return metadata
