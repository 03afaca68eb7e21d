"""What a check is: a law, and the function that holds a codec to it in one case."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.conformance.case import Case

Factory = Callable[..., Codec]
"""Makes a codec from its configuration's keyword arguments."""


class Level(enum.Enum):
    """How binding a law is."""

    MUST = "MUST"
    """A codec that breaks it loses, changes or misdirects messages."""
    SHOULD = "SHOULD"
    """A codec that breaks it works, and worse than it could."""


class Draw(enum.Flag):
    """What a check needs drawn besides a side and its bytes."""

    MESSAGE = enum.auto()
    """One valid message, with the sample's facts."""
    STREAM = enum.auto()
    """One to three valid messages, one after the other."""
    CORRUPTION = enum.auto()
    """The bytes are corrupted, or anything at all, in half of the cases."""
    HOSTILITY = enum.auto()
    """They are in every case."""
    CUTS = enum.auto()
    """Where the bytes are cut."""
    TRAILING = enum.auto()
    """Bytes that follow the message."""
    REQUEST_ID = enum.auto()
    """Another id for the message, of the codec's ``request_ids``."""
    MUTATION = enum.auto()
    """Changes to the message's strings."""
    LIMIT = enum.auto()
    """A small ``max_message_size``: one below a valid message, or one that hostile bytes run over."""
    NEIGHBOUR = enum.auto()
    """What another connection carries at the same time."""
    EXCHANGES = enum.auto()
    """Requests under way together, each with its reply and the id it leaves with; nothing else is drawn."""


class Broken(AssertionError):
    """A codec broke a law in one case. The text teaches: what was done, what came, what should have.

    Args:
        text: The sentence.
        at: The byte of ``case.wire`` where it went wrong, if one can be named.
    """

    def __init__(self, text: str, *, at: int | None = None) -> None:
        super().__init__(text)
        self.at = at


class NotJudged(Exception):
    """The case says nothing about this law; the text is the reason."""


def broken(text: str, *, at: int | None = None) -> NoReturn:
    """Raises :class:`Broken`."""
    raise Broken(text, at=at)


def _always(_: Codec) -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One law.

    Args:
        function: Judges one case: returns when the law holds in it, raises AssertionError (:class:`Broken`) when it
            does not, :class:`NotJudged` when the case says nothing. Its name is the check's, its docstring the law.
        draws: What the cases must have.
        mistake: What a codec that breaks it most likely does wrong, as a sentence.
        level: How binding it is.
        share: Cases drawn for each one asked for: more of hostile bytes, as there are more ways to be wrong than right,
            fewer where one case tries many things. At least one is drawn.
        exempts: Why a codec is not under this law, as a clause; empty: it is.
    """

    function: Callable[[Factory, Case], None]
    draws: Draw
    mistake: str
    level: Level = Level.MUST
    share: float = 1.0
    exempts: Callable[[Codec], str] = _always

    @property
    def name(self) -> str:
        """What the check is called everywhere: for the law, not for the test."""
        return self.function.__name__

    def examples(self, asked: int) -> int:
        """How many cases are drawn when ``asked`` are asked for."""
        return max(1, round(asked * self.share))

    @property
    def law(self) -> str:
        """The law in one sentence."""
        return " ".join((self.function.__doc__ or "").split())
