"""What one message of hessian2 values may cost its reader.

Every value takes at least a byte, and a declared count is held against the bytes that are left before anything is done
with it. What is dear per byte, a list, map or object that may take one alone, has a limit of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds of a walk and of a reader.

    Args:
        depth: How deep lists, maps and objects may nest. Java's reader has no such limit but its stack.
        containers: Lists, maps and objects a walk passes; each takes up to half a microsecond, in which a proxy does
            nothing else.
        classes: Class definitions of one message.
        entries: Entries of a map whose strings or places are read; a walk that passes a map does not count them.
        values: Values a reader builds; a walk builds none and does not count them.

    Raises:
        ValueError: One is not a positive number.
    """

    depth: int = 1024
    containers: int = 1 << 20
    classes: int = 16_384
    entries: int = 16_384
    values: int = 1 << 20

    def __post_init__(self) -> None:
        for field in fields(self):
            if (value := getattr(self, field.name)) < 1:
                raise ValueError(f"the limit of {field.name} is {value}; it is a number, at least 1")


LIMITS = Limits()
"""The defaults."""
