"""Laws of encode: what is written, and what it says when it is read again."""

from __future__ import annotations

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.conformance.case import Case
from metaprotocol_sdk.conformance.check import Factory, NotJudged, broken
from metaprotocol_sdk.conformance.conversation import (
    Description,
    describe,
    differences,
    encode,
    parties,
    readable,
    whole_message,
)
from metaprotocol_sdk.exceptions import CodecBug, DecodeError, EncodeError
from metaprotocol_sdk.metadata import MessageType, Metadata
from metaprotocol_sdk.mutation import Mutation

_PAIRED = (MessageType.REQUEST, MessageType.RESPONSE, MessageType.ERROR)
"""Messages that an id pairs; others may have nowhere to put one."""
_WIDEST_ID = 8
"""Bytes."""


def passes_through_unchanged(factory: Factory, case: Case) -> None:
    """Decode and then encode with no mutation gives identical bytes, each time it is asked."""
    both = parties(factory(), case)
    metadata = whole_message(both.reader, case.side, case.wire)
    origin = metadata.origin_message
    _set_request(metadata, both.requests)
    for again in ("", ", when asked the second time as a retry does"):
        try:
            written = encode(both.writer, metadata)
        except EncodeError as error:
            broken(f"encode refuses a message in which nothing changed{again}: {error}")
        if written != origin:
            at = _first_difference(origin, written)
            broken(
                f"nothing changed, and encode wrote {len(written)} bytes that are not the message's {len(origin)}: they"
                f" differ from byte {at} on{again}",
                at=at,
            )


def _first_difference(one: bytes, other: bytes) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (left, right) in pairs if left != right), min(len(one), len(other)))


def _set_request(metadata: Metadata, requests: tuple[Metadata, ...]) -> None:
    if requests and requests[-1].message_type is not MessageType.ONEWAY:
        metadata.request = requests[-1]


def carries_the_request_id(factory: Factory, case: Case) -> None:
    """For every id of request_ids, encode with another id decodes with that id, all else equal."""
    both = parties(factory(), case)
    metadata = whole_message(both.reader, case.side, case.wire)
    _set_request(metadata, both.requests)
    before, new = describe(metadata), case.request_id
    assert new is not None
    metadata.request_id = new
    try:
        written = encode(both.writer, metadata)
    except EncodeError as error:
        if metadata.message_type not in _PAIRED:
            raise NotJudged("its messages of no pair refuse an id") from error
        broken(f"encode refuses the id {new}, which is of the codec's request_ids: {error}")
    after = _read_back(factory(), case, written, f"encode with the id {new}")
    if after["request_id"] != new:
        broken(f"encode was given the id {new} and wrote a message with the id {after['request_id']}")
    _check_same_but_for_id(before, after)


def _check_same_but_for_id(before: Description, after: Description) -> None:
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
    first = _first_difference(message, written)
    last = len(message) - _first_difference(message[::-1], written[::-1])
    return len(message) == len(written) and last - first <= _WIDEST_ID


def _is_body_kept(body: bytes, written: bytes, old: bytes, new: bytes) -> bool:
    # A protocol whose id is text inside its body (JSON) writes it there, and may write spaces otherwise.
    found, squeezed = body == written, b"".join(written.split())
    at = body.find(old)
    while not found and at >= 0:
        found = b"".join((body[:at] + new + body[at + len(old) :]).split()) == squeezed
        at = body.find(old, at + 1)
    return found


def _read_back(codec: Codec, case: Case, written: bytes, what: str) -> Description:
    try:
        return describe(whole_message(parties(codec, case, request_id=case.request_id).reader, case.side, written))
    except (NotJudged, DecodeError, CodecBug) as error:
        broken(f"{what} wrote {readable(written)}, which does not decode as one message ({error.__cause__ or error})")


def mutation_is_applied(factory: Factory, case: Case) -> None:
    """After encode with a mutation decode shows it, removals included, with type, status, id, body and other strings
    as before; what the protocol cannot say is an EncodeError.
    """
    both = parties(factory(), case)
    metadata = whole_message(both.reader, case.side, case.wire)
    _set_request(metadata, both.requests)
    before = describe(metadata)
    strings = before["strings"]
    owns = any(key in strings for key in case.mutation.folded)
    try:
        can = both.writer.can_mutate(metadata)
    except Exception as error:
        broken(f"can_mutate raised {type(error).__name__}: {error}")
    try:
        written = encode(both.writer, metadata, case.mutation)
    except EncodeError as error:
        if can and not owns and _is_plain(case):
            broken(
                f"can_mutate says that the message carries any header, and encode refuses {case.mutation!r}: {error}"
            )
        return
    after = _read_back(factory(), case, written, f"encode with {case.mutation!r}")
    wanted = before | {"strings": _mutated(strings, case.mutation, after["strings"])}
    # A change to a string of the message's own may change what follows from it; a fresh header may not.
    derived = ("message_type", "response_status") if owns else ()
    said = differences(
        wanted, after, besides=("operation_name", "header_size", "body_size", "origin_message", *derived)
    )
    if said:
        hint = "" if can else "; a change the protocol cannot carry is an EncodeError"
        broken(f"encode with {case.mutation!r} wrote a message in which {said}{hint}")
    _check_body_kept(before, after, case)


def _mutated(strings: dict[str, str], mutation: Mutation, found: dict[str, str]) -> dict[str, str]:
    """The strings a mutation leaves; one made of a string it changes, as a path is of a method, may follow that."""
    wanted = {key.lower(): value for key, value in mutation.apply(strings.items())}
    changed = [strings[key] for key in mutation.folded if strings.get(key)]
    for key, value in strings.items():
        follows = value and any(value in own or own in value for own in changed)
        if follows and key in found and key not in mutation:
            wanted[key] = found[key]
    return wanted


def _check_body_kept(before: Description, after: Description, case: Case) -> None:
    bodies = [each["origin_message"][each["header_size"] :] for each in (before, after)]
    # Without a header there is nowhere but the body for strings to be.
    if before["header_size"] and bodies[0] != bodies[1]:
        broken(f"encode with {case.mutation!r} wrote the body {readable(bodies[1])}, not {readable(bodies[0])}")


def _is_plain(case: Case) -> bool:
    """Whether any protocol with headers can say the mutation: short words of ASCII."""
    words = [*case.mutation, *(value for value in case.mutation.values() if value is not None)]
    return all(word.isascii() and word.replace("-", "").isalnum() and len(word) <= 32 for word in words)
