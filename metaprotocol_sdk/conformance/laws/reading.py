"""Laws of decode: what is taken, what is waited for, what is said of it."""

from __future__ import annotations

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import Codec, DecodeStatus
from metaprotocol_sdk.conformance.case import Case
from metaprotocol_sdk.conformance.check import Broken, Factory, NotJudged, broken
from metaprotocol_sdk.conformance.conversation import (
    Answer,
    decode,
    describe,
    differences,
    listen,
    parties,
    readable,
    whole_message,
)
from metaprotocol_sdk.exceptions import CodecBug, DecodeError
from metaprotocol_sdk.metadata import Metadata

_WAIT, _DONE = DecodeStatus.WAIT_FOR_DATA, DecodeStatus.DONE


def decodes_one_message(factory: Factory, case: Case) -> None:
    """A whole valid message gives DONE, once, and exactly its bytes move to origin_message."""
    reader = parties(factory(), case).reader
    buffer = Buffer(case.wire)
    buffer.taken = []
    size = len(case.wire)
    try:
        answer = decode(reader, case.side, buffer)
    except DecodeError as error:
        broken(
            f"decode refuses a whole message of {size} bytes: {error}. Either the codec is wrong, or the sample is not "
            "a valid message",
            at=error.offset,
        )
    if answer.status is not _DONE:
        _blame_waiting(answer, buffer, size)
    origin = answer.metadata.origin_message
    if type(origin) is not bytes or not origin:
        broken(f"decode returned DONE and origin_message is {origin!r}; it is the bytes that buffer.drain() returned")
    if buffer:
        broken(
            f"decode took {size - len(buffer)} of the message's {size} bytes and left {len(buffer)}. Either the codec "
            "misreads the length, or the sample is not one valid message",
            at=size - len(buffer),
        )
    if origin != case.wire[answer.skipped :]:
        broken(f"origin_message is {readable(origin)}, not the message's bytes {readable(case.wire[answer.skipped :])}")
    try:
        describe(answer.metadata)
    except (DecodeError, CodecBug) as error:
        broken(f"the message's deferred strings cannot be read: {error}")


def _blame_waiting(answer: Answer, buffer: Buffer, size: int) -> None:
    if answer.skipped == size:
        broken(f"decode skipped all {size} bytes; a Sample ends with a message, and no message came")
    broken(
        f"decode waits for more (needed = {buffer.needed}) although the whole message of {size} bytes is there. Either "
        "the codec expects more than the message has, or the sample is not a whole message",
        at=size,
    )


def waits_without_consuming(factory: Factory, case: Case) -> None:
    """Any part of a message gives WAIT_FOR_DATA and leaves buffer and metadata as they were; needed is never more
    than the message has.
    """
    codec = factory()
    size = len(whole_message(parties(codec, case).reader, case.side, case.wire).origin_message)
    skips = len(case.wire) - size
    for cut in case.cuts:
        prefix = case.wire[:cut]
        buffer = Buffer(prefix)
        part = f"the first {cut} of the message's {len(case.wire)} bytes"
        try:
            answer = decode(parties(codec, case).reader, case.side, buffer)
        except DecodeError as error:
            broken(f"decode refuses {part}, although the rest makes it a valid message: {error}", at=cut)
        except Broken as error:
            broken(f"{error} ({part})", at=cut)
        if answer.status is not _WAIT:
            broken(f"decode returned {answer.status.name} for {part}; it cannot know the rest yet", at=cut)
        if answer.skipped > skips or bytes(buffer) != prefix[answer.skipped :]:
            broken(f"decode took {cut - len(buffer)} bytes off {part} and then waits; a wait takes nothing", at=cut)
        if buffer.needed > size:
            broken(f"after {part} decode asks for {buffer.needed} (buffer.needed), more than it has", at=cut)
        _check_untouched(answer, part, cut)


def _check_untouched(answer: Answer, part: str, cut: int) -> None:
    fresh = Metadata(answer.metadata.side)
    if said := differences(describe(fresh), describe(answer.metadata)):
        broken(
            f"decode waits after {part} and has written in metadata: {said}. It describes whole messages only", at=cut
        )


def leaves_trailing_bytes(factory: Factory, case: Case) -> None:
    """What follows a message in the same read stays in the buffer and changes nothing about the message."""
    codec = factory()
    alone = describe(whole_message(parties(codec, case).reader, case.side, case.wire))
    buffer = Buffer(case.wire + case.trailing)
    extra, size = len(case.trailing), len(case.wire)
    try:
        answer = decode(parties(codec, case).reader, case.side, buffer)
    except DecodeError as error:
        broken(f"decode refuses a message because {extra} bytes follow it in the same read: {error}", at=size)
    if answer.status is not _DONE:
        broken(f"decode returned {answer.status.name} for a whole message because {extra} bytes follow it", at=size)
    if bytes(buffer) != case.trailing:
        broken(f"{extra} bytes follow the message and {len(buffer)} are left after it", at=size)
    if said := differences(alone, describe(answer.metadata)):
        broken(f"the message reads otherwise when {extra} bytes follow it: {said}", at=size)


def split_invariance(factory: Factory, case: Case) -> None:
    """However a stream is cut into reads, byte by byte included, valid or corrupted, the same messages come out and
    it ends the same way.
    """
    codec = factory()
    whole = listen(parties(codec, case).reader, case.side, [case.wire])
    split = listen(parties(codec, case).reader, case.side, case.chunks)
    how = f"in {len(case.chunks)} reads (cut at {_few(case.cuts)})"
    at = 0
    for index, (expected, found) in enumerate(zip(whole.messages, split.messages, strict=False)):
        if said := differences(expected, found):
            broken(f"message {index} reads otherwise when the bytes come {how}: {said}", at=at)
        at += len(expected["origin_message"])
    ended = [
        f"{len(each.messages)} messages, then {each.end} ({_ending(each.reason, each.buffered)})"
        for each in (whole, split)
    ]
    outcomes = [(len(each.messages), each.end, each.buffered) for each in (whole, split)]
    if outcomes[0] != outcomes[1]:
        broken(f"in one read the {len(case.wire)} bytes give {ended[0]}; {how} they give {ended[1]}", at=at)


def _ending(reason: str, buffered: int) -> str:
    return reason or f"{buffered} bytes wait"


def _few(cuts: tuple[int, ...]) -> str:
    listed = ", ".join(map(str, cuts[:8]))
    return f"{listed}, … {cuts[-1]}" if len(cuts) > 8 else listed or "nowhere"


def rejects_only_with_decode_error(factory: Factory, case: Case) -> None:
    """On any bytes decode gives a message, waits, or raises DecodeError; nothing else."""
    reader = parties(factory(), case).reader
    buffer = Buffer()
    fed = 0
    for chunk in case.chunks:
        buffer.append(chunk)
        fed += len(chunk)
        while buffer:
            at = fed - len(buffer)
            try:
                status = _one_answer(reader, case, buffer)
            except DecodeError:
                return
            except Broken as error:
                broken(f"on bytes that no peer should send, {error}", at=at)
            if status is _WAIT:
                break


def _one_answer(reader: Codec, case: Case, buffer: Buffer) -> DecodeStatus:
    """One answer of decode, held to what it says it did."""
    before = bytes(buffer)
    answer = decode(reader, case.side, buffer)
    taken = before[answer.skipped : len(before) - len(buffer)]
    if answer.status is _WAIT:
        if taken:
            broken(f"decode took {len(taken)} bytes and then waits; a wait takes nothing")
        return answer.status
    if not taken:
        broken("decode returned DONE without taking a byte: whoever asks again would ask for ever")
    if answer.metadata.origin_message != taken:
        broken(f"decode took {readable(taken)} and set origin_message to {readable(answer.metadata.origin_message)}")
    try:
        describe(answer.metadata)
    except CodecBug as error:
        broken(f"{error.doing} {error.what}")
    return answer.status


def describes_what_it_was_given(factory: Factory, case: Case) -> None:
    """Decode finds the strings and fields that a sample says it was built with."""
    facts = case.sample.facts if case.sample else {}
    if not facts:
        raise NotJudged(
            "no sample states strings=, request_id= or any other fact; give a Sample what it was built from"
        )
    found = describe(whole_message(parties(factory(), case).reader, case.side, case.wire))
    for name, stated in facts.items():
        if name != "strings":
            if found[name] != stated:
                broken(f"the sample states {name} {readable(stated)} and decode finds {readable(found[name])}")
            continue
        for key, value in stated.items():
            if (said := found["strings"].get(key.lower())) != value:
                broken(f"the sample states the string {key!r} as {value!r} and decode finds {said!r}")
