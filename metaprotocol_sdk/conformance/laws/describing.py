"""Laws of what a codec says about messages: their sizes and names, whose they are, and what their bytes are called."""

from __future__ import annotations

import math
from collections.abc import Iterator

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import Codec, DecodeStatus, Field
from metaprotocol_sdk.conformance.case import Case
from metaprotocol_sdk.conformance.check import Broken, Factory, NotJudged, broken
from metaprotocol_sdk.conformance.conversation import decode, parties, readable, whole_message
from metaprotocol_sdk.exceptions import CodecBug, DecodeError
from metaprotocol_sdk.framing import FramedCodec
from metaprotocol_sdk.metadata import MessageType, Metadata, ResponseStatus

_REQUEST, _RESPONSE = MessageType.REQUEST, MessageType.RESPONSE
_NAMED = (_REQUEST, MessageType.ONEWAY, MessageType.STREAM_INIT)
"""What a proxy routes, and makes a span for."""
_TYPES = {
    "message_type": MessageType,
    "response_status": ResponseStatus,
    "request_id": int,
    "stream_id": int,
    "header_size": int,
    "body_size": int,
    "operation_name": str,
}


def messages(reader: Codec, case: Case) -> Iterator[tuple[int, Metadata]]:
    """Every message that decode finds in the case's bytes, with the offset where it starts.

    They end where decode waits, refuses, or breaks its contract, which other laws report.
    """
    buffer = Buffer(case.wire)
    while buffer:
        try:
            answer = decode(reader, case.side, buffer)
            answer.metadata.load()
        except (DecodeError, CodecBug, Broken):
            return
        origin = answer.metadata.origin_message
        if answer.status is not DecodeStatus.DONE or not origin:
            return
        yield len(case.wire) - len(buffer) - len(origin), answer.metadata


def sizes_add_up(factory: Factory, case: Case) -> None:
    """Header_size and body_size are the message's bytes together, none of them negative."""
    for at, metadata in messages(parties(factory(), case).reader, case):
        header, body, size = metadata.header_size, metadata.body_size, len(metadata.origin_message)
        if {type(header), type(body)} != {int}:
            raise NotJudged("its sizes are no numbers; see describes_in_the_right_types")
        if header < 0 or body < 0:
            broken(f"decode says {header} bytes of header and {body} of body: none can be negative", at=at)
        if header + body != size:
            broken(
                f"decode says {header} bytes of header and {body} of body, {header + body} together, of a message of "
                f"{size} bytes",
                at=at,
            )


def describes_in_the_right_types(factory: Factory, case: Case) -> None:
    """What decode sets is of the type that Metadata names: an enum's member, an int, a str."""
    for at, metadata in messages(parties(factory(), case).reader, case):
        for name, kind in _TYPES.items():
            value = getattr(metadata, name)
            if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
                broken(f"decode sets metadata.{name} to {value!r}, a {type(value).__name__}; it is {_a(kind)}", at=at)


def _a(kind: type) -> str:
    return f"{'an' if kind is int else 'a'} {kind.__name__}"


def sets_operation_name(factory: Factory, case: Case) -> None:
    """A request names its operation, which names its span in a trace."""
    metadata = whole_message(parties(factory(), case).reader, case.side, case.wire)
    if case.side is not _REQUEST or metadata.message_type not in _NAMED:
        raise NotJudged("nothing that clients send is routed: no span would be named")
    if not metadata.operation_name:
        broken(f"decode leaves operation_name empty in a {readable(metadata.message_type)}")


def tells_requests_from_replies(factory: Factory, case: Case) -> None:
    """What a client sends is never a RESPONSE, and what a server sends is never a REQUEST."""
    metadata = whole_message(parties(factory(), case).reader, case.side, case.wire)
    wrong = _RESPONSE if case.side is _REQUEST else _REQUEST
    if metadata.message_type == wrong:
        who = "client" if case.side is _REQUEST else "server"
        broken(
            f"decode was told that a {who} speaks (metadata.message_type is {case.side.name} on entry), and calls its "
            f"message a {wrong.name}: a proxy would drop it"
        )


def names_every_byte(factory: Factory, case: Case) -> None:
    """The fields of any bytes, whole, partial or broken, name each byte once, in order, and never raise."""
    codec = factory()
    for size in (len(case.wire), *case.cuts):
        data = case.wire[:size]
        part = "" if size == len(case.wire) else f" of the first {size} bytes"
        try:
            found = list(codec.fields(data))
        except Exception as error:
            broken(f"fields{part} raised {type(error).__name__}: {error}; it names what it can")
        at = 0
        for field in found:
            _check_field(field, at, size, part)
            at = field.end
        if at != size:
            broken(f"the fields{part} end at byte {at} of {size}", at=at)


def _check_field(field: object, at: int, size: int, part: str) -> None:
    if not isinstance(field, Field):
        broken(f"fields{part} yielded {field!r}; it yields Fields")
    if not field.name:
        broken(f"a field{part} has no name", at=field.start)
    if field.start != at:
        what = "leaves a gap" if field.start > at else "overlaps the one before it"
        broken(f"the field {field.name!r}{part} starts at {field.start} and {what}, which ends at {at}", at=at)
    if not field.start <= field.end <= size:
        broken(f"the field {field.name!r}{part} goes from {field.start} to {field.end}, of {size} bytes", at=at)


def compiles_its_frame(factory: Factory, case: Case) -> None:  # noqa: ARG001
    """The header is read by one compiled struct, not field by field through construct."""
    codec = factory()
    if not isinstance(codec, FramedCodec):
        raise NotJudged("the codec is no FramedCodec: it declares no frame")
    sides = {"request": codec.frame.request, "response": codec.frame.response}
    slow = [name for name, frame in sides.items() if not frame.is_compiled]
    if slow:
        broken(
            f"the {' and '.join(slow)} frame's is_compiled is False: its header has a field that no struct can say, or "
            "fields of both byte orders, and costs about ten times as much to read"
        )


def recognises_its_own(factory: Factory, case: Case) -> None:
    """Match never refuses the beginning of a client's message, accepts a whole one, and answers any bytes."""
    if case.side is not _REQUEST:
        raise NotJudged("clients send nothing: there is nothing to recognise a connection by")
    if case.sample is None:
        for size in (*case.cuts, len(case.wire)):
            _matched(factory, case.wire[:size])
        return
    whole_message(parties(factory(), case).reader, case.side, case.wire)
    for size in case.cuts:
        if _matched(factory, case.wire[:size]) is False:
            broken(f"match refuses the first {size} bytes of a message: a detected connection would be lost", at=size)
    if (said := _matched(factory, case.wire)) is not True:
        broken(f"match answers {said} for a whole message; it is True", at=len(case.wire))


def _matched(factory: Factory, prefix: bytes) -> bool | None:
    try:
        said = factory().for_connection().match(prefix)
    except Exception as error:
        broken(f"match raised {type(error).__name__}: {error} on {len(prefix)} bytes; it answers True, False or None")
    if said is not None and not isinstance(said, bool):
        broken(f"match returned {said!r} for {len(prefix)} bytes; it answers True, False or None")
    return said


def tells_a_deadline_in_seconds(factory: Factory, case: Case) -> None:
    """The deadline of any message is None or a number of seconds, not negative and not endless."""
    reader = parties(factory(), case).reader
    for at, metadata in messages(reader, case):
        try:
            said = reader.deadline(metadata)
        except Exception as error:
            broken(f"deadline raised {type(error).__name__}: {error}; a message that does not say has None", at=at)
        if said is None:
            continue
        if isinstance(said, bool) or not isinstance(said, int | float):
            broken(f"deadline returned {said!r}; it is a number of seconds, or None", at=at)
        if not math.isfinite(said) or said < 0:
            broken(f"deadline is {said} s: a proxy cannot wait so long", at=at)
