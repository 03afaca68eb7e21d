"""Which header fields an expression such as ``this.body_len + 16`` reads, and how to run it backwards.

A declaration gives a length as an expression over header fields. Decoding evaluates it; encoding must know which
field to write when a message grows. So it has to be a sum of fields, each times a whole number, plus a constant:
found by asking the expression about numbers we choose, without looking inside it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from metaprotocol_sdk.exceptions import EncodeError
from metaprotocol_sdk.names import nearest

Expression = Callable[[Any], Any]

_PROBES = 8
_LARGEST = 1 << 40


class _Probe:
    """A header whose fields hold the numbers we choose."""

    __slots__ = ("_numbers",)

    def __init__(self, numbers: Mapping[str, int]) -> None:
        self._numbers = numbers

    def __getitem__(self, name: str) -> int:
        return self._numbers[name]

    def __getattr__(self, name: str) -> int:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._numbers[name]


@dataclass(frozen=True, slots=True)
class Linear:
    """``sum(field * scale) + offset``: a number that header fields tell.

    Args:
        terms: Each field's name and its scale, at least 1.
        offset: The constant.
    """

    terms: tuple[tuple[str, int], ...]
    offset: int

    @classmethod
    def from_expression(cls, what: str, expression: Expression, names: Sequence[str]) -> Linear:
        """Probes ``expression`` over the fields ``names``; ``what`` it is for goes into the error.

        Raises:
            ValueError: It reads no field, an unknown one, or is not a sum of scaled fields; says what to write.
        """
        if not callable(expression):
            raise ValueError(
                f"{what}={expression!r} is not an expression; write it as {what}=this.{names[0] if names else 'field'}"
            )
        offset = _ask(what, expression, _Probe(dict.fromkeys(names, 0)), names)
        terms = []
        for name in names:
            scale = _ask(what, expression, _Probe({**dict.fromkeys(names, 0), name: 1}), names) - offset
            if scale:
                terms.append((name, scale))
        linear = cls(tuple(terms), offset)
        linear._check(what, expression, names)
        return linear

    def _check(self, what: str, expression: Expression, names: Sequence[str]) -> None:
        rng = random.Random(0)  # noqa: S311 - chosen numbers, not secrets
        for _ in range(_PROBES):
            numbers = {name: rng.randrange(_LARGEST) for name in names}
            if _ask(what, expression, _Probe(numbers), names) != self.of(numbers):
                raise ValueError(
                    f"{what} is not a sum of header fields times whole numbers plus a constant, so it cannot be run "
                    "backwards; leave it out and override frame_length() instead"
                )
        if not self.terms:
            raise ValueError(
                f"{what} reads no header field; write it over one, as {what}=this.{names[0] if names else 'field'}"
            )
        if any(scale < 1 for _, scale in self.terms):
            raise ValueError(f"{what} falls when a field grows; override frame_length() instead")

    @property
    def is_field(self) -> bool:
        """Whether it is one field, as it stands."""
        return len(self.terms) == 1 and self.terms[0][1] == 1 and not self.offset

    def of(self, values: Mapping[str, Any]) -> int:
        """The number that ``values`` tell."""
        return self.offset + sum([int(values[name]) * scale for name, scale in self.terms])

    def solve(self, number: int, values: Mapping[str, Any], *, fixed: frozenset[str], what: str) -> dict[str, int]:
        """The one field that is not ``fixed``, with what it must hold for :meth:`of` to be ``number``.

        Empty when every term is fixed and the number is right already.

        Raises:
            EncodeError: More than one field could take it, or none can say that number.
        """
        free = [(name, scale) for name, scale in self.terms if name not in fixed]
        if len(free) > 1:
            choices = " and ".join(name for name, _ in free)
            raise EncodeError(f"{choices} share it, so the field to write is not known: give all but one", key=what)
        rest = number - self.offset - sum(values[name] * scale for name, scale in self.terms if name in fixed)
        if not free:
            if rest:
                raise EncodeError(f"it cannot be {number}: no field is left to say {rest} of it", key=what)
            return {}
        name, scale = free[0]
        if rest % scale:
            raise EncodeError(f"{number} cannot be said by {name}, which counts in steps of {scale}", key=what)
        return {name: rest // scale}


def _ask(what: str, expression: Expression, probe: _Probe, names: Sequence[str]) -> int:
    try:
        number: object = expression(probe)
    except LookupError as error:
        wanted = str(error.args[0]) if error.args else ""
        close = nearest(wanted, names)
        meant = f"; did you mean {close}?" if close else f"; there are {', '.join(names) or 'none'}"
        raise ValueError(f"{what} reads {wanted!r}, which is no field of the header{meant}") from None
    except (TypeError, AttributeError, ArithmeticError) as error:
        raise ValueError(f"{what} cannot be computed from the header's fields: {error}") from None
    if isinstance(number, bool) or not isinstance(number, int):
        raise ValueError(f"{what} gives {type(number).__name__}, not a whole number; override frame_length() instead")
    return number
