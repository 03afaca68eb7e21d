"""Codecs broken on purpose in what only a proxy sees: many connections, changed messages, errors, heartbeats.

They join ``BROKEN`` of :mod:`tests.conformance.broken_codecs`; those that are no :class:`MailCodec` have their own
messages in ``SUBJECTS``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from construct import Int8ub, Int16ub, Int32ul, this

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import Codec, DecodeStatus
from metaprotocol_sdk.conformance import Subject, subject_of
from metaprotocol_sdk.errors import Error
from metaprotocol_sdk.exceptions import DecodeError, EncodeError
from metaprotocol_sdk.framing import Frame, FramedCodec
from metaprotocol_sdk.metadata import MessageType, Metadata, ResponseStatus
from metaprotocol_sdk.mutation import NO_MUTATION, Mutation
from tests.conformance.broken_codecs import breaks
from tests.conformance.right_codecs import DONE, WAIT, MailCodec, Pairs, mail, tinies
from tests.helpers import TinyCodec

SUBJECTS: dict[type[Codec], Subject] = {}


# What is kept between calls


@breaks("is_stateless", "heartbeats_end", "keeps_request_ids")
class CachesStringsByTheId(MailCodec):
    """Two clients use one id, and the second is told what the first one said."""

    def __init__(self, *, max_message_size: int = 1 << 24) -> None:
        super().__init__(max_message_size=max_message_size)
        self.known: dict[int, dict[str, str]] = {}

    def describe(self, data: bytes, headers: int, metadata: Metadata) -> None:
        super().describe(data, headers, metadata)
        metadata.folded = self.known.setdefault(metadata.request_id & 1, metadata.folded)


@breaks("decodes_the_same_again")
class SharesItsStrings(MailCodec):
    """One dictionary is cleared and filled for every message: a request's strings become those of the next."""

    strings: dict[str, str] = {}  # noqa: RUF012

    def describe(self, data: bytes, headers: int, metadata: Metadata) -> None:
        self.strings.clear()
        metadata.folded = self.strings
        super().describe(data, headers, metadata)


@breaks("is_stateless")
class AnswersTheLastRequest(MailCodec):
    """It keeps the request to answer on itself, and one codec serves every connection."""

    last = Metadata()

    def describe(self, data: bytes, headers: int, metadata: Metadata) -> None:
        super().describe(data, headers, metadata)
        if metadata.side is MessageType.REQUEST:
            self.last = metadata

    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        if metadata.message_type is not MessageType.ONEWAY:
            super().on_error(self.last, error, buffer)


@breaks("is_stateless")
class EncodesWhatItDecodedLast(MailCodec):
    last = b""

    def describe(self, data: bytes, headers: int, metadata: Metadata) -> None:
        super().describe(data, headers, metadata)
        self.last = data

    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        if mutation or metadata.request_id != int.from_bytes(metadata.origin_message[2:6]):
            super().encode(metadata, mutation, buffer)
        else:
            buffer.append(self.last)


@breaks("hint_changes_nothing", "split_invariance")
class BelievesHalfAHeader(MailCodec):
    """The size it keeps in the hint was read when two bytes of the length were there."""

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        have = len(buffer)
        if buffer.hint is None and 10 <= have < self.layout.size:
            *_, headers, body = self.layout.unpack(buffer.peek(have).ljust(self.layout.size, b"\0"))
            buffer.hint = self.layout.size + headers + body
        if buffer.hint is not None and self.layout.size <= buffer.hint <= have:
            if super().decode(Buffer(buffer.drain(buffer.hint)), metadata) is not DONE:
                raise DecodeError("the message ends too soon")
            return DONE
        return super().decode(buffer, metadata)


@breaks("hint_changes_nothing")
class MindsBeingAskedEarly(MailCodec):
    """buffer.needed saves work and changes no answer; here it does."""

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        if buffer.hint is not None and len(buffer) < buffer.hint:
            raise DecodeError("it was asked before what it needs was there")
        status = super().decode(buffer, metadata)
        if status is WAIT:
            buffer.hint = buffer.needed
        return status


@breaks("keeps_request_ids")
class PairsRepliesInTheOrderOfRequests(MailCodec):
    """As long as the server answers in order it is right."""

    def __init__(self, *, max_message_size: int = 1 << 24) -> None:
        super().__init__(max_message_size=max_message_size)
        self.asked: list[int] = []

    def for_connection(self) -> PairsRepliesInTheOrderOfRequests:
        return type(self)(max_message_size=self.max_message_size)

    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        super().encode(metadata, mutation, buffer)
        if metadata.message_type is MessageType.REQUEST:
            self.asked.append(metadata.request_id)

    def describe(self, data: bytes, headers: int, metadata: Metadata) -> None:
        super().describe(data, headers, metadata)
        if metadata.message_type in (MessageType.RESPONSE, MessageType.ERROR) and self.asked:
            metadata.request_id = self.asked.pop(0)


# Numbers from the wire


@breaks("survives_hostile_input")
class CallsItselfForEachLevel(MailCodec):
    def describe(self, data: bytes, headers: int, metadata: Metadata) -> None:
        super().describe(data, headers, metadata)
        self.depth(data, self.layout.size + headers)

    def depth(self, data: bytes, at: int) -> int:
        return 1 + self.depth(data, at + 1) if data[at : at + 1] == b"[" else 0


@breaks("survives_hostile_input")
class MakesRoomForWhatIsDeclared(MailCodec):
    def check_size(self, size: int, body: int) -> None:
        super().check_size(size, body)
        self.room(size - body)

    def room(self, headers: int) -> list[bytes]:
        return [bytes(1024) for _ in range(headers)]


@breaks("rejects_only_with_decode_error", "survives_hostile_input")
class TakesNothingForEver(MailCodec):
    """A total of nothing, which trpc's codec takes off the buffer again and again."""

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        if len(buffer) >= self.layout.size and buffer.peek(1, 8) == b"\xff":
            return DONE
        return super().decode(buffer, metadata)


@breaks("sizes_add_up")
class ForgetsItsSizes(MailCodec):
    """As MetaProtocol's Thrift codec does."""

    def describe(self, data: bytes, headers: int, metadata: Metadata) -> None:
        super().describe(data, headers, metadata)
        metadata.header_size = metadata.body_size = 0


@breaks("sizes_add_up")
class CountsItsHeadersTwice(MailCodec):
    def describe(self, data: bytes, headers: int, metadata: Metadata) -> None:
        super().describe(data, headers, metadata)
        metadata.body_size += headers


# What is said of a message


@breaks("describes_in_the_right_types")
class SetsPlainNumbers(MailCodec):
    """``message_type is MessageType.RESPONSE`` is never true of a 1."""

    def describe(self, data: bytes, headers: int, metadata: Metadata) -> None:
        super().describe(data, headers, metadata)
        metadata.stream_id = None  # type: ignore[assignment]


@breaks("describes_in_the_right_types")
class SetsTheStatusAsABool(MailCodec):
    def describe(self, data: bytes, headers: int, metadata: Metadata) -> None:
        super().describe(data, headers, metadata)
        if not metadata.response_status:
            metadata.response_status = 0  # type: ignore[assignment]


@breaks("tells_requests_from_replies")
class TakesGoodRepliesForRequests(TinyCodec):
    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        status = super().decode(buffer, metadata)
        if status is DONE and not metadata.response_status:
            metadata.message_type = MessageType.REQUEST
        return status


SUBJECTS[TakesGoodRepliesForRequests] = Subject(TakesGoodRepliesForRequests, tinies(), tinies())


@breaks("tells_requests_from_replies", "describes_what_it_was_given", "error_reply_answers_the_request")
class TakesOddRepliesForRequests(MailCodec):
    def describe(self, data: bytes, headers: int, metadata: Metadata) -> None:
        super().describe(data, headers, metadata)
        if metadata.side is MessageType.RESPONSE and metadata.body_size % 2:
            metadata.message_type = MessageType.REQUEST


@breaks("sets_operation_name")
class NamesNoOperation(MailCodec):
    """As MetaProtocol's Thrift, trpc and brpc codecs do."""

    def describe(self, data: bytes, headers: int, metadata: Metadata) -> None:
        super().describe(data, headers, metadata)
        metadata.operation_name = ""


@breaks("sets_operation_name")
class NamesNoOneway(MailCodec):
    def describe(self, data: bytes, headers: int, metadata: Metadata) -> None:
        super().describe(data, headers, metadata)
        if metadata.message_type is MessageType.ONEWAY:
            metadata.operation_name = ""


@breaks(
    "describes_what_it_was_given",
    "carries_the_request_id",
    "keeps_request_ids",
    "passes_through_unchanged",
    "mutation_is_reversible",
)
class NeverReadsTheId(MailCodec):
    """As MetaProtocol's brpc codec does."""

    def describe(self, data: bytes, headers: int, metadata: Metadata) -> None:
        super().describe(data, headers, metadata)
        metadata.request_id = 0


@breaks("describes_what_it_was_given", "error_reply_answers_the_request")
class CountsErrorsAsSuccess(MailCodec):
    """As MetaProtocol's trpc codec does."""

    def describe(self, data: bytes, headers: int, metadata: Metadata) -> None:
        super().describe(data, headers, metadata)
        metadata.response_status = ResponseStatus.OK


@breaks("recognises_its_own")
class RefusesAShortPrefix(MailCodec):
    def match(self, prefix: bytes) -> bool | None:
        return len(prefix) > 1 and prefix[0] == ord("M")


@breaks("recognises_its_own")
class IndexesAShortPrefix(MailCodec):
    def match(self, prefix: bytes) -> bool | None:
        return prefix[0] == ord("M") and prefix[1] in self.kinds


@breaks("recognises_its_own")
class IsNeverSure(MailCodec):
    def match(self, prefix: bytes) -> bool | None:
        return None


@breaks("tells_a_deadline_in_seconds")
class GivesTheTimeoutAsText(MailCodec):
    def deadline(self, metadata: Metadata) -> float | None:
        return metadata.get("timeout")  # type: ignore[return-value]


@breaks("tells_a_deadline_in_seconds")
class GivesNoDeadlineAsMinusOne(MailCodec):
    def deadline(self, metadata: Metadata) -> float | None:
        return super().deadline(metadata) or -1


@breaks("tells_a_deadline_in_seconds")
class ExpectsATimeout(MailCodec):
    def deadline(self, metadata: Metadata) -> float | None:
        return int(metadata["timeout"])


# What encode does


@breaks("passes_through_unchanged", "carries_the_request_id", "mutation_is_applied")
class CannotWriteOneways(MailCodec):
    """MetaProtocol's Dubbo codec ends the whole proxy there."""

    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        if metadata.message_type is MessageType.ONEWAY:
            raise RuntimeError("not reached")
        super().encode(metadata, mutation, buffer)


@breaks("encode_changes_nothing_else")
class MutatesTheMetadataToo(MailCodec):
    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        super().encode(metadata, mutation, buffer)
        metadata.update({key: value for key, value in mutation.items() if value is not None})


@breaks("encode_changes_nothing_else")
class KeepsTheSizeItWrote(MailCodec):
    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        super().encode(metadata, mutation, buffer)
        metadata.header_size = len(buffer) - metadata.body_size


@breaks("mutation_is_idempotent")
class AddsHeadersBesideThoseThere(MailCodec):
    """Decode sees the last one, so only the size of the message shows it, hop after hop."""

    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        written = Buffer()
        gone = Mutation({key: None for key, value in mutation.items() if value is None})
        super().encode(metadata, gone, written)
        data = bytes(written)
        end = self.layout.size + int.from_bytes(data[6:8])
        added = self.written([(key, value) for key, value in mutation.items() if value is not None])
        if end - self.layout.size + len(added) > 0xFFFF:
            raise EncodeError("the headers are over 65535 bytes")
        size = end - self.layout.size + len(added)
        buffer.append(data[:6] + size.to_bytes(2) + data[8:end] + added + data[end:])


@breaks("changes_compose")
class ForgetsTheIdWhenItMutates(MailCodec):
    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        written = Buffer()
        super().encode(metadata, mutation, written)
        data = bytes(written)
        buffer.append(data[:2] + metadata.origin_message[2:6] + data[6:] if mutation else data)


@breaks("changes_compose")
class ForgetsTheMutationWhenTheIdChanges(MailCodec):
    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        is_same = metadata.request_id == int.from_bytes(metadata.origin_message[2:6])
        super().encode(metadata, mutation if is_same else NO_MUTATION, buffer)


@breaks("mutation_is_reversible")
class SortsItsHeadersWhenOneChanges(MailCodec):
    def written(self, pairs: Pairs) -> bytes:
        return super().written(sorted(pairs, key=lambda pair: pair[0].lower()))


@breaks("mutation_is_applied", "mutation_is_idempotent")
class AppendsToWhatIsThere(MailCodec):
    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        added = {
            key: f"{metadata[key]},{value}" if key in metadata and value is not None else value
            for key, value in mutation.items()
        }
        super().encode(metadata, Mutation(added), buffer)


# Errors


@breaks("error_reply_answers_the_request")
class WritesNoErrors(MailCodec):
    """As MetaProtocol's Dubbo and brpc codecs do: the client waits for its own timeout."""

    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        pass


@breaks("error_reply_answers_the_request")
class AnswersErrorsWithSuccess(MailCodec):
    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        if metadata.message_type is not MessageType.ONEWAY:
            buffer.append(self.reply(metadata, MessageType.RESPONSE, [("code", str(error.type))]))


@breaks("error_reply_answers_the_request")
class EchoesTheRequest(MailCodec):
    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        if metadata.message_type is not MessageType.ONEWAY:
            buffer.append(self.reply(metadata, metadata.message_type, [("status", "bad"), ("code", str(error.type))]))


@breaks("error_reply_answers_the_request")
class ForgetsTheIdInErrors(MailCodec):
    def reply(self, metadata: Metadata, kind: MessageType, pairs: Pairs, body: bytes = b"") -> bytes:
        request_id = 0 if kind is MessageType.ERROR else metadata.request_id
        return mail(kind, request_id=request_id, headers=pairs, body=body)


@breaks("error_reply_answers_the_request")
class CountsTheTextInOneByte(MailCodec):
    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        len(error.message).to_bytes(1)
        super().on_error(metadata, error, buffer)


@breaks("error_reply_answers_the_request")
class RefusesLongTexts(MailCodec):
    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        if len(error.message.encode()) > 255:
            raise EncodeError("the text is over 255 bytes")
        super().on_error(metadata, error, buffer)


@breaks("error_reply_answers_the_request")
class CutsTextsInTheMiddleOfACharacter(MailCodec):
    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        if metadata.message_type is not MessageType.ONEWAY:
            text = b"status=bad\ntext=%d %s\n" % (error.type, error.message.encode()[:255])
            buffer.append(self.layout.pack(ord("M"), MessageType.ERROR, metadata.request_id, len(text), 0) + text)


@breaks("error_reply_answers_the_request")
class WritesTextsAsAscii(MailCodec):
    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        error.message.encode("ascii")
        super().on_error(metadata, error, buffer)


@breaks("error_reply_answers_the_request")
class SpoilsTheRequestItAnswers(MailCodec):
    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        super().on_error(metadata, error, buffer)
        metadata.response_status = ResponseStatus.ERROR


@breaks("tells_errors_apart")
class TellsNoErrorApart(MailCodec):
    """As MetaProtocol's Thrift codec does: every error is an INTERNAL_ERROR."""

    def reply(self, metadata: Metadata, kind: MessageType, pairs: Pairs, body: bytes = b"") -> bytes:
        return super().reply(metadata, kind, [pair for pair in pairs if pair[0] != "code"], body)


@breaks("answers_no_oneway")
class AnswersOneways(MailCodec):
    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        buffer.append(self.reply(metadata, MessageType.ERROR, [("status", "bad"), ("code", str(error.type))]))


# Heartbeats


@breaks("heartbeats_end")
class AnswersEveryHeartbeat(MailCodec):
    """As MetaProtocol answers a Dubbo client's answer."""

    def heartbeat_reply(self, metadata: Metadata, buffer: Buffer) -> bool:
        buffer.append(self.reply(metadata, MessageType.HEARTBEAT, [("pong", "1")]))
        return True


@breaks("heartbeats_end")
class ForgetsTheIdOfAHeartbeat(MailCodec):
    def reply(self, metadata: Metadata, kind: MessageType, pairs: Pairs, body: bytes = b"") -> bytes:
        request_id = 0 if kind is MessageType.HEARTBEAT else metadata.request_id
        return mail(kind, request_id=request_id, headers=pairs, body=body)


@breaks("heartbeats_end")
class SaysThatItBeat(MailCodec):
    def heartbeat(self, request_id: int, buffer: Buffer) -> bool:
        return True


@breaks("heartbeats_end")
class BeatsLikeARequest(MailCodec):
    def heartbeat(self, request_id: int, buffer: Buffer) -> bool:
        buffer.append(mail(MessageType.REQUEST, request_id=request_id))
        return True


# Names


@breaks("names_every_byte")
class LeavesTheBodyUnnamed(MailCodec):
    def fields(self, data: bytes) -> Any:
        return [field for field in super().fields(data) if field.name != "body"]


@breaks("names_every_byte")
class NamesBytesThatAreNotThere(MailCodec):
    def fields(self, data: bytes) -> Any:
        for field in super().fields(data):
            yield replace(field, end=field.start + 4) if field.name == "id" else field


@breaks("names_every_byte")
class NamesOnlyWholeHeaders(MailCodec):
    def fields(self, data: bytes) -> Any:
        self.layout.unpack_from(data)
        return super().fields(data)


@breaks("compiles_its_frame")
class MixesItsByteOrders(FramedCodec):
    name = "mixed"
    frame = Frame(
        "kind" / Int8ub,
        "status" / Int8ub,
        "flow" / Int16ub,
        "length" / Int32ul,
        length=this.length,
        request_id=this.flow,
    )

    def describe(self, header: Any, metadata: Metadata) -> None:
        metadata.operation_name = f"kind/{header.kind}"
        metadata.response_status = ResponseStatus(bool(header.status))

    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        buffer.append(self.frame.reply(metadata, error.message.encode(), status=error.type + 1))


SUBJECTS[MixesItsByteOrders] = subject_of(MixesItsByteOrders)
