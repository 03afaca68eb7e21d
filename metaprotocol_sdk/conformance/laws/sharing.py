"""Laws of one codec that serves many: connections, requests under way together, and calls that save work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import Codec, DecodeStatus
from metaprotocol_sdk.conformance.case import Case
from metaprotocol_sdk.conformance.check import Broken, Factory, NotJudged, broken
from metaprotocol_sdk.conformance.conversation import (
    Description,
    decode,
    describe,
    differences,
    encode,
    listen,
    parties,
    readable,
    whole_message,
)
from metaprotocol_sdk.conformance.laws.comparison import check_same_but_for_id, read_back
from metaprotocol_sdk.conformance.laws.describing import messages
from metaprotocol_sdk.decoder import Decoder
from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.exceptions import CodecBug, CodecError, DecodeError, EncodeError
from metaprotocol_sdk.metadata import MessageType, Metadata
from metaprotocol_sdk.mutation import NO_MUTATION

_REQUEST, _RESPONSE = MessageType.REQUEST, MessageType.RESPONSE
_ERROR = Error(ErrorType.UNSPECIFIED, "upstream connect failure")


def decodes_the_same_again(factory: Factory, case: Case) -> None:
    """The same bytes give the same messages when they come again, and what was said of the first ones stays said."""
    codec = factory()
    first, said = [], []
    for _, metadata in messages(parties(codec, case).reader, case):
        first.append(metadata)
        said.append(describe(metadata))
    again = [describe(metadata) for _, metadata in messages(parties(codec, case).reader, case)]
    if not first:
        raise NotJudged("none of its messages decodes; see decodes_one_message")
    if len(said) != len(again):
        broken(f"the same bytes gave {len(said)} messages, and {len(again)} when they came again")
    for index, (metadata, before, after) in enumerate(zip(first, said, again, strict=True)):
        if changed := differences(before, after):
            broken(f"message {index} reads otherwise when the same bytes come again: {changed}")
        if changed := differences(before, describe(metadata)):
            broken(f"what was said of message {index} changed when later ones came: {changed}")


def is_stateless(factory: Factory, case: Case) -> None:
    """Two connections served by one codec in turns see what each sees alone: messages, encoded bytes, error replies."""
    cases = (case, *case.others)
    alone = [list(_life(factory(), each)) for each in cases]
    codec = factory()
    shared = _in_turns([_life(codec, each) for each in cases])
    for index, (expected, found) in enumerate(zip(alone, shared, strict=True)):
        whose = "this connection's" if index == 0 else "the other connection's"
        for before, after in zip_longest(expected, found, fillvalue=("end", "")):
            if before != after:
                broken(f"while another connection is served too, {whose} {_changed(before, after)}")


_Event = tuple[str, Any]
"""What happened on a connection, and what came of it."""


def _life(codec: Codec, case: Case) -> Iterator[_Event]:
    """All that happens on one connection: it is read chunk by chunk, then each message is written on, and each request
    answered with an error. Whoever iterates gives others a turn between any two events.
    """
    both = parties(codec, case)
    decoder = Decoder(both.reader, case.side)
    arrived: list[Metadata] = []
    for chunk in case.chunks:
        decoder.receive_data(chunk)
        try:
            while (metadata := decoder.next_message()) is not None:
                yield "message", describe(metadata)
                arrived.append(metadata)
        except CodecError as error:
            yield "stream", "is refused" if isinstance(error, DecodeError) else "shows a bug"
            break
        yield "wait", f"has {decoder.buffered} bytes left"
    for index, metadata in enumerate(arrived):
        metadata.request = both.requests[index] if index < len(both.requests) else None
        yield f"message {index}, written on,", _tried(both.writer.encode, metadata, NO_MUTATION)
        if metadata.message_type is _REQUEST:
            yield f"error reply to message {index}", _tried(both.reader.on_error, metadata, _ERROR)


def _tried(write: Callable[..., None], metadata: Metadata, what: object) -> bytes | str:
    buffer = Buffer()
    try:
        write(metadata, what, buffer)
    except Exception as error:
        return type(error).__name__
    return bytes(buffer)


def _in_turns(lives: Sequence[Iterator[_Event]]) -> list[list[_Event]]:
    found: list[list[_Event]] = [[] for _ in lives]
    for turn in zip_longest(*lives):
        for events, event in zip(found, turn, strict=True):
            if event is not None:
                events.append(event)
    return found


def _changed(before: _Event, after: _Event) -> str:
    if before[0] == after[0] == "message":
        return f"message reads otherwise: {differences(before[1], after[1])}"
    return f"{after[0]} {_told(after[1])}; alone its {before[0]} {_told(before[1])}"


def _told(value: object) -> str:
    if isinstance(value, bytes):
        return f"is {readable(value)}"
    return value if isinstance(value, str) else "comes"


def hint_changes_nothing(factory: Factory, case: Case) -> None:
    """With buffer.hint and buffer.needed and without them, decode gives the same messages and the same end."""
    codec = factory()
    forgotten = _asked_each_time(codec, case, forgets=True)
    kept = _asked_each_time(codec, case, forgets=False)
    _check_same_answers(forgotten, kept, "with the hint kept and asked after each chunk")
    heard = listen(parties(codec, case).reader, case.side, case.chunks)
    if heard.end != "bug":  # rejects_only_with_decode_error and bounds_the_length report it
        _check_same_answers(forgotten, [*heard.messages, heard.end], "asked only when buffer.needed is there")


def _check_same_answers(expected: list[Any], found: list[Any], how: str) -> None:
    for index, (before, after) in enumerate(zip_longest(expected, found)):
        if before == after:
            continue
        if isinstance(before, dict) and isinstance(after, dict):
            broken(f"{how}, message {index} reads otherwise: {differences(before, after)}")
        broken(f"{how}, {_heard(found)}; with hint and needed forgotten {_heard(expected)}")


def _heard(said: list[Any]) -> str:
    return f"{len(said) - 1} messages come, and then the stream is {said[-1]}"


def _asked_each_time(codec: Codec, case: Case, *, forgets: bool) -> list[Any]:
    """The messages of the case's chunks, and how they end, when decode is asked whenever bytes have come."""
    reader = parties(codec, case).reader
    buffer, said = Buffer(), list[Any]()
    try:
        for chunk in case.chunks:
            buffer.append(chunk)
            while buffer:
                if forgets:
                    buffer.hint, buffer.needed = None, 0
                answer = decode(reader, case.side, buffer)
                if answer.status is not DecodeStatus.DONE or not answer.metadata.origin_message:
                    break
                said.append(describe(answer.metadata))
    except DecodeError:
        return [*said, "refused"]
    except (CodecBug, Broken):
        return [*said, "bug"]
    return [*said, "open"]


def keeps_request_ids(factory: Factory, case: Case) -> None:
    """Replies on a shared connection reach the requests they answer, in whatever order they come, with the ids that
    the clients gave.
    """
    codec = factory()
    exchanges = sorted(
        (each for each in (case, *case.others) if _is_exchange(codec, each)), key=lambda each: each.request_id or 0
    )
    downstream, upstream = codec.for_connection(), codec.for_connection()
    if not exchanges:
        raise NotJudged("no request that waits for a reply was drawn with one")
    sent = {each.request_id: _send(downstream, upstream, each) for each in exchanges}
    for each in (case, *case.others):  # as the replies come, which is not as the requests went
        if each in exchanges:
            _receive(codec, downstream, upstream, each, sent)


def _is_exchange(codec: Codec, case: Case) -> bool:
    """Whether it is a request that is answered, and the answer."""
    if not case.requests:
        return False
    request = whole_message(codec.for_connection(), _REQUEST, case.requests[-1])
    reply = whole_message(parties(codec, case).reader, _RESPONSE, case.wire)
    return request.message_type is _REQUEST and reply.message_type in (_RESPONSE, MessageType.ERROR)


def _send(downstream: Codec, upstream: Codec, case: Case) -> Metadata:
    """Passes the request on with the id it has on the shared connection; the request, with its client's id."""
    request = whole_message(downstream, _REQUEST, case.requests[-1])
    own, request.request_id = request.request_id, case.request_id or 0
    try:
        encode(upstream, request)
    except EncodeError as error:
        raise NotJudged("its messages refuse the ids that were drawn; see carries_the_request_id") from error
    request.request_id = own
    return request


def _receive(codec: Codec, downstream: Codec, upstream: Codec, case: Case, sent: Mapping[int | None, Metadata]) -> None:
    """Passes the reply back, and holds it to be the one its client waits for."""
    meant = sent[case.request_id]
    wire, original = _as_the_server_writes_it(codec, case)
    try:
        reply = whole_message(upstream, _RESPONSE, wire)
    except NotJudged as error:
        broken(f"a reply with the id {case.request_id} is not decoded among others ({error.__cause__ or error})")
    request = sent.get(reply.request_id)
    if request is not meant:
        broken(f"the reply to the request with the id {case.request_id} decodes with the id {reply.request_id}")
    reply.request, reply.request_id = request, request.request_id
    try:
        written = encode(downstream, reply)
    except EncodeError as error:
        broken(f"encode refuses the client's own id {request.request_id} in its reply: {error}")
    delivered = describe(read_back(codec, case, written, "encode with the client's own id"))
    if delivered["request_id"] != request.request_id:
        broken(
            f"the client asked with the id {request.request_id} and its reply has the id {delivered['request_id']}, "
            f"after it was {case.request_id} on the shared connection"
        )
    check_same_but_for_id(original, delivered)


def _as_the_server_writes_it(codec: Codec, case: Case) -> tuple[bytes, Description]:
    """The reply with the id of the shared connection, and what it says with its client's."""
    both = parties(codec, case)
    reply = whole_message(both.reader, _RESPONSE, case.wire)
    said = describe(reply)
    reply.request, reply.request_id = both.requests[-1], case.request_id or 0
    try:
        return encode(both.writer, reply), said
    except EncodeError as error:
        raise NotJudged("its messages refuse the ids that were drawn; see carries_the_request_id") from error
