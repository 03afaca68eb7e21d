from __future__ import annotations

import logging
import re
from typing import Any

import pytest

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.decoder import Decoder
from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.exceptions import CodecBug, EncodeError
from metaprotocol_sdk.metadata import MessageType, Metadata
from metaprotocol_sdk.mutation import NO_MUTATION, Mutation
from metaprotocol_sdk.proxy.encoder import MAX_WARNINGS, Encoder
from metaprotocol_sdk.proxy.metrics import ListenerStats
from tests.proxy.codecs import (
    ERROR,
    PING,
    PONG,
    BuggyCodec,
    IdCodec,
    RewritingCodec,
    SilentCodec,
    StubbornCodec,
    message,
)

ERROR_VALUE = Error(ErrorType.UNSPECIFIED, "no")


def decoded(data: bytes, codec: Codec | None = None, side: MessageType = MessageType.REQUEST) -> Metadata:
    decoder = Decoder(codec or IdCodec(), side)
    decoder.receive_data(data)
    found = decoder.next_message()
    assert found is not None
    return found


def encoder(codec: Codec) -> Encoder:
    return Encoder(codec, ListenerStats())


def test_a_message_nobody_changes_is_the_origin_itself_and_encode_is_not_called() -> None:
    request = decoded(message(7, b"body", a="1"))
    assert encoder(BuggyCodec()).message(request, NO_MUTATION, 7) is request.origin_message


def test_an_id_and_a_mutation_are_written_and_the_metadata_keeps_its_own_id() -> None:
    request = decoded(message(7, b"body", a="1"))
    assert encoder(IdCodec()).message(request, Mutation(a="2"), 9) == message(9, b"body", a="2")
    assert request.request_id == 7


def test_a_codec_that_rewrites_is_always_asked() -> None:
    request = decoded(message(7, b"quiet"))
    assert encoder(RewritingCodec()).message(request, NO_MUTATION, 7) == message(7, b"LOUDE")


def test_a_mutation_that_cannot_be_said_is_left_out_counted_and_warned_of_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = encoder(StubbornCodec())
    request = decoded(message(7, b"body", cmd="1"))
    with caplog.at_level(logging.WARNING, "metaprotocol.proxy"):
        assert writer.message(request, Mutation(other="x"), 7) is request.origin_message
        assert writer.message(request, Mutation(other="x"), 9) == message(9, b"body", cmd="1")
        monkeypatch.setattr(StubbornCodec, "for_connection", lambda codec: StubbornCodec())
        again = writer.for_connection()
        assert again is not writer
        assert again.message(request, Mutation(other="x"), 7) is request.origin_message
    assert writer.stats.mutation_failed == 3
    assert len(caplog.records) == 1
    assert "other" in caplog.text


def test_what_differs_in_each_request_is_warned_of_once_and_not_remembered(caplog: pytest.LogCaptureFixture) -> None:
    writer = encoder(StubbornCodec())
    request = decoded(message(7, b"body", cmd="1"))
    with caplog.at_level(logging.WARNING, "metaprotocol.proxy"):
        for number in range(1000):
            writer.message(request, Mutation(trace=str(number)), 7)
        assert len(caplog.records) == 1
        for number in range(1000):  # keys a filter makes of what clients send
            writer.message(request, Mutation({f"key-{number}": "x"}), 7)
    assert len(caplog.records) == MAX_WARNINGS
    assert writer.stats.mutation_failed == 2000


def test_a_string_the_codec_can_write_is_written_though_it_carries_no_headers() -> None:
    request = decoded(message(7, b"body", cmd="1"))
    assert not StubbornCodec().can_mutate(request)
    assert encoder(StubbornCodec()).message(request, Mutation(cmd="2"), 7) == message(7, b"body", cmd="2")


class NoIdCodec(IdCodec):
    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        raise EncodeError("this id does not fit", key="id")


def test_what_cannot_be_said_without_a_mutation_is_the_callers_to_answer() -> None:
    request = decoded(message(7))
    with pytest.raises(EncodeError):
        encoder(NoIdCodec()).message(request, Mutation(a="1"), 9)
    assert request.request_id == 7


class EmptyCodec(IdCodec):
    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        pass

    def heartbeat_reply(self, metadata: Metadata, buffer: Buffer) -> bool:
        return True


def test_every_other_exception_and_an_empty_message_is_a_bug_with_the_codecs_name() -> None:
    request = decoded(message(7))
    with pytest.raises(CodecBug, match="'idrpc': encode raised KeyError"):
        encoder(BuggyCodec()).message(request, NO_MUTATION, 8)
    with pytest.raises(CodecBug, match="'idrpc': on_error raised KeyError"):
        encoder(BuggyCodec()).error(request, ERROR_VALUE)
    with pytest.raises(CodecBug, match="encode wrote nothing"):
        encoder(EmptyCodec()).message(request, NO_MUTATION, 8)
    with pytest.raises(CodecBug, match="heartbeat_reply returned True and wrote nothing"):
        encoder(EmptyCodec()).heartbeat_reply(request)


class RaisingHeart(IdCodec):
    def __init__(self, problem: Exception) -> None:
        super().__init__()
        self.problem = problem

    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        raise self.problem

    def heartbeat_reply(self, metadata: Metadata, buffer: Buffer) -> bool:
        raise self.problem


def test_a_reply_the_protocol_cannot_say_is_none_and_a_raising_heartbeat_a_bug() -> None:
    request = decoded(message(7))
    mute = encoder(RaisingHeart(EncodeError("no room")))
    assert mute.error(request, ERROR_VALUE) == b""
    assert mute.heartbeat_reply(request) == b""
    with pytest.raises(CodecBug, match="heartbeat_reply raised ValueError"):
        encoder(RaisingHeart(ValueError("x"))).heartbeat_reply(request)


def test_error_replies_and_heartbeats_are_the_codecs() -> None:
    request = decoded(message(7))
    reply = decoded(encoder(IdCodec()).error(request, ERROR_VALUE), side=MessageType.RESPONSE)
    assert (reply.request_id, reply.origin_message[1]) == (7, ERROR)
    assert encoder(SilentCodec()).error(request, ERROR_VALUE) == b""
    assert encoder(IdCodec()).heartbeat_reply(decoded(message(3, kind=PING))) == message(3, kind=PONG)
    assert encoder(IdCodec()).heartbeat_reply(decoded(message(3, kind=PONG))) == b""


def test_one_encoder_serves_every_connection_of_a_codec_without_state() -> None:
    writer = encoder(IdCodec())
    assert writer.for_connection() is writer


@pytest.mark.parametrize(
    ("made", "what"),
    [(KeyError("x"), "raised KeyError: 'x'"), (SystemExit(1), "raised SystemExit: 1"), (None, "NoneType")],
)
def test_a_codec_that_cannot_be_had_for_a_connection_is_a_bug(made: BaseException | None, what: str) -> None:
    class Unmakeable(IdCodec):
        def for_connection(self) -> Any:
            if made is not None:
                raise made

    with pytest.raises(CodecBug, match=re.escape(f"for_connection {what}" if made else "returned NoneType")):
        encoder(Unmakeable()).for_connection()


def test_a_heartbeat_is_written_or_the_codec_is_at_fault() -> None:
    assert encoder(IdCodec()).heartbeat(7) == message(7, kind=PING)

    class Mute(IdCodec):
        says = False

        def heartbeat(self, request_id: int, buffer: Buffer) -> bool:
            if request_id == 1:
                raise KeyError(request_id)
            if request_id == 2:
                raise EncodeError("no heartbeat today")
            return self.says

    mute = Mute()
    with pytest.raises(CodecBug, match="heartbeat returned False and wrote 0 bytes"):
        encoder(mute).heartbeat(0)
    mute.says = True
    with pytest.raises(CodecBug, match="heartbeat returned True and wrote 0 bytes"):
        encoder(mute).heartbeat(0)
    with pytest.raises(CodecBug, match="heartbeat raised KeyError"):
        encoder(mute).heartbeat(1)
    with pytest.raises(EncodeError, match="no heartbeat today"):
        encoder(mute).heartbeat(2)
