"""The types of single fields, as protobuf's JSON mapping and Envoy's validation rules read them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, StrictBool

from metaprotocol_sdk.proxy.config.message import NOT_YET
from metaprotocol_sdk.proxy.config.sentences import expected, shown
from metaprotocol_sdk.proxy.config.tree import Entries, plain

T = TypeVar("T")

MAX_PORT = 65535
MAX_DURATION = 315_576_000_000
"""Seconds; the longest ``google.protobuf.Duration``, about 10,000 years."""

_DURATION = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)s")
_OTHER_UNIT = re.compile(r"([0-9]{1,9})(ms|m|h)")
_UNITS = {"ms": 0.001, "m": 60, "h": 3600}


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


def read_port(value: object) -> int:
    """A ``port_value``: 0 to 65535, as a number or as digits in text.

    Raises:
        ValueError: It is something else.
    """
    port = value
    if isinstance(value, str) and re.fullmatch("[0-9]{1,5}", value):
        port = int(value)
    if isinstance(value, float) and value.is_integer():
        port = int(value)
    if type(port) is int and 0 <= port <= MAX_PORT:
        return port
    raise expected(f"a number from 0 to {MAX_PORT}", value)


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


def only(default: T) -> Callable[[object], T]:
    """A reader of a field of Envoy's that can only be its default now."""

    def read(value: object) -> T:
        if value == default and type(value) is type(default):
            return default
        raise ValueError(f"{shown(value)} is {NOT_YET}; supported: {shown(default)}")

    return read


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, Entries) else value


def _off(value: bool) -> bool:
    if value:
        raise ValueError(f"true is {NOT_YET}")
    return value


Text = Annotated[str, Field(min_length=1)]
"""Text that is not empty."""

Off = Annotated[StrictBool, AfterValidator(_off)]
"""A switch of Envoy's that can only be off now."""

Duration = Annotated[float, PlainValidator(read_duration)]
"""Seconds; see :func:`read_duration`."""

Port = Annotated[int, PlainValidator(read_port)]
"""See :func:`read_port`."""

Data = Annotated[dict[str, Any], AfterValidator(plain)]
"""A ``google.protobuf.Struct``: its keys are data, and stay as they are written."""

Repeated = Annotated[tuple[T, ...], BeforeValidator(_as_list)]
"""A repeated field; a single mapping stands for a list of one, as protobuf's JSON reader has it."""
