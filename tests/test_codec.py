"""What a codec gets by subclassing, and what it must write itself."""

from __future__ import annotations

from typing import ClassVar

import pytest

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import CODEC_API, DEFAULT_MAX_MESSAGE_SIZE, Codec, DecodeStatus, Field
from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.exceptions import MessageTooLarge
from metaprotocol_sdk.metadata import MessageType, Metadata, ResponseStatus
from metaprotocol_sdk.mutation import NO_MUTATION
from tests.helpers import TinyCodec, decoded, tiny


def test_decode_statuses_tell_waiting_done_and_skipped_apart() -> None:
    assert {each.name: each.value for each in DecodeStatus} == {"WAIT_FOR_DATA": 0, "DONE": 1, "SKIPPED": 2}


@pytest.mark.parametrize("method", ["decode", "encode", "on_error"])
def test_three_methods_are_the_authors(method: str) -> None:
    partial = type("Partial", (TinyCodec,), {method: getattr(Codec, method)})
    with pytest.raises(TypeError, match=f"abstract method '?{method}'?"):
        partial()


def test_a_codec_has_a_limit_of_sixteen_mebibytes_unless_told() -> None:
    assert TinyCodec().max_message_size == DEFAULT_MAX_MESSAGE_SIZE == 16 * 1024 * 1024
    assert TinyCodec(max_message_size=64).max_message_size == 64


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_no_message_fits_is_refused(limit: int) -> None:
    with pytest.raises(ValueError, match=f"max_message_size is {limit}; it is a number of bytes, at least 1"):
        TinyCodec(max_message_size=limit)


class Bare(TinyCodec):
    """Only what an author must write."""

    request_ids: ClassVar[range] = Codec.request_ids


def test_what_an_author_does_not_say_is_the_careful_answer() -> None:
    codec, metadata, buffer = Bare(), Metadata(), Buffer()
    assert codec.api == CODEC_API
    assert not codec.request_ids
    assert codec.rewrites is False
    assert codec.can_mutate(metadata) is False
    assert codec.deadline(metadata) is None
    assert codec.heartbeat(1, buffer) is False
    assert codec.heartbeat_reply(metadata, buffer) is False
    assert bytes(buffer) == b""
    assert codec.for_connection() is codec


def test_fields_of_a_codec_that_names_none_are_the_whole_message() -> None:
    assert list(Bare().fields(b"abc")) == [Field("message", 0, 3, b"abc")]
    assert list(Bare().fields(b"")) == []


@pytest.mark.parametrize(
    ("prefix", "answer"),
    [
        (b"", None),
        (b"\xab\0", None),
        (tiny(b"body"), True),
        (tiny(b"body") + b"more", True),
        (b"GET / HTTP/1.1", False),
        (tiny(b"x" * 100), False),
    ],
)
def test_detection_decodes_the_prefix(prefix: bytes, answer: bool | None) -> None:
    assert TinyCodec(max_message_size=64).match(prefix) is answer


def test_detection_leaves_the_prefix_alone() -> None:
    prefix = tiny(b"body")
    TinyCodec().match(prefix)
    assert prefix == tiny(b"body")


def test_a_hand_written_codec_goes_the_whole_round() -> None:
    codec = TinyCodec()
    request = decoded(codec, tiny(b"ping", request_id=7))
    assert (request.request_id, request.header_size, request.body_size) == (7, 6, 4)
    unchanged = Buffer()
    codec.encode(request, NO_MUTATION, unchanged)
    assert bytes(unchanged) == tiny(b"ping", request_id=7)
    request.request_id = 0xFFFF
    renumbered, reply = Buffer(), Buffer()
    codec.encode(request, NO_MUTATION, renumbered)
    assert bytes(renumbered) == tiny(b"ping", request_id=0xFFFF)
    codec.on_error(request, Error(ErrorType.OVER_LIMIT, "slow down"), reply)
    answer = decoded(codec, bytes(reply), MessageType.RESPONSE)
    assert (answer.request_id, answer.response_status) == (0xFFFF, ResponseStatus.ERROR)
    assert answer.origin_message.endswith(b"slow down")


def test_a_declared_length_over_the_limit_is_refused_by_the_end_of_the_header() -> None:
    codec = TinyCodec(max_message_size=64)
    with pytest.raises(MessageTooLarge):
        codec.decode(Buffer(tiny(b"x" * 59)[:6]), Metadata())
