"""A Buffer that counts what it costs: bytes copied and bytes scanned, instead of seconds."""

from __future__ import annotations

from typing import Any, Self

from metaprotocol_sdk.buffer import Buffer


class CountingBuffer(Buffer):
    """Counts the bytes joined or copied out, and those that ``find`` looks at."""

    __slots__ = ("copied", "scanned")

    def __init__(self, data: bytes = b"") -> None:
        self.copied = 0
        self.scanned = 0
        super().__init__(data)

    def _join(self) -> None:
        self.copied += len(self)
        super()._join()

    def peek(self, size: int, offset: int = 0) -> bytes:
        data = super().peek(size, offset)
        self.copied += len(data)
        return data

    def drain(self, size: int) -> bytes:
        self.copied += size
        return super().drain(size)

    def front(self, size: int) -> tuple[Any, int]:
        data, start = super().front(size)
        return _Watched(data, self), start


class _Watched(bytes):
    """A copy of a run of bytes that tells its buffer what is searched."""

    def __new__(cls, data: bytes | bytearray, owner: CountingBuffer) -> Self:
        watched = super().__new__(cls, data)
        watched.owner = owner
        return watched

    owner: CountingBuffer

    def find(self, sub: Any, start: Any = 0, end: Any = None, /) -> int:
        self.owner.scanned += max(0, (len(self) if end is None else end) - start)
        return super().find(sub, start, end)
