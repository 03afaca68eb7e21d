"""Codecs broken on purpose, each a small variation of :class:`MailCodec` and each as real codecs were broken.

``BROKEN`` maps each to the laws it breaks: those and no others. What a rare value shows
is seen by the laws that the tests' fixed draws show it to.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TypeVar

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import Codec, DecodeStatus
from metaprotocol_sdk.exceptions import DecodeError, EncodeError
from metaprotocol_sdk.metadata import MessageType, Metadata
from metaprotocol_sdk.mutation import NO_MUTATION, Mutation
from tests.conformance.right_codecs import DONE, SKIPPED, WAIT, MailCodec, Pairs

_C = TypeVar("_C", bound=Codec)

BROKEN: dict[type[Codec], frozenset[str]] = {}


def breaks(*laws: str) -> Callable[[type[_C]], type[_C]]:
    def note(codec: type[_C]) -> type[_C]:
        BROKEN[codec] = frozenset(laws)
        return codec

    return note


# What decode takes


@breaks("decodes_one_message")
class ReadsTheLengthAsU16(MailCodec):
    """As the scaffold's codec did: right until a body is over 65535 bytes."""

    layout = struct.Struct(">BBIHxxH")

    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        MailCodec.encode(_full(self), metadata, mutation, buffer)


def _full(codec: MailCodec) -> MailCodec:
    return MailCodec(max_message_size=codec.max_message_size)


@breaks("decodes_one_message", "rejects_only_with_decode_error", "sizes_add_up", "heartbeats_end")
class TakesItsHeaderOffTheMessage(MailCodec):
    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        status = super().decode(buffer, metadata)
        if status is DONE:
            metadata.origin_message = metadata.origin_message[self.layout.size :]
        return status


@breaks("decodes_one_message", "heartbeats_end")
class TakesHeartbeatsForNothing(MailCodec):
    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        status = super().decode(buffer, metadata)
        return SKIPPED if metadata.message_type is MessageType.HEARTBEAT else status


@breaks("decodes_one_message", "bounds_the_length", "heartbeats_end")
class WaitsForOneByteMore(MailCodec):
    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        if len(buffer) < self.layout.size + 1:
            return WAIT
        return super().decode(buffer, metadata)


@breaks("decodes_one_message", "error_reply_answers_the_request")
class RefusesErrors(MailCodec):
    """Its list of kinds lacks one, as Dubbo's list of statuses lacked 80."""

    def check_header(self, magic: int, kind: int) -> None:
        super().check_header(magic, kind)
        if kind == MessageType.ERROR:
            raise DecodeError("the status is not known")


# How decode waits


@breaks(
    "waits_without_consuming",
    "split_invariance",
    "rejects_only_with_decode_error",
    "survives_hostile_input",
    "recognises_its_own",
)
class UnpacksWhatIsNotThere(MailCodec):
    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        if len(buffer) < self.layout.size:
            self.layout.unpack(bytes(buffer))
        return super().decode(buffer, metadata)


@breaks("waits_without_consuming", "split_invariance", "recognises_its_own")
class RefusesAPartialHeader(MailCodec):
    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        if len(buffer) < self.layout.size:
            raise DecodeError("the header is too short")
        return super().decode(buffer, metadata)


@breaks("waits_without_consuming", "split_invariance", "rejects_only_with_decode_error")
class DrainsTheHeaderBeforeItWaits(MailCodec):
    def wait(self, buffer: Buffer, size: int) -> DecodeStatus:
        buffer.drain(self.layout.size)
        return WAIT


@breaks("waits_without_consuming")
class DescribesBeforeItWaits(MailCodec):
    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        status = super().decode(buffer, metadata)
        if status is WAIT and len(buffer) > 6:
            metadata.request_id = int.from_bytes(buffer.peek(4, 2))
        return status


@breaks("hint_changes_nothing", "split_invariance", "waits_without_consuming")
class NeedsMoreThanTheMessageHas(MailCodec):
    """It forgets that the length it read counts itself."""

    def wait(self, buffer: Buffer, size: int) -> DecodeStatus:
        buffer.needed = min(size + 4, self.max_message_size)
        return WAIT


# What follows a message


@breaks("leaves_trailing_bytes", "split_invariance", "bounds_the_length", "sizes_add_up")
class TakesAllThatIsThere(MailCodec):
    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        status = super().decode(buffer, metadata)
        if status is DONE:
            metadata.origin_message += buffer.drain(len(buffer))
        return status


@breaks("leaves_trailing_bytes", "split_invariance", "sizes_add_up")
class TakesTheReadForTheBody(MailCodec):
    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        have = len(buffer)
        status = super().decode(buffer, metadata)
        if status is DONE:
            metadata.body_size = have - metadata.header_size
        return status


@breaks("leaves_trailing_bytes", "split_invariance")
class RefusesASecondMessageInTheRead(MailCodec):
    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        status = super().decode(buffer, metadata)
        if status is DONE and buffer:
            raise DecodeError("there is more than one message")
        return status


# Reads


@breaks("decodes_the_same_again", "hint_changes_nothing", "is_stateless", "split_invariance", "waits_without_consuming")
class RemembersThatItWaited(MailCodec):
    """As two of MetaProtocol's codecs did: a message split over two reads meets a state that is not expected."""

    waited = False

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        if self.waited:
            raise DecodeError("decode was called in the state WAIT_FOR_DATA")
        status = super().decode(buffer, metadata)
        self.waited = status is WAIT
        return status


@breaks("split_invariance")
class SkipsGarbageToTheEndOfTheRead(MailCodec):
    """It means to find the next message again; what it throws away depends on the reads."""

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        if buffer and buffer.peek(1) != b"M":
            buffer.drain(len(buffer))
            return SKIPPED
        return super().decode(buffer, metadata)


@breaks("split_invariance", "decodes_the_same_again", "hint_changes_nothing", "keeps_request_ids", "is_stateless")
class CountsItsMessages(MailCodec):
    """State on the codec, which serves every connection."""

    count = 0

    def describe(self, data: bytes, headers: int, metadata: Metadata) -> None:
        super().describe(data, headers, metadata)
        self.count += 1
        if self.count > 3:
            metadata.operation_name = f"message {self.count}"


# Hostile bytes


@breaks("recognises_its_own", "rejects_only_with_decode_error", "survives_hostile_input")
class TrustsTheKind(MailCodec):
    def check_header(self, magic: int, kind: int) -> None:
        if magic != ord("M"):
            super().check_header(magic, kind)
        dict.fromkeys(self.kinds)[MessageType(kind)]


@breaks("survives_hostile_input")
class TrustsTheKindOfAStream(MailCodec):
    def check_header(self, magic: int, kind: int) -> None:
        if kind in (MessageType.STREAM_INIT, MessageType.STREAM_DATA):
            dict.fromkeys(self.kinds)[MessageType(kind)]
        super().check_header(magic, kind)


@breaks("rejects_only_with_decode_error", "survives_hostile_input")
class TrustsTheText(MailCodec):
    def pairs(self, block: bytes) -> Pairs:
        return super().pairs(block.decode().encode())


@breaks("rejects_only_with_decode_error", "survives_hostile_input")
class AssertsTheMagic(MailCodec):
    def check_header(self, magic: int, kind: int) -> None:
        assert magic == ord("M")
        super().check_header(magic, kind)


@breaks("rejects_only_with_decode_error", "survives_hostile_input")
class PutsOffItsStringsCarelessly(MailCodec):
    def describe(self, data: bytes, headers: int, metadata: Metadata) -> None:
        block = data[self.layout.size : self.layout.size + headers]

        def load(metadata: Metadata) -> None:
            if block and not block.endswith(b"\n"):
                raise TypeError("the block does not end")
            MailCodec.describe(self, data, headers, metadata)

        metadata.defer(load)


@breaks("rejects_only_with_decode_error", "survives_hostile_input")
class ReadsTheLengthAsSigned(MailCodec):
    """A negative length is under every limit, and then drains nothing."""

    layout = struct.Struct(">BBIHi")

    def check_size(self, size: int, body: int) -> None:
        if body < 0:
            raise ValueError("drain a negative size")
        super().check_size(size, body)


# Limits


@breaks("bounds_the_length", "survives_hostile_input")
class HasNoLimit(MailCodec):
    def check_size(self, size: int, body: int) -> None:
        pass


@breaks("bounds_the_length", "survives_hostile_input")
class LimitsTheBodyAlone(MailCodec):
    def check_size(self, size: int, body: int) -> None:
        super().check_size(body, body)


@breaks("bounds_the_length")
class ChecksItsLimitWhenAllIsThere(MailCodec):
    def check_size(self, size: int, body: int) -> None:
        self.size = size

    def wait(self, buffer: Buffer, size: int) -> DecodeStatus:
        return WAIT

    def describe(self, data: bytes, headers: int, metadata: Metadata) -> None:
        super().check_size(len(data), 0)
        super().describe(data, headers, metadata)


@breaks("bounds_the_length")
class IgnoresItsConfiguration(MailCodec):
    def __init__(self, *, max_message_size: int = 1 << 20) -> None:
        super().__init__()


# The id


@breaks("carries_the_request_id", "keeps_request_ids", "changes_compose")
class KeepsTheOldId(MailCodec):
    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        if mutation:
            super().encode(metadata, mutation, buffer)
        else:
            buffer.append(metadata.origin_message)


@breaks("carries_the_request_id")
class KeepsTheOldIdOfRequests(MailCodec):
    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        written = Buffer()
        super().encode(metadata, mutation, written)
        data = bytes(written)
        is_request = metadata.side is MessageType.REQUEST
        buffer.append(data[:2] + metadata.origin_message[2:6] + data[6:] if is_request else data)


@breaks("carries_the_request_id", "encode_changes_nothing_else", "keeps_request_ids")
class WritesHalfOfTheId(MailCodec):
    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        old = int.from_bytes(metadata.origin_message[2:6])
        asked = metadata.request_id
        metadata.request_id = asked if asked == old else asked & 0xFFFF
        super().encode(metadata, mutation, buffer)
        metadata.request_id = asked


@breaks("carries_the_request_id", "keeps_request_ids", "changes_compose")
class WritesTheIdAsSigned(MailCodec):
    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        if metadata.origin_message[2:6] != metadata.request_id.to_bytes(4):
            struct.pack(">i", metadata.request_id)
        super().encode(metadata, mutation, buffer)


@breaks("carries_the_request_id", "passes_through_unchanged")
class RefusesTheLastId(MailCodec):
    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        if metadata.request_id == self.request_ids[-1]:
            raise EncodeError("the id is reserved")
        super().encode(metadata, mutation, buffer)


@breaks("carries_the_request_id", "keeps_request_ids")
class WritesTheIdOverTheBody(MailCodec):
    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        written = Buffer()
        super().encode(metadata, mutation, written)
        data = bytes(written)
        if data[2:6] != metadata.origin_message[2:6] and metadata.body_size:
            data = data[:-1] + data[2:3]
        buffer.append(data)


# What is said of a message


@breaks("describes_what_it_was_given", "encode_changes_nothing_else", "heartbeats_end")
class ReadsTheIdInTheOtherOrder(MailCodec):
    """It writes it in the other order too, so only who knows the message sees it."""

    layout = struct.Struct(">BB4sHI")

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        status = super().decode(buffer, metadata)
        if status is DONE:
            metadata.request_id = int.from_bytes(metadata.origin_message[2:6], "little")
        return status

    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        asked = metadata.request_id
        metadata.request_id = int.from_bytes(asked.to_bytes(4, "little"))
        MailCodec.encode(_full(self), metadata, mutation, buffer)
        metadata.request_id = asked


@breaks("describes_what_it_was_given")
class TakesOnewaysForRequests(MailCodec):
    def describe(self, data: bytes, headers: int, metadata: Metadata) -> None:
        super().describe(data, headers, metadata)
        if metadata.message_type is MessageType.ONEWAY:
            metadata.message_type = MessageType.REQUEST


@breaks("describes_what_it_was_given", "heartbeats_end", "mutation_is_applied")
class LosesItsLastHeader(MailCodec):
    def describe(self, data: bytes, headers: int, metadata: Metadata) -> None:
        super().describe(data, headers, metadata)
        for key, _ in self.pairs(data[self.layout.size : self.layout.size + headers])[-1:]:
            del metadata[key]


# What encode writes


@breaks("passes_through_unchanged", "carries_the_request_id", "mutation_is_applied", "keeps_request_ids")
class WritesNothing(MailCodec):
    """As two of MetaProtocol's codecs do."""

    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        pass


@breaks("passes_through_unchanged", "mutation_is_reversible")
class WritesItsStringsAnew(MailCodec):
    """Duplicates go and the order is another, although nothing changed."""

    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        super().encode(metadata, Mutation({**metadata, **mutation}), buffer)


@breaks("passes_through_unchanged", "encode_changes_nothing_else", "changes_compose", "mutation_is_reversible")
class WritesOnlyOnce(MailCodec):
    """A retry finds nothing left to write."""

    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        super().encode(metadata, mutation, buffer)
        metadata.origin_message = bytes(self.layout.size)


@breaks("passes_through_unchanged")
class RefusesToEncodeHeartbeats(MailCodec):
    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        if metadata.message_type is MessageType.HEARTBEAT:
            raise EncodeError("heartbeats are not forwarded")
        super().encode(metadata, mutation, buffer)

    def can_mutate(self, metadata: Metadata) -> bool:
        return metadata.message_type is not MessageType.HEARTBEAT


@breaks("mutation_is_applied")
class IgnoresTheMutation(MailCodec):
    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        super().encode(metadata, NO_MUTATION, buffer)


@breaks("mutation_is_applied", "mutation_is_reversible")
class IgnoresRemovals(MailCodec):
    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        kept = {key: value for key, value in mutation.items() if value is not None}
        super().encode(metadata, Mutation(kept), buffer)


@breaks("mutation_is_applied")
class ForgetsTheLengthOfTheHeaders(MailCodec):
    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        written = Buffer()
        super().encode(metadata, mutation, written)
        data = bytes(written)
        buffer.append(data[:6] + metadata.origin_message[6:8] + data[8:])


@breaks("mutation_is_applied")
class LetsTheLengthOverflow(MailCodec):
    """A mutation that makes the headers longer than their length field can say."""

    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        try:
            super().encode(metadata, mutation, buffer)
        except EncodeError:
            self.layout.pack(0, 0, 0, 1 << 16, 0)
            raise


@breaks("mutation_is_applied", "mutation_is_reversible")
class ComparesKeysByTheirCase(MailCodec):
    def written(self, pairs: Pairs) -> bytes:
        return super().written([(key.lower() if key.isupper() else key, value) for key, value in pairs[:2]])


@breaks("mutation_is_applied")
class WritesBeforeItRefuses(MailCodec):
    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        try:
            super().encode(metadata, mutation, buffer)
        except EncodeError:
            buffer.append(b"M")
            raise


@breaks("mutation_is_applied")
class PromisesHeadersItRefuses(MailCodec):
    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        for key in mutation:
            raise EncodeError("headers are not written", key=key)
        super().encode(metadata, mutation, buffer)
