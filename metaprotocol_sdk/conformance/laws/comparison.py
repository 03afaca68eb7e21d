"""What several laws ask of a message that encode wrote: whether it reads as the one it was made of."""

from __future__ import annotations

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.conformance.case import Case
from metaprotocol_sdk.conformance.check import NotJudged, broken
from metaprotocol_sdk.conformance.conversation import (
    Description,
    Parties,
    differences,
    parties,
    readable,
    whole_message,
)
from metaprotocol_sdk.exceptions import CodecBug, DecodeError
from metaprotocol_sdk.metadata import MessageType, Metadata
from metaprotocol_sdk.mutation import Mutation

_WIDEST_ID = 8
"""Bytes."""
PLAIN_WIDTH = 32
"""Characters that any protocol with headers can carry in a key or a value."""


def message_of(both: Parties, case: Case) -> Metadata:
    """The message of the case; a reply knows the request it answers, as the proxy has it when it encodes one.

    Raises:
        NotJudged: It does not decode alone.
    """
    metadata = whole_message(both.reader, case.side, case.wire)
    if both.requests and both.requests[-1].message_type is not MessageType.ONEWAY:
        metadata.request = both.requests[-1]
    return metadata


def first_difference(one: bytes, other: bytes) -> int:
    """The index of the first byte in which two runs of bytes differ; where the shorter ends if it begins the other."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (left, right) in pairs if left != right), min(len(one), len(other)))


def read_back(codec: Codec, case: Case, written: bytes, what: str, *, request_id: int | None = None) -> Metadata:
    """The message that encode wrote, as the peer reads it.

    Args:
        codec: What the peer's codec comes from.
        case: Whose message it was.
        written: The bytes.
        what: Who wrote them, for the sentence.
        request_id: The id they were written with, when it is not the message's own.

    Raises:
        Broken: They are not one message.
    """
    try:
        metadata = whole_message(parties(codec, case, request_id=request_id).reader, case.side, written)
        metadata.load()
    except (NotJudged, DecodeError, CodecBug) as error:
        broken(f"{what} wrote {readable(written)}, which does not decode as one message ({error.__cause__ or error})")
    return metadata


def check_same_but_for_id(before: Description, after: Description) -> None:
    """Holds a message with another id to be the same otherwise.

    Raises:
        Broken: It reads otherwise, or its body is another.
    """
    old, new = str(before["request_id"]), str(after["request_id"])
    # A protocol may show its id as a string too.
    strings = {
        key: new if value == old == before["strings"].get(key) and after["strings"].get(key) == new else value
        for key, value in before["strings"].items()
    }
    changed = differences(
        before | {"strings": strings}, after, besides=("request_id", "origin_message", "header_size", "body_size")
    )
    if changed:
        broken(f"with the id {new} instead of {old} the message reads otherwise: {changed}")
    bodies = [each["origin_message"][each["header_size"] :] for each in (before, after)]
    if not before["header_size"] and _is_patched(bodies[0], bodies[1]):
        return
    if not _is_body_kept(bodies[0], bodies[1], old.encode(), new.encode()):
        broken(f"with the id {new} instead of {old} the body is {readable(bodies[1])}, not {readable(bodies[0])}")


def _is_patched(message: bytes, written: bytes) -> bool:
    """Whether two messages, whose codec does not say where their bodies are, differ in no more bytes than an id has."""
    first = first_difference(message, written)
    last = len(message) - first_difference(message[::-1], written[::-1])
    return len(message) == len(written) and last - first <= _WIDEST_ID


def _is_body_kept(body: bytes, written: bytes, old: bytes, new: bytes) -> bool:
    # A protocol whose id is text inside its body (JSON) writes it there, and may write spaces otherwise.
    found, squeezed = body == written, b"".join(written.split())
    at = body.find(old)
    while not found and at >= 0:
        found = b"".join((body[:at] + new + body[at + len(old) :]).split()) == squeezed
        at = body.find(old, at + 1)
    return found


def is_plain(mutation: Mutation) -> bool:
    """Whether any protocol with headers can say the mutation: short words of ASCII."""
    words = [*mutation, *(value for value in mutation.values() if value is not None)]
    return all(word.isascii() and word.replace("-", "").isalnum() and len(word) <= PLAIN_WIDTH for word in words)
