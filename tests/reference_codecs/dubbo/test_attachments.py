"""Attachments set and removed, by bytes."""

from __future__ import annotations

import pytest

from metaprotocol_sdk import EncodeError
from reference_codecs.dubbo.hessian2 import Map, Reader, Value
from tests.reference_codecs.dubbo.helpers import (
    ATTACHMENTS,
    CALL,
    CALL_BODY,
    FRONT,
    REQUEST,
    RESPONSE,
    message,
    read,
    reply,
    written,
)

NEW = b"M\x11java.util.HashMap"


def test_one_is_replaced_where_it_is_and_keeps_its_spelling() -> None:
    body = FRONT + b"\0H\x05Trace\x03abc\x01k\x01vZ"
    assert written(read(message(body)), TRACE="größe") == message(body.replace(b"\x03abc", b"\x05gr\xc3\xb6\xc3\x9fe"))


def test_one_is_added_at_the_end_and_one_is_removed() -> None:
    changed = CALL_BODY.replace(b"\x04path\x08com.Shop\x05trace", b"\x05trace").replace(b"abcZ", b"abc\x01n\x00Z")
    assert written(read(CALL), path=None, n="") == message(changed)


def test_of_several_of_a_key_one_is_left() -> None:
    body = FRONT + b"\0H\x01k\x01a\x01x\x01y\x01K\x91\x01k\x01cZ"
    assert written(read(message(body)), k="b") == message(FRONT + b"\0H\x01k\x01b\x01x\x01yZ")
    assert written(read(message(body)), k=None) == message(FRONT + b"\0H\x01x\x01yZ")


@pytest.mark.parametrize("changes", [{}, {"absent": None}, {"trace": "abc"}, {"TRACE": "abc", "gone": None}])
def test_what_changes_nothing_leaves_the_very_bytes(changes: dict[str, str | None]) -> None:
    found = read(CALL)
    assert written(found, **changes) == CALL
    assert written(read(message(FRONT + b"\0")), gone=None) == message(FRONT + b"\0")


def test_a_string_that_says_the_same_in_a_longer_form_stays() -> None:
    body = FRONT + b"\0H\x01kS\0\x01vZ"
    assert written(read(message(body)), k="v") == message(body)


def test_one_that_is_no_string_can_be_replaced_and_removed() -> None:
    body = FRONT + b"\0H\x07timeout\xcb\xb8\x01x\x01yZ"
    assert written(read(message(body)), timeout="5") == message(FRONT + b"\0H\x07timeout\x015\x01x\x01yZ")
    assert written(read(message(body)), timeout=None) == message(FRONT + b"\0H\x01x\x01yZ")


def test_a_call_without_attachments_gets_a_map_that_goes_with_its_last_entry() -> None:
    bare = message(FRONT + b"\0")
    changed = written(read(bare), trace="abc")
    assert changed == message(FRONT + b"\0" + NEW + b"\x05trace\x03abcZ")
    assert written(read(changed), trace=None) == bare
    null = message(FRONT + b"\0N")
    assert written(read(null), trace="abc") == changed


def test_an_empty_map_that_was_there_stays() -> None:
    for empty in (b"HZ", b"M\x17java.util.LinkedHashMapZ"):
        bare = message(FRONT + b"\0" + empty)
        assert written(read(written(read(bare), trace="abc")), trace=None) == bare


@pytest.mark.parametrize(
    ("bare", "full"),
    [(b"\x90N", b"\x93N"), (b"\x91\x02hi", b"\x94\x02hi"), (b"\x92", b"\x95"), (b"\xc8\x02", b"\xc8\x05")],
)
def test_a_reply_without_attachments_becomes_the_type_that_has_them(bare: bytes, full: bytes) -> None:
    changed = written(read(reply(bare), RESPONSE), trace="abc")
    assert changed == reply(full + NEW + b"\x05trace\x03abcZ")
    assert written(read(changed, RESPONSE), trace=None) == reply(bare)


def test_a_reply_that_has_attachments_keeps_its_type() -> None:
    data = reply(b"\x95HZ")
    changed = written(read(data, RESPONSE), trace="abc")
    assert changed == reply(b"\x95H\x05trace\x03abcZ")
    assert written(read(changed, RESPONSE), trace=None) == data
    assert written(read(reply(b"\x95N"), RESPONSE), trace="abc") == reply(b"\x95" + NEW + b"\x05trace\x03abcZ")


def test_what_follows_the_attachments_stays_behind_them() -> None:
    data = message(FRONT + b"\0" + ATTACHMENTS + b"rest")
    assert written(read(data), trace=None) == message(FRONT + b"\0H\x04path\x08com.ShopZrest")


USER = b"C\x04User\x91\x01n"
"""A class of one field."""


def test_numbers_behind_an_object_that_goes_are_corrected() -> None:
    body = FRONT + b"\x01I" + USER + b"`\x91" + b"H\x01aH\x01q\x91Z\x01bH\x01r\x92Z\x01cQ\x93Z"
    changed = FRONT + b"\x01I" + USER + b"`\x91" + b"H\x01bH\x01r\x92Z\x01cQ\x92Z"
    assert written(read(message(body)), a=None) == message(changed)
    assert written(read(message(changed)), c="x") == message(changed.replace(b"\x01cQ\x92", b"\x01c\x01x"))


def test_a_value_that_another_refers_to_is_not_taken_out() -> None:
    found = read(message(FRONT + b"\0H\x01aH\x01q\x91Z\x01bQ\x91Z"))
    with pytest.raises(EncodeError, match="an attachment that it changes is part of another value: "):
        written(found, a="x")
    assert read(written(found, other="x"))["other"] == "x"


@pytest.mark.parametrize("entries", [b"\x01a" + USER + b"`\x91\x01b`\x92", b"\x01aM\x04TypeZ\x01bM\x90Z"])
def test_what_goes_with_a_value_and_another_needs_is_said_there(entries: bytes) -> None:
    before = message(FRONT + b"\0H" + entries + b"Z")
    after = written(read(before), a=None)
    (_, kept), (_, value) = attachments(before)[1], attachments(after)[0]
    assert value == kept
    assert len(attachments(after)) == 1


def attachments(data: bytes) -> list[tuple[Value, Value]]:
    """The entries behind a call without arguments."""
    reader = Reader(data, 16 + len(FRONT) + 1)
    found = reader.read()
    assert isinstance(found, Map)
    assert reader.is_at_end
    return found.entries


def test_attachments_that_are_an_argument_said_again_become_their_own() -> None:
    argument = b"\x0fLjava/util/Map;" + b"H\x01k\x01vZ"
    data = message(FRONT + argument + b"Q\x90")
    assert written(read(data), k="w", x="y") == message(FRONT + argument + b"H\x01k\x01w\x01x\x01yZ")


@pytest.mark.parametrize("key", ["interface", "Method", "version", "dubbo", "parameter_types", "serialization"])
def test_what_a_call_says_itself_cannot_be_changed(key: str) -> None:
    for value in ("x", None):
        with pytest.raises(EncodeError, match=f"cannot encode '{key}': it says what the message is"):
            written(read(CALL, REQUEST), **{key: value})


@pytest.mark.parametrize("key", ["status", "status_name", "response_type", "serialization"])
def test_what_a_reply_says_itself_cannot_be_changed(key: str) -> None:
    with pytest.raises(EncodeError, match="it says what the message is"):
        written(read(reply(b"\x92"), RESPONSE), **{key: "x"})
    assert read(written(read(reply(b"\x92"), RESPONSE), dubbo="3"), RESPONSE)["dubbo"] == "3"


@pytest.mark.parametrize("changes", [{"a": "\ud800"}, {"\udfff": "a"}])
def test_half_a_pair_of_surrogates_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(EncodeError, match="no valid Unicode"):
        written(read(CALL), **changes)


def test_a_character_beyond_the_basic_plane_is_written_as_java_does() -> None:
    changed = written(read(CALL), trace="😀")
    assert b"\x05trace\x02\xed\xa0\xbd\xed\xb8\x80Z" in changed
    assert read(changed)["trace"] == "😀"
