"""What hessian2 values are in Python, where Python has no type that says as much.

``None``, ``bool``, ``int`` (Java's int), ``float`` (its double), ``str`` and ``bytes`` are themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, field


class Long(int):
    """A Java long, which is written otherwise than an int of the same number."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Date:
    """A moment.

    Args:
        milliseconds: Since the epoch; Java's dates reach further than Python's.
    """

    milliseconds: int


@dataclass(slots=True)
class List:
    """A list, an array or a set.

    Args:
        items: Its values.
        type: The Java class, ``"[int"`` for an array of ints; ``None`` where it is not said.
    """

    items: list[Value] = field(default_factory=list)
    type: str | None = None


@dataclass(slots=True)
class Map:
    """A map.

    Args:
        entries: Its keys and values in order; a key may be any value, and may come twice.
        type: The Java class; ``None`` where it is not said.
    """

    entries: list[tuple[Value, Value]] = field(default_factory=list)
    type: str | None = None


@dataclass(slots=True)
class Object:
    """An instance of a class.

    Args:
        type: The Java class.
        names: The fields its definition names, in order; a class that hides a field of its parent has two of a name.
        values: What they hold, in the same order.
    """

    type: str
    names: tuple[str, ...] = ()
    values: list[Value] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference that a reader was told not to follow.

    Args:
        number: Which of the message's lists, maps and objects it is to, in the order they start, from 0.
    """

    number: int


Value = None | bool | int | float | str | bytes | Date | List | Map | Object | Reference
"""What a reader gives and a writer takes. Lists, maps and objects may hold themselves."""
