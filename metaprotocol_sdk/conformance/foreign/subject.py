"""A program in the place of a subject's codec."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from metaprotocol_sdk.conformance.foreign.codec import HELLO, ForeignCodec, Hello
from metaprotocol_sdk.conformance.foreign.far_side import START_TIMEOUT, TIMEOUT, FarSide
from metaprotocol_sdk.conformance.foreign.fault import ForeignFault
from metaprotocol_sdk.conformance.subject import Subject
from metaprotocol_sdk.conformance.vectors.places import place_of
from metaprotocol_sdk.exceptions import ConformanceError


class ForeignFactory:
    """What a subject has for ``factory`` when its codec is a program; made by :func:`foreign_codec`.

    The program is started when the first codec is made, and ends when the factory does.

    Args:
        far_side: The program.
    """

    def __init__(self, far_side: FarSide) -> None:
        self.far_side = far_side
        self.seconds = far_side.start_timeout + far_side.timeout
        """How long making a codec may take."""
        self._hello: Hello | None = None

    def __call__(self, **config: Any) -> ForeignCodec:
        """A codec that the program is.

        Raises:
            ConformanceError: The program cannot be started, or does not answer ``hello`` as it should.
        """
        if self._hello is None:
            self._hello = self._start()
        return ForeignCodec(self.far_side, self._hello, **config)

    def _start(self) -> Hello:
        try:
            return self.far_side.start(HELLO, Hello.read)
        except OSError as error:
            raise ConformanceError(
                f"the foreign codec {self.far_side.command[0]!r} cannot be started: {error.strerror or error}"
            ) from error
        except ForeignFault as fault:
            raise ConformanceError(str(fault)) from fault


def foreign_codec(
    command: str | Sequence[str], *, timeout: float = TIMEOUT, start_timeout: float = START_TIMEOUT
) -> ForeignFactory:
    """The ``factory`` of a :class:`Subject` whose codec is a program that speaks the protocol of foreign codecs.

    Args:
        command: The program and its arguments; a str is split as a shell splits words, and no shell runs.
        timeout: Seconds an answer may take.
        start_timeout: Seconds the first answer of a process may take.

    Raises:
        ConformanceError: The command is empty, or its quotes do not match.
    """
    try:
        words = shlex.split(command) if isinstance(command, str) else list(command)
    except ValueError as error:
        raise ConformanceError(f"the foreign codec's command {command!r} cannot be read: {error}") from error
    if not words:
        raise ConformanceError("the foreign codec's command is empty; name the program that answers")
    return ForeignFactory(FarSide(words, timeout=timeout, start_timeout=start_timeout))


def foreign_subject(subject: Subject, command: str | Sequence[str]) -> Subject:
    """``subject`` with a program in the place of its own codec: the same messages, the same vectors.

    Raises:
        ConformanceError: As :func:`foreign_codec` says.
    """
    return replace(subject, factory=foreign_codec(command), vectors=place_of(subject))
