"""What one message of hessian2 values may cost its reader.

Time needs no limit of its own: every value takes at least a byte, and a declared count is held against the bytes that
are left before anything is done with it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds of a walk and of a reader.

    Args:
        depth: How deep lists, maps and objects may nest. Java's reader has no such limit but its stack.
        classes: Class definitions of one message.
        values: Values a reader builds; a walk builds none and does not count them.

    Raises:
        ValueError: One is not a positive number.
    """

    depth: int = 1024
    classes: int = 16_384
    values: int = 1 << 20

    def __post_init__(self) -> None:
        for field in fields(self):
            if (value := getattr(self, field.name)) < 1:
                raise ValueError(f"the limit of {field.name} is {value}; it is a number, at least 1")


LIMITS = Limits()
"""The defaults."""
