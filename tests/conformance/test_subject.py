from __future__ import annotations

import dataclasses

import pytest
from hypothesis import strategies as st

from metaprotocol_sdk.conformance import Sample, Subject
from metaprotocol_sdk.metadata import MessageType
from tests.helpers import TinyCodec


def test_a_sample_is_bytes() -> None:
    with pytest.raises(TypeError, match="bytes, not str"):
        Sample("text")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="empty"):
        Sample(b"")


def test_facts_are_what_was_stated() -> None:
    assert Sample(b"x").facts == {}
    assert Sample(b"x", request_id=0, strings={}).facts == {"request_id": 0, "strings": {}}


def test_values_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Sample(b"x").data = b"y"  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        Subject(TinyCodec, None, None).requests = None  # type: ignore[misc]


def test_a_side_speaks_when_it_has_a_strategy() -> None:
    some = st.just(Sample(b"x"))
    assert Subject(TinyCodec, some, some).sides == (MessageType.REQUEST, MessageType.RESPONSE)
    assert Subject(TinyCodec, None, some).sides == (MessageType.RESPONSE,)
    assert Subject(TinyCodec, None, None).sides == ()
