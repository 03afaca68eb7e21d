"""What the tests of the Dubbo codec share: messages by hand, and a message decoded, encoded and answered."""

from __future__ import annotations

import json
import struct
from functools import cache
from pathlib import Path
from typing import Any

from metaprotocol_sdk import Buffer, Decoder, DecodeStatus, Error, MessageType, Metadata, Mutation
from reference_codecs.dubbo.codec import DubboCodec

CODEC = DubboCodec()
REQUEST, RESPONSE = MessageType.REQUEST, MessageType.RESPONSE

FRONT = b"\x052.0.2\x08com.Shop\x051.0.0\x03buy"
"""Dubbo version, interface, version and method of a call."""
ATTACHMENTS = b"H\x04path\x08com.Shop\x05trace\x03abcZ"
CALL_BODY = FRONT + b"\x13Ljava/lang/String;I" + b"\x03mug\x92" + ATTACHMENTS


def message(body: bytes, *, flags: int = 0xC2, status: int = 0, request_id: int = 7) -> bytes:
    """A whole message."""
    return struct.pack(">HBBQI", 0xDABB, flags, status, request_id, len(body)) + body


def reply(body: bytes, *, flags: int = 2, status: int = 20, request_id: int = 7) -> bytes:
    """A whole reply."""
    return message(body, flags=flags, status=status, request_id=request_id)


CALL = message(CALL_BODY)
"""``buy("mug", 2)`` with two attachments."""
HEARTBEAT = message(b"N", flags=0xE2)


def read(data: bytes, side: MessageType = REQUEST, codec: DubboCodec = CODEC) -> Metadata:
    """The one message that ``data`` is."""
    metadata, buffer = Metadata(side, codec="dubbo"), Buffer(data)
    assert codec.decode(buffer, metadata) is DecodeStatus.DONE
    assert not buffer
    return metadata


def written(metadata: Metadata, codec: DubboCodec = CODEC, /, **changes: str | None) -> bytes:
    """What encode makes of a message and a mutation."""
    buffer = Buffer()
    codec.encode(metadata, Mutation(changes), buffer)
    return bytes(buffer)


def answer(request: Metadata, error: Error, codec: DubboCodec = CODEC) -> bytes:
    """What on_error writes."""
    buffer = Buffer()
    codec.on_error(request, error, buffer)
    return bytes(buffer)


def beat(metadata: Metadata) -> bytes:
    """What a heartbeat is answered with."""
    buffer = Buffer()
    assert CODEC.heartbeat_reply(metadata, buffer) is bool(buffer)
    return bytes(buffer)


def listen(data: bytes, side: MessageType, step: int, codec: DubboCodec = CODEC) -> list[Metadata]:
    """The messages of a stream that comes ``step`` bytes at a time; nothing may be left of it."""
    decoder, found = Decoder(codec, side), []
    for start in range(0, len(data), step):
        decoder.receive_data(data[start : start + step])
        while (metadata := decoder.next_message()) is not None:
            found.append(metadata)
    assert not decoder.buffered
    return found


@cache
def vectors(name: str) -> list[dict[str, Any]]:
    """Messages of Dubbo for Java and others, where they are beside the checkout; else none."""
    path = Path(__file__).parents[4] / "shared" / "vectors" / name
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
