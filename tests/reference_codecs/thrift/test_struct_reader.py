"""Readers: what is drawn is read again, value by value, in every protocol."""

from __future__ import annotations

import base64
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_codecs.thrift.binary import BINARY
from reference_codecs.thrift.compact import COMPACT
from reference_codecs.thrift.frame import Type
from reference_codecs.thrift.json_protocol import JSON
from reference_codecs.thrift.json_reader import JsonReader
from reference_codecs.thrift.strategies import Fields, arguments, write_struct
from reference_codecs.thrift.struct_reader import (
    CONTAINERS,
    DOUBLE,
    MALFORMED,
    MAP,
    STRUCT,
    BinaryReader,
    CompactReader,
    StructReader,
)

READERS: dict[str, type[StructReader]] = {"binary": BinaryReader, "compact": CompactReader, "json": JsonReader}


def read_value(reader: StructReader, kind: int) -> Any:
    if kind == STRUCT:
        reader.open_struct()
        return read_fields(reader)
    if kind not in CONTAINERS:
        return reader.scalar(kind)
    one, other, size = reader.container(kind)
    kinds = (one, other) if kind == MAP else (one,)
    values = [tuple(read_value(reader, each) for each in kinds) for _ in range(size)]
    reader.end_container()
    return values


def read_fields(reader: StructReader) -> list[tuple[int, int, Any]]:
    found: list[tuple[int, int, Any]] = []
    last = 0
    while each := reader.field(last):
        last, kind = each
        found.append((last, kind, read_value(reader, kind)))
        reader.end_field()
    return found


def as_read(kind: Type, value: Any, *, is_json: bool, is_key: bool = False) -> Any:
    if kind is Type.STRUCT:
        return [(number, each, as_read(each, inner, is_json=is_json)) for number, (each, inner) in value]
    if kind is Type.MAP:
        (one, other), pairs = value
        return [
            (as_read(one, left, is_json=is_json, is_key=True), as_read(other, right, is_json=is_json))
            for left, right in pairs
        ]
    if kind in CONTAINERS:
        return [(as_read(value[0], each, is_json=is_json),) for each in value[1]]
    if is_json and kind is Type.STRING:
        return base64.b64encode(value).decode().rstrip("=")
    return str(value) if is_json and is_key else value


@given(st.sampled_from((BINARY, COMPACT, JSON)), arguments)
def test_what_was_written_is_read(protocol: Any, fields: Fields) -> None:
    body = write_struct(protocol, fields) + protocol.tail
    reader = READERS[protocol.name](body)
    reader.open_struct()
    assert read_fields(reader) == as_read(Type.STRUCT, fields, is_json=protocol is JSON)
    reader.end_message()
    assert reader.at == len(body)


def test_numbers_that_are_none_keep_their_bits() -> None:
    wire = bytes.fromhex("7ff0000000000001")
    assert math.isnan(BinaryReader(wire).scalar(DOUBLE))
    assert math.isnan(CompactReader(wire[::-1]).scalar(DOUBLE))


@pytest.mark.parametrize("reader", [BinaryReader(b""), CompactReader(b""), JsonReader(b"")])
def test_nothing_can_be_read_of_nothing(reader: StructReader) -> None:
    for kind in Type:
        if kind not in (Type.STOP, Type.STRUCT):
            with pytest.raises(MALFORMED):
                read_value(reader, kind)
    with pytest.raises(MALFORMED):
        reader.field(0)
