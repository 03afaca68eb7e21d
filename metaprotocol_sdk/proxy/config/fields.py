"""The types of single fields, as protobuf's JSON mapping and Envoy's validation rules read them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, PlainValidator, StrictBool

from metaprotocol_sdk.proxy.config.message import NOT_YET
from metaprotocol_sdk.proxy.config.sentences import expected, shown
from metaprotocol_sdk.proxy.config.tree import Entries, plain

T = TypeVar("T")

MAX_PORT = 65535
MAX_COUNT = 2**32 - 1
"""The largest ``uint32``."""
MAX_DURATION = 315_576_000_000
"""Seconds; the longest ``google.protobuf.Duration``, about 10,000 years."""

_DURATION = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)s")
_OTHER_UNIT = re.compile(r"([0-9]{1,9})(ms|m|h)")
_UNITS = {"ms": 0.001, "m": 60, "h": 3600}
_DIGITS = re.compile("-?[0-9]{1,19}")


def read_duration(value: object) -> float:
    """The seconds of a ``google.protobuf.Duration`` in JSON: ``5s``, ``0.25s``.

    Raises:
        ValueError: It is not written so, is negative or too long; says how it would be written.
    """
    if isinstance(value, str):
        if (match := _DURATION.fullmatch(value)) and float(match[1]) <= MAX_DURATION:
            return float(match[1])
        if match := _OTHER_UNIT.fullmatch(value):
            meant = f"{int(match[1]) * _UNITS[match[2]]:.9f}".rstrip("0").rstrip(".")
            raise expected(f"seconds with an s, such as {meant}s", value)
    raise expected("seconds with an s, such as 5s or 0.25s", value)


def read_period(value: object) -> float:
    """A duration as :func:`read_duration` reads it, that is not 0.

    Raises:
        ValueError: It is none, or 0.
    """
    seconds = read_duration(value)
    if not seconds:
        raise expected("more than 0s", value)
    return seconds


def read_percent(value: object) -> float:
    """A number from 0 to 100.

    Raises:
        ValueError: It is something else.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 100:
        return float(value)
    raise expected("a number from 0 to 100", value)


def seconds_at(fields: Entries, key: str, default: float) -> float:
    """The seconds of a duration that is not validated yet; ``default`` when there is none, or it is wrong.

    For checks that relate fields; the field's own validation says what is wrong.
    """
    value = fields.get(key)
    try:
        return default if value is None else read_duration(value)
    except ValueError:
        return default


@dataclass(frozen=True, slots=True)
class Kind:
    """What the reference calls a field's type, where the type of Python does not say it.

    Args:
        text: In a few words.
        model: The message that is in it.
    """

    text: str
    model: type[BaseModel] | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a field is from that its message does not have elsewhere.

    Args:
        field: The field of Envoy's whose name and meaning it has; empty: it is this proxy's own.
    """

    field: str = ""


OURS = Origin()
"""This proxy's own."""


@dataclass(frozen=True, slots=True)
class Whole:
    """Reads a whole number as protobuf's JSON mapping has it: a number, or its digits in text.

    Args:
        lowest: The smallest it may be.
        highest: The largest it may be.
    """

    lowest: int
    highest: int

    def __call__(self, value: object) -> int:
        """The number.

        Raises:
            ValueError: It is something else; says what was expected.
        """
        number = value
        if isinstance(value, str) and _DIGITS.fullmatch(value):
            number = int(value)
        if isinstance(value, float) and value.is_integer():
            number = int(value)
        if type(number) is int and self.lowest <= number <= self.highest:
            return number
        raise expected(str(self), value)

    def __str__(self) -> str:
        return f"a whole number from {self.lowest} to {self.highest}"


def is_ip(host: str) -> bool:
    """Whether ``host`` is an IP address, version 4 or 6, and no name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def word(supported: Mapping[str, T], *later: str) -> Callable[[object], T]:
    """A reader of one enum: its words to values.

    Args:
        supported: What each word means.
        later: Words that Envoy knows and this proxy does not support now.
    """

    def read(value: object) -> T:
        if isinstance(value, str) and value in supported:
            return supported[value]
        listed = ", ".join(supported)
        if value in later:
            raise ValueError(f"{shown(value)} is {NOT_YET}; supported: {listed}")
        raise expected(f"one of {listed}" if len(supported) > 1 else listed, value)

    return read


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, Entries) else value


Text = Annotated[str, Field(min_length=1)]
"""Text that is not empty."""

Switch = StrictBool
"""True or false."""

Duration = Annotated[float, PlainValidator(read_duration), Kind("duration")]
"""Seconds; see :func:`read_duration`."""

Period = Annotated[float, PlainValidator(read_period), Kind("duration over `0s`")]
"""Seconds, more than 0."""

Port = Annotated[int, PlainValidator(Whole(0, MAX_PORT))]
"""A ``port_value``."""

Count = Annotated[int, PlainValidator(Whole(0, MAX_COUNT))]
"""A ``uint32``."""

Positive = Annotated[int, PlainValidator(Whole(1, MAX_COUNT))]
"""A ``uint32`` that is not 0."""

Data = Annotated[dict[str, Any], AfterValidator(plain), Kind("mapping")]
"""A ``google.protobuf.Struct``: its keys are data, and stay as they are written."""

Repeated = Annotated[tuple[T, ...], BeforeValidator(_as_list)]
"""A repeated field; a single mapping stands for a list of one, as protobuf's JSON reader has it."""
