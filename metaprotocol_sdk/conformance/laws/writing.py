"""Laws of encode: what is written, and what it says when it is read again."""

from __future__ import annotations

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.conformance.case import Case
from metaprotocol_sdk.conformance.check import Factory, NotJudged, broken
from metaprotocol_sdk.conformance.conversation import (
    Description,
    decode,
    describe,
    differences,
    encode,
    parties,
    readable,
)
from metaprotocol_sdk.conformance.laws.comparison import (
    check_same_but_for_id,
    first_difference,
    is_plain,
    message_of,
    read_back,
)
from metaprotocol_sdk.exceptions import EncodeError
from metaprotocol_sdk.metadata import MessageType
from metaprotocol_sdk.mutation import Mutation

_PAIRED = (MessageType.REQUEST, MessageType.RESPONSE, MessageType.ERROR)
"""Messages that an id pairs; others may have nowhere to put one."""


def passes_through_unchanged(factory: Factory, case: Case) -> None:
    """Decode and then encode with no mutation gives identical bytes, each time it is asked."""
    both = parties(factory(), case)
    metadata = message_of(both, case)
    origin = metadata.origin_message
    for again in ("", ", when asked the second time as a retry does"):
        try:
            written = encode(both.writer, metadata)
        except EncodeError as error:
            broken(f"encode refuses a message in which nothing changed{again}: {error}")
        if written != origin:
            at = first_difference(origin, written)
            broken(
                f"nothing changed, and encode wrote {len(written)} bytes that are not the message's {len(origin)}: they"
                f" differ from byte {at} on{again}",
                at=at,
            )


def carries_the_request_id(factory: Factory, case: Case) -> None:
    """For every id of request_ids, encode with another id decodes with that id, all else equal."""
    both = parties(factory(), case)
    metadata = message_of(both, case)
    before, new = describe(metadata), case.request_id
    assert new is not None
    metadata.request_id = new
    try:
        written = encode(both.writer, metadata)
    except EncodeError as error:
        if metadata.message_type not in _PAIRED:
            raise NotJudged("its messages of no pair refuse an id") from error
        broken(f"encode refuses the id {new}, which is of the codec's request_ids: {error}")
    after = describe(read_back(factory(), case, written, f"encode with the id {new}", request_id=new))
    if after["request_id"] != new:
        broken(f"encode was given the id {new} and wrote a message with the id {after['request_id']}")
    check_same_but_for_id(before, after)


def mutation_is_applied(factory: Factory, case: Case) -> None:
    """After encode with a mutation decode shows it, removals included, with type, status, id, body and other strings
    as before; what the protocol cannot say is an EncodeError.
    """
    both = parties(factory(), case)
    metadata = message_of(both, case)
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
        if can and not owns and is_plain(case.mutation):
            broken(
                f"can_mutate says that the message carries any header, and encode refuses {case.mutation!r}: {error}"
            )
        return
    after = describe(read_back(factory(), case, written, f"encode with {case.mutation!r}"))
    wanted = before | {"strings": _mutated(strings, case.mutation, after["strings"])}
    # A change to a string of the message's own may change what follows from it; a fresh header may not.
    derived = ("message_type", "response_status") if owns else ()
    said = differences(
        wanted, after, besides=("operation_name", "header_size", "body_size", "origin_message", *derived)
    )
    if said:
        hint = "" if can else "; a change the protocol cannot carry is an EncodeError"
        broken(f"encode with {case.mutation!r} wrote a message in which {said}{hint}")
    # Strings that decode puts off are in the body, which changes with them.
    if not any(_puts_strings_off(factory, case, wire) for wire in (case.wire, written)):
        _check_body_kept(before, after, case)


def _puts_strings_off(factory: Factory, case: Case, wire: bytes) -> bool:
    return decode(parties(factory(), case).reader, case.side, Buffer(wire)).metadata.is_deferred


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
