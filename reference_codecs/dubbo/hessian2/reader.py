"""Reads hessian2 values: for tests, dumps and the bodies that a codec must understand.

It accepts exactly what :class:`~reference_codecs.dubbo.hessian2.walker.Walker` passes, but for the number of values.
The layout is in :mod:`.tags`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, NamedTuple, NoReturn

from reference_codecs.dubbo.hessian2.errors import Hessian2Error, truncated
from reference_codecs.dubbo.hessian2.limits import LIMITS, Limits
from reference_codecs.dubbo.hessian2.numbers import READERS, read_int
from reference_codecs.dubbo.hessian2.tags import (
    BINARIES,
    CLASS,
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
from reference_codecs.dubbo.hessian2.text import read_binary, read_string
from reference_codecs.dubbo.hessian2.values import List, Map, Object, Reference, Value


class _Open:
    """A list, map or object whose values are still coming; those of a map as key, value, key, value."""

    __slots__ = ("left", "map", "values")

    def __init__(self, values: list[Value], left: int, map_: Map | None = None) -> None:
        self.values = values
        self.left = left
        self.map = map_


class _Class(NamedTuple):
    name: str
    fields: tuple[str, ...]


_Step = Callable[["Reader", int], None]


class Reader:
    """Reads the values of one message, from the first, in their order.

    A reference gives the very object it refers to, so lists, maps and objects may hold themselves, and a few bytes may
    hold one another so often that all of it can never be shown: whoever shows values has references left as they are.
    After an error it is not to be used again.

    Args:
        data: The bytes.
        position: Where the first value starts.
        end: Where the message ends; the end of the data if not given.
        limits: What it may cost.
        follow_references: Whether a reference gives what it refers to; else it is a
            :class:`~reference_codecs.dubbo.hessian2.values.Reference`.
    """

    def __init__(
        self,
        data: bytes,
        position: int = 0,
        end: int | None = None,
        *,
        limits: Limits = LIMITS,
        follow_references: bool = True,
    ) -> None:
        self.position = position
        self.end = len(data) if end is None else end
        self._data = data if self.end >= len(data) else data[: self.end]
        self._limits = limits
        self._follow_references = follow_references
        self._references: list[List | Map | Object] = []
        self._classes: list[_Class] = []
        self._types: list[str] = []
        self._open: list[_Open] = []
        self._read = 0

    @property
    def is_at_end(self) -> bool:
        """Whether no value is left."""
        return self.position >= self.end

    def read(self) -> Value:
        """One value.

        Raises:
            Hessian2Error: It is malformed, ends too late, or goes beyond a limit.
        """
        start = self.position
        root = _Open([], 1)
        self._open.append(root)
        try:
            while not root.values or len(self._open) > 1:
                self._step()
        except IndexError:
            truncated(start, self.end)
        if self.position > self.end:
            truncated(start, self.end)
        self._open.pop()
        return root.values[0]

    def _step(self) -> None:
        """One value, or the start or end of one."""
        at = self.position
        tag = self._data[at]
        if size := SIZES[tag]:
            if at + size > self.end:
                raise IndexError
            self._give(_scalar(self._data, at, tag), at + size)
        elif tag in STRINGS:
            self._give(*read_string(self._data, at))
        else:
            self._STEPS[tag](self, at)
        while len(self._open) > 1 and not self._open[-1].left:
            self._open.pop()

    def _give(self, value: Value, stop: int) -> None:
        """Puts a value where it belongs."""
        self._read += 1
        if self._read > self._limits.values:
            raise Hessian2Error(f"there are more than {self._limits.values} values", self.position)
        into = self._open[-1]
        into.values.append(value)
        into.left -= 1
        self.position = stop

    def _give_open(self, value: List | Map | Object, inner: _Open, stop: int) -> None:
        """Puts a list, map or object where it belongs and goes on with what it holds."""
        if inner.left > self.end - stop:
            left = max(self.end - stop, 0)
            raise Hessian2Error(f"{inner.left} values cannot be in the {left} bytes that are left", stop)
        if inner.left and len(self._open) > self._limits.depth:
            raise Hessian2Error(f"values nest deeper than {self._limits.depth} levels", stop)
        self._references.append(value)
        self._give(value, stop)
        self._open.append(inner)

    def _read_list(self, at: int) -> None:
        is_typed, length = LISTS[self._data[at]]
        at += 1
        found = List()
        if is_typed:
            found.type, at = self._type(at)
        if length is None:
            length, at = self._count(at)
        self._give_open(found, _Open(found.items, length), at)

    def _read_map(self, at: int) -> None:
        found, stop = Map(), at + 1
        if self._data[at] == TYPED_MAP:
            found.type, stop = self._type(stop)
        self._give_open(found, _Open([], VARIABLE, found), stop)

    def _read_end(self, at: int) -> None:
        ended = self._open[-1]
        if ended.left >= 0:
            raise Hessian2Error("an end mark where a value must be", at)
        if ended.map is not None:
            if len(ended.values) % 2:
                raise Hessian2Error("a map ends after a key, without its value", at)
            ended.map.entries.extend(zip(ended.values[::2], ended.values[1::2], strict=True))
        ended.left = 0
        self.position = at + 1

    def _read_object(self, at: int) -> None:
        tag = self._data[at]
        number, stop = (tag - OBJECTS.start, at + 1) if tag != OBJECT else read_int(self._data, at + 1)
        if not 0 <= number < len(self._classes):
            raise Hessian2Error(f"class {number} is none of the {len(self._classes)} that are defined", at)
        name, fields = self._classes[number]
        found = Object(name, fields)
        self._give_open(found, _Open(found.values, len(fields)), stop)

    def _read_class(self, at: int) -> None:
        start = at
        name, at = read_string(self._data, at + 1)
        count, at = self._count(at)
        if count > self.end - at:
            raise Hessian2Error(f"{count} fields cannot be in the {max(self.end - at, 0)} bytes that are left", at)
        if len(self._classes) >= self._limits.classes:
            raise Hessian2Error(f"more than {self._limits.classes} classes are defined", start)
        fields = []
        for _ in range(count):
            field, at = read_string(self._data, at)
            fields.append(field)
        self._classes.append(_Class(name, tuple(fields)))
        if self._data[at] == END:
            raise Hessian2Error("an end mark where the value of a new class must be", at)
        self.position = at

    def _read_reference(self, at: int) -> None:
        number, stop = read_int(self._data, at + 1)
        if not 0 <= number < len(self._references):
            raise Hessian2Error(f"reference {number} is to none of the {len(self._references)} values before it", at)
        self._give(self._references[number] if self._follow_references else Reference(number), stop)

    def _read_binary(self, at: int) -> None:
        self._give(*read_binary(self._data, at))

    def _refuse(self, at: int) -> NoReturn:
        raise Hessian2Error(f"the byte {self._data[at]:#04x} starts no value", at)

    def _count(self, at: int) -> tuple[int, int]:
        count, stop = read_int(self._data, at)
        if count < 0:
            raise Hessian2Error(f"the count {count} is negative", at)
        return count, stop

    def _type(self, at: int) -> tuple[str, int]:
        if self._data[at] in STRINGS:
            name, stop = read_string(self._data, at)
            self._types.append(name)
            return name, stop
        number, stop = read_int(self._data, at)
        if not 0 <= number < len(self._types):
            raise Hessian2Error(f"type {number} is none of the {len(self._types)} that were said", at)
        return self._types[number], stop

    _STEPS: ClassVar[tuple[_Step, ...]] = by_tag(
        dict.fromkeys(LISTS, _read_list)
        | dict.fromkeys((MAP, TYPED_MAP), _read_map)
        | dict.fromkeys((OBJECT, *OBJECTS), _read_object)
        | dict.fromkeys(BINARIES, _read_binary)
        | {END: _read_end, CLASS: _read_class, REFERENCE: _read_reference},
        _refuse,
    )


def _scalar(data: bytes, at: int, tag: int) -> Value:
    return READERS[tag](data, at) if tag in READERS else read_binary(data, at)[0]
