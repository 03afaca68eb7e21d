"""The serializations fastjson and gson: each value is a line of JSON (Apache Dubbo's ``FastJsonObjectOutput``).

::

    "2.0.2"\\n "com.demo.HelloService"\\n "1.0.0"\\n "sayHello"\\n "Ljava/lang/String;"\\n "world"\\n {"path": ...}\\n
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from metaprotocol_sdk import DecodeError
from reference_codecs.dubbo.descriptor import count_parameters
from reference_codecs.dubbo.frame import FLAGS_AT, HEADER_SIZE, REQUEST, RESPONSE_TYPES, has_attachments
from reference_codecs.dubbo.serialization import Call, Serialization, valid

_CALL = Call._fields
_MOST = 1 << 20
"""Bytes of a line that is read: what it becomes takes many times as much."""


class JsonLines(Serialization):
    """One whose values are lines of JSON.

    Args:
        name: Dubbo's name of it.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def read_call(self, message: bytes) -> Call:
        """The first five lines."""
        lines = _lines(message, len(_CALL))
        return Call(*(_text(lines, index, name) for index, name in enumerate(_CALL)))

    def read_attachments(self, message: bytes) -> Iterable[tuple[str, str]]:
        """The line after the arguments, or after the value; none where there is no such line."""
        if message[FLAGS_AT] & REQUEST:
            types = self.read_call(message).parameter_types or ""
            try:
                at = len(_CALL) + count_parameters(types)
            except ValueError as error:
                raise DecodeError(str(error), path="parameter_types") from error
        else:
            response_type = self.read_response_type(message)
            if not has_attachments(response_type):
                return []
            at = 1 if RESPONSE_TYPES[response_type] == "null" else 2
        lines = _lines(message, at + 1)
        found = _value(lines, at, "attachments") if at < len(lines) and lines[at].strip() else None
        if found is not None and not isinstance(found, dict):
            raise DecodeError("the attachments are no JSON object", path="attachments")
        return [(valid(key), valid(value)) for key, value in (found or {}).items() if isinstance(value, str)]

    def read_response_type(self, message: bytes) -> int:
        """The number in the first line."""
        found = _value(_lines(message, 1), 0, "response_type")
        if type(found) is not int or not 0 <= found < len(RESPONSE_TYPES):
            raise DecodeError(f"the response type is {found!r}; it is 0 to 5", path="response_type", offset=HEADER_SIZE)
        return found

    def read_event(self, message: bytes) -> str | None:
        """The first line."""
        return _text(_lines(message, 1), 0, "event")

    def write_string(self, text: str) -> bytes:
        """A line."""
        return json.dumps(text, ensure_ascii=False).encode() + b"\n"


def _lines(message: bytes, count: int) -> list[bytes]:
    """The first lines, at least ``count`` where there are as many; the last may be all that follows."""
    return message[HEADER_SIZE:].split(b"\n", count)


def _value(lines: list[bytes], index: int, name: str) -> Any:
    at = HEADER_SIZE + sum(map(len, lines[:index])) + index
    if index >= len(lines) or not lines[index].strip():
        raise DecodeError("the body ends before it", path=name, offset=at)
    if len(lines[index]) > _MOST:
        raise DecodeError(f"its line has {len(lines[index])} bytes, and at most {_MOST} are read", path=name, offset=at)
    try:
        return json.loads(lines[index])
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"its line is no JSON: {error}", path=name, offset=at) from error


def _text(lines: list[bytes], index: int, name: str) -> str | None:
    found = _value(lines, index, name)
    if found is None:
        return None
    if not isinstance(found, str):
        raise DecodeError(f"it is {found!r:.40} and no string", path=name)
    return valid(found)
