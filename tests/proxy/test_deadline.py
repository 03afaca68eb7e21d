from __future__ import annotations

import pytest

from metaprotocol_sdk.exceptions import CodecBug, DecodeError
from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.proxy.deadline import deadline_of
from tests.proxy.codecs import DeadlineCodec, IdCodec
from tests.proxy.fakes import request


def test_a_protocol_whose_requests_say_none_is_not_asked() -> None:
    assert deadline_of(IdCodec()) is None


@pytest.mark.parametrize(
    ("text", "seconds"), [("1.5", 1.5), ("0", 0.0), ("-3", 0.0), ("-inf", 0.0), ("inf", None), ("none", None)]
)
def test_what_a_request_says_is_seconds_and_never_negative(text: str, seconds: float | None) -> None:
    deadline = deadline_of(DeadlineCodec())
    assert deadline is not None
    assert deadline(request(deadline=text)) == seconds


@pytest.mark.parametrize("text", ["nan", "soon"])
def test_what_is_no_number_is_the_codecs_bug(text: str) -> None:
    deadline = deadline_of(DeadlineCodec())
    assert deadline is not None
    with pytest.raises(CodecBug, match="deadline"):
        deadline(request(deadline=text))


def test_strings_that_are_put_off_and_malformed_are_the_messages_fault() -> None:
    def broken(_: Metadata) -> None:
        raise DecodeError("no")

    deadline = deadline_of(DeadlineCodec())
    assert deadline is not None
    message = request()
    message.defer(broken)
    with pytest.raises(DecodeError):
        deadline(message)
