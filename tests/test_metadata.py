"""Metadata against a plain model, with strings that are put off."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from metaprotocol_sdk.exceptions import CodecBug, DecodeError
from metaprotocol_sdk.metadata import MessageType, Metadata, ResponseStatus

KEYS = st.text("aAbBcC-", min_size=1, max_size=2)
VALUES = st.text(max_size=3)


class MetadataAgainstAModel(RuleBasedStateMachine):
    """A dict of lower-case key to (spelling, value), and what a loader would still add to it."""

    def __init__(self) -> None:
        super().__init__()
        self.metadata = Metadata()
        self.model: dict[str, tuple[str, str]] = {}
        self.waiting: dict[str, tuple[str, str]] | None = None

    def load(self) -> None:
        if self.waiting is not None:
            self.model = {**self.model, **{key: self.waiting[key] for key in self.waiting if key not in self.model}}
            self.waiting = None

    @rule(key=KEYS, value=VALUES)
    def set(self, key: str, value: str) -> None:
        self.metadata[key] = value
        self.model[key.lower()] = (key, value)

    @rule(key=KEYS)
    def get(self, key: str) -> None:
        if key.lower() not in self.model:
            self.load()
        expected = self.model.get(key.lower(), (key, None))[1]
        assert self.metadata.get(key) == expected
        assert self.metadata.get(key, "else") == ("else" if expected is None else expected)
        assert self.metadata.lookup(key.lower()) == expected
        assert (key in self.metadata) is (expected is not None)
        if expected is None:
            with pytest.raises(KeyError, match=key):
                self.metadata[key]
        else:
            assert self.metadata[key] == expected

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        self.load()
        if self.model.pop(key.lower(), None):
            del self.metadata[key]
        else:
            with pytest.raises(KeyError, match=key):
                del self.metadata[key]

    @precondition(lambda self: self.waiting is None)
    @rule(pairs=st.lists(st.tuples(KEYS, VALUES), max_size=4))
    def defer(self, pairs: list[tuple[str, str]]) -> None:
        self.metadata.defer(lambda metadata: metadata.update(pairs))
        self.waiting = {}
        for key, value in pairs:
            self.waiting[key.lower()] = (key, value)

    @rule()
    def look_at_all(self) -> None:
        self.load()
        assert list(self.metadata.items()) == list(self.model.values())
        assert len(self.metadata) == len(self.model)

    @invariant()
    def what_waits_is_waiting_and_the_rest_is_there(self) -> None:
        assert self.metadata.is_deferred is (self.waiting is not None)
        assert self.metadata.folded == {key: value for key, (_, value) in self.model.items()}
        assert self.metadata


TestMetadataAgainstAModel = MetadataAgainstAModel.TestCase


def test_a_new_one_says_nothing() -> None:
    metadata = Metadata()
    assert dict(metadata) == {}
    assert (metadata.message_type, metadata.side) == (MessageType.REQUEST, MessageType.REQUEST)
    assert metadata.response_status is ResponseStatus.OK
    assert (metadata.request_id, metadata.stream_id, metadata.message_size) == (0, 0, 0)
    assert (metadata.origin_message, metadata.operation_name, metadata.request) == (b"", "", None)


def test_numbers_are_those_of_meta_protocol_proxy() -> None:
    assert [each.value for each in MessageType] == list(range(9))
    assert [each.name for each in MessageType] == [
        "REQUEST",
        "RESPONSE",
        "ONEWAY",
        "STREAM_INIT",
        "STREAM_DATA",
        "STREAM_CLOSE_ONE_WAY",
        "STREAM_CLOSE_TWO_WAY",
        "HEARTBEAT",
        "ERROR",
    ]
    assert [(each.name, each.value) for each in ResponseStatus] == [("OK", 0), ("ERROR", 1)]


def test_the_side_stays_when_the_type_changes() -> None:
    metadata = Metadata(MessageType.RESPONSE)
    metadata.message_type = MessageType.ERROR
    assert metadata.side is MessageType.RESPONSE


@given(st.integers(0), st.integers(0))
def test_the_message_is_its_header_and_its_body(header: int, body: int) -> None:
    metadata = Metadata()
    metadata.header_size, metadata.body_size = header, body
    assert metadata.message_size == header + body


def test_it_is_always_true_and_equal_only_to_itself() -> None:
    one, other = Metadata(), Metadata()
    assert one
    assert one == one  # noqa: PLR0124
    assert one != other
    assert len({one, other, one}) == 2


@pytest.mark.parametrize("value", [b"bytes", 1, None])
def test_a_string_is_a_str(value: object) -> None:
    metadata = Metadata()
    with pytest.raises(TypeError, match=r"metadata\['key'\] takes a str, not .*; others go to metadata.objects"):
        metadata["key"] = value  # type: ignore[assignment]
    assert "key" not in metadata


def test_objects_are_the_door_only_codecs_see() -> None:
    metadata = Metadata()
    metadata.objects["header"] = object()
    assert "header" not in metadata
    assert metadata.objects.keys() == {"header"}


def test_what_is_no_string_is_no_key() -> None:
    assert object() not in Metadata()


def test_a_key_keeps_the_spelling_it_was_last_set_with() -> None:
    metadata = Metadata()
    metadata["User-Id"] = "1"
    assert list(metadata) == ["User-Id"]
    metadata["user-id"] = "2"
    assert list(metadata.items()) == [("user-id", "2")]


def test_a_loader_runs_once_and_only_when_a_string_is_missing() -> None:
    calls = []

    def load(each: Metadata) -> None:
        calls.append(each)
        each["There"] = "2"

    metadata = Metadata()
    metadata["here"] = "1"
    metadata.defer(load)
    assert metadata["here"] == "1"
    assert not calls
    assert metadata["there"] == "2"
    assert metadata["there"] == "2"
    assert metadata.get("nowhere") is None
    assert calls == [metadata]


def test_what_is_set_before_wins_over_what_the_loader_sets() -> None:
    metadata = Metadata()
    metadata.defer(lambda each: each.update({"KEY": "loaded", "other": "loaded"}))
    metadata["Key"] = "set"
    assert list(metadata.items()) == [("Key", "set"), ("other", "loaded")]


def test_what_is_deleted_does_not_come_back_from_the_loader() -> None:
    metadata = Metadata()
    metadata.defer(lambda each: each.update({"key": "loaded"}))
    del metadata["key"]
    assert "key" not in metadata


def failing(error: BaseException) -> Callable[[Metadata], None]:
    def load(metadata: Metadata) -> None:
        metadata.update({"Half": "way", "Kept": "changed"})
        raise error

    return load


def deferring(error: BaseException) -> Metadata:
    metadata = Metadata(codec="tiny")
    metadata["kept"] = "1"
    metadata.defer(failing(error))
    return metadata


@pytest.mark.parametrize(
    "error", [DecodeError("broken"), KeyError("x"), ValueError("x"), ZeroDivisionError("x"), struct.error("x")]
)
def test_a_loader_that_fails_makes_the_message_malformed_each_time(error: Exception) -> None:
    metadata = deferring(error)
    for _ in range(2):
        with pytest.raises(DecodeError):
            metadata["missing"]
    assert metadata["kept"] == "1"
    assert metadata.folded == {"kept": "1"}


def test_any_other_failure_of_a_loader_is_a_bug_of_the_codec_by_name() -> None:
    metadata = deferring(TypeError("not a str"))
    with pytest.raises(CodecBug, match="bug in codec 'tiny': deferred strings raised TypeError: not a str"):
        len(metadata)
    assert metadata.is_deferred


def test_an_interrupt_passes_and_leaves_the_loader_waiting() -> None:
    metadata = deferring(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        metadata.load()
    assert metadata.is_deferred
    assert metadata.folded == {"kept": "1"}


def test_it_shows_what_a_person_debugging_wants() -> None:
    metadata = Metadata(MessageType.RESPONSE)
    metadata.request_id, metadata.origin_message, metadata.operation_name = 7, b"12345", "svc/method"
    metadata.response_status = ResponseStatus.ERROR
    metadata["k"] = "v"
    assert repr(metadata) == "<Metadata RESPONSE id=7 5 bytes 'svc/method' ERROR {'k': 'v'}>"
    metadata.defer(lambda _: None)
    assert repr(metadata).endswith("{'k': 'v'} + deferred>")
