"""The bytes of one direction of one connection that no message has claimed yet.

Layout: what is unread starts ``_start`` bytes into ``_front`` and goes on in ``_pieces``::

    _front [ drained | unread ......... ]  _pieces [ ......... ] [ ... ]
             ^0        ^_start

The bytes given to :meth:`Buffer.append` are adopted, not copied; pieces are joined only when somebody must see
them in one run, and then once.
"""

from __future__ import annotations

from typing import Any

_MERGE_BELOW = 512
"""Pieces smaller than this join the piece before them: a peer that sends byte by byte must not cost an object each."""
_MERGE_UP_TO = 16 * 1024


class Buffer:
    """Append at the end, look at and drain from the front.

    Attributes:
        length: What ``len()`` says, for code that runs for every message. Nobody else sets it.
        needed: Bytes that must be there, counted from the front, before asking the codec again makes sense. Set by a
            codec with WAIT_FOR_DATA; never more than the message at the front has. Reset by :meth:`drain`.
        hint: What a codec has learnt about the incomplete message at the front; any value, of use to that codec
            alone. It saves work and never changes an answer. Dropped by :meth:`drain`.
        taken: A list to which :meth:`drain` adds what it returns, or None: not wanted. A Decoder checks codecs by it.
    """

    __slots__ = ("_front", "_joined", "_pieces", "_start", "hint", "length", "needed", "taken")

    def __init__(self, data: bytes | bytearray | memoryview = b"") -> None:
        self._front: bytes | bytearray = b""
        self._start = 0
        self.length = 0
        self._pieces: list[bytes | bytearray] = []
        self._joined = 0
        self.needed = 0
        self.hint: Any = None
        self.taken: list[bytes] | None = None
        self.append(data)

    def __len__(self) -> int:
        return self.length

    def __bool__(self) -> bool:
        return self.length > 0

    def __bytes__(self) -> bytes:
        """Every unread byte, as a copy; nothing is drained."""
        return b"".join((memoryview(self._front)[self._start :], *self._pieces))

    def append(self, data: bytes | bytearray | memoryview) -> None:
        """Puts ``data`` at the end. ``bytes`` are adopted without a copy, other kinds are copied."""
        if type(data) is not bytes:
            data = bytes(data)
        size = len(data)
        if not self.length:
            if size:
                self._front = data
                self._start = 0
        elif type(self._front) is not bytes and not self._pieces:
            self._front += data  # a bytearray since its second join: grows in place
        elif size < _MERGE_BELOW:
            self._append_small(data)
        else:
            self._pieces.append(data)
        self.length += size

    def _append_small(self, data: bytes) -> None:
        pieces = self._pieces
        if pieces and type(pieces[-1]) is bytearray and len(pieces[-1]) < _MERGE_UP_TO:
            pieces[-1] += data
        elif data:
            pieces.append(bytearray(data))

    def front(self, size: int) -> tuple[bytes | bytearray, int]:
        """A run of bytes that holds at least the first ``size`` unread ones, and the index where they start in it.

        The way to ``struct.unpack_from(*buffer.front(16))`` without a copy. The run is the buffer's own: read it
        now, do not keep or change it.

        Raises:
            ValueError: Fewer than ``size`` bytes are there.
        """
        if len(self._front) - self._start < size:
            if size > self.length:
                raise ValueError(f"{size} bytes were asked for and {self.length} are there")
            self._join()
        return self._front, self._start

    def _join(self) -> None:
        # The second join on one unfinished message makes the front a bytearray that grows in place: a codec that
        # looks at all there is after every read would else copy the message each time.
        parts = (memoryview(self._front)[self._start :], *self._pieces)
        self._front = bytearray().join(parts) if self._joined else b"".join(parts)
        self._joined += 1
        self._start = 0
        self._pieces.clear()

    def peek(self, size: int, offset: int = 0) -> bytes:
        """A copy of up to ``size`` bytes from ``offset`` on; fewer when fewer are there. Nothing is drained."""
        if size < 0 or offset < 0:
            raise ValueError(f"peek({size}, {offset}): neither may be negative")
        end = min(offset + size, self.length)
        if end <= offset:
            return b""
        data, start = self.front(end)
        return bytes(memoryview(data)[start + offset : start + end])

    def drain(self, size: int) -> bytes:
        """Takes the first ``size`` bytes off and returns them; a piece drained whole is the object that was appended.

        Raises:
            ValueError: ``size`` is negative or more than there is; nothing was drained.
        """
        if size == self.length == len(self._front) and not self._start and type(self._front) is bytes:
            taken = self._front  # one message, as it came: the usual case
            self._front = b""
        else:
            taken = self._drain_part(size)
        self.length -= size
        self.needed = 0
        self.hint = None
        self._joined = 0
        if size and self.taken is not None:
            self.taken.append(taken)
        return taken

    def _drain_part(self, size: int) -> bytes:
        if not 0 <= size <= self.length:
            raise ValueError(f"cannot drain {size} bytes of {self.length}")
        data = self._front
        start = self._start
        end = start + size
        if end < len(data):
            taken = data[start:end] if type(data) is bytes else bytes(memoryview(data)[start:end])
            self._start = end
            if type(data) is bytearray and end > len(data) - end:
                del data[:end]
                self._start = 0
        elif not start and end == len(data):
            taken = data if type(data) is bytes else bytes(data)
            self._next_front()
        else:
            taken = self._drain_pieces(size)
        return taken

    def _next_front(self, piece: int = 0, start: int = 0) -> None:
        """Makes the piece at ``piece`` the front, read up to ``start``; the pieces before it are gone."""
        if piece < len(self._pieces):
            self._front = self._pieces[piece]
            del self._pieces[: piece + 1]
        else:
            self._front = b""
            self._pieces.clear()
        self._start = start

    def _drain_pieces(self, size: int) -> bytes:
        parts: list[bytes | bytearray | memoryview] = [memoryview(self._front)[self._start :]]
        left = size - len(parts[0])
        for index, piece in enumerate(self._pieces):
            if left < len(piece):
                parts.append(memoryview(piece)[:left])
                taken = b"".join(parts)
                parts.clear()  # a bytearray with a view on it cannot grow
                self._next_front(index, left)
                return taken
            parts.append(piece)
            left -= len(piece)
        taken = b"".join(parts)
        self._next_front(len(self._pieces))
        return taken

    def __repr__(self) -> str:
        return f"<Buffer {self.length} bytes in {1 + len(self._pieces)} pieces, needed={self.needed}>"
