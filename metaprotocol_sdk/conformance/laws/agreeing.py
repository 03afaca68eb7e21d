"""The law of golden vectors, and the check that one vector is."""

from __future__ import annotations

from dataclasses import dataclass

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.conformance.case import Case
from metaprotocol_sdk.conformance.check import Check, Draw, Factory, NotJudged, broken
from metaprotocol_sdk.conformance.conversation import Parties, encode, parties, readable, whole_message
from metaprotocol_sdk.conformance.laws.reading import decodes_one_message, describes_what_it_was_given
from metaprotocol_sdk.conformance.laws.writing import passes_through_unchanged
from metaprotocol_sdk.exceptions import EncodeError
from metaprotocol_sdk.metadata import MessageType

VECTOR_MARK = "::"
"""Between a file and a vector's name. No law has it in its name."""

_SHOWN = 24
"""Bytes of what encode wrote that are shown around the first wrong one."""


def agrees_with_its_vector(factory: Factory, case: Case) -> None:
    """The bytes of a golden vector decode to what they are known to say, and encode writes the bytes that are known."""
    codec = factory()
    both = _parties(codec, case)
    decodes_one_message(factory, case)
    if case.sample is not None and case.sample.facts:
        describes_what_it_was_given(factory, case)
    if case.expected is not None:
        _check_written(both, case, case.expected)
    elif not codec.rewrites:
        passes_through_unchanged(factory, case)


def _parties(codec: Codec, case: Case) -> Parties:
    try:
        return parties(codec, case)
    except NotJudged:
        broken("the request that this vector answers is not decoded, or cannot be encoded; see what it says of itself")


def _check_written(both: Parties, case: Case, expected: bytes) -> None:
    metadata = whole_message(both.reader, case.side, case.wire)
    if both.requests and both.requests[-1].message_type is not MessageType.ONEWAY:
        metadata.request = both.requests[-1]
    asked = [repr(case.mutation)] if case.mutation else []
    if case.request_id is not None:
        metadata.request_id = case.request_id
        asked.append(f"the id {case.request_id}")
    what = f"encode with {' and '.join(asked) or 'nothing changed'}"
    try:
        written = encode(both.writer, metadata, case.mutation)
    except EncodeError as error:
        broken(f"{what} is refused: {error}. The vector knows the bytes {readable(expected)}")
    if written != expected:
        pairs = enumerate(zip(written, expected, strict=False))
        at = next((index for index, (one, other) in pairs if one != other), min(len(written), len(expected)))
        start = max(0, at - _SHOWN // 3)
        shown, known = (each[start : start + _SHOWN].hex(" ") or "nothing" for each in (written, expected))
        broken(
            f"{what} wrote {len(written)} bytes that are not the {len(expected)} the vector knows: they differ from "
            f"byte {at} on. From byte {start} on it wrote {shown}; known is {known}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _VectorCheck(Check):
    """The law held to one vector, under that vector's name."""

    id: str

    @property
    def name(self) -> str:
        return self.id


def vector_check(name: str) -> Check:
    """The check that the vector of a name is: what reports show it as, and what a saved failure of it replays.

    Args:
        name: ``file::name``.
    """
    return _VectorCheck(
        function=agrees_with_its_vector,
        draws=Draw(0),
        mistake="the codec was proved by messages it built itself, so that it misreads and miswrites alike; or the "
        "vector is of another version of the protocol",
        id=name,
    )
