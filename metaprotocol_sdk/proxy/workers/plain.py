"""Frozen configuration values as what JSON can say, and back, by their annotations."""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar

_T = TypeVar("_T")


def to_plain(value: Any) -> Any:
    """A value made of dataclasses, enums, tuples, mappings, text, numbers and None, as JSON takes it."""
    if isinstance(value, enum.Enum):
        return value.value
    if is_dataclass(value):
        return {each.name: to_plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, tuple):
        return [to_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {key: to_plain(each) for key, each in value.items()}
    return value


def from_plain(kind: type[_T], plain: Any) -> _T:
    """The value of that type which :func:`to_plain` has made ``plain`` of."""
    found: _T = _value(kind, plain)
    return found


def _value(kind: Any, plain: Any) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return None if plain is None else _value(_member(arguments, plain), plain)
    if origin is tuple:
        kinds = arguments[:1] * len(plain) if arguments[1:] == (...,) else arguments
        return tuple(_value(each, part) for each, part in zip(kinds, plain, strict=True))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: _value(arguments[1], each) for key, each in plain.items()}
    if isinstance(kind, type) and is_dataclass(kind):
        return kind(**{name: _value(each, plain[name]) for name, each in _kinds(kind).items()})
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return kind(plain)
    return plain


def _member(kinds: tuple[Any, ...], plain: Any) -> Any:
    """Which of a union's types the value was of: the only one beside None, or the dataclass with those fields."""
    others = [each for each in kinds if each is not types.NoneType]
    return others[0] if len(others) == 1 else next(each for each in others if _kinds(each).keys() == plain.keys())


@cache
def _kinds(kind: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {each.name: hints[each.name] for each in fields(kind)}
