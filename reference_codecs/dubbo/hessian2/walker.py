"""Walks hessian2 values without building them.

A walk costs a step for a value, whatever it is, and memory for the depth alone: the counts of what is open, the number
of fields of each class, and how many things were numbered. The layout is in :mod:`.tags`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar, NoReturn

from reference_codecs.dubbo.hessian2.errors import Hessian2Error, truncated
from reference_codecs.dubbo.hessian2.limits import LIMITS, Limits
from reference_codecs.dubbo.hessian2.maps import ADDED, Entry, Event, Table, WalkedMap
from reference_codecs.dubbo.hessian2.numbers import read_int
from reference_codecs.dubbo.hessian2.tags import (
    BINARIES,
    CLASS,
    DIRECT_BINARIES,
    DIRECT_LENGTH,
    END,
    LISTS,
    MAP,
    NULL,
    OBJECT,
    OBJECTS,
    REFERENCE,
    SIZES,
    STRINGS,
    TYPED_MAP,
    VARIABLE,
    by_tag,
)
from reference_codecs.dubbo.hessian2.text import read_string, skip_binary, skip_string, skip_units

# What is left of a value with an end mark, counted down as its values pass: even at a map's start and after each
# entry, and far below any map's for a list.
_MAP_LEFT = -2
_LIST_LEFT = -(1 << 62)
_MAP_FLOOR = _LIST_LEFT >> 1

_Handler = Callable[["Walker", int, int], tuple[int, int]]


class Walker:
    """Goes through the values of one message, from the first, in their order.

    It keeps what later values need of earlier ones: how many lists, maps and objects there were, each class's number
    of fields, and how many types. So all values of a message are walked by one walker; only strings and numbers may
    be passed some other way, by setting ``position``. After an error it is not to be used again.

    Args:
        data: The bytes.
        position: Where the first value starts.
        end: Where the message ends; the end of the data if not given.
        limits: What it may cost.
    """

    __slots__ = ("_events", "_open", "_start", "classes", "data", "end", "limits", "position", "references", "types")

    def __init__(self, data: bytes, position: int = 0, end: int | None = None, *, limits: Limits = LIMITS) -> None:
        self.data = data
        self.position = self._start = position
        self.end = len(data) if end is None else end
        self.limits = limits
        self.references = 0
        self.types = 0
        self.classes: list[int] = []
        self._open: list[int] = []
        self._events: list[Event] | None = None

    @property
    def is_at_end(self) -> bool:
        """Whether no value is left."""
        return self.position >= self.end

    @property
    def tag(self) -> int:
        """The first byte of the next value; -1 at the end."""
        return -1 if self.is_at_end else self.data[self.position]

    def skip(self) -> None:
        """Passes one value.

        Raises:
            Hessian2Error: It is malformed, ends too late, or goes beyond a limit.
        """
        self.position = self._skip(self.position)

    def read_string(self) -> str | None:
        """Passes a string or null.

        Raises:
            Hessian2Error: The value is neither, or malformed.
        """
        at = self.position
        if self.tag == NULL:
            self.position = at + 1
            return None
        try:
            text, stop = read_string(self.data, at)
        except IndexError:
            truncated(at, self.end)
        self._arrive(at, stop)
        return text

    def read_int(self) -> int:
        """Passes an int; a long is none.

        Raises:
            Hessian2Error: The value is no int, or cut short.
        """
        at = self.position
        try:
            number, stop = read_int(self.data, at)
        except IndexError:
            truncated(at, self.end)
        self._arrive(at, stop)
        return number

    def read_strings(self) -> dict[str, str]:
        """Passes a map, or null, and gives the entries whose key and value are strings; of equal keys the last.

        Raises:
            Hessian2Error: As in :meth:`read_map`.
        """
        at = self.position
        if self.tag not in (MAP, TYPED_MAP):
            found = self.read_map()
            return found.strings() if found else {}
        strings: dict[str, str] = {}
        try:
            stop = self._open_map(at)
            while self.data[stop] != END:
                key, stop = self._text(stop)
                value, stop = self._text(stop)
                if key is not None and value is not None:
                    strings[key] = value
        except IndexError:
            truncated(at, self.end)
        self._arrive(at, stop + 1)
        return strings

    def read_map(self) -> WalkedMap | None:
        """Passes a map, a reference to an earlier map, or null, and gives where its entries are.

        A reference costs a second walk from where this one began.

        Raises:
            Hessian2Error: The value is none of these, malformed, or goes beyond a limit.
        """
        at = self.position
        if self.tag == REFERENCE:
            self.skip()
            return self._earlier(read_int(self.data, at + 1)[0], at)
        if self.tag == NULL:
            self.position = at + 1
            return None
        try:
            return self._map(at)
        except IndexError:
            truncated(at, self.end)

    def _arrive(self, start: int, stop: int) -> None:
        if stop > self.end:
            truncated(start, self.end)
        self.position = stop

    def _map(self, start: int) -> WalkedMap:
        first = at = self._open_map(start)
        numbers = (self.references, len(self.classes), self.types)
        outer, self._events = self._events, []
        entries = []
        while self.data[at] != END:
            key, middle = self._text(at)
            value, stop = self._text(middle)
            entries.append(Entry(at, middle, stop, key, value))
            at = stop
        events, self._events = tuple(self._events), outer
        self._arrive(start, at + 1)
        return WalkedMap(
            start=start,
            end=at + 1,
            first=first,
            last=at,
            entries=tuple(entries),
            is_reference=False,
            events=events,
            numbers=numbers,
        )

    def _open_map(self, at: int) -> int:
        """Numbers the map at ``at`` and returns where its entries start."""
        tag = self.data[at]
        if tag not in (MAP, TYPED_MAP):
            raise Hessian2Error(f"the byte {tag:#04x} starts no map", at)
        self.references += 1
        if self._events is not None:
            self._events.append(Event(at, at, Table.OBJECT, ADDED))
        return self._type(at + 1) if tag == TYPED_MAP else at + 1

    def _earlier(self, number: int, start: int) -> WalkedMap:
        """The map of that number, for the reference at ``start``."""
        again = Walker(self.data, self._start, start, limits=self.limits)
        again._events = []
        while again.references <= number:
            again.skip()
        starts = [each.start for each in again._events if (each.table, each.number) == (Table.OBJECT, ADDED)]
        again.position = starts[number]
        found = again.read_map()
        assert found is not None, "a numbered value is never null"
        return replace(found, start=start, end=self.position, is_reference=True)

    def _text(self, at: int) -> tuple[str | None, int]:
        """The text of the value at ``at``, ``None`` where it is no string, and the index after it."""
        data = self.data
        tag = data[at]
        if tag < DIRECT_LENGTH:
            stop = at + 1 + tag
            units = data[at + 1 : stop]
            if units.isascii():
                return units.decode("ascii"), stop
        if tag in STRINGS:
            return read_string(data, at)
        return None, self._skip(at)

    def _skip(self, start: int) -> int:
        """The index after the value at ``start``."""
        data, open_ = self.data, self._open
        at, left = start, 1
        try:
            while left:
                tag = data[at]
                if size := SIZES[tag]:
                    at += size
                elif tag < DIRECT_LENGTH:
                    stop = at + 1 + tag
                    at = stop if data[at + 1 : stop].isascii() else skip_units(data, at + 1, tag)
                else:
                    at, left = self._HANDLERS[tag](self, at, left)
                left -= 1
                while not left and open_:
                    left = open_.pop()
        except IndexError:
            truncated(start, self.end)
        if at > self.end:
            truncated(start, self.end)
        return at

    # Each of these is given where a value starts and what is left with it, and returns where to go on and one more
    # than what is left then, because the caller counts one down.

    def _enter(self, at: int, left: int, count: int) -> tuple[int, int]:
        if not count:
            return at, left
        if count > self.end - at:
            raise Hessian2Error(f"{count} values cannot be in the {max(self.end - at, 0)} bytes that are left", at)
        if len(self._open) >= self.limits.depth:
            raise Hessian2Error(f"values nest deeper than {self.limits.depth} levels", at)
        self._open.append(left - 1)
        return at, count + 1

    def _skip_list(self, at: int, left: int) -> tuple[int, int]:
        is_typed, length = LISTS[self.data[at]]
        self.references += 1
        if self._events is not None:
            self._events.append(Event(at, at, Table.OBJECT, ADDED))
        at += 1
        if is_typed:
            at = self._type(at)
        if length is None:
            length, at = self._count(at)
        return self._enter(at, left, _LIST_LEFT if length == VARIABLE else length)

    def _skip_map(self, at: int, left: int) -> tuple[int, int]:
        return self._enter(self._open_map(at), left, _MAP_LEFT)

    def _skip_end(self, at: int, left: int) -> tuple[int, int]:
        if left >= 0:
            raise Hessian2Error("an end mark where a value must be", at)
        if left > _MAP_FLOOR and left & 1:
            raise Hessian2Error("a map ends after a key, without its value", at)
        return at + 1, self._open.pop() + 1

    def _skip_object(self, at: int, left: int) -> tuple[int, int]:
        tag = self.data[at]
        number, stop = (tag - OBJECTS.start, at + 1) if tag != OBJECT else read_int(self.data, at + 1)
        if not 0 <= number < len(self.classes):
            raise Hessian2Error(f"class {number} is none of the {len(self.classes)} that are defined", at)
        self.references += 1
        if self._events is not None:
            self._events += Event(at, stop, Table.CLASS, number), Event(at, at, Table.OBJECT, ADDED)
        return self._enter(stop, left, self.classes[number])

    def _skip_class(self, at: int, left: int) -> tuple[int, int]:
        data, start = self.data, at
        count, at = self._count(skip_string(data, at + 1))
        if count > self.end - at:
            raise Hessian2Error(f"{count} fields cannot be in the {max(self.end - at, 0)} bytes that are left", at)
        if len(self.classes) >= self.limits.classes:
            raise Hessian2Error(f"more than {self.limits.classes} classes are defined", start)
        for _ in range(count):
            at = skip_string(data, at)
        self.classes.append(count)
        if self._events is not None:
            self._events.append(Event(start, at, Table.CLASS, ADDED))
        if data[at] == END:
            raise Hessian2Error("an end mark where the value of a new class must be", at)
        return at, left + 1  # the definition is no value

    def _skip_reference(self, at: int, left: int) -> tuple[int, int]:
        number, stop = read_int(self.data, at + 1)
        if not 0 <= number < self.references:
            raise Hessian2Error(f"reference {number} is to none of the {self.references} values before it", at)
        if self._events is not None:
            self._events.append(Event(at + 1, stop, Table.OBJECT, number))
        return stop, left

    def _skip_string(self, at: int, left: int) -> tuple[int, int]:
        return skip_string(self.data, at), left

    def _skip_binary(self, at: int, left: int) -> tuple[int, int]:
        return skip_binary(self.data, at), left

    def _refuse(self, at: int, left: int) -> NoReturn:  # noqa: ARG002 - called as the others
        raise Hessian2Error(f"the byte {self.data[at]:#04x} starts no value", at)

    def _count(self, at: int) -> tuple[int, int]:
        """A length and the index after it."""
        count, stop = read_int(self.data, at)
        if count < 0:
            raise Hessian2Error(f"the count {count} is negative", at)
        return count, stop

    def _type(self, at: int) -> int:
        """The index after the type at ``at``."""
        if self.data[at] in STRINGS:
            stop = skip_string(self.data, at)
            self.types += 1
            if self._events is not None:
                self._events.append(Event(at, stop, Table.TYPE, ADDED))
            return stop
        number, stop = read_int(self.data, at)
        if not 0 <= number < self.types:
            raise Hessian2Error(f"type {number} is none of the {self.types} that were said", at)
        if self._events is not None:
            self._events.append(Event(at, stop, Table.TYPE, number))
        return stop

    _HANDLERS: ClassVar[tuple[_Handler, ...]] = by_tag(
        dict.fromkeys(LISTS, _skip_list)
        | dict.fromkeys((MAP, TYPED_MAP), _skip_map)
        | dict.fromkeys((OBJECT, *OBJECTS), _skip_object)
        | dict.fromkeys(STRINGS, _skip_string)
        | dict.fromkeys(BINARIES.difference(DIRECT_BINARIES), _skip_binary)
        | {END: _skip_end, CLASS: _skip_class, REFERENCE: _skip_reference},
        _refuse,
    )
