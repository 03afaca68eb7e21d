"""Passes hessian2 values without building them.

A step is taken for a value, whatever it is, and memory for the depth alone: the counts of what is open, the number of
fields of each class, and how many things were numbered. The layout is in :mod:`.tags`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, NoReturn

from reference_codecs.dubbo.hessian2.errors import Hessian2Error, truncated
from reference_codecs.dubbo.hessian2.events import ADDED, Event, Listener, Table
from reference_codecs.dubbo.hessian2.limits import LIMITS, Limits
from reference_codecs.dubbo.hessian2.numbers import read_int
from reference_codecs.dubbo.hessian2.tags import (
    BINARIES,
    CLASS,
    DIRECT_BINARIES,
    DIRECT_LENGTH,
    END,
    LISTS,
    MAP,
    OBJECT,
    OBJECTS,
    REFERENCE,
    SIZES,
    STRINGS,
    TYPED_MAP,
    VARIABLE,
    by_tag,
)
from reference_codecs.dubbo.hessian2.text import skip_binary, skip_string, skip_wide_units

# What is left of a value with an end mark, counted down as its values pass: even at a map's start and after each
# entry, and far below any map's for a list.
_MAP_LEFT = -2
_LIST_LEFT = -(1 << 62)
_MAP_FLOOR = _LIST_LEFT >> 1
_Handler = Callable[["Walk", int, int], tuple[int, int]]


class Walk:
    """What every walk needs: where it is, what was numbered, and how any value is passed.

    Args:
        data: The bytes.
        position: Where the first value starts.
        end: Where the message ends; the end of the data if not given.
        limits: What it may cost.

    Attributes:
        position: Where the next value starts.
        references: How many lists, maps and objects there were.
        types: How many types were said in full.
        classes: The number of fields of each class that was defined.
    """

    __slots__ = ("_listener", "_open", "_start", "classes", "data", "end", "limits", "position", "references", "types")

    def __init__(self, data: bytes, position: int = 0, end: int | None = None, *, limits: Limits = LIMITS) -> None:
        self.data = data
        self.position = self._start = position
        self.end = len(data) if end is None else end
        self.limits = limits
        self.references = 0
        self.types = 0
        self.classes: list[int] = []
        self._open: list[int] = []
        self._listener: Listener | None = None

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
                    at = stop if data[at + 1 : stop].isascii() else skip_wide_units(data, at + 1, tag)
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
        if self.references > self.limits.containers:
            raise Hessian2Error(f"there are more than {self.limits.containers} lists, maps and objects", at)
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
        if self._listener is not None:
            self._listener.append(Event(at, at, Table.OBJECT, ADDED))
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
        if self._listener is not None:
            self._listener.append(Event(at, stop, Table.CLASS, number))
            self._listener.append(Event(at, at, Table.OBJECT, ADDED))
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
        if self._listener is not None:
            self._listener.append(Event(start, at, Table.CLASS, ADDED))
        if data[at] == END:
            raise Hessian2Error("an end mark where the value of a new class must be", at)
        return at, left + 1  # the definition is no value

    def _skip_reference(self, at: int, left: int) -> tuple[int, int]:
        number, stop = read_int(self.data, at + 1)
        if not 0 <= number < self.references:
            raise Hessian2Error(f"reference {number} is to none of the {self.references} values before it", at)
        if self._listener is not None:
            self._listener.append(Event(at + 1, stop, Table.OBJECT, number))
        return stop, left

    def _skip_string(self, at: int, left: int) -> tuple[int, int]:
        return skip_string(self.data, at), left

    def _skip_binary(self, at: int, left: int) -> tuple[int, int]:
        return skip_binary(self.data, at), left

    def _refuse(self, at: int, left: int) -> NoReturn:  # noqa: ARG002 - called as the others
        raise Hessian2Error(f"the byte {self.data[at]:#04x} starts no value", at)

    def _open_map(self, at: int) -> int:
        """Numbers the map at ``at`` and returns where its entries start."""
        tag = self.data[at]
        if tag not in (MAP, TYPED_MAP):
            raise Hessian2Error(f"the byte {tag:#04x} starts no map", at)
        self.references += 1
        if self._listener is not None:
            self._listener.append(Event(at, at, Table.OBJECT, ADDED))
        return self._type(at + 1) if tag == TYPED_MAP else at + 1

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
            if self._listener is not None:
                self._listener.append(Event(at, stop, Table.TYPE, ADDED))
            return stop
        number, stop = read_int(self.data, at)
        if not 0 <= number < self.types:
            raise Hessian2Error(f"type {number} is none of the {self.types} that were said", at)
        if self._listener is not None:
            self._listener.append(Event(at, stop, Table.TYPE, number))
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
