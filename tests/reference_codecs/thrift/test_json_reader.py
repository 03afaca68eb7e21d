"""The JSON protocol's reader: what is in quotes, what separates values, and what is malformed."""

from __future__ import annotations

import pytest

from reference_codecs.thrift.frame import Type
from reference_codecs.thrift.json_body import KNOWN
from reference_codecs.thrift.json_reader import TYPES, JsonReader


def test_numbers_that_are_none_and_keys_are_in_quotes() -> None:
    assert JsonReader(b'"-Infinity"').scalar(Type.DOUBLE) == "-Infinity"
    assert JsonReader(b"1e-05}").scalar(Type.DOUBLE) == 1e-05
    assert JsonReader(b'"-12":').scalar(Type.I32) == "-12"
    assert JsonReader(b",1]").scalar(Type.BOOL) is True


def test_texts_may_escape() -> None:
    assert JsonReader(rb'"a\"\u00e4"').scalar(Type.STRING) == 'a"ä'
    assert JsonReader(b'"\xff"').scalar(Type.STRING) == "\ufffd"


def test_fields_and_containers_by_bytes() -> None:
    reader = JsonReader(b'{"1":{"map":["str","lst",1,{"a":["i8",0]}]},"-2":{"tf":0}}]')
    reader.open_struct()
    assert reader.field(0) == (1, Type.MAP)
    assert reader.container(Type.MAP) == (Type.STRING, Type.LIST, 1)
    assert reader.scalar(Type.STRING) == "a"
    assert reader.container(Type.LIST) == (Type.BYTE, Type.BYTE, 0)
    reader.end_container()
    reader.end_container()
    reader.end_field()
    assert reader.field(1) == (-2, Type.BOOL)
    assert reader.scalar(Type.BOOL) is False
    reader.end_field()
    assert reader.field(-2) is None
    reader.end_message()
    assert reader.at == len(reader.data)


def test_an_empty_container_needs_no_type() -> None:
    assert JsonReader(b'["any",0]').container(Type.LIST) == (Type.BYTE, Type.BYTE, 0)
    with pytest.raises(ValueError, match="'any' is no type"):
        JsonReader(b'["any",1,7]').container(Type.LIST)


def test_what_is_skipped_can_be_read() -> None:
    assert set(TYPES) == KNOWN


@pytest.mark.parametrize(
    ("data", "sentence"),
    [(b"", "it ends too early"), (b"[", "{ is missing"), (b",,", "{ is missing")],
)
def test_what_is_missing_is_named(data: bytes, sentence: str) -> None:
    with pytest.raises((LookupError, ValueError), match=sentence):
        JsonReader(data).open_struct()
