"""The order in which replies leave on one client connection: request order, per request id.

A protocol without request ids has one id, so all its replies keep their order. With ids they leave as they complete,
and a client that uses one id for everything still gets its replies in order. One mechanism, no modes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar


class Turn:
    """One request's place among those with the same id.

    Attributes:
        key: The request id; 0 for a protocol without ids.
        after: The next Turn with the same id. This and what follows are :class:`Replies`' own.
        last: On the first Turn of an id: the last one.
        reply: The reply of a Turn that must wait for an earlier one.
        has_reply: Whether ``reply`` was given.
    """

    __slots__ = ("after", "has_reply", "key", "last", "reply")

    def __init__(self, key: int) -> None:
        self.key = key
        self.after: Any = None
        self.last: Any = None
        self.reply: bytes | None = None
        self.has_reply = False


_T = TypeVar("_T", bound=Turn)


class Replies(Generic[_T]):
    """The requests of one connection that wait for their replies.

    Attributes:
        count: How many requests are open.
        held: Bytes of replies that wait for an earlier one.
        abandoned: Requests behind a missing reply of the same id. No reply of theirs can be told from the missing
            one, so none may leave; whoever calls :meth:`finish` takes them from here and ends them.
    """

    __slots__ = ("_firsts", "abandoned", "count", "held")

    def __init__(self) -> None:
        self._firsts: dict[int, _T] = {}
        self.count = 0
        self.held = 0
        self.abandoned: list[_T] = []

    def __iter__(self) -> Iterator[_T]:
        for first in list(self._firsts.values()):
            turn: _T | None = first
            while turn is not None:
                following = turn.after
                yield turn
                turn = following

    def open(self, turn: _T) -> None:
        """Gives a request its place, behind those with the same id."""
        self.count += 1
        first = self._firsts.setdefault(turn.key, turn)
        if first is not turn:
            first.last.after = turn
        first.last = turn

    def close(self, turn: _T) -> bool:
        """Takes a request whose reply may leave at once, because no other has its id; says whether that is so.

        It is the usual case of :meth:`finish`, which need not be called then.
        """
        if turn.after is not None or self._firsts[turn.key] is not turn:
            return False
        turn.last = None  # a cycle with itself would keep it until the collector runs
        del self._firsts[turn.key]
        self.count -= 1
        return True

    def finish(self, turn: _T, reply: bytes | None) -> list[bytes]:
        """Takes a request's reply; returns what may leave now, in order.

        Args:
            turn: A request that is open.
            reply: Its bytes; empty: it has none and needs none; None: it should have one and never will.
        """
        if self._firsts[turn.key] is not turn:
            turn.reply = reply
            turn.has_reply = True
            self.held += len(reply or b"")
            return []
        if reply is not None and self.close(turn):
            return [reply]
        return self._advance(turn, reply)

    def clear(self) -> None:
        """Lets every request go: what they refer to, and what refers to them, is a cycle as long as they are here."""
        for first in self._firsts.values():
            first.last = None
        self._firsts.clear()
        self.count = self.held = 0

    def _advance(self, turn: _T, reply: bytes | None) -> list[bytes]:
        ready = []
        last = turn.last
        while reply is not None:
            ready.append(reply)
            self.count -= 1
            turn.last = None
            if turn.after is None:
                del self._firsts[turn.key]
                return ready
            turn = turn.after
            if not turn.has_reply:
                turn.last = last
                self._firsts[turn.key] = turn
                return ready
            reply = turn.reply
            self.held -= len(reply or b"")
        self._abandon(turn)
        return ready

    def _abandon(self, missing: _T) -> None:
        del self._firsts[missing.key]
        self.count -= 1
        missing.last = None
        turn = missing.after
        while turn is not None:
            self.count -= 1
            if turn.has_reply:
                self.held -= len(turn.reply or b"")
            else:
                self.abandoned.append(turn)
            turn = turn.after
