"""What the tests of the Thrift codec share: golden messages, and a message decoded, encoded and answered."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from metaprotocol_sdk import Buffer, Decoder, DecodeStatus, Error, MessageType, Metadata, Mutation
from reference_codecs.thrift.codec import ThriftCodec

CODEC = ThriftCodec()
REQUEST, RESPONSE = MessageType.REQUEST, MessageType.RESPONSE

ADD = bytes.fromhex("0000001e 80010001 00000003 616464 00000007 080001 00000028 080002 00000002 00")
"""A framed strict binary CALL of ``add(40, 2)``, sequence id 7."""
SUM = bytes.fromhex("00000017 80010002 00000003 616464 00000007 080000 0000002a 00")
"""Its REPLY, 42."""
ADD_HEADED = bytes.fromhex(
    "00000031 0fff 0000 00000007 0004 00 00 01 01 05 7472616365 04 61626364 00"
    "80010001 00000003 616464 00000007 080001 00000028 00"
)
"""The same in a header frame, ``trace: abcd``, without its second argument."""
EMPTY_FRAME = bytes.fromhex("0000000e 0fff 0000 00000000 0001 00000000")
"""A header frame without a message, as libthrift's C++ servers send one after each reply."""


def read(data: bytes, side: MessageType = REQUEST, codec: ThriftCodec = CODEC) -> Metadata:
    """The one message that ``data`` is."""
    metadata, buffer = Metadata(side), Buffer(data)
    assert codec.decode(buffer, metadata) is DecodeStatus.DONE
    assert not buffer
    return metadata


def written(metadata: Metadata, codec: ThriftCodec = CODEC, /, **changes: str | None) -> bytes:
    """What encode makes of a message and a mutation."""
    buffer = Buffer()
    codec.encode(metadata, Mutation(changes), buffer)
    return bytes(buffer)


def answer(request: Metadata, error: Error, codec: ThriftCodec = CODEC) -> bytes:
    """What on_error writes."""
    buffer = Buffer()
    codec.on_error(request, error, buffer)
    return bytes(buffer)


def listen(data: bytes, side: MessageType, step: int, codec: ThriftCodec = CODEC) -> list[Metadata]:
    """The messages of a stream that comes ``step`` bytes at a time; nothing may be left of it."""
    decoder, found = Decoder(codec, side), []
    for start in range(0, len(data), step):
        decoder.receive_data(data[start : start + step])
        while (metadata := decoder.next_message()) is not None:
            found.append(metadata)
    assert not decoder.buffered
    return found


@cache
def golden() -> list[dict[str, Any]]:
    """Messages that Apache Thrift for Python and thriftpy2 wrote; see ``golden.py``."""
    return [json.loads(line) for line in (Path(__file__).parent / "golden.jsonl").read_text().splitlines()]


@cache
def vectors(name: str) -> list[dict[str, Any]]:
    """Messages of more peers, where they are beside the checkout; else none."""
    path = Path(__file__).parents[4] / "shared" / "vectors" / name
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
