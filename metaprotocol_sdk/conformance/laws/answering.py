"""Laws of what a codec writes by itself: error replies, and heartbeats."""

from __future__ import annotations

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.conformance.case import Case
from metaprotocol_sdk.conformance.check import Factory, NotJudged, broken
from metaprotocol_sdk.conformance.conversation import describe, differences, parties, readable, whole_message
from metaprotocol_sdk.errors import MAX_MESSAGE_LENGTH, Error, ErrorType
from metaprotocol_sdk.exceptions import CodecBug, DecodeError, EncodeError
from metaprotocol_sdk.metadata import MessageType, Metadata, ResponseStatus

_REQUEST, _RESPONSE = MessageType.REQUEST, MessageType.RESPONSE
_ANSWERS = (_RESPONSE, MessageType.ERROR)
_PLAIN = "no healthy upstream"
ERROR_TEXTS = (
    "",
    " ",
    "\r\n",
    "\0",
    "a: b\r\nc: d",
    "a=b&c;d|e,f\\\"'{}[]<>%s{0}",
    "é \U0001f642",
    "\ud800",
    "long " * 14_000,
    "\U0001f642" * MAX_MESSAGE_LENGTH,
)
"""What random text hardly ever is. Error makes each valid Unicode on one line; what is left must not break a reply."""
_ERRORS = (*(Error(kind, _PLAIN) for kind in ErrorType), *(Error(ErrorType.UNSPECIFIED, text) for text in ERROR_TEXTS))


def error_reply_answers_the_request(factory: Factory, case: Case) -> None:
    """For every ErrorType and text on_error writes one reply: RESPONSE or ERROR, with ResponseStatus.ERROR and the
    request's id.
    """
    codec = factory()
    request = _request_of(codec, case)
    if case.request_id is not None:
        request.request_id = case.request_id
    for error in _ERRORS:
        before = describe(request)
        written = _error_reply(codec, case, request, error)
        if said := differences(before, describe(request)):
            broken(f"on_error for {_named(error)} changed the request's metadata: {said}")
        if not written:
            broken(f"on_error writes nothing for {_named(error)}: the client waits until its own timeout")
        _check_reply(codec, case, written, request, error)


def _check_reply(codec: Codec, case: Case, written: bytes, request: Metadata, error: Error) -> None:
    reply = _as_peer(codec, case, _RESPONSE, written, f"on_error for {_named(error)}", request_id=request.request_id)
    if reply.message_type not in _ANSWERS:
        broken(f"the reply to {_named(error)} decodes as {readable(reply.message_type)}, not as RESPONSE or ERROR")
    if reply.response_status is not ResponseStatus.ERROR:
        broken(f"the reply to {_named(error)} decodes with response_status OK: it would count as a success")
    if codec.request_ids and reply.request_id != request.request_id:
        broken(f"the request has the id {request.request_id}, and the reply to {_named(error)} {reply.request_id}")


def tells_errors_apart(factory: Factory, case: Case) -> None:
    """Replies to errors of different types differ."""
    codec = factory()
    request = _request_of(codec, case)
    replies = {_error_reply(codec, case, request, Error(kind, _PLAIN)) for kind in ErrorType}
    if b"" in replies:
        raise NotJudged("on_error writes nothing; see error_reply_answers_the_request")
    if len(replies) == 1:
        broken(f"on_error writes the same {readable(replies.pop())} for each of the {len(ErrorType)} ErrorTypes")


def answers_no_oneway(factory: Factory, case: Case) -> None:
    """On_error writes nothing for a oneway, whose client waits for nothing."""
    codec = factory()
    metadata = whole_message(parties(codec, case).reader, case.side, case.wire)
    if case.side is not _REQUEST or metadata.message_type is not MessageType.ONEWAY:
        raise NotJudged("its clients send no ONEWAY")
    for kind in ErrorType:
        if written := _error_reply(codec, case, metadata, Error(kind, _PLAIN)):
            broken(f"on_error wrote {readable(written)} for a oneway: the client takes it for the reply to another")


def _request_of(codec: Codec, case: Case) -> Metadata:
    metadata = whole_message(codec.for_connection(), case.side, case.wire)
    if case.side is not _REQUEST or metadata.message_type is not _REQUEST:
        raise NotJudged("its clients send no REQUEST that waits for a reply")
    return metadata


def _error_reply(codec: Codec, case: Case, request: Metadata, error: Error) -> bytes:
    """What on_error writes, by the codec of a connection that read the request."""
    writer = codec.for_connection()
    if writer is not codec:
        whole_message(writer, case.side, case.wire)
    buffer = Buffer()
    try:
        writer.on_error(request, error, buffer)
    except EncodeError as problem:
        broken(f"on_error refuses {_named(error)}: {problem}. Shorten what the protocol cannot hold")
    except Exception as problem:
        broken(f"on_error raised {type(problem).__name__}: {problem} for {_named(error)}")
    return bytes(buffer)


def _named(error: Error) -> str:
    text = error.message if len(error.message) <= 24 else f"{error.message[:16]}… ({len(error.message)} characters)"
    return f"{error.type.name} {text!r}"


def _as_peer(
    codec: Codec, case: Case, side: MessageType, written: bytes, what: str, *, request_id: int | None = None
) -> Metadata:
    """What the codec wrote, as the other end of the connection reads it.

    Raises:
        Broken: It is not one message.
    """
    asked = (case.wire,) if side is _RESPONSE and case.side is _REQUEST else ()
    reader = parties(codec, Case(side=side, wire=written, requests=asked), request_id=request_id).reader
    try:
        return whole_message(reader, side, written)
    except (NotJudged, DecodeError, CodecBug) as error:
        broken(f"{what} wrote {readable(written)}, which does not decode as one message ({error.__cause__ or error})")


def heartbeats_end(factory: Factory, case: Case) -> None:
    """A heartbeat is answered by a message with its id that no answer is given to."""
    codec = factory()
    beat = _own_heartbeat(codec, case)
    if beat is not None:
        _check_answer(codec, Case(side=_REQUEST, wire=beat.origin_message), beat)
    metadata = whole_message(parties(codec, case).reader, case.side, case.wire)
    if metadata.message_type is MessageType.HEARTBEAT:
        _check_answer(codec, case, metadata)
    elif beat is None:
        raise NotJudged("it has no heartbeat to send, and its samples have none")


def _own_heartbeat(codec: Codec, case: Case) -> Metadata | None:
    """The heartbeat that the codec writes for a server, as the server reads it; None: it has none."""
    asked = case.request_id or 0
    buffer = Buffer()
    try:
        does = codec.for_connection().heartbeat(asked, buffer)
    except EncodeError as error:
        raise NotJudged("it refuses the ids that were drawn") from error
    except Exception as error:
        broken(f"heartbeat({asked}) raised {type(error).__name__}: {error}")
    written = bytes(buffer)
    _check_said(f"heartbeat({asked})", does, written)
    if not does:
        return None
    beat = _as_peer(codec, case, _REQUEST, written, f"heartbeat({asked})")
    if beat.message_type is not MessageType.HEARTBEAT:
        broken(f"heartbeat({asked}) wrote a message that decodes as {readable(beat.message_type)}, not as HEARTBEAT")
    if codec.request_ids and beat.request_id not in (asked, 0):
        broken(f"heartbeat({asked}) wrote a heartbeat with the id {beat.request_id}")
    return beat


def _check_answer(codec: Codec, case: Case, beat: Metadata) -> None:
    """Holds the answer to a heartbeat, if one is given, to be the last word."""
    written = _answered(codec, case, beat)
    if not written:
        return
    other = _RESPONSE if case.side is _REQUEST else _REQUEST
    answer = _as_peer(codec, case, other, written, "heartbeat_reply")
    if answer.message_type not in (MessageType.HEARTBEAT, *_ANSWERS):
        broken(
            f"the answer to a heartbeat decodes as {readable(answer.message_type)}, which would be routed; it is a "
            "HEARTBEAT"
        )
    if codec.request_ids and answer.request_id != beat.request_id:
        broken(f"the heartbeat has the id {beat.request_id}, and the answer to it {answer.request_id}")
    if answer.message_type is MessageType.HEARTBEAT and (again := _answered(codec, case, answer)):
        broken(
            f"heartbeat_reply answered an answer with {readable(again)}: two proxies would answer each other for ever"
        )


def _answered(codec: Codec, case: Case, beat: Metadata) -> bytes:
    writer = codec.for_connection()
    if writer is not codec and beat.side is case.side:
        whole_message(writer, case.side, case.wire)
    buffer = Buffer()
    try:
        does = writer.heartbeat_reply(beat, buffer)
    except EncodeError:
        return b""
    except Exception as error:
        broken(f"heartbeat_reply raised {type(error).__name__}: {error}")
    _check_said("heartbeat_reply", does, bytes(buffer))
    return bytes(buffer)


def _check_said(what: str, does: object, written: bytes) -> None:
    if bool(does) != bool(written):
        broken(f"{what} returned {does!r} and wrote {len(written)} bytes; True says that there are some")
