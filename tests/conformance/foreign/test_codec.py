"""A far side as a codec: what is asked, and what becomes of each answer."""

from __future__ import annotations

from typing import Any

import pytest

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import DecodeStatus
from metaprotocol_sdk.conformance.foreign.codec import ForeignCodec, ForeignException, Hello
from metaprotocol_sdk.conformance.foreign.fault import FaultKind, ForeignFault
from metaprotocol_sdk.conformance.foreign.wire import Answer, BadFrame
from metaprotocol_sdk.dump import dump
from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.exceptions import DecodeError, EncodeError
from metaprotocol_sdk.metadata import MessageType, Metadata, ResponseStatus
from metaprotocol_sdk.mutation import NO_MUTATION, Mutation

HELLO = Hello(name="far", request_ids=range(5), rewrites=True, names_fields=True)


class Scripted:
    """A far side of one answer, which keeps what it was asked."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer
        self.asked: list[dict[str, Any]] = []

    def ask(self, question: dict[str, Any], read: Any) -> Any:
        self.asked.append(question)
        return read(Answer(self.answer))


def codec_of(answer: dict[str, Any], **config: Any) -> tuple[ForeignCodec, Scripted]:
    far_side = Scripted(answer)
    return ForeignCodec(far_side, HELLO, **config), far_side  # type: ignore[arg-type]


def test_the_codec_is_what_the_far_side_says_it_is() -> None:
    codec, _ = codec_of({})
    assert (codec.name, codec.request_ids, codec.rewrites) == ("far", range(5), True)


def test_hello_is_read() -> None:
    said = {"protocol": 1, "name": "n", "request_ids": [0, 2**64 - 1], "also": ["fields", "more"], "new": 1}
    assert Hello.read(Answer(said)) == Hello(name="n", request_ids=range(2**64), rewrites=False, names_fields=True)
    assert Hello.read(Answer({"protocol": 1, "name": "n", "request_ids": None})).request_ids == range(0)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"protocol": 2}, "it speaks version 2 of the protocol, and this suite speaks version 1"),
        ({"protocol": 1}, "its name is not there"),
        ({"protocol": 1, "name": "n", "request_ids": [3]}, "its request_ids are"),
        ({"protocol": 1, "name": "n", "request_ids": [3, 2]}, "its request_ids are"),
        ({"protocol": 1, "name": "n", "request_ids": [-1, 2]}, "its request_ids are"),
        ({"protocol": 1, "name": "n", "request_ids": [0, 2**64]}, "its request_ids are"),
    ],
)
def test_a_hello_that_makes_no_sense_is_garbage(said: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadFrame, match=sentence):
        Hello.read(Answer(said))


def test_decode_asks_with_everything_there_and_takes_what_was_taken() -> None:
    metadata = {
        "message_type": "ONEWAY",
        "response_status": "ERROR",
        "request_id": 2**40,
        "stream_id": 3,
        "operation_name": "a/b",
        "header_size": 1,
        "body_size": 1,
        "can_mutate": True,
        "strings": {"K": "v"},
    }
    codec, far_side = codec_of({"status": "DONE", "taken": 2, "metadata": metadata}, max_message_size=99)
    buffer, found = Buffer(b"\x01\x02\x03"), Metadata(MessageType.REQUEST)
    assert codec.decode(buffer, found) is DecodeStatus.DONE
    assert far_side.asked == [{"op": "decode", "side": "REQUEST", "data": "010203", "max_message_size": 99}]
    assert (bytes(buffer), found.origin_message, dict(found)) == (b"\x03", b"\x01\x02", {"K": "v"})
    assert (found.message_type, found.response_status) == (MessageType.ONEWAY, ResponseStatus.ERROR)
    assert (found.request_id, found.stream_id, found.operation_name) == (2**40, 3, "a/b")
    assert (found.header_size, found.body_size, codec.can_mutate(found)) == (1, 1, True)


def test_a_message_type_that_is_not_said_is_the_side_s() -> None:
    codec, _ = codec_of({"status": "DONE", "taken": 1})
    found = Metadata(MessageType.RESPONSE)
    codec.decode(Buffer(b"x"), found)
    assert (found.message_type, codec.can_mutate(found)) == (MessageType.RESPONSE, False)


def test_waits_and_skips_are_passed_on_with_what_they_took() -> None:
    buffer = Buffer(b"abc")
    codec, _ = codec_of({"status": "WAIT_FOR_DATA", "needed": 9})
    assert codec.decode(buffer, Metadata()) is DecodeStatus.WAIT_FOR_DATA
    assert (len(buffer), buffer.needed) == (3, 9)
    codec, _ = codec_of({"status": "SKIPPED", "taken": 2})
    assert codec.decode(buffer, Metadata()) is DecodeStatus.SKIPPED
    assert bytes(buffer) == b"c"


def test_refusals_are_the_codec_s_own_errors() -> None:
    codec, _ = codec_of({"error": "decode", "reason": "no magic", "path": "magic", "offset": 0})
    with pytest.raises(DecodeError, match="malformed message at byte 0 in magic: no magic"):
        codec.decode(Buffer(b"x"), Metadata())
    codec, _ = codec_of({"error": "encode", "reason": "no room", "key": "k"})
    with pytest.raises(EncodeError, match="cannot encode 'k': no room"):
        codec.encode(Metadata(), NO_MUTATION, Buffer())


def test_what_else_it_raised_is_no_decode_error() -> None:
    codec, _ = codec_of({"error": "exception", "reason": "KeyError: 'x'"})
    for ask in (
        lambda: codec.decode(Buffer(b"x"), Metadata()),
        lambda: codec.encode(Metadata(), NO_MUTATION, Buffer()),
        lambda: codec.on_error(Metadata(), Error(ErrorType.OVER_LIMIT, ""), Buffer()),
    ):
        with pytest.raises(ForeignException, match="KeyError: 'x'"):
            ask()


def test_a_codec_that_says_it_took_more_than_there_is_broke_a_law_and_is_not_garbage() -> None:
    codec, _ = codec_of({"status": "DONE", "taken": 9})
    with pytest.raises(ValueError, match="cannot drain 9 bytes of 1"):
        codec.decode(Buffer(b"x"), Metadata())


@pytest.mark.parametrize("answer", [{}, {"status": "LATER"}, {"status": "DONE", "metadata": {"request_id": "7"}}])
def test_what_is_no_answer_to_decode_is_found_while_it_is_read(answer: dict[str, Any]) -> None:
    codec, _ = codec_of(answer)
    with pytest.raises(BadFrame):
        codec.decode(Buffer(b"x"), Metadata())


def test_encode_asks_with_the_message_the_id_the_mutation_and_the_request() -> None:
    codec, far_side = codec_of({"data": "ff"})
    metadata, metadata.request = Metadata(MessageType.RESPONSE), Metadata()
    metadata.origin_message, metadata.request_id, metadata.request.origin_message = b"\x01", 7, b"\x02"
    buffer = Buffer()
    codec.encode(metadata, Mutation({"K": "\U0001f642", "gone": None}), buffer)
    assert bytes(buffer) == b"\xff"
    assert far_side.asked[0] | {"max_message_size": 0} == {
        "op": "encode",
        "side": "RESPONSE",
        "message": "01",
        "request_id": 7,
        "mutation": [["K", "\U0001f642"], ["gone", None]],
        "request": "02",
        "max_message_size": 0,
    }


def test_text_that_is_not_unicode_is_refused_before_it_is_asked() -> None:
    codec, far_side = codec_of({"data": "ff"})
    with pytest.raises(EncodeError, match="text that is not Unicode cannot pass to a far side"):
        codec.encode(Metadata(), Mutation({"k": "\ud800"}), Buffer())
    assert far_side.asked == []


def test_on_error_asks_with_the_request_and_the_error_in_flat_keys() -> None:
    codec, far_side = codec_of({"data": ""})
    metadata = Metadata()
    metadata.origin_message, metadata.request_id = b"\x01", 7
    buffer = Buffer()
    codec.on_error(metadata, Error(ErrorType.NO_HEALTHY_UPSTREAM, "none", "UH"), buffer)
    assert not buffer
    assert far_side.asked[0] | {"max_message_size": 0} == {
        "op": "on_error",
        "request": "01",
        "request_id": 7,
        "error_type": "NO_HEALTHY_UPSTREAM",
        "error_message": "none",
        "flag": "UH",
        "max_message_size": 0,
    }


def test_fields_name_the_bytes_of_a_dump() -> None:
    codec, _ = codec_of({"fields": [{"name": "magic", "start": 0, "end": 1, "value": "0xab", "problem": "odd"}]})
    assert dump(codec, b"\xab") == "00000000  ab                      magic  0xab  ! odd"


def test_a_far_side_that_cannot_name_fields_costs_names_only() -> None:
    codec, far_side = codec_of({})

    def ask(question: dict[str, Any], read: Any) -> Any:
        raise ForeignFault(FaultKind.CRASH, "it ended")

    far_side.ask = ask  # type: ignore[method-assign]
    assert [field.name for field in codec.fields(b"x")] == ["message"]
    assert list(codec.fields(b"")) == []
