"""The request ids one shared upstream connection may write.

An id that is in flight is never written again. One whose request was given up is quarantined, because its answer may
still come: it is free again with that answer, or with the connection's end.
"""

from __future__ import annotations


def capacity(ids: range, limit: int) -> int:
    """How many of ``ids`` one connection has in flight at most."""
    # Not len(ids): a 64-bit protocol has more ids than len() can say.
    return min(limit, (ids[-1] - ids[0]) // ids.step + 1)


class RequestIds:
    """Hands out ids in order, going round.

    Args:
        ids: ``Codec.request_ids``, not empty.
        limit: How many may be taken at once, quarantined ones included.
    """

    __slots__ = ("_ids", "_limit", "_next", "_quarantined", "_taken")

    def __init__(self, ids: range, *, limit: int) -> None:
        self._ids = ids
        self._limit = capacity(ids, limit)
        self._next = ids[0]
        self._taken: set[int] = set()
        self._quarantined: set[int] = set()

    @property
    def has_free(self) -> bool:
        """Whether :meth:`take` has one to give."""
        return len(self._taken) < self._limit

    @property
    def is_spoilt(self) -> bool:
        """Whether every id is quarantined: only the connection's end frees any soon."""
        return len(self._quarantined) >= self._limit

    def take(self) -> int:
        """An id that is neither in flight nor quarantined.

        Raises:
            LookupError: There is none; see :attr:`has_free`.
        """
        if len(self._taken) >= self._limit:
            raise LookupError("every request id of this connection is taken")
        while True:
            taken = self._next
            following = taken + self._ids.step
            self._next = following if following in self._ids else self._ids[0]
            if taken not in self._taken:
                self._taken.add(taken)
                return taken

    def give_back(self, request_id: int) -> None:
        """Frees an id whose answer has come."""
        self._taken.discard(request_id)

    def quarantine(self, request_id: int) -> None:
        """Keeps an id whose request was given up until its answer comes."""
        self._quarantined.add(request_id)

    def is_late(self, request_id: int) -> bool:
        """Whether an answer with that id is the late one of a request given up; the id is free again if so."""
        if request_id not in self._quarantined:
            return False
        self._quarantined.remove(request_id)
        self._taken.discard(request_id)
        return True
