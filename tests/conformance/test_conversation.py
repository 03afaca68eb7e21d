from __future__ import annotations

import pytest

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import DecodeStatus
from metaprotocol_sdk.conformance import Case
from metaprotocol_sdk.conformance.check import Broken, NotJudged
from metaprotocol_sdk.conformance.conversation import (
    decode,
    describe,
    differences,
    encode,
    listen,
    parties,
    readable,
    whole_message,
)
from metaprotocol_sdk.exceptions import DecodeError
from metaprotocol_sdk.metadata import MessageType, Metadata, ResponseStatus
from metaprotocol_sdk.mutation import Mutation
from tests.conformance.right_codecs import MailCodec, RememberingCodec, SkippingCodec, mail
from tests.helpers import TinyCodec, decoded, tiny

REQUEST, RESPONSE = MessageType.REQUEST, MessageType.RESPONSE


def test_decode_goes_on_past_what_is_skipped() -> None:
    answer = decode(SkippingCodec(), REQUEST, Buffer(b"\0\0" + tiny(b"x")))
    assert (answer.status, answer.skipped) == (DecodeStatus.DONE, 2)
    answer = decode(SkippingCodec(), REQUEST, Buffer(b"\0\0"))
    assert (answer.status, answer.skipped) == (DecodeStatus.WAIT_FOR_DATA, 2)


@pytest.mark.parametrize(
    ("returned", "text"), [(None, "returned None"), (DecodeStatus.SKIPPED, "SKIPPED without draining a byte")]
)
def test_an_answer_that_is_none_is_the_codecs_fault(returned: object, text: str) -> None:
    class Odd(TinyCodec):
        def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
            return returned  # type: ignore[return-value]

    with pytest.raises(Broken, match=text):
        decode(Odd(), REQUEST, Buffer(b"x"))


def test_decode_error_is_an_answer() -> None:
    with pytest.raises(DecodeError):
        decode(TinyCodec(), REQUEST, Buffer(b"x" * 8))


def test_whole_message_takes_nothing_less_and_nothing_more() -> None:
    assert whole_message(TinyCodec(), REQUEST, tiny(b"x")).body_size == 1
    for data in (tiny(b"x")[:-1], tiny(b"x") + b"x", b"x" * 8):
        with pytest.raises(NotJudged, match="decodes_one_message"):
            whole_message(TinyCodec(), REQUEST, data)


def test_the_parties_of_a_stateless_codec_are_the_codec() -> None:
    codec = TinyCodec()
    both = parties(codec, Case(side=RESPONSE, wire=b"x", requests=(tiny(request_id=4),)))
    assert both.reader is both.writer is codec
    assert [each.request_id for each in both.requests] == [4]


def test_the_parties_of_a_stateful_codec_have_seen_the_requests() -> None:
    case = Case(side=RESPONSE, wire=b"x", requests=(tiny(b"\7", request_id=4),))
    both = parties(RememberingCodec(), case)
    assert both.reader is not both.writer
    assert decoded(both.reader, tiny(request_id=4), RESPONSE)["method"] == "7"
    renamed = parties(RememberingCodec(), case, request_id=9)
    assert decoded(renamed.reader, tiny(request_id=9), RESPONSE)["method"] == "7"


def test_encode_gives_the_bytes() -> None:
    message = decoded(MailCodec(), mail(REQUEST))
    assert encode(MailCodec(), message) == mail(REQUEST)
    assert encode(MailCodec(), message, Mutation(a="b")) == mail(REQUEST, headers=[("a", "b")])


def test_differences_name_each_thing_that_changed() -> None:
    before = describe(decoded(MailCodec(), mail(REQUEST, headers=[("a", "b"), ("c", "d")])))
    after = describe(decoded(MailCodec(), mail(MessageType.ONEWAY, request_id=3, headers=[("A", "x")])))
    besides = ("origin_message", "header_size", "body_size", "operation_name")
    assert differences(before, before) == ""
    assert differences(before, after, besides=besides) == (
        "message_type is ONEWAY, not REQUEST; request_id is 3, not 0; string 'a' is 'x', not 'b'; "
        "string 'c' is None, not 'd'"
    )


def test_readable_is_short() -> None:
    assert readable(b"ab") == "61 62 (2 bytes)"
    assert readable(bytes(99)).endswith("00 … (99 bytes)")
    assert readable(ResponseStatus.ERROR) == "ERROR"
    assert readable("x") == "'x'"


def test_listen_writes_down_messages_and_how_it_ended() -> None:
    wire = tiny(b"a", request_id=1) + tiny(b"b", request_id=2)
    heard = listen(TinyCodec(), REQUEST, [wire, b"\xab"])
    assert [each["request_id"] for each in heard.messages] == [1, 2]
    assert (heard.end, heard.buffered) == ("open", 1)
    assert listen(TinyCodec(), REQUEST, [wire, b"x" * 6]).end == "refused"


def test_listen_tells_a_bug_from_a_refusal() -> None:
    class Raising(TinyCodec):
        def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
            raise KeyError("x")

    heard = listen(Raising(), REQUEST, [b"x"])
    assert (heard.end, heard.reason) == ("bug", "decode raised KeyError: 'x'")


def test_listen_looks_at_what_is_left_whatever_was_asked_for() -> None:
    class Asking(TinyCodec):
        def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
            status = super().decode(buffer, metadata)
            if status is DecodeStatus.WAIT_FOR_DATA:
                buffer.needed = 100
            return status

    whole = tiny(b"a")
    assert listen(Asking(), REQUEST, [whole[:3], whole[3:]]).end == "overdue"
    assert listen(Asking(), REQUEST, [whole[:3]]).end == "open"
    assert listen(Asking(), REQUEST, [b"x", b"xxxxx"]).end == "refused"
