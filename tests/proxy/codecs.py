"""Small hand-written protocols for the proxy's tests: one with request ids, one without."""

from __future__ import annotations

import struct

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import Codec, DecodeStatus
from metaprotocol_sdk.errors import Error
from metaprotocol_sdk.exceptions import DecodeError, EncodeError, MessageTooLarge
from metaprotocol_sdk.metadata import MessageType, Metadata, ResponseStatus
from metaprotocol_sdk.mutation import Mutation

REQUEST, REPLY, ONEWAY, PING, PONG, ERROR, INIT, DATA, CLOSE, CLOSE_BOTH = range(10)

_KINDS = {
    REQUEST: MessageType.REQUEST,
    REPLY: MessageType.RESPONSE,
    ONEWAY: MessageType.ONEWAY,
    PING: MessageType.HEARTBEAT,
    PONG: MessageType.HEARTBEAT,
    ERROR: MessageType.ERROR,
    INIT: MessageType.STREAM_INIT,
    DATA: MessageType.STREAM_DATA,
    CLOSE: MessageType.STREAM_CLOSE_ONE_WAY,
    CLOSE_BOTH: MessageType.STREAM_CLOSE_TWO_WAY,
}
_HEADER = struct.Struct(">BBIHH")


def message(request_id: int, body: bytes = b"", *, kind: int = REQUEST, **strings: str) -> bytes:
    """``0xC5 | kind u8 | id u32 | strings' length u16 | body's length u16 | "k=v" lines | body``."""
    head = "".join(f"{key}={value}\n" for key, value in strings.items()).encode()
    return _HEADER.pack(0xC5, kind, request_id, len(head), len(body)) + head + body


class IdCodec(Codec):
    """Request ids, which are stream ids too, strings that can be mutated, every kind of message."""

    name = "idrpc"
    request_ids = range(1 << 32)

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        if len(buffer) < _HEADER.size:
            return DecodeStatus.WAIT_FOR_DATA
        magic, kind, request_id, head, body = _HEADER.unpack_from(*buffer.front(_HEADER.size))
        if magic != 0xC5 or kind not in _KINDS:
            raise DecodeError(f"magic {magic:#x}, kind {kind}", offset=0)
        size = _HEADER.size + head + body
        if size > self.max_message_size:
            raise MessageTooLarge(size, self.max_message_size)
        if len(buffer) < size:
            buffer.needed = size
            return DecodeStatus.WAIT_FOR_DATA
        data = metadata.origin_message = buffer.drain(size)
        metadata.message_type = _KINDS[kind]
        metadata.request_id = metadata.stream_id = request_id
        metadata.header_size, metadata.body_size = _HEADER.size + head, body
        metadata.response_status = ResponseStatus.ERROR if kind == ERROR else ResponseStatus.OK
        for line in data[_HEADER.size : _HEADER.size + head].decode().splitlines():
            key, _, value = line.partition("=")
            metadata[key] = value
        return DecodeStatus.DONE

    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        origin = metadata.origin_message
        _, kind, _, head, _ = _HEADER.unpack_from(origin)
        lines = origin[_HEADER.size : _HEADER.size + head].decode().splitlines()
        pairs = mutation.apply((line.partition("=")[0], line.partition("=")[2]) for line in lines)
        body = origin[_HEADER.size + head :]
        buffer.append(message(metadata.request_id, body, kind=kind, **dict(pairs)))

    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        buffer.append(message(metadata.request_id, error.message.encode(), kind=ERROR, type=error.type.name))

    def can_mutate(self, metadata: Metadata) -> bool:
        return True

    def heartbeat(self, request_id: int, buffer: Buffer) -> bool:
        buffer.append(message(request_id, kind=PING))
        return True

    def heartbeat_reply(self, metadata: Metadata, buffer: Buffer) -> bool:
        if metadata.origin_message[1] == PONG:
            return False
        buffer.append(message(metadata.request_id, kind=PONG))
        return True


class FewIdsCodec(IdCodec):
    """Only three ids, so that a shared connection runs out of them."""

    request_ids = range(5, 8)


class DeadlineCodec(IdCodec):
    """A request's string ``deadline`` is the seconds its server has."""

    def deadline(self, metadata: Metadata) -> float | None:
        text = metadata["deadline"]
        return None if text == "none" else float(text)


class StubbornCodec(IdCodec):
    """Writes ids and the string ``cmd``, and no other string."""

    def can_mutate(self, metadata: Metadata) -> bool:
        return False

    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        for key in mutation:
            if key.lower() != "cmd":
                raise EncodeError("this protocol has no headers", key=key)
        super().encode(metadata, mutation, buffer)


class RewritingCodec(IdCodec):
    """Re-encodes everything: the payload comes out in capitals."""

    rewrites = True

    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        super().encode(metadata, mutation, buffer)
        buffer.append(buffer.drain(len(buffer)).replace(b"quiet", b"LOUDE"))


class BuggyCodec(IdCodec):
    """Raises what no codec may, where the message's body says so."""

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        status = super().decode(buffer, metadata)
        if metadata.origin_message.endswith(b"break-" + metadata.message_type.name.lower().encode()):
            raise KeyError("decode")
        return status

    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        raise KeyError("encode")

    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        raise KeyError("on_error")


class LazyCodec(IdCodec):
    """Puts off its strings, and finds them malformed when the body says so."""

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        status = super().decode(buffer, metadata)
        if status is DecodeStatus.DONE and metadata.origin_message.endswith(b"bad strings"):
            metadata.defer(_malformed)
        return status


def _malformed(metadata: Metadata) -> None:
    raise DecodeError("the strings are malformed")


_REPLIES = {b"OK": ResponseStatus.OK, b"ERR": ResponseStatus.ERROR}


class LineCodec(Codec):
    """``VERB text\\n`` without ids. ``TELL`` wants no reply, ``PING`` is a heartbeat; ``OK`` and ``ERR`` reply."""

    name = "lines"

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        end = bytes(buffer).find(b"\n")
        if end < 0:
            if len(buffer) > self.max_message_size:
                raise MessageTooLarge(len(buffer), self.max_message_size)
            return DecodeStatus.WAIT_FOR_DATA
        verb, _, text = bytes(buffer)[:end].partition(b" ")
        if not verb.isalpha():
            raise DecodeError("a line starts with a word")
        metadata.origin_message = buffer.drain(end + 1)
        metadata.body_size = end + 1
        metadata["verb"] = verb.decode()
        metadata["text"] = text.decode("latin-1")
        metadata.response_status = _REPLIES.get(verb, ResponseStatus.OK)
        if verb == b"TELL":
            metadata.message_type = MessageType.ONEWAY
        elif verb in (b"PING", b"PONG"):
            metadata.message_type = MessageType.HEARTBEAT
        return DecodeStatus.DONE

    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        for key in mutation:
            raise EncodeError("lines have no headers", key=key)
        buffer.append(metadata.origin_message)

    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        buffer.append(f"ERR {error.type.name} {error.message}\n".encode())

    def heartbeat_reply(self, metadata: Metadata, buffer: Buffer) -> bool:
        if metadata["verb"] == "PONG":
            return False
        buffer.append(b"PONG\n")
        return True


class SilentCodec(LineCodec):
    """Has no way to say an error."""

    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        pass
