from __future__ import annotations

import pytest

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.exceptions import EncodeError
from metaprotocol_sdk.metadata import MessageType, Metadata
from metaprotocol_sdk.mutation import Mutation
from metaprotocol_sdk.proxy.encoder import Encoder
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.metrics import ListenerStats
from metaprotocol_sdk.proxy.responder import Responder
from metaprotocol_sdk.proxy.stream import Stream
from tests.proxy.codecs import ERROR, PING, PONG, REPLY, BuggyCodec, IdCodec, LineCodec, SilentCodec, message
from tests.proxy.fakes import stream_of
from tests.proxy.test_encoder import decoded

NO_ROUTE = Error(ErrorType.ROUTE_NOT_FOUND, "no route", "NR")


def responder(codec: Codec) -> tuple[Responder, ListenerStats]:
    stats = ListenerStats()
    return Responder(Encoder(codec, stats), listener="main"), stats


def answered(response: bytes, *, mutation: Mutation | None = None) -> Stream:
    """A stream whose request had id 7 and whose server's reply is ``response``."""
    stream = stream_of(decoded(message(7)))
    stream.response = decoded(response, side=MessageType.RESPONSE)
    if mutation is not None:
        stream.response_mutation = mutation
    return stream


def test_a_reply_with_the_clients_id_is_forwarded_as_it_came() -> None:
    stream = answered(message(7, b"yes", kind=REPLY))
    assert stream.response is not None
    assert responder(BuggyCodec())[0].answer(stream) is stream.response.origin_message


def test_the_clients_id_and_the_mutation_are_in_the_reply_and_encode_sees_the_request() -> None:
    seen: list[Metadata | None] = []

    class Watching(IdCodec):
        def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
            seen.append(metadata.request)
            super().encode(metadata, mutation, buffer)

    stream = answered(message(99, b"yes", kind=REPLY, a="1"), mutation=Mutation(a="2"))
    assert responder(Watching())[0].answer(stream) == message(7, b"yes", kind=REPLY, a="2")
    assert seen == [stream.request]


def test_a_protocol_without_ids_gets_no_id_written() -> None:
    stream = stream_of(decoded(b"GET x\n", LineCodec()))
    stream.request.request_id = 4
    stream.response = decoded(b"OK x\n", LineCodec(), MessageType.RESPONSE)
    assert responder(LineCodec())[0].answer(stream) == b"OK x\n"


def test_the_debug_log_says_of_each_local_reply_which_request_why_and_what_a_route_could_have_matched(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stream = stream_of(decoded(message(7, user="secret", stage="test")))
    stream.request.operation_name = "put"
    stream.error = NO_ROUTE
    writer, _ = responder(IdCodec())
    with caplog.at_level("INFO", LOGGER_NAME):
        writer.answer(stream)
    assert caplog.messages == []
    with caplog.at_level("DEBUG", LOGGER_NAME):
        writer.answer(stream)
    names = ", ".join(sorted(stream.request))
    assert "stage" in names
    assert caplog.messages == [f"listener main: request 7 (put) failed, NR: no route; its strings are {names}"]
    assert "secret" not in caplog.text


def test_a_local_reply_wins_and_is_not_mutated() -> None:
    stream = answered(message(7, kind=REPLY), mutation=Mutation(a="2"))
    stream.error = NO_ROUTE
    writer, stats = responder(IdCodec())
    reply = decoded(writer.answer(stream) or b"", side=MessageType.RESPONSE)
    assert (reply.origin_message[1], reply["type"], "a" in reply) == (ERROR, "ROUTE_NOT_FOUND", False)
    assert stats.local_response_business_exception == 1


@pytest.mark.parametrize(("line", "expected"), [(b"GET x\n", None), (b"PING\n", b"")])
def test_a_silent_codec_leaves_only_those_who_wait_without_an_answer(line: bytes, expected: bytes | None) -> None:
    stream = stream_of(decoded(line, LineCodec()))
    stream.error = NO_ROUTE
    writer, stats = responder(SilentCodec())
    assert writer.answer(stream) == expected
    assert stats.local_response_error == (expected is None)


def test_a_bug_is_no_answer_counted_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    stream = stream_of(decoded(message(7)))
    stream.error = NO_ROUTE
    writer, stats = responder(BuggyCodec())
    assert writer.answer(stream) is None
    assert (stats.codec_bug, stats.local_response_error) == (1, 1)
    assert "bug in codec 'idrpc': on_error raised KeyError" in caplog.text


def test_a_reply_that_cannot_be_written_becomes_a_local_one() -> None:
    class NoIds(IdCodec):
        def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
            raise EncodeError("no")

    reply = decoded(responder(NoIds())[0].answer(answered(message(99, kind=REPLY))) or b"", side=MessageType.RESPONSE)
    assert reply["type"] == "BAD_RESPONSE"


def test_a_stream_with_neither_reply_nor_error_is_a_heartbeat() -> None:
    assert responder(IdCodec())[0].answer(stream_of(decoded(message(3, kind=PING)))) == message(3, kind=PONG)
