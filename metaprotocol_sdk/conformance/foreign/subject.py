"""A subject whose codec is a far side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from metaprotocol_sdk.conformance.foreign.codec import HELLO, ForeignCodec, Hello
from metaprotocol_sdk.conformance.foreign.far_side import START_TIMEOUT, TIMEOUT, FarSide
from metaprotocol_sdk.conformance.foreign.fault import ForeignFault
from metaprotocol_sdk.conformance.subject import Subject
from metaprotocol_sdk.conformance.vectors.places import place_of
from metaprotocol_sdk.exceptions import ConformanceError


def foreign_subject(
    subject: Subject, command: Sequence[str], *, timeout: float = TIMEOUT, start_timeout: float = START_TIMEOUT
) -> Subject:
    """``subject`` with the codec that a program is in the place of its own: the same messages, the same vectors.

    The program runs as long as the subject is there.

    Args:
        subject: What the messages look like.
        command: The program and its arguments.
        timeout: Seconds an answer may take.
        start_timeout: Seconds the first answer may take.

    Raises:
        ConformanceError: The program cannot be started, or does not answer ``hello`` as it should.
    """
    if not command:
        raise ConformanceError("the command of the foreign codec is empty; name the program that answers")
    far_side = FarSide(command, timeout=timeout, start_timeout=start_timeout)
    try:
        hello = far_side.start(HELLO, Hello.read)
    except OSError as error:
        raise ConformanceError(
            f"the foreign codec {command[0]!r} cannot be started: {error.strerror or error}"
        ) from error
    except ForeignFault as fault:
        far_side.close()
        raise ConformanceError(str(fault)) from fault
    return replace(subject, factory=partial(ForeignCodec, far_side, hello), vectors=place_of(subject))
