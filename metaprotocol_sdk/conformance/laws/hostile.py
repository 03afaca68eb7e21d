"""The law of hostile bytes, exhaustive where others draw: every truncation, every number at its extremes, every depth.

What a faulty length, count or nesting costs is measured: the memory that decode takes at once, and its CPU time.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import Codec, DecodeStatus
from metaprotocol_sdk.conformance.case import Case, nearly_every_cut
from metaprotocol_sdk.conformance.check import Broken, Factory, broken
from metaprotocol_sdk.conformance.conversation import decode, describe, parties, whole_message
from metaprotocol_sdk.exceptions import CodecBug, DecodeError

_Order = Literal["big", "little"]
_ORDERS: tuple[_Order, _Order] = ("big", "little")
_WIDTHS = (1, 2, 4, 8)
_MOST_OFFSETS = 40
"""Bytes of the front in which every window is tried; few headers are longer, and their rest is drawn elsewhere."""
_NESTED_BYTES = 30_000
"""Bytes of a nested body: what a signed 16-bit length can say, and deeper than Python's stack."""
_NESTS = (b"[", b'{"a":', b"(", b"<a>", b"l", b"d1:a", b"\x91", b"\x81", b"\x0c\x00\x01", b"\x0b", b"\x1c", b"\x79")
"""What opens one more level: JSON, S-expressions, XML, bencode, MessagePack and CBOR, Thrift (binary and compact),
Protocol Buffers' groups, Hessian."""
_MEMORY = 8 << 20
"""Bytes that decode may take at once beyond what it was given and the largest message it accepts."""
_MEMORY_PER_BYTE = 512
"""Python's objects are large: a list of empty lists takes about a hundred bytes for each of the wire."""
_SECONDS = 1.0
"""CPU seconds for one message of at most 30 kB: thousands of times what a slow codec needs."""


def survives_hostile_input(factory: Factory, case: Case) -> None:
    """A message cut off anywhere, with any number in its front at an extreme, or nested as deep as it goes, is taken,
    waited for or refused, in little time and memory.
    """
    codec = factory()
    origin = whole_message(parties(codec, case).reader, case.side, case.wire)
    front = len(case.wire) - len(origin.origin_message)
    with _measured() as meter:
        for what, at, data in _hostile_messages(case.wire, front, front + origin.header_size):
            meter.restart()
            try:
                _read(parties(codec, case).reader, case, data)
            except Broken as error:
                broken(f"{what}: {error}", at=at)
            meter.check(what, at, len(data), codec.max_message_size)


def _read(reader: Codec, case: Case, data: bytes) -> None:
    """Reads all that ``data`` gives.

    Raises:
        Broken: An answer is none.
    """
    buffer = Buffer(data)
    while buffer:
        have = len(buffer)
        try:
            answer = decode(reader, case.side, buffer)
            if answer.status is not DecodeStatus.DONE:
                break
            describe(answer.metadata)
        except DecodeError:
            return
        except CodecBug as error:
            broken(f"{error.doing} {error.what}")
        if len(buffer) >= have:
            broken("decode returned DONE without taking a byte: whoever asks again would ask for ever")
    if buffer.needed > reader.max_message_size:
        broken(
            f"decode waits for {buffer.needed} bytes (buffer.needed), over its limit of {reader.max_message_size}: it "
            "raises MessageTooLarge instead"
        )


class _Meter:
    """What one reading costs."""

    def __init__(self) -> None:
        self._began = 0.0
        self._had = 0

    def restart(self) -> None:
        """Begins anew."""
        tracemalloc.reset_peak()
        self._had = tracemalloc.get_traced_memory()[0]
        self._began = time.process_time()

    def check(self, what: str, at: int, size: int, limit: int) -> None:
        """Holds what was read since to the bounds.

        Raises:
            Broken: It cost too much.
        """
        took = time.process_time() - self._began
        if took > _SECONDS:
            broken(f"{what}: decode took {took:.1f} s of CPU for {size} bytes", at=at)
        most = tracemalloc.get_traced_memory()[1] - self._had
        if most > _MEMORY + limit + _MEMORY_PER_BYTE * size:
            broken(f"{what}: decode took {most >> 20} MiB of memory at once for {size} bytes", at=at)


@contextmanager
def _measured() -> Iterator[_Meter]:
    started = not tracemalloc.is_tracing()
    if started:
        tracemalloc.start(1)
    try:
        yield _Meter()
    finally:
        if started:
            tracemalloc.stop()


def _hostile_messages(wire: bytes, front: int, body: int) -> Iterator[tuple[str, int, bytes]]:
    """What is done to the message, the byte it is done at, and the bytes that come of it.

    Args:
        wire: A valid message, after what is skipped before it.
        front: Where the message begins.
        body: Where its body begins; the same where the codec does not say.
    """
    for cut in nearly_every_cut(len(wire)):
        yield f"cut off after {cut} bytes", cut, wire[:cut]
        yield f"cut off after {cut} bytes, and begun again", cut, wire[:cut] + wire
    for at in range(front, min(front + _MOST_OFFSETS, len(wire))):
        for width in _WIDTHS:
            for number in _extremes(width) if width > 1 else _bytes_near(wire[at]):
                if at + width <= len(wire):
                    what = f"with {number.hex(' ')} at byte {at}"
                    yield what, at, wire[:at] + number + wire[at + width :]
    yield from _nested_messages(wire, front, body)


def _extremes(width: int) -> tuple[bytes, ...]:
    """Numbers of that width at their extremes: zero, one, all ones, and the ends of signed ones, in either order."""
    ones, signed = (1 << 8 * width) - 1, 1 << 8 * width - 1
    numbers = [number.to_bytes(width, order) for number in (0, 1, signed - 1, signed, ones) for order in _ORDERS]
    return tuple(dict.fromkeys(numbers))


def _bytes_near(byte: int) -> tuple[bytes, ...]:
    """What a byte may be instead: an extreme, one of the small numbers that kinds and flags are, or one bit flipped."""
    numbers = [*(byte ^ 1 << bit for bit in range(8)), *range(16), 0x7F, 0x80, 0xFF]
    return tuple(bytes([number]) for number in dict.fromkeys(numbers))


def _nested_messages(wire: bytes, front: int, body: int) -> Iterator[tuple[str, int, bytes]]:
    """The message with a body of nothing but beginnings, and each number that may be its length made to fit."""
    end = wire[-1:] if body < len(wire) else b""
    for nest in _NESTS:
        deep = nest * (_NESTED_BYTES // len(nest)) + end
        what = f"with a body of {nest!r} {_NESTED_BYTES // len(nest)} times"
        nested = wire[:body] + deep
        yield what, body, nested
        for at, width, order in _lengths(wire, front, body):
            said = int.from_bytes(wire[at : at + width], order)
            fits = said + len(nested) - len(wire)
            if 0 <= fits < 1 << 8 * width:
                yield what, body, nested[:at] + fits.to_bytes(width, order) + nested[at + width :]


def _lengths(wire: bytes, front: int, body: int) -> Iterator[tuple[int, int, _Order]]:
    """Where the header has a number that may count the body, or the message: offset, width and byte order."""
    size = len(wire) - front
    for at in range(front, min(body, front + _MOST_OFFSETS)):
        for width in (2, 4):
            for order in _ORDERS:
                said = int.from_bytes(wire[at : at + width], order)
                if at + width <= body and len(wire) - body <= said <= size:
                    yield at, width, order
