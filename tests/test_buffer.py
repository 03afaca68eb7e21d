"""The buffer against plain bytes, what it adopts, and what it costs."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from metaprotocol_sdk.buffer import Buffer

SIZES = st.one_of(st.integers(0, 8), st.sampled_from([511, 512, 513, 4096, 16 * 1024, 20_000]))

SHARES = st.sampled_from([0.0, 1.0]) | st.floats(0, 1)


def content(size: int, seed: int = 0) -> bytes:
    """Bytes in which no run looks like its neighbour."""
    return struct.pack(f">{size // 4 + 1}I", *range(seed, seed + size // 4 + 1))[:size]


class BufferAgainstBytes(RuleBasedStateMachine):
    """Unread bytes are a bytes object; appends and drains are its concatenation and slicing."""

    def __init__(self) -> None:
        super().__init__()
        self.buffer = Buffer()
        self.buffer.taken = []
        self.model = b""
        self.drained: list[bytes] = []
        self.seed = 0

    def fraction(self, share: float) -> int:
        return int(len(self.model) * share)

    @rule(size=SIZES, kind=st.sampled_from([bytes, bytearray, memoryview]))
    def append(self, size: int, kind: type) -> None:
        data = content(size, self.seed)
        self.seed += size
        given = kind(bytearray(data)) if kind is memoryview else kind(data)
        self.buffer.append(given)
        if not isinstance(given, bytes):
            given[:] = bytes(size)  # what is not bytes was copied, so changing it changes nothing
        self.model += data

    @rule(share=SHARES)
    def drain(self, share: float) -> None:
        size = self.fraction(share)
        self.buffer.needed, self.buffer.hint = 7, "learnt"
        taken = self.buffer.drain(size)
        assert type(taken) is bytes
        assert taken == self.model[:size]
        assert (self.buffer.needed, self.buffer.hint) == (0, None)
        self.model = self.model[size:]
        if size:
            self.drained.append(taken)

    @rule(share=SHARES)
    def look_at_the_front(self, share: float) -> None:
        size = self.fraction(share)
        data, start = self.buffer.front(size)
        assert data[start : start + size] == self.model[:size]

    @rule(share=st.floats(0, 1.5), offset=st.floats(0, 1.5))
    def peek(self, share: float, offset: float) -> None:
        size, at = self.fraction(share), self.fraction(offset)
        seen = self.buffer.peek(size, at)
        assert type(seen) is bytes
        assert seen == self.model[at : at + size]

    @rule(beyond=st.integers(1, 5))
    def ask_for_too_much(self, beyond: int) -> None:
        size = len(self.model) + beyond
        with pytest.raises(ValueError, match=f"{size} bytes were asked for and {len(self.model)} are there"):
            self.buffer.front(size)
        with pytest.raises(ValueError, match=f"cannot drain {size} bytes of {len(self.model)}"):
            self.buffer.drain(size)

    @invariant()
    def same_bytes(self) -> None:
        assert len(self.buffer) == len(self.model)
        assert bool(self.buffer) is bool(self.model)
        assert bytes(self.buffer) == self.model
        assert self.buffer.taken == self.drained


TestBufferAgainstBytes = BufferAgainstBytes.TestCase
TestBufferAgainstBytes.settings = settings(max_examples=300, stateful_step_count=20)


@given(st.lists(SIZES.filter(bool), min_size=1, max_size=5))
def test_a_piece_drained_whole_is_the_object_that_was_appended(sizes: list[int]) -> None:
    # Pieces under half a kilobyte merge; the first never does.
    pieces = [content(size if index == 0 else size + 512, index) for index, size in enumerate(sizes)]
    buffer = Buffer()
    for piece in pieces:
        buffer.append(piece)
    for piece in pieces:
        assert buffer.drain(len(piece)) is piece


def test_front_of_one_piece_is_that_piece() -> None:
    piece = content(1000)
    buffer = Buffer(piece)
    assert buffer.front(10) == (piece, 0)
    assert buffer.front(1000)[0] is piece
    buffer.drain(4)
    assert buffer.front(10)[0] is piece
    assert buffer.front(10)[1] == 4


def test_what_was_drained_does_not_come_back_when_more_is_appended() -> None:
    first, second, third = content(600, 1), content(600, 2), content(600, 3)
    buffer = Buffer(first)
    buffer.append(second)
    buffer.append(third)
    assert buffer.drain(1800) == first + second + third
    assert bytes(buffer) == b""
    buffer.append(first)
    buffer.append(second)
    assert buffer.peek(1200) == first + second


@pytest.mark.parametrize(("size", "offset"), [(-1, 0), (0, -1)])
def test_peek_counts_from_the_front_only(size: int, offset: int) -> None:
    with pytest.raises(ValueError, match="neither may be negative"):
        Buffer(b"abc").peek(size, offset)


def test_a_negative_drain_is_refused() -> None:
    buffer = Buffer(b"abc")
    with pytest.raises(ValueError, match="cannot drain -1 bytes of 3"):
        buffer.drain(-1)
    assert bytes(buffer) == b"abc"


def test_a_refused_drain_keeps_what_was_learnt() -> None:
    buffer = Buffer(b"abc")
    buffer.needed, buffer.hint = 8, "learnt"
    with pytest.raises(ValueError, match="cannot drain"):
        buffer.drain(4)
    assert (buffer.needed, buffer.hint) == (8, "learnt")


def test_appending_keeps_what_was_learnt() -> None:
    buffer = Buffer(b"abc")
    buffer.needed, buffer.hint = 8, "learnt"
    buffer.append(b"d")
    assert (buffer.needed, buffer.hint) == (8, "learnt")


def test_draining_nothing_takes_nothing() -> None:
    buffer = Buffer(b"abc")
    buffer.taken = []
    assert buffer.drain(0) == b""
    assert buffer.taken == []


def test_it_shows_itself() -> None:
    buffer = Buffer(content(600))
    buffer.append(content(600))
    buffer.needed = 2000
    assert repr(buffer) == "<Buffer 1200 bytes in 2 pieces, needed=2000>"


class CountingBuffer(Buffer):
    """Counts the bytes its joins copy: what must stay linear is copying, and time would only hint at it."""

    __slots__ = ("copied",)

    def __init__(self) -> None:
        self.copied = 0
        super().__init__()

    def _join(self) -> None:
        self.copied += len(self)
        super()._join()


MEBIBYTE = 1 << 20


@pytest.mark.parametrize("piece", [1, 100, 511, 512, 1000, 60_000])
def test_looking_at_all_there_is_after_every_piece_copies_linearly(piece: int) -> None:
    data = content(MEBIBYTE)
    buffer = CountingBuffer()
    for start in range(0, MEBIBYTE, piece):
        buffer.append(data[start : start + piece])
        buffer.front(len(buffer))
    assert buffer.drain(MEBIBYTE) == data
    assert buffer.copied <= 2 * MEBIBYTE


@pytest.mark.parametrize("piece", [1, 100, 511, 512, 1000, 60_000])
def test_looking_at_the_header_after_every_piece_copies_next_to_nothing(piece: int) -> None:
    data = content(MEBIBYTE)
    buffer = CountingBuffer()
    for start in range(0, MEBIBYTE, piece):
        buffer.append(data[start : start + piece])
        buffer.front(min(16, len(buffer)))
    assert buffer.drain(MEBIBYTE) == data
    assert buffer.copied <= 32 * 1024


@pytest.mark.parametrize("message", [1, 7, 100, 5000])
@pytest.mark.parametrize("piece", [1, 100, 1000, 60_000])
def test_many_messages_copy_linearly_whatever_the_pieces(message: int, piece: int) -> None:
    total = MEBIBYTE // 8
    data = content(total)
    buffer = CountingBuffer()
    parts = []
    for start in range(0, total, piece):
        buffer.append(data[start : start + piece])
        while len(buffer) >= message:
            buffer.front(message)
            parts.append(buffer.drain(message))
    assert b"".join(parts) + bytes(buffer) == data
    assert buffer.copied <= 2 * total


def test_tiny_pieces_do_not_cost_an_object_each() -> None:
    buffer = Buffer()
    for _ in range(100_000):
        buffer.append(b"x")
    assert len(buffer._pieces) <= 100_000 // (16 * 1024) + 1
