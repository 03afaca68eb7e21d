"""Writes hessian2 values as hessian-lite writes them: the shortest form of each, definitions once, references."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any

from reference_codecs.dubbo.hessian2.numbers import (
    write_date,
    write_double,
    write_int,
    write_long,
    write_object_start,
)
from reference_codecs.dubbo.hessian2.tags import CLASS, REFERENCE
from reference_codecs.dubbo.hessian2.text import write_binary, write_string
from reference_codecs.dubbo.hessian2.values import Date, List, Long, Map, Object, Reference, Value

_SHORT_LIST = 7


def write_string_map(strings: Mapping[str, str]) -> bytes:
    """An untyped map, as Java writes a ``HashMap``."""
    return b"H%bZ" % b"".join(map(write_entry, strings, strings.values()))


def write_entry(key: str, value: str) -> bytes:
    """A key and a value of a map."""
    return write_string(key) + write_string(value)


class _Mark:
    """Stands where a map's values end."""


_END = _Mark()
_Values = Iterator["Value | _Mark"]

_SCALARS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda _value: b"N",
    bool: lambda value: b"T" if value else b"F",
    int: write_int,
    Long: write_long,
    float: write_double,
    str: write_string,
    bytes: write_binary,
    Date: write_date,
    Reference: lambda value: b"%c%b" % (REFERENCE, write_int(value.number)),
}


class Writer:
    """Writes the values of one message in their order; ``bytes()`` of it is what was written.

    A list, map or object that was written before, the very same one, is written as a reference. A ``Reference`` is
    written as it is; its number is its writer's affair.
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._references: dict[int, int] = {}
        self._kept: list[List | Map | Object] = []  # an identity is a value's own only while the value lives
        self._classes: dict[tuple[str, tuple[str, ...]], int] = {}
        self._types: dict[str, int] = {}

    def __bytes__(self) -> bytes:
        return b"".join(self._pieces)

    def write(self, value: Value) -> None:
        """Appends a value. After an error the writer is not to be used again.

        Raises:
            ValueError: A number has more bits than Java's, or an object has more or fewer values than names.
            TypeError: It is none of the values.
        """
        open_: list[_Values] = [iter((value,))]
        while open_:
            for each in open_[-1]:
                if each is _END:
                    self._pieces.append(b"Z")
                elif write := _SCALARS.get(type(each)):
                    self._pieces.append(write(each))
                elif inner := self._start(each):
                    open_.append(inner)
                    break
            else:
                open_.pop()

    def _start(self, value: Value | _Mark) -> _Values | None:
        """Writes what comes before the values of a list, map or object, and returns those; ``None``: it was known."""
        if not isinstance(value, List | Map | Object):
            kind = type(value).__name__
            raise TypeError(
                f"a {kind} cannot be written; say None, bool, int, Long, float, str, bytes, Date, List, Map or Object"
            )
        known = self._references.setdefault(id(value), len(self._references))
        if known < len(self._kept):
            self._pieces.append(b"%c%b" % (REFERENCE, write_int(known)))
            return None
        self._kept.append(value)
        if isinstance(value, List):
            return self._start_list(value)
        return self._start_map(value) if isinstance(value, Map) else self._start_object(value)

    def _start_list(self, value: List) -> _Values:
        size = len(value.items)
        kind = b"" if value.type is None else self._type(value.type)
        if size <= _SHORT_LIST:
            self._pieces.append(b"%c%b" % ((0x78 if value.type is None else 0x70) + size, kind))
        else:
            self._pieces.append(b"%c%b%b" % (0x58 if value.type is None else 0x56, kind, write_int(size)))
        return iter(value.items)

    def _start_map(self, value: Map) -> _Values:
        self._pieces.append(b"H" if value.type is None else b"M" + self._type(value.type))
        return chain(chain.from_iterable(value.entries), (_END,))

    def _start_object(self, value: Object) -> _Values:
        if len(value.names) != len(value.values):
            raise ValueError(f"a {value.type} has {len(value.values)} values for {len(value.names)} fields")
        key = value.type, value.names
        if (number := self._classes.get(key)) is None:
            number = self._classes[key] = len(self._classes)
            names = b"".join(map(write_string, value.names))
            self._pieces.append(b"%c%b%b%b" % (CLASS, write_string(value.type), write_int(len(value.names)), names))
        self._pieces.append(write_object_start(number))
        return iter(value.values)

    def _type(self, name: str) -> bytes:
        if (number := self._types.get(name)) is not None:
            return write_int(number)
        self._types[name] = len(self._types)
        return write_string(name)
