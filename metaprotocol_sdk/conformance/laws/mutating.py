"""Laws of mutations: what encode does with one more than once, together with an id, and to what it was given."""

from __future__ import annotations

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.conformance.case import Case
from metaprotocol_sdk.conformance.check import Broken, Factory, NotJudged, broken
from metaprotocol_sdk.conformance.conversation import Parties, describe, differences, encode, parties, readable
from metaprotocol_sdk.conformance.laws.comparison import first_difference, message_of, read_back
from metaprotocol_sdk.exceptions import EncodeError
from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.mutation import NO_MUTATION, Mutation

_REFUSED = "its messages refuse the mutations that were drawn, as mutation_is_applied allows"


def mutation_is_reversible(factory: Factory, case: Case) -> None:
    """A fresh header that is set and removed again leaves the bytes as they were."""
    codec = factory()
    both = parties(codec, case)
    metadata = message_of(both, case)
    fresh = [key for key in case.mutation if key not in metadata]
    if not _can_mutate(both.writer, metadata) or not fresh:
        raise NotJudged("its messages carry no header that is not their own")
    added = Mutation({key: case.mutation[key] or "1" for key in fresh})
    removed = Mutation(dict.fromkeys(fresh))
    after = _changed(codec, case, both, metadata, added)
    try:
        again = encode(parties(codec, case).writer, after, removed)
    except EncodeError as error:
        broken(f"encode set {', '.join(fresh)} and refuses to remove it again: {error}")
    if again != (origin := metadata.origin_message):
        at = first_difference(origin, again)
        broken(
            f"encode set {', '.join(fresh)} and removed it again, and made {len(again)} bytes of {len(origin)}: they "
            f"differ from byte {at} on",
            at=min(at, len(origin)),
        )


def mutation_is_idempotent(factory: Factory, case: Case) -> None:
    """A mutation applied to a message that has it already changes nothing."""
    codec = factory()
    both = parties(codec, case)
    metadata = message_of(both, case)
    after = _changed(codec, case, both, metadata, case.mutation)
    once = after.origin_message
    try:
        twice = encode(parties(codec, case).writer, after, case.mutation)
    except EncodeError as error:
        if not _can_mutate(both.writer, after):
            raise NotJudged("a changed message carries no second change") from error
        broken(f"encode wrote {case.mutation!r} into a message, and refuses it for the message it wrote: {error}")
    if twice != once:
        at = first_difference(once, twice)
        broken(
            f"{case.mutation!r} written once makes {len(once)} bytes and written into those again {len(twice)}: they "
            f"differ from byte {at} on ({readable(once[at:])}, then {readable(twice[at:])})"
        )


def changes_compose(factory: Factory, case: Case) -> None:
    """An id and a mutation written together are what they are one after the other."""
    codec = factory()
    assert case.request_id is not None
    both = parties(codec, case)
    metadata = message_of(both, case)
    after = _changed(codec, case, both, metadata, case.mutation)
    if after.request_id != metadata.request_id:
        raise NotJudged("the mutations that were drawn name the id itself")
    after.request_id = metadata.request_id = case.request_id
    try:
        apart = encode(parties(codec, case).writer, after)
    except EncodeError as error:
        raise NotJudged("its messages refuse the ids that were drawn, as carries_the_request_id allows") from error
    try:
        together = encode(both.writer, metadata, case.mutation)
    except EncodeError as error:
        broken(
            f"encode writes the id {case.request_id} and {case.mutation!r} one after the other, and refuses them "
            f"together: {error}"
        )
    if together != apart:
        at = first_difference(apart, together)
        broken(
            f"the id {case.request_id} and {case.mutation!r} written one after the other make {len(apart)} bytes, and "
            f"written together {len(together)}: they differ from byte {at} on ({readable(apart[at:])}, then "
            f"{readable(together[at:])})"
        )


def encode_changes_nothing_else(factory: Factory, case: Case) -> None:
    """Encode leaves the metadata and the mutation it is given as they were, whether it writes or refuses."""
    both = parties(factory(), case)
    metadata = message_of(both, case)
    if case.request_id is not None:
        metadata.request_id = case.request_id
    before, request, keys = describe(metadata), metadata.request, list(metadata)
    given = Mutation(case.mutation)
    for mutation in (given, NO_MUTATION):
        try:
            encode(both.writer, metadata, mutation)
            did = "wrote the message"
        except EncodeError:
            did = "refused the message"
        except Broken:
            did = "failed"  # which passes_through_unchanged, carries_the_request_id or mutation_is_applied reports
        if said := differences(before, describe(metadata)):
            broken(f"encode {did} and changed its metadata: {said}. A retry and a mirror encode the same message again")
        if metadata.request is not request or list(metadata) != keys:
            broken(f"encode {did} and changed its metadata: its request, or how its keys are spelled")
        if given != case.mutation or list(given.items()) != list(case.mutation.items()):
            broken(f"encode {did} and changed the mutation, which is every message's of a route: {given!r}")


def _can_mutate(codec: Codec, metadata: Metadata) -> bool:
    try:
        return bool(codec.can_mutate(metadata))
    except Exception as error:
        raise NotJudged("can_mutate raises; see mutation_is_applied") from error


def _changed(codec: Codec, case: Case, both: Parties, metadata: Metadata, mutation: Mutation) -> Metadata:
    """The message with the mutation in it, as the peer reads it.

    Raises:
        NotJudged: Encode refuses it, or writes something that mutation_is_applied reports.
    """
    try:
        after = read_back(codec, case, encode(both.writer, metadata, mutation), "encode")
    except EncodeError as error:
        raise NotJudged(_REFUSED) from error
    except Broken as error:
        raise NotJudged("a mutation does not leave a message; see mutation_is_applied") from error
    after.request = metadata.request
    return after
