"""Whether a file has changed: written, replaced, or behind a symbolic link that was swapped, as Kubernetes does it."""

from __future__ import annotations

import os

LOOKS_UNTIL_GONE = 3
"""Looks in a row that do not find a file until it has gone; it is away for a moment while it is replaced."""

_State = tuple[int, int, int, int]


class Watch:
    """One file, looked at from time to time.

    Args:
        path: The file; it need not be there.
    """

    __slots__ = ("_last", "_misses", "_path", "_told")

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = path
        self._told = self._last = self._state()
        self._misses = 0 if self._last else LOOKS_UNTIL_GONE + 1

    @property
    def has_gone(self) -> bool:
        """Whether the last look was the one after which the file, which was there, is gone for good. Later looks say
        so no more."""
        return self._misses == LOOKS_UNTIL_GONE

    def has_changed(self) -> bool:
        """Whether the file is another than when this last said so, and the same as at the last look.

        A file that is being written is so told of once, when it is whole. One that is not there, as for a moment
        while it is replaced, has not changed.
        """
        state = self._state()
        is_settled, self._last = state == self._last, state
        self._misses = 0 if state else self._misses + 1
        if state is None or state == self._told or not is_settled:
            return False
        self._told = state
        return True

    def _state(self) -> _State | None:
        try:
            found = os.stat(self._path)
        except OSError:
            return None
        return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
