"""A struct's bytes by name, for a person to read::

    1:i32                 42
    2:list<i32>[3]        [7, 8, -1]
    3:struct                              its fields follow, up to 3.end
    3.1:string            'kettle'
    4:map<string,i64>[1]                  its pairs follow
    4[0].key:string       'here'
    4[0].value:i64        5

Fields are named by their ids: what they are called only the IDL knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from metaprotocol_sdk import Field
from reference_codecs.thrift.frame import Type
from reference_codecs.thrift.json_reader import JsonReader
from reference_codecs.thrift.protocol import Protocol
from reference_codecs.thrift.struct_reader import (
    CONTAINERS,
    MALFORMED,
    MAP,
    NUMBERS,
    STRUCT,
    BinaryReader,
    CompactReader,
    StructReader,
)

MOST_VALUES: Final = 4096
"""Values that are named at most; what follows them is one field."""
MOST_LEVELS: Final = 64
"""Levels of values in values that are named at most."""
_NUMBERS_FOR_A_VALUE = 64
_SHOWN_NUMBERS = 16
_LONGEST_TEXT = 256
_READERS: Mapping[str, type[StructReader]] = {"binary": BinaryReader, "compact": CompactReader, "json": JsonReader}
_NAMES: Mapping[int, str] = {int(kind): kind.name.lower() for kind in Type}


def struct_fields(data: bytes, start: int, protocol: Protocol) -> list[Field]:
    """Every byte from ``start`` on, once and in order: the struct that is there, and what follows it. Never raises."""
    layout = _Layout(_READERS[protocol.name](data, start))
    try:
        layout.message()
    except MALFORMED as error:
        layout.rest(layout.name, str(error) if isinstance(error, ValueError) else "it ends early")
    except _Enough:
        layout.rest("more")
    else:
        layout.rest("rest", "it follows the message's struct")
    return layout.fields


class _Enough(Exception):
    """More values than are worth naming."""


class _Layout:
    """Names what a reader reads.

    Attributes:
        fields: What was named.
        name: What is read now.
    """

    def __init__(self, reader: StructReader) -> None:
        self.fields: list[Field] = []
        self.name = "body"
        self._reader = reader
        self._named = reader.at
        self._left = MOST_VALUES

    def message(self) -> None:
        """The outermost struct."""
        self._reader.open_struct()
        self._struct("", 1)
        self.name = "end"
        self._reader.end_message()
        self._add("end")

    def rest(self, name: str, problem: str = "") -> None:
        """What was not named, as one field."""
        start, data = self._named, self._reader.data
        if start < len(data):
            self.fields.append(Field(name, start, len(data), data[start:], problem))

    def _add(self, name: str, value: object = None) -> None:
        """Names what was read since the last name."""
        start, end = self._named, self._reader.at
        if start < end:
            self.fields.append(Field(name, start, end, value))
            self._named = end

    def _struct(self, path: str, depth: int) -> None:
        last = 0
        self.name = f"{path}field"
        while found := self._reader.field(last):
            last, kind = found
            label, value = self._value(f"{path}{last}", kind, depth)
            self._reader.end_field()
            self._add(label, value)
            self.name = f"{path}field"

    def _value(self, name: str, kind: int, depth: int) -> tuple[str, object]:
        """Reads a value and names what is in it; the name and the value of what is left to name."""
        self.name = label = f"{name}:{_NAMES[kind]}"
        self._spend(1, depth)
        if kind in CONTAINERS:
            return self._container(name, kind, depth)
        if kind != STRUCT:
            return label, _readable(self._reader.scalar(kind))
        self._reader.open_struct()
        self._add(label)
        self._struct(f"{name}.", depth + 1)
        return f"{name}.end", None

    def _container(self, name: str, kind: int, depth: int) -> tuple[str, object]:
        reader = self._reader
        one, other, size = reader.container(kind)
        types = f"{_NAMES[one]},{_NAMES[other]}" if kind == MAP else _NAMES[one]
        label = f"{name}:{_NAMES[kind]}<{types}>[{size}]"
        if one in NUMBERS and kind != MAP:
            self._spend(size // _NUMBERS_FOR_A_VALUE, depth)
            numbers = [reader.scalar(one) for _ in range(size)]
            reader.end_container()
            return label, numbers[:_SHOWN_NUMBERS]
        self._add(label)
        for index in range(size):
            keys = ((".key", one), (".value", other)) if kind == MAP else (("", one),)
            for part, each in keys:
                self._add(*self._value(f"{name}[{index}]{part}", each, depth + 1))
        self.name = f"{name}.end"
        reader.end_container()
        return self.name, None

    def _spend(self, values: int, depth: int) -> None:
        self._left -= values
        if self._left < 0 or depth > MOST_LEVELS:
            raise _Enough


def _readable(value: object) -> object:
    """Bytes as the text that they are, where they are one."""
    if isinstance(value, bytes) and len(value) <= _LONGEST_TEXT:
        try:
            text = value.decode()
        except UnicodeDecodeError:
            return value
        return text if text.isprintable() else value
    return value
