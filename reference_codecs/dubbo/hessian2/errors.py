"""What reading and rewriting hessian2 raises."""

from __future__ import annotations

from typing import NoReturn


class Hessian2Error(ValueError):
    """These bytes are no hessian2 value, or one that costs more than the limits allow.

    Args:
        reason: What is wrong, as a clause: ``"reference 7 is to none of the 3 values before it"``.
        offset: Where, in bytes from the first byte of the data that was given, not of the value.
    """

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(reason, offset)
        self.reason = reason
        self.offset = offset

    def __str__(self) -> str:
        return f"at byte {self.offset}: {self.reason}"


class StillInUse(ValueError):
    """A value cannot be taken out of a map, because one that stays refers to it.

    Args:
        offset: Where the number of the reference is, in bytes from the first byte of the data.
    """

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset

    def __str__(self) -> str:
        return f"the reference at byte {self.offset} is to a value that would be taken out"


def truncated(start: int, end: int) -> NoReturn:
    """Refuses a value that starts at ``start`` and goes on past ``end``.

    Raises:
        Hessian2Error: Always.
    """
    raise Hessian2Error(f"the data ends at byte {end}, within the value", start)
