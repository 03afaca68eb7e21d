"""A map that was walked: where its entries are, and the same map with entries changed.

A value's number is its place in the message, so taking out a value that brings a list, a map, an object, a class or a
type moves the numbers of all that come after it. They are corrected, and the definition of a class or type that is
needed later moves to where it is; only a reference to a value that goes cannot be said any more.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from reference_codecs.dubbo.hessian2.errors import StillInUse
from reference_codecs.dubbo.hessian2.numbers import write_int, write_object_start

_Edit = tuple[int, int, bytes]  # the first byte that goes, the index after the last, and what comes instead


class Table(IntEnum):
    """What a message numbers."""

    OBJECT = 0
    CLASS = 1
    TYPE = 2


ADDED = -1
"""The number of an event that does not say one, because it makes one."""


class Event(NamedTuple):
    """A place that numbers something or says a number.

    Args:
        start: Its first byte: of a list, map or object, of a class's definition, of a type, of a number, or of an
            object, which says the number of its class.
        end: The index after it; of a list, map or object that starts here the start again.
        table: What is numbered.
        number: The number that is said; ``ADDED`` where the next number is given.
    """

    start: int
    end: int
    table: Table
    number: int


class Entry(NamedTuple):
    """One entry of a map, by its bytes.

    Args:
        start: Where the key starts.
        value_start: Where the value starts, which is where the key ends.
        end: Where the value ends.
        key: The key's text; ``None`` where it is no string.
        value: The value's text; ``None`` where it is no string.
    """

    start: int
    value_start: int
    end: int
    key: str | None
    value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkedMap:
    """A map by its bytes.

    Args:
        start: Where the value starts: the map, or a reference to it.
        end: Where the value ends.
        first: Where the first entry starts.
        last: Where the last entry ends, which is where the end mark is.
        entries: The entries in order.
        is_reference: Whether the value is a reference, and ``first``, ``last`` and the entries are of an earlier map.
        events: What its entries number and say the numbers of, in order.
        numbers: The next number of each table where the first entry starts.
    """

    start: int
    end: int
    first: int
    last: int
    entries: tuple[Entry, ...]
    is_reference: bool
    events: tuple[Event, ...]
    numbers: tuple[int, int, int]

    def strings(self) -> dict[str, str]:
        """The entries whose key and value are strings; of a key that comes twice the last."""
        return {entry.key: entry.value for entry in self.entries if entry.key is not None and entry.value is not None}

    def rewrite(self, data: bytes, changes: Mapping[int, bytes | None], added: bytes = b"") -> bytes:
        """The bytes that take the place of ``data[start:end]``: every byte as it was but for the changes.

        A reference becomes a map of its own, untyped, so that the earlier map stays as it is. The map is taken to be
        the message's last value: numbers that are said after it are not corrected.

        Args:
            data: The data that was walked.
            changes: By the index of an entry its new value, or ``None`` to take the entry out. New values may bring
                nothing that is numbered: strings, numbers and null.
            added: Entries to be put at the end, as keys and values.

        Raises:
            StillInUse: An entry that stays refers to a value that goes.
        """
        cuts = [self._cut(index, value) for index, value in sorted(changes.items())]
        edits = cuts if self.is_reference else sorted(cuts + self._renumbered(data, cuts))
        pieces = [b"H" if self.is_reference else data[self.start : self.first]]
        at = self.first
        for start, end, new in edits:
            pieces += data[at:start], new
            at = end
        pieces += data[at : self.last], added, b"Z"
        return b"".join(pieces)

    def _cut(self, index: int, value: bytes | None) -> _Edit:
        entry = self.entries[index]
        return (entry.start, entry.end, b"") if value is None else (entry.value_start, entry.end, value)

    def _renumbered(self, data: bytes, cuts: list[_Edit]) -> list[_Edit]:
        """The numbers that are others once the bytes of ``cuts`` are gone."""
        starts = [start for start, _, _ in cuts]

        def is_cut(event: Event) -> bool:
            found = bisect_right(starts, event.start) - 1
            return found >= 0 and event.start < cuts[found][1]

        if not any(event.number == ADDED and is_cut(event) for event in self.events):
            return []
        numbering, edits = _Numbering(self.numbers), []
        for event in self.events:
            if event.number == ADDED:
                numbering.add(event, data[event.start : event.end] if is_cut(event) else None)
            elif not is_cut(event) and (new := numbering.say(event)) is not None:
                edits.append((event.start, event.end, new))
        return edits


class _Numbering:
    """The numbers of a message's values before and after some of them are taken out."""

    def __init__(self, numbers: tuple[int, int, int]) -> None:
        self._old, self._new = list(numbers), list(numbers)
        self._moved: dict[tuple[Table, int], int] = {}
        self._gone: dict[tuple[Table, int], bytes] = {}

    def add(self, event: Event, gone: bytes | None) -> None:
        """Numbers what starts there; ``gone`` are its bytes where it is taken out."""
        key = event.table, self._old[event.table]
        self._old[event.table] += 1
        if gone is None:
            self._number(key)
        else:
            self._gone[key] = gone

    def say(self, event: Event) -> bytes | None:
        """The bytes for a number that is another now; ``None``: it is the same.

        The definition of a class or type that was taken out moves to where it is needed next.
        """
        key = event.table, event.number
        definition = self._gone.pop(key, None)
        if definition is None:
            number = self._moved.get(key, event.number)
            return _said(event.table, number) if number != event.number else None
        if event.table is Table.OBJECT:
            raise StillInUse(event.start)
        number = self._number(key)
        return definition if event.table is Table.TYPE else definition + _said(event.table, number)

    def _number(self, key: tuple[Table, int]) -> int:
        table = key[0]
        number = self._moved[key] = self._new[table]
        self._new[table] += 1
        return number


def _said(table: Table, number: int) -> bytes:
    """A number as its place says it: of a class with the object that has it, of the others alone."""
    return write_object_start(number) if table is Table.CLASS else write_int(number)
