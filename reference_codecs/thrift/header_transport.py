"""The header transport, THeader: a frame with headers before its message.

The layout is drawn in :mod:`reference_codecs.thrift.frame`. A frame without a message is no message: libthrift's C++
servers send one after every reply.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

from metaprotocol_sdk import DecodeError, EncodeError, Mutation
from reference_codecs.thrift.binary import BINARY
from reference_codecs.thrift.compact import COMPACT
from reference_codecs.thrift.frame import HEADER, HEADER_MAGIC
from reference_codecs.thrift.limits import Limits
from reference_codecs.thrift.protocol import Data, Protocol, Short
from reference_codecs.thrift.varint import read_varint, write_varint

PROTOCOLS: dict[int, Protocol] = {0: BINARY, 2: COMPACT}
"""Protocols by their id in a header block."""
_IDS = {protocol.name: number for number, protocol in PROTOCOLS.items()}
_ZLIB = 1
_MAX_TRANSFORMS = 4
_KEY_VALUE = 1


class Pair(NamedTuple):
    """One key and value of a header block, and where they are in the message."""

    key: str
    value: str
    start: int
    value_start: int
    end: int


class Header(NamedTuple):
    """A header frame's front. Positions count from the message's first byte."""

    flags: int
    seqid: int
    protocol: Protocol
    transforms: tuple[int, ...]
    """Ids, in the order they were applied in."""
    pairs: tuple[Pair, ...]
    block: int
    """Where the header block starts."""
    info_start: int
    """Where info headers start, after the transforms."""
    info_end: int
    """Where the pairs end; what follows is zeros, or info headers of other kinds."""
    end: int
    """Where the block ends and the payload starts."""


def read_header(data: Data, base: int, total: int, limits: Limits) -> Header:
    """The front of the frame ``data[base:base + total]``.

    Raises:
        DecodeError: It is malformed, over a limit, or of a protocol or transform that is not known.
    """
    if total < HEADER.size:
        raise DecodeError(f"a frame of {total} bytes is too short for a header", path="header", offset=0)
    _, _, flags, seqid, words = HEADER.unpack_from(data, base)
    end = HEADER.size + 4 * words
    if end > total:
        raise DecodeError(f"the header block has {4 * words} bytes and the frame ends before", path="header", offset=12)
    if 4 * words > limits.header_size:
        raise DecodeError(
            f"the header block's {4 * words} bytes are over the limit of {limits.header_size} (max_header_size)",
            path="header",
            offset=12,
        )
    block = bytes(data[base : base + end])
    try:
        protocol, transforms, at = _read_front(block, HEADER.size, end)
        pairs, info_end = _read_pairs(block, at, end, limits)
    except Short as error:
        raise DecodeError("the header block ends too early", path="header", offset=end) from error
    return Header(flags, seqid, protocol, transforms, tuple(pairs), HEADER.size, at, info_end, end)


def _read_front(block: bytes, at: int, end: int) -> tuple[Protocol, tuple[int, ...], int]:
    number, after = read_varint(block, at, end, 0, "header.protocol")
    if number not in PROTOCOLS:
        raise DecodeError(f"protocol {number} is neither binary (0) nor compact (2)", path="header.protocol", offset=at)
    start = after
    count, at = read_varint(block, start, end, 0, "header.transforms")
    if count > _MAX_TRANSFORMS:
        raise DecodeError(f"{count} transforms are more than {_MAX_TRANSFORMS}", path="header.transforms", offset=start)
    transforms = []
    for _ in range(count):
        start = at
        transform, at = read_varint(block, start, end, 0, "header.transforms")
        if transform != _ZLIB:
            raise DecodeError(f"transform {transform} is not zlib (1)", path="header.transforms", offset=start)
        transforms.append(transform)
    return PROTOCOLS[number], tuple(transforms), at


def _read_pairs(block: bytes, at: int, end: int, limits: Limits) -> tuple[list[Pair], int]:
    pairs: list[Pair] = []
    done = at
    while at < end:
        kind, at = read_varint(block, at, end, 0, "header.info")
        if kind != _KEY_VALUE:
            break  # zeros, or a kind that cannot be skipped because nothing says its size
        start = at
        count, at = read_varint(block, start, end, 0, "header.info")
        if len(pairs) + count > limits.headers:
            raise DecodeError(
                f"{len(pairs) + count} headers are over the limit of {limits.headers} (max_headers)",
                path="header.info",
                offset=start,
            )
        for _ in range(count):
            key, value_start = _read_text(block, at, end, f"headers[{len(pairs)}].key")
            value, stop = _read_text(block, value_start, end, f"headers[{key}]")
            pairs.append(Pair(key, value, at, value_start, stop))
            at = stop
        done = at
    return pairs, done


def _read_text(block: bytes, at: int, end: int, path: str) -> tuple[str, int]:
    size, start = read_varint(block, at, end, 0, path)
    stop = start + size
    if stop > end:
        raise DecodeError(
            f"its length says {size} bytes and the header block has {end - start} left", path=path, offset=at
        )
    # Values are bytes to Thrift. What is no UTF-8 can be seen in a string, and keeps its bytes in the message.
    return block[start:stop].decode(errors="backslashreplace"), stop


def inflate(payload: Data, header: Header, limits: Limits) -> bytes:
    """The payload with its transforms undone.

    Raises:
        DecodeError: It is not of zlib, or over ``max_decompressed_size``, which bounds what is decompressed of it.
    """
    undone = bytes(payload)
    for _ in header.transforms:
        stream = zlib.decompressobj()
        try:
            undone = stream.decompress(undone, limits.decompressed_size + 1)
        except zlib.error as error:
            raise DecodeError(f"it is not of zlib: {error}", path="payload", offset=header.end) from error
        if len(undone) > limits.decompressed_size:
            raise DecodeError(
                f"decompressed it is over the limit of {limits.decompressed_size} (max_decompressed_size)",
                path="payload",
                offset=header.end,
            )
        if not stream.eof or stream.unused_data:
            raise DecodeError("the zlib stream does not end where the frame does", path="payload", offset=header.end)
    return undone


def deflate(message: bytes, transforms: tuple[int, ...]) -> bytes:
    """The payload of a message, transformed."""
    for _ in transforms:
        message = zlib.compress(message)
    return message


def write_block(
    protocol: Protocol, transforms: tuple[int, ...], pairs: list[bytes], *, rest: bytes = b"", limits: Limits
) -> bytes:
    """A header block.

    Args:
        protocol: What the payload is written in.
        transforms: What was done to the payload.
        pairs: Keys and values as bytes of the wire.
        rest: Info headers of other kinds.
        limits: What the block may not be over, as its readers have limits too.

    Raises:
        EncodeError: It is over a limit, or the protocol has no id.
    """
    if protocol.name not in _IDS:
        raise EncodeError(f"the header transport has no id for the {protocol.name} protocol", key="protocol")
    if len(pairs) > limits.headers:
        raise EncodeError(f"{len(pairs)} headers are over the limit of {limits.headers} (max_headers)")
    numbers = (_IDS[protocol.name], len(transforms), *transforms)
    block = b"".join(map(write_varint, numbers))
    if pairs:
        block += b"".join((write_varint(_KEY_VALUE), write_varint(len(pairs)), *pairs))
    block += rest
    block += bytes(-len(block) % 4)
    if len(block) > limits.header_size:
        raise EncodeError(
            f"the header block would have {len(block)} bytes, over the limit of {limits.header_size} (max_header_size)"
        )
    return block


def write_frame(flags: int, seqid: int, block: bytes, payload: bytes) -> bytes:
    """A whole header frame."""
    words = len(block) // 4
    size = HEADER.size - 4 + len(block) + len(payload)
    return b"".join((HEADER.pack(size, HEADER_MAGIC, flags, seqid & 0xFFFFFFFF, words), block, payload))


def mutated_pairs(data: bytes, pairs: tuple[Pair, ...], mutation: Mutation) -> list[bytes]:
    """The wire's bytes of the pairs with the mutation in them; pairs that it does not name keep theirs.

    Raises:
        EncodeError: A text cannot be said in UTF-8.
    """
    left = mutation.folded
    seen: set[str] = set()
    parts = []
    for pair in pairs:
        folded = pair.key.lower()
        if folded not in mutation:
            parts.append(data[pair.start : pair.end])
        elif folded not in seen:
            seen.add(folded)
            key, value = left.pop(folded)
            if value is not None:
                parts.append(data[pair.start : pair.value_start] + _text(value, key))
    return parts + [_text(key, key) + _text(value, key) for key, value in left.values() if value is not None]


def _text(text: str, key: str) -> bytes:
    try:
        encoded = text.encode()
    except UnicodeEncodeError as error:
        raise EncodeError("the text cannot be said in UTF-8", key=key) from error
    return write_varint(len(encoded)) + encoded
