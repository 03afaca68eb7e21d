"""A message's bytes by name, for a person to read; of partial and broken messages what can be named."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from metaprotocol_sdk import Field
from reference_codecs.dubbo.descriptor import MAX_PARAMETERS, count_parameters
from reference_codecs.dubbo.frame import (
    EVENT,
    FLAGS_AT,
    HEADER_SIZE,
    ID_AT,
    LENGTH_AT,
    MAGIC_BYTES,
    REQUEST,
    RESPONSE_TYPES,
    SERIALIZATION,
    STATUS_AT,
    STATUS_NAMES,
    TWO_WAY,
    Status,
    has_attachments,
)
from reference_codecs.dubbo.hessian import Hessian
from reference_codecs.dubbo.hessian2 import Hessian2Error, Limits, Reader, Walker
from reference_codecs.dubbo.serialization import Call, Serialization

_SHOWN = Limits(depth=32, values=4096)
"""Of a value that is built to be shown; a greater one is shown as its bytes."""
_HEADER = (
    ("magic", 0, FLAGS_AT),
    ("flags", FLAGS_AT, STATUS_AT),
    ("status", STATUS_AT, ID_AT),
    ("request_id", ID_AT, LENGTH_AT),
    ("body_length", LENGTH_AT, HEADER_SIZE),
)


def fields_of(data: bytes, serializations: Sequence[Serialization]) -> Iterator[Field]:
    """Every byte once, in order. Never raises.

    Args:
        data: A message, the front of one, or anything.
        serializations: By their ids.
    """
    if not MAGIC_BYTES.startswith(data[:2]):
        yield Field("message", 0, len(data), data, f"it does not start with {MAGIC_BYTES.hex()}")
        return
    for name, start, end in _HEADER:
        if len(data) >= end:
            yield _header_field(name, start, end, data, serializations)
        elif start < len(data):
            yield Field(name, start, len(data), data[start:], "it ends within the header")
    if len(data) > HEADER_SIZE:
        yield from _behind_header(data, serializations)


def _behind_header(data: bytes, serializations: Sequence[Serialization]) -> Iterator[Field]:
    end = min(len(data), HEADER_SIZE + int.from_bytes(data[LENGTH_AT:HEADER_SIZE], "big"))
    if end > HEADER_SIZE:
        if isinstance(serializations[data[FLAGS_AT] & SERIALIZATION], Hessian):
            yield from _Body(data, end).fields()
        else:
            yield Field("body", HEADER_SIZE, end, data[HEADER_SIZE:end])
    if end < len(data):
        yield Field("after", end, len(data), data[end:], "it is behind the message")


def _header_field(name: str, start: int, end: int, data: bytes, serializations: Sequence[Serialization]) -> Field:
    raw = data[start:end]
    number = int.from_bytes(raw, "big")
    value: object = number
    problem = ""
    if name == "magic":
        value = raw.hex()
    elif name == "flags":
        said = [text for bit, text in ((REQUEST, "request"), (TWO_WAY, "two-way"), (EVENT, "event")) if number & bit]
        value = ", ".join([*said, serializations[number & SERIALIZATION].name])
    elif name == "status" and not data[FLAGS_AT] & REQUEST:
        value = f"{number} {STATUS_NAMES.get(number, 'UNKNOWN')}"
    elif name == "body_length" and number >= 1 << 31:
        problem = "it is negative"
    return Field(name, start, end, value, problem)


class _Body:
    """Goes through a body in hessian2."""

    def __init__(self, data: bytes, end: int) -> None:
        self._data = data[:end]
        self._end = end
        self._walker = Walker(self._data, HEADER_SIZE)
        self._reader: Reader | None = Reader(self._data, HEADER_SIZE, limits=_SHOWN, follow_references=False)
        flags = data[FLAGS_AT]
        if flags & EVENT:
            names = ["event"]
        elif flags & REQUEST:
            names = list(Call._fields)
        else:
            names = ["response_type"] if data[STATUS_AT] == Status.OK else ["message"]
        self._names = deque(names)

    def fields(self) -> Iterator[Field]:
        """Its values, each once."""
        walker = self._walker
        while self._names and not walker.is_at_end:
            start, name = walker.position, self._names.popleft()
            try:
                found = list(self._attachments()) if name == "attachments" else [self._value(name)]
            except Hessian2Error as error:
                yield Field(name, start, self._end, self._data[start:], error.reason)
                return
            yield from found
        if not walker.is_at_end:
            yield Field("rest", walker.position, self._end, self._data[walker.position :])

    def _value(self, name: str) -> Field:
        start = self._walker.position
        self._walker.skip()
        end = self._walker.position
        value: object = self._data[start:end]
        if self._reader is not None:
            try:
                value = self._reader.read()
            except Hessian2Error:
                self._reader = None
        if name == "parameter_types" and isinstance(value, int):
            name = "parameter_count"
        self._expect(name, value)
        return Field(name, start, end, value)

    def _expect(self, name: str, value: object) -> None:
        """What follows a value."""
        if name == "parameter_types" and isinstance(value, str):
            try:
                self._expect_arguments(count_parameters(value))
            except ValueError:
                return
        elif name == "parameter_count" and isinstance(value, int):
            if value < 0:
                self._names.append("parameter_types")
            elif value <= MAX_PARAMETERS:
                self._expect_arguments(value)
        elif name == "response_type" and isinstance(value, int) and 0 <= value < len(RESPONSE_TYPES):
            kind = RESPONSE_TYPES[value]
            self._names += [kind] if kind != "null" else []
            self._names += ["attachments"] if has_attachments(value) else []

    def _expect_arguments(self, count: int) -> None:
        self._names += [f"arguments[{index}]" for index in range(count)]
        self._names.append("attachments")

    def _attachments(self) -> Iterator[Field]:
        start = self._walker.position
        found = self._walker.read_map()
        if found is None or found.is_reference:
            said = "a reference to an argument" if found else None
            yield Field("attachments", start, self._walker.position, said)
            return
        yield Field("attachments", start, found.first, f"{len(found.entries)} entries")
        for index, entry in enumerate(found.entries):
            for name, text, at, end in (
                ("key", entry.key, entry.start, entry.value_start),
                ("value", entry.value, entry.value_start, entry.end),
            ):
                value = self._data[at:end] if text is None else text
                yield Field(f"attachments[{index}].{name}", at, end, value)
        yield Field("attachments.end", found.last, found.end, self._data[found.last : found.end])
