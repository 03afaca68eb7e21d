"""One client and one server with a proxy between them, as small as a law needs it.

Every call of a codec made for a check is made here, so that whatever a codec does is either an answer or a
sentence about the codec, never a traceback of ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import Codec, DecodeStatus
from metaprotocol_sdk.conformance.case import Case
from metaprotocol_sdk.conformance.check import Broken, NotJudged, broken
from metaprotocol_sdk.decoder import Decoder
from metaprotocol_sdk.exceptions import CodecBug, DecodeError, EncodeError
from metaprotocol_sdk.metadata import MessageType, Metadata
from metaprotocol_sdk.mutation import NO_MUTATION, Mutation

Description = dict[str, Any]
"""What decode says of a message, by the names of Metadata's attributes; ``strings`` by lower-case key."""

_DESCRIBED = (
    "message_type",
    "response_status",
    "request_id",
    "stream_id",
    "operation_name",
    "header_size",
    "body_size",
)


@dataclass(frozen=True, slots=True)
class Parties:
    """The two codecs of one connection through a proxy, for one side; the same object where the codec is stateless."""

    reader: Codec
    """Decodes what the side sends."""
    writer: Codec
    """Encodes it for the other side."""
    requests: tuple[Metadata, ...] = ()
    """What the replies of the case answer."""


def parties(codec: Codec, case: Case, *, request_id: int | None = None) -> Parties:
    """The codecs of a new connection, after the requests that the case's replies answer have passed.

    Args:
        codec: What the connection's codecs come from.
        case: Whose side, and whose requests.
        request_id: The id those requests leave with, when it is not their own.
    """
    downstream, upstream = codec.for_connection(), codec.for_connection()
    requests = []
    for data in case.requests:
        request = whole_message(downstream, MessageType.REQUEST, data)
        requests.append(request)
        if request_id is not None:
            request.request_id = request_id
        if upstream is not downstream:
            try:
                encode(upstream, request)
            except EncodeError as error:
                raise NotJudged("the request that the reply answers cannot be encoded") from error
    if case.side is MessageType.REQUEST:
        return Parties(downstream, upstream)
    return Parties(upstream, downstream, tuple(requests))


@dataclass(frozen=True, slots=True)
class Answer:
    """What decode said of the front of a buffer, once it stopped skipping."""

    status: DecodeStatus
    metadata: Metadata
    skipped: int
    """Bytes drained as no message before."""


def decode(codec: Codec, side: MessageType, buffer: Buffer) -> Answer:
    """Asks for the message at the front, past what the codec skips.

    Raises:
        DecodeError: The codec refuses the bytes.
        Broken: The codec broke the contract of decode.
    """
    skipped = 0
    while True:
        have = len(buffer)
        metadata = Metadata(side, codec=codec.name)
        try:
            status = codec.decode(buffer, metadata)
        except DecodeError:
            raise
        except Exception as error:
            broken(
                f"decode raised {type(error).__name__}: {error} on {have} bytes. Bytes that can never become a message "
                "are a DecodeError, and too few of them are WAIT_FOR_DATA",
                at=skipped,
            )
        if status is not DecodeStatus.SKIPPED:
            if not isinstance(status, DecodeStatus):
                broken(f"decode returned {status!r}; it returns a DecodeStatus")
            return Answer(status, metadata, skipped)
        if len(buffer) >= have:
            broken("decode returned SKIPPED without draining a byte: whoever asks again would ask for ever", at=skipped)
        skipped += have - len(buffer)
        if not buffer:
            return Answer(DecodeStatus.WAIT_FOR_DATA, Metadata(side, codec=codec.name), skipped)


def whole_message(codec: Codec, side: MessageType, data: bytes) -> Metadata:
    """The message that ``data`` is, for laws that begin with a message decoded alone.

    Raises:
        NotJudged: It does not decode alone, which is what ``decodes_one_message`` reports.
    """
    buffer = Buffer(data)
    try:
        answer = decode(codec, side, buffer)
        answer.metadata.load()
    except (DecodeError, CodecBug, AssertionError) as error:
        raise NotJudged("its messages are not decoded alone; see decodes_one_message") from error
    origin = answer.metadata.origin_message
    if answer.status is not DecodeStatus.DONE or not origin or origin != data[answer.skipped :]:
        raise NotJudged("its messages are not decoded alone; see decodes_one_message")
    return answer.metadata


def encode(codec: Codec, metadata: Metadata, mutation: Mutation = NO_MUTATION) -> bytes:
    """What encode writes.

    Raises:
        EncodeError: The protocol cannot say it.
        Broken: The codec broke the contract of encode.
    """
    buffer = Buffer()
    try:
        codec.encode(metadata, mutation, buffer)
    except EncodeError:
        if buffer:
            broken(
                f"encode raised EncodeError after it had written {len(buffer)} bytes; it leaves the buffer untouched"
            )
        raise
    except Exception as error:
        broken(f"encode raised {type(error).__name__}: {error}; what the protocol cannot say is an EncodeError")
    return bytes(buffer)


def describe(metadata: Metadata) -> Description:
    """Everything decode said of a message, deferred strings included.

    Raises:
        DecodeError: The deferred strings cannot be read.
        CodecBug: Their loader is broken.
    """
    metadata.load()
    description: Description = {name: getattr(metadata, name) for name in _DESCRIBED}
    return description | {"strings": dict(metadata.folded), "origin_message": metadata.origin_message}


def differences(before: Description, after: Description, *, besides: Iterable[str] = ()) -> str:
    """What ``after`` says otherwise than ``before``, as clauses; empty: nothing but what is in ``besides``."""
    ignored = set(besides)
    clauses = []
    for name, value in before.items():
        if name in ignored or after[name] == value:
            continue
        if name == "strings":
            keys = sorted(key for key in {*value, *after[name]} if value.get(key) != after[name].get(key))
            clauses += [f"string {key!r} is {after[name].get(key)!r}, not {value.get(key)!r}" for key in keys]
        else:
            clauses.append(f"{name} is {readable(after[name])}, not {readable(value)}")
    return "; ".join(clauses)


def readable(value: object) -> str:
    """A value for a sentence: enums by name, bytes as hex, long things cut."""
    if isinstance(value, bytes):
        return f"{value[:24].hex(' ')}{' …' if len(value) > 24 else ''} ({len(value)} bytes)"
    return getattr(value, "name", None) or repr(value)


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a Decoder made of a stream."""

    messages: tuple[Description, ...]
    end: str
    """``open``: it waits for more; ``refused``: a DecodeError; ``bug``: the codec broke its contract; ``overdue``: it
    waits, and a whole message is there."""
    reason: str = ""
    buffered: int = 0
    """Bytes that belong to no message yet, when it is open."""


def listen(codec: Codec, side: MessageType, chunks: Iterable[bytes]) -> Transcript:
    """Feeds a stream to a Decoder, chunk by chunk, and writes down what came out and how it ended.

    What is left at the end is looked at whether or not ``buffer.needed`` is there: it may put off a refusal, not a
    message.
    """
    decoder = Decoder(codec, side)
    messages: list[Description] = []
    try:
        for chunk in chunks:
            decoder.receive_data(chunk)
            while (metadata := decoder.next_message()) is not None:
                messages.append(describe(metadata))
        rest = Buffer(decoder.pending())
        overdue = bool(rest) and decode(codec, side, rest).status is DecodeStatus.DONE
    except DecodeError as error:
        return Transcript(tuple(messages), "refused", str(error))
    except Broken as error:
        return Transcript(tuple(messages), "bug", str(error))
    except CodecBug as error:
        return Transcript(tuple(messages), "bug", f"{error.doing} {error.what}")
    return Transcript(tuple(messages), "overdue" if overdue else "open", buffered=decoder.buffered)
