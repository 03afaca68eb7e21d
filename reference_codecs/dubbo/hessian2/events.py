"""What a walk meets that a message numbers: lists, maps and objects, classes, and types."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple, Protocol

MAX_EVENTS = 1 << 16
"""Events that are kept of one map; more are a reason to leave its values alone."""


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


class Listener(Protocol):
    """Who is told."""

    def append(self, event: Event, /) -> None:
        """Takes the next event."""


class Recorder:
    """Keeps the first events, one more than ``MAX_EVENTS`` at most."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def append(self, event: Event, /) -> None:
        """Keeps one while there is room."""
        if len(self.events) <= MAX_EVENTS:
            self.events.append(event)


class Finder:
    """Finds where a list, map or object of a certain number starts.

    Args:
        number: The number.
    """

    def __init__(self, number: int) -> None:
        self._left = number
        self.start = 0

    def append(self, event: Event, /) -> None:
        """Counts what starts."""
        if event.table is Table.OBJECT and event.number == ADDED:
            if not self._left:
                self.start = event.start
            self._left -= 1
