"""What a FramedCodec says of its own: describe, frame_length, two frames. Its laws are in test_laws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from construct import Const, Int8ub, Int16ub, Int32ub, Struct, this

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import DecodeStatus
from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.exceptions import CodecBug, DecodeError, EncodeError, MessageTooLarge
from metaprotocol_sdk.framing import FixedFrame, Frame, FramedCodec, Frames, StringMap, VarintFrame, parse
from metaprotocol_sdk.metadata import MessageType, Metadata, ResponseStatus
from metaprotocol_sdk.mutation import Mutation
from tests.framing.messages import Message, codec_for, encoded, outcome

DONE, WAIT = DecodeStatus.DONE, DecodeStatus.WAIT_FOR_DATA

# -- what a codec of a frame says of its own -------------------------------------------------------------------------

PLAIN = Frame(
    "len" / Int16ub,
    "id" / Int16ub,
    "cmd" / Int8ub,
    "head_len" / Int16ub,
    length=this.len,
    request_id=this.id,
    strings={"cmd": this.cmd},
    headers=StringMap(length=this.head_len, prefix=Int8ub),
)


def metadata_of(codec: FramedCodec, data: bytes, side: MessageType = MessageType.REQUEST) -> Metadata:
    metadata = Metadata(side)
    assert codec.decode(Buffer(data), metadata) is DONE
    return metadata


def describing(body: Callable[[Any, Metadata], None]) -> FramedCodec:
    return codec_for(PLAIN, describe=lambda self, header, metadata: body(header, metadata))


def test_describe_sees_the_header_and_says_what_the_message_means() -> None:
    def describe(header: Any, metadata: Metadata) -> None:
        metadata.operation_name = f"cmd/{header.cmd}"
        metadata.message_type = MessageType.ONEWAY
        metadata["key"] = "described"

    metadata = metadata_of(describing(describe), PLAIN.build(cmd=3, headers={"key": "header", "other": "1"}))
    assert (metadata.operation_name, metadata.message_type) == ("cmd/3", MessageType.ONEWAY)
    assert dict(metadata) == {"cmd": "3", "key": "described", "other": "1"}


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (KeyError("x"), "KeyError: 'x'"),
        (ValueError("bad"), "ValueError: bad"),
        (ZeroDivisionError("by zero"), "ZeroDivisionError: by zero"),
        (IndexError("gone"), "IndexError: gone"),
    ],
)
def test_data_errors_in_describe_mean_a_malformed_message(error: Exception, reason: str) -> None:
    def describe(header: Any, metadata: Metadata) -> None:
        raise error

    with pytest.raises(DecodeError) as caught:
        metadata_of(describing(describe), PLAIN.build(cmd=3))
    assert (caught.value.path, caught.value.reason) == ("describe", reason)


@pytest.mark.parametrize("error", [TypeError("no"), AttributeError("no")])
def test_bugs_in_describe_stay_visible(error: Exception) -> None:
    def describe(header: Any, metadata: Metadata) -> None:
        raise error

    with pytest.raises(type(error)):
        metadata_of(describing(describe), PLAIN.build(cmd=3))
    with pytest.raises(CodecBug, match="probe"):
        outcome(describing(describe), [PLAIN.build(cmd=3)], MessageType.REQUEST)


def test_construct_errors_in_describe_mean_a_malformed_message() -> None:
    def describe(header: Any, metadata: Metadata) -> None:
        Struct("n" / Int32ub).parse(b"\0")

    with pytest.raises(DecodeError, match="in describe: stream read less than specified amount, expected 4, found 1"):
        metadata_of(describing(describe), PLAIN.build(cmd=3))


def test_decode_errors_of_describe_keep_their_place() -> None:
    def describe(header: Any, metadata: Metadata) -> None:
        parse(Struct("n" / Int32ub), b"\0", offset=7)

    with pytest.raises(DecodeError) as caught:
        metadata_of(describing(describe), PLAIN.build(cmd=3))
    assert (caught.value.path, caught.value.offset) == ("body.n", 8)


def test_a_header_that_describe_shadows_cannot_be_set() -> None:
    def describe(header: Any, metadata: Metadata) -> None:
        metadata["method"] = "fixed"

    codec = describing(describe)
    metadata = metadata_of(codec, PLAIN.build(cmd=3))
    with pytest.raises(EncodeError, match="the protocol's own field of that name") as caught:
        encoded(codec, metadata, Mutation({"other": "1", "method": "mine"}))
    assert caught.value.key == "method"
    with pytest.raises(EncodeError, match="the protocol's own field of that name"):
        encoded(codec, metadata, Mutation({"method": None}))
    assert encoded(codec, metadata, Mutation({"method": "fixed"}))


def test_a_change_that_makes_the_message_malformed_is_an_encode_error() -> None:
    def describe(header: Any, metadata: Metadata) -> None:
        if header.cmd > 3:
            raise ValueError("no such cmd")

    codec = describing(describe)
    metadata = metadata_of(codec, PLAIN.build(cmd=3))
    with pytest.raises(EncodeError, match=r"the changed message would be malformed: .*no such cmd"):
        encoded(codec, metadata, Mutation({"cmd": "4"}))


def test_deferred_strings_that_fail_after_a_change_are_an_encode_error() -> None:
    def load(metadata: Metadata) -> None:
        raise ValueError("the attachments are cut")

    codec = describing(lambda header, metadata: metadata.defer(load))
    metadata = metadata_of(codec, PLAIN.build(cmd=3))
    with pytest.raises(EncodeError, match="the attachments are cut"):
        encoded(codec, metadata, Mutation({"absent": None}))


def test_deferred_strings_are_not_loaded_to_check_a_change_that_is_there() -> None:
    loaded: list[Metadata] = []
    codec = describing(lambda header, metadata: metadata.defer(loaded.append))
    encoded(codec, metadata_of(codec, PLAIN.build(cmd=3)), Mutation({"fresh": "1"}))
    assert not loaded


def test_an_error_reply_is_a_reply_with_the_requests_id() -> None:
    class Sorry(FramedCodec):
        name = "sorry"
        frame = PLAIN

        def describe(self, header: Any, metadata: Metadata) -> None:
            metadata.response_status = ResponseStatus(header.cmd == 255)

        def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
            buffer.append(self.frame.reply(metadata, error.message.encode(), cmd=255))

    codec, buffer = Sorry(), Buffer()
    request = metadata_of(codec, PLAIN.build(b"hello", request_id=9, cmd=3, headers={"secret": "1"}))
    codec.on_error(request, Error(ErrorType.ROUTE_NOT_FOUND, "no route"), buffer)
    reply = metadata_of(codec, bytes(buffer), MessageType.RESPONSE)
    assert (reply.request_id, reply.response_status, codec.body(reply)) == (9, ResponseStatus.ERROR, b"no route")
    assert dict(reply) == {"cmd": "255"}


def test_request_ids_follow_from_the_frame_unless_the_class_says_them() -> None:
    assert codec_for(PLAIN).request_ids == range(1, 1 << 16)
    assert codec_for(PLAIN, request_ids=range(5)).request_ids == range(5)
    assert codec_for(FixedFrame("a" / Int8ub)).request_ids == range(0)


# -- two frames, and the hatch ---------------------------------------------------------------------------------------

ASKS = Frame("magic" / Const(b"Q"), "len" / Int8ub, "id" / Int16ub, length=this.len, request_id=this.id)
TELLS = Frame("magic" / Const(b"A"), "id" / Int32ub, "len" / Int16ub, length=this.len + 7, request_id=this.id)


def test_each_direction_has_its_own_frame() -> None:
    codec = codec_for(Frames(request=ASKS, response=TELLS))
    request = metadata_of(codec, ASKS.build(b"?", request_id=5))
    assert codec.body(request) == b"?"
    with pytest.raises(DecodeError):
        metadata_of(codec, ASKS.build(b"long enough", request_id=5), MessageType.RESPONSE)
    reply = metadata_of(codec, TELLS.build(b"!", request_id=1 << 20), MessageType.RESPONSE)
    assert (codec.body(reply), reply.request_id) == (b"!", 1 << 20)


def test_a_reply_in_another_frame_has_that_frames_constants_lengths_and_the_requests_id() -> None:
    frames = Frames(request=ASKS, response=TELLS)
    request = metadata_of(codec_for(frames), ASKS.build(b"?", request_id=5))
    assert frames.reply(request, b"sorry") == b"A\0\0\0\5\0\5sorry"


def test_fields_are_named_by_the_frame_that_finds_less_wrong() -> None:
    codec = codec_for(Frames(request=ASKS, response=TELLS))
    assert [each.name for each in codec.fields(ASKS.build(b"?"))] == ["magic", "len", "id", "body"]
    assert [each.name for each in codec.fields(TELLS.build(b"?"))] == ["magic", "id", "len", "body"]


@pytest.mark.parametrize("side", [MessageType.REQUEST, MessageType.RESPONSE])
def test_the_hatch_may_ask_for_more_than_the_header(side: MessageType) -> None:
    """A length after the header: 2 bytes at 1, only when the header says so."""
    asked = []

    def frame_length(self: FramedCodec, header: Any, buffer: Buffer) -> int | None:
        asked.append(len(buffer))
        if not header.long:
            return 1
        if len(buffer) < 3:
            buffer.hint = "long"
            return None
        return int.from_bytes(buffer.peek(2, 1), "big")

    codec = codec_for(Frame("long" / Int8ub), frame_length=frame_length)
    stream = b"\0" + b"\1\0\5ab" + b"\0"
    expected = [b"\0", b"\1\0\5ab", b"\0"]
    for chunks in ([stream], [bytes([byte]) for byte in stream]):
        found, end, left = outcome(codec, chunks, side)
        assert ([each[-1] for each in found], end, left) == (expected, "done", 0)  # type: ignore[index]
    assert asked


@pytest.mark.parametrize(
    ("answer", "limit", "error", "sentence"),
    [
        (
            0,
            10,
            DecodeError,
            "malformed message at byte 0: the message says it has 0 bytes, fewer than its header's 1",
        ),
        (
            -5,
            10,
            DecodeError,
            "malformed message at byte 0: the message says it has -5 bytes, fewer than its header's 1",
        ),
        (11, 10, MessageTooLarge, "malformed message at byte 0: 11 bytes are over the limit of 10 (max_message_size)"),
        (None, 2, MessageTooLarge, "malformed message: 3 bytes are over the limit of 2 (max_message_size)"),
        (KeyError("x"), 10, DecodeError, "malformed message in frame_length: KeyError: 'x'"),
    ],
)
def test_what_the_hatch_says_is_bounded(
    answer: int | Exception | None, limit: int, error: type[DecodeError], sentence: str
) -> None:
    def frame_length(self: FramedCodec, header: Any, buffer: Buffer) -> int | None:
        if isinstance(answer, Exception):
            raise answer
        return answer

    codec = codec_for(Frame("a" / Int8ub), limit=limit, frame_length=frame_length)
    with pytest.raises(error) as caught:
        codec.decode(Buffer(b"ab"), Metadata())
    assert type(caught.value) is error
    assert str(caught.value) == sentence


def test_a_needed_the_hatch_sets_itself_is_kept() -> None:
    def frame_length(self: FramedCodec, header: Any, buffer: Buffer) -> int | None:
        buffer.needed = 7
        return None

    buffer = Buffer(b"a")
    assert codec_for(Frame("a" / Int8ub), frame_length=frame_length).decode(buffer, Metadata()) is WAIT
    assert buffer.needed == 7


def test_a_change_that_the_hatch_cannot_tell_is_an_encode_error() -> None:
    frame = Frame("size" / Int8ub, "head" / Int8ub, headers=StringMap(length=this.head, prefix=Int8ub))
    codec = codec_for(frame, frame_length=lambda self, header, buffer: header.size)
    metadata = metadata_of(codec, frame.build(b"xy", size=8, head=4, headers={"a": "b"}))
    assert encoded(codec, metadata, Mutation({"a": "c"})) == b"\x08\x04\1a\1cxy"
    with pytest.raises(EncodeError, match=r"its length would be wrong, as frame_length\(\) cannot be run backwards"):
        encoded(codec, metadata, Mutation({"a": ""}))
    with pytest.raises(EncodeError, match="the changed message would be malformed"):
        encoded(codec, metadata, Mutation({"a": "longer"}))


def test_a_change_that_the_hatch_can_tell_is_made() -> None:
    """The hatch reads the header block's length, which framing writes."""
    frame = Frame("head" / Int8ub, headers=StringMap(length=this.head, prefix=Int8ub))
    codec = codec_for(frame, frame_length=lambda self, header, buffer: header.head + 3)
    metadata = metadata_of(codec, frame.build(b"xy", headers={"a": "b"}))
    assert encoded(codec, metadata, Mutation({"a": "longer"})) == b"\x09\1a\6longerxy"


# -- sentences -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        (
            {"frame": Frame("a" / Int8ub)},
            "Probe.frame does not say where a message ends: give it length=this.some_field, or override frame_length()",
        ),
        (
            {"frame": Frames(request=PLAIN, response=Frame("a" / Int8ub))},
            "Probe.frame does not say where a message ends: give it length=this.some_field, or override frame_length()",
        ),
        (
            {"frame": PLAIN, "frame_length": lambda self, header, buffer: 1},
            "Probe overrides frame_length(), and its frame says where a message ends too; leave one out",
        ),
        (
            {"frame": VarintFrame(), "frame_length": lambda self, header, buffer: 1},
            "Probe overrides frame_length(), and its frame says where a message ends too; leave one out",
        ),
        ({"frame": 5}, "Probe.frame is 5, which is no frame; write it as Frame(...)"),
    ],
)
def test_a_class_that_cannot_be_is_refused_where_it_is_defined(members: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        type("Probe", (FramedCodec,), members)
    assert str(caught.value) == sentence


def test_a_class_without_a_frame_is_refused_where_it_is_made() -> None:
    class Half(FramedCodec):
        name = "half"

        def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
            raise NotImplementedError

    with pytest.raises(ValueError, match=r"Half has no frame; a FramedCodec says frame = Frame\(\.\.\.\) in its class"):
        Half()


def test_a_base_class_may_lack_a_frame_and_its_children_share_one() -> None:
    class Base(FramedCodec):
        name = "base"

        def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
            raise NotImplementedError

    class Parent(Base):
        frame = PLAIN

    class Child(Parent):
        name = "child"

    assert Child().request_ids == range(1, 1 << 16)
    assert Child.frame is PLAIN


def test_messages_know_what_they_are() -> None:
    """The helper is no law unto itself: one message by hand."""
    message = Message(PLAIN, {"cmd": 1}, {"cmd": "1"}, [("a", "b")], b"!", 2)
    assert message.data == b"\0\x0c\0\2\1\0\4\1a\1b!"
