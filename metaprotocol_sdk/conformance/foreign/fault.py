"""What can be wrong with a far side that is no broken law."""

from __future__ import annotations

import enum


class FaultKind(enum.Enum):
    """How a far side failed to answer."""

    CRASH = "crash"
    """It ended."""
    HANG = "hang"
    """It did not answer in time."""
    GARBAGE = "garbage"
    """What it wrote is no answer."""


class ForeignFault(BaseException):
    """The far side did not answer, so no law can be judged by what it said; the text is a sentence.

    Not an Exception, so that no law takes it for something the codec raised.

    Args:
        kind: How it failed.
        text: The sentence.
    """

    def __init__(self, kind: FaultKind, text: str) -> None:
        super().__init__(kind, text)
        self.kind = kind
        self.text = text

    def __str__(self) -> str:
        return f"{self.kind.value}: {self.text}"
