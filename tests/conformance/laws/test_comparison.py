from __future__ import annotations

import pytest

from metaprotocol_sdk.conformance import Case
from metaprotocol_sdk.conformance.check import Broken
from metaprotocol_sdk.conformance.laws.comparison import first_difference, is_plain, read_back
from metaprotocol_sdk.metadata import MessageType
from metaprotocol_sdk.mutation import Mutation
from tests.conformance.right_codecs import MailCodec, mail

HELLO = mail(MessageType.REQUEST, request_id=7)
CASE = Case(side=MessageType.REQUEST, wire=HELLO)


@pytest.mark.parametrize(("one", "other", "index"), [(b"ab", b"ac", 1), (b"ab", b"abc", 2), (b"", b"", 0)])
def test_the_first_difference_is_an_index(one: bytes, other: bytes, index: int) -> None:
    assert first_difference(one, other) == index


def test_what_was_written_is_read_as_one_message_or_broken() -> None:
    assert read_back(MailCodec(), CASE, HELLO, "encode").request_id == 7
    with pytest.raises(Broken, match=r"^encode wrote .* does not decode as one message"):
        read_back(MailCodec(), CASE, HELLO[:-1], "encode")


def test_plain_is_short_words_of_ascii() -> None:
    assert is_plain(Mutation({"x-a": "1", "b": None}))
    assert not is_plain(Mutation(a="\n"))
    assert not is_plain(Mutation(a="x" * 33))
