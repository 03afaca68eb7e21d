"""Messages of a channel come out as they went in, however the bytes are cut."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.workers import channel
from metaprotocol_sdk.proxy.workers.channel import ChannelError, Message, Reader, encode

plain: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
messages = st.lists(
    st.builds(Message, st.dictionaries(st.text(), plain), st.binary(), st.integers(0, 65535)), min_size=1, max_size=4
)


@given(messages, st.data())
def test_messages_come_out_as_they_went_in(sent: list[Message], data: st.DataObject) -> None:
    wire = b"".join(map(encode, sent))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    reader, found = Reader(), []
    for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        reader.receive_data(wire[start:end])
        while (message := reader.next_message()) is not None:
            found.append(message)
    assert found == sent


@given(st.binary(max_size=200))
def test_whatever_comes_is_a_message_or_an_error_or_more_is_needed(data: bytes) -> None:
    reader = Reader()
    reader.receive_data(data)
    try:
        while reader.next_message() is not None:
            pass
    except ChannelError:
        pass


@pytest.mark.parametrize("fields", [b"[1]", b"1", b"{", b"\xff"])
def test_fields_that_are_no_object_are_an_error(fields: bytes) -> None:
    reader = Reader()
    reader.receive_data(struct.pack(">IIH", len(fields), 0, 0) + fields)
    with pytest.raises(ChannelError, match="no JSON"):
        reader.next_message()


def test_a_message_over_the_limit_is_refused_by_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "MAX_SIZE", 100)
    encode(Message({}, b"x" * 98))
    with pytest.raises(ChannelError, match="over the limit"):
        encode(Message({}, b"x" * 99))
    reader = Reader()
    reader.receive_data(struct.pack(">IIH", 50, 51, 0))
    with pytest.raises(ChannelError, match="over the limit"):
        reader.next_message()
