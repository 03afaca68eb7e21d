"""Structs of the JSON protocol, read value by value. Their layout is drawn in ``json_body.py``."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from reference_codecs.thrift.json_body import FIELD_HEADER, LIST_HEADER, MAP_HEADER, NUMBER
from reference_codecs.thrift.struct_reader import (
    BOOL,
    BYTE,
    DOUBLE,
    I16,
    I32,
    I64,
    LIST,
    MAP,
    NUMBERS,
    SET,
    STRING,
    STRUCT,
    UUID,
    StructReader,
)

TYPES: Final = {
    b"tf": BOOL,
    b"i8": BYTE,
    b"i16": I16,
    b"i32": I32,
    b"i64": I64,
    b"dbl": DOUBLE,
    b"str": STRING,
    b"uid": UUID,
    b"rec": STRUCT,
    b"map": MAP,
    b"set": SET,
    b"lst": LIST,
}
"""Types by their names."""

_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)


class JsonReader(StructReader):
    """The JSON protocol's. Texts are read as such: nothing tells which of them are bytes in Base64."""

    __slots__ = ()

    def open_struct(self) -> None:
        """A brace."""
        self._pass_between()
        self._expect(b"{")

    def field(self, last: int) -> tuple[int, int] | None:  # noqa: ARG002
        """An id and a type, in quotes."""
        if self.data[self.at : self.at + 1] == b"}":
            self.at += 1
            return None
        number, kind = self._match(FIELD_HEADER).groups()
        return int(number), _type(kind)

    def scalar(self, kind: int) -> Any:
        """A number, or a text; a key is in quotes whatever it is."""
        self._pass_between()
        if kind in NUMBERS and self.data[self.at : self.at + 1] != b'"':
            said = self._match(NUMBER)[0]
            value = float(said) if kind == DOUBLE else int(said)
            return bool(value) if kind == BOOL else value
        return json.loads(self._match(_STRING)[0].decode(errors="replace"), strict=False)

    def container(self, kind: int) -> tuple[int, int, int]:
        """The types and the size; a map's pairs are in braces."""
        self._pass_between()
        if kind == MAP:
            one, other, digits = self._match(MAP_HEADER).groups()
        else:
            one, digits = self._match(LIST_HEADER).groups()
            other = one
        size = self.bounded(int(digits))
        if not size:
            return TYPES.get(one, BYTE), TYPES.get(other, BYTE), 0
        return _type(one), _type(other), size

    def end_container(self) -> None:
        """Brackets, and a map's braces before them."""
        if self.data[self.at : self.at + 1] == b"}":
            self.at += 1
        self._expect(b"]")

    def end_field(self) -> None:
        """The brace of the value, and what stands before a next field."""
        self._expect(b"}")
        self._pass_between()

    def end_message(self) -> None:
        """The message's bracket."""
        self._expect(b"]")

    def _pass_between(self) -> None:
        if self.data[self.at : self.at + 1] in (b",", b":"):
            self.at += 1

    def _expect(self, text: bytes) -> None:
        if self.take(len(text)) != text:
            self.at -= len(text)
            raise ValueError(f"{text.decode()} is missing")

    def _match(self, pattern: re.Pattern[bytes]) -> re.Match[bytes]:
        found = pattern.match(self.data, self.at)
        if found is None:
            raise ValueError("this is not what the protocol writes, or not all of it")
        self.at = found.end()
        return found


def _type(name: bytes) -> int:
    if name not in TYPES:
        raise ValueError(f"{name.decode()!r} is no type")
    return TYPES[name]
