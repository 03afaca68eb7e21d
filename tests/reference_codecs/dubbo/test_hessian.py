from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk import DecodeError
from reference_codecs.dubbo.hessian import Hessian, short_front
from reference_codecs.dubbo.hessian2 import LIMITS, write_string
from reference_codecs.dubbo.serialization import Call, valid
from tests.reference_codecs.dubbo.helpers import ATTACHMENTS, CALL, CALL_BODY, FRONT, message, reply

HESSIAN = Hessian("hessian2", LIMITS)
texts = (
    st.text(max_size=40) | st.text(alphabet="ab", min_size=30, max_size=34) | st.integers(250, 1100).map("x".__mul__)
)


@given(st.tuples(texts, texts, texts, texts, texts))
def test_the_quick_way_reads_what_the_other_does_or_nothing(said: tuple[str, ...]) -> None:
    body = b"".join(map(write_string, said))
    data = message(body + b"HZ")
    begin = HESSIAN.begin(data)
    assert begin.call == Call._make(said)
    quick = short_front(data, 16, len(data))
    is_quick = all(text.isascii() and len(text) < 1024 for text in said)
    assert quick == ((*said, 16 + len(body)) if is_quick else None)
    assert begin.walker.position == 16 + len(body)


@given(st.integers(0, len(FRONT) + 3), st.binary(max_size=20))
def test_the_quick_way_reads_nothing_past_the_message(cut: int, next_message: bytes) -> None:
    body = (FRONT + b"\x02II")[:cut]
    data = message(body)
    found = short_front(data + next_message, 16, len(data))
    assert (found is not None) is (cut == len(FRONT) + 3)


def test_attachments_are_behind_the_arguments() -> None:
    walker, has_some = HESSIAN.to_attachments(CALL)
    assert has_some
    assert CALL[walker.position :] == ATTACHMENTS
    assert dict(HESSIAN.read_attachments(CALL)) == {"path": "com.Shop", "trace": "abc"}


@pytest.mark.parametrize("tail", [b"", b"N", b"HZ"])
def test_a_call_may_have_no_attachments(tail: bytes) -> None:
    assert dict(HESSIAN.read_attachments(message(FRONT + b"\0" + tail))) == {}


def test_attachments_may_be_an_argument_said_again() -> None:
    data = message(FRONT + b"\x0fLjava/util/Map;" + b"H\x01k\x01vZ" + b"Q\x90")
    assert dict(HESSIAN.read_attachments(data)) == {"k": "v"}


def test_only_strings_are_attachments_and_the_last_of_a_key() -> None:
    body = FRONT + b"\0H\x01a\x01x\x01n\x91\x01a\x01y\x91\x01z\x01oNZ"
    assert dict(HESSIAN.read_attachments(message(body))) == {"a": "y"}


def test_half_a_pair_of_surrogates_is_no_text() -> None:
    data = message(FRONT + b"\0H\x01a\x01\xed\xa0\xbdZ")
    assert dict(HESSIAN.read_attachments(data)) == {"a": "\ufffd"}
    assert valid("\U0001f600é\udc00") == "\U0001f600é\ufffd"


def test_what_follows_the_attachments_is_left_alone() -> None:
    assert dict(HESSIAN.read_attachments(message(FRONT + b"\0" + ATTACHMENTS + b"rest"))) == {
        "path": "com.Shop",
        "trace": "abc",
    }


@pytest.mark.parametrize(
    ("body", "start", "end", "at"),
    [
        (b"\x91\x91", 18, 18, 16),
        (b"\x92", 17, 17, 16),
        (b"I\0\0\0\x04\x91HZ", 22, 24, 20),
        (b"\xc8\x05HZ", 18, 20, 17),
        (b"\x94\x91Nrest", 18, 19, 16),
    ],
)
def test_the_tail_of_a_reply_is_found(body: bytes, start: int, end: int, at: int) -> None:
    tail = HESSIAN.read_tail(reply(body))
    assert (tail.start, tail.end, tail.response_type_at) == (start, end, at)
    assert (tail.found is not None) is (b"HZ" in body)


def test_the_tail_of_a_request_is_found() -> None:
    tail = HESSIAN.read_tail(CALL)
    assert (CALL[tail.start : tail.end], tail.response_type_at) == (ATTACHMENTS, 0)
    assert tail.found is not None
    assert [entry.key for entry in tail.found.entries] == ["path", "trace"]


@pytest.mark.parametrize("body", [b"\x91", b"\x90", b"\x94\x91H", b"\x91Q\x90"])
def test_a_malformed_reply_is_refused_when_its_tail_is_asked_for(body: bytes) -> None:
    assert HESSIAN.read_response_type(reply(body)) == body[0] - 0x90
    with pytest.raises(DecodeError, match=r"in (value|exception|attachments): "):
        HESSIAN.read_tail(reply(body))


def test_every_cut_of_a_call_is_refused_or_shorter() -> None:
    for size in range(len(CALL_BODY)):
        data = message(CALL_BODY[:size])
        try:
            found = dict(HESSIAN.read_attachments(data))
        except DecodeError:
            continue
        assert size == len(CALL_BODY) - len(ATTACHMENTS)
        assert found == {}
