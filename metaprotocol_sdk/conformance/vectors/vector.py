"""One golden vector: a message that other software made, and what is known of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from metaprotocol_sdk.conformance.case import Case
from metaprotocol_sdk.conformance.subject import Sample
from metaprotocol_sdk.metadata import MessageType
from metaprotocol_sdk.mutation import NO_MUTATION, Mutation

SCHEMA_VERSION = 1
"""The version of the file's form. A file of another version is refused, not guessed at."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def is_name(text: str) -> bool:
    """Whether a vector can be called ``text``: letters, digits, ``.``, ``_`` and ``-``, so that no shell minds it."""
    return _NAME.fullmatch(text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """A message that other software made, and what is known of it.

    Args:
        name: What it is called in its file.
        side: Who sends it: REQUEST or RESPONSE.
        sample: Its bytes, and what decode must find in them.
        requests: The requests that a reply answers, where the codec must have seen them.
        mutation: What encode is asked to change.
        request_id: The id that encode is asked to write; None: the message's own.
        expected: The bytes that encode must write then; None: not known, so the origin bytes are asked for.
        provenance: Which software made the bytes.
        file: Where it stands.
        line: The line of ``file`` where it begins, from 1.
    """

    name: str
    side: MessageType
    sample: Sample
    requests: tuple[bytes, ...] = ()
    mutation: Mutation = NO_MUTATION
    request_id: int | None = None
    expected: bytes | None = None
    provenance: str = ""
    file: Path = Path()
    line: int = 0

    @property
    def id(self) -> str:
        """What a run calls it: ``file::name``."""
        return f"{self.file.name}::{self.name}"

    @property
    def case(self) -> Case:
        """What a codec is asked."""
        return Case(
            side=self.side,
            wire=self.sample.data,
            sample=self.sample,
            requests=self.requests,
            mutation=self.mutation,
            request_id=self.request_id,
            expected=self.expected,
        )
