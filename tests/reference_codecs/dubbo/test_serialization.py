from __future__ import annotations

import pytest

from metaprotocol_sdk import DecodeError
from reference_codecs.dubbo.serialization import NAMES, UNREAD_EVENT, Opaque
from tests.reference_codecs.dubbo.helpers import message


def test_a_serialization_that_is_not_read_says_which_it_is() -> None:
    kryo = Opaque(8)
    assert not kryo.is_read
    for ask in (kryo.read_call, kryo.read_attachments):
        with pytest.raises(
            DecodeError, match="is asked for, and written in kryo, which is not read that far; where routes"
        ):
            ask(b"")
    assert kryo.read_response_type(b"") is None
    assert kryo.write_string("no") is None


def test_one_that_has_no_name_is_called_by_its_number() -> None:
    assert 1 not in NAMES
    assert Opaque(1).name == "serialization-1"


def test_an_event_that_wants_an_answer_is_a_heartbeat() -> None:
    assert Opaque(8).read_event(message(b"?", flags=0xE8)) is None
    assert Opaque(8).read_event(message(b"?", flags=0xA8)) == UNREAD_EVENT
