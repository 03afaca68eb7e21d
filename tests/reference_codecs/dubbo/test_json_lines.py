"""fastjson and gson, by bytes."""

from __future__ import annotations

import pytest

from metaprotocol_sdk import DecodeError, MessageType
from tests.reference_codecs.dubbo.helpers import RESPONSE, message, read, reply

CALL = b'"2.0.2"\n"com.Shop"\n"1.0.0"\n"buy"\n"Ljava/lang/String;I"\n"mu\\ng"\n2\n'
CALL += b'{"trace":"abc","n":1,"path":"gr\xc3\xb6\xc3\x9fe"}\n'


@pytest.mark.parametrize("number", [6, 16])
def test_a_call_and_its_attachments_are_read(number: int) -> None:
    found = read(message(CALL, flags=0xC0 | number))
    assert (found["interface"], found["method"], found["version"]) == ("com.Shop", "buy", "1.0.0")
    assert (found["trace"], found["path"]) == ("abc", "größe")
    assert "n" not in found


@pytest.mark.parametrize("tail", [b"", b"null\n", b"{}\n", b"\n", b"\r\n"])
def test_a_call_without_attachments_has_none(tail: bytes) -> None:
    found = read(message(b'"2.0.2"\r\n"com.Shop"\n""\n"buy"\n""\n' + tail, flags=0xC6))
    assert "trace" not in found
    assert "version" not in found


def test_attachments_of_a_reply_are_behind_its_value() -> None:
    assert read(reply(b'4\n"hi"\n{"trace":"abc"}\n', flags=6), RESPONSE)["trace"] == "abc"
    assert read(reply(b'5\n{"trace":"abc"}\n', flags=6), RESPONSE)["trace"] == "abc"
    assert "trace" not in read(reply(b'1\n{"trace":"abc"}\n{"trace":"abc"}\n', flags=6), RESPONSE)


def test_events_are_told_apart() -> None:
    assert read(message(b"null\n", flags=0xE6)).message_type is MessageType.HEARTBEAT
    assert read(message(b'"R"\n', flags=0xA6))["event"] == "R"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "at byte 16 in dubbo: the body ends before it"),
        (b'"2.0.2"\n', "at byte 24 in interface: the body ends before it"),
        (b'"2.0.2"\nx\n', "at byte 24 in interface: its line is no JSON"),
        (b'"2.0.2"\n[1]\n"1"\n"buy"\n""\n', "in interface: it is .* and no string"),
        (b"[" + b"[]," * 350_000 + b"[]]\n", "in dubbo: its line has 1050004 bytes, and at most 1048576 are read"),
        (b"[" * 9000, "in dubbo: its line is no JSON"),
        (b"\xff\n", "in dubbo: its line is no JSON"),
    ],
)
def test_a_malformed_call_is_refused_where_it_is(body: bytes, sentence: str) -> None:
    with pytest.raises(DecodeError, match=sentence):
        read(message(body, flags=0xC6))


@pytest.mark.parametrize(
    ("tail", "sentence"),
    [
        (b'"X"\n{}\n', "in parameter_types: 'X' begins no JVM"),
        (b'""\n[1]\n', "in attachments: the attachments are no JSON object"),
    ],
)
def test_malformed_attachments_are_refused_when_they_are_asked_for(tail: bytes, sentence: str) -> None:
    found = read(message(b'"2.0.2"\n"com.Shop"\n"1"\n"buy"\n' + tail, flags=0xC6))
    with pytest.raises(DecodeError, match=sentence):
        found.get("trace")


@pytest.mark.parametrize("body", [b"6\n", b"-1\n", b"true\n", b'"1"\n', b"1.0\n"])
def test_a_response_type_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(DecodeError, match=r"in response_type: the response type is .*; it is 0 to 5"):
        read(reply(body, flags=6), RESPONSE)


def test_half_a_pair_of_surrogates_is_no_text() -> None:
    body = b'"2"\n"a\\ud800b"\n""\n"buy"\n""\n{"k\\udc00":"\\ud83d\\ude00\\ud83d"}\n'
    found = read(message(body, flags=0xC6))
    assert (found["interface"], found["k\ufffd"]) == ("a\ufffdb", "\U0001f600\ufffd")
    assert read(message(b'"\\ud800"\n', flags=0xA6))["event"] == "\ufffd"
