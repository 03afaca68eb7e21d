"""Layouts of structs: every byte has a name, whatever the bytes are, and names tell ids, types and nesting."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk import Field
from reference_codecs.thrift.binary import BINARY
from reference_codecs.thrift.compact import COMPACT
from reference_codecs.thrift.frame import Type
from reference_codecs.thrift.json_protocol import JSON
from reference_codecs.thrift.protocol import Protocol
from reference_codecs.thrift.strategies import Fields, arguments, write_struct
from reference_codecs.thrift.struct_layout import MOST_LEVELS, MOST_VALUES, struct_fields

PROTOCOLS = (BINARY, COMPACT, JSON)
PART: Fields = [(1, (Type.I32, -7)), (2, (Type.STRING, b"lid"))]
EVERY: Fields = [
    (1, (Type.BOOL, True)),
    (2, (Type.BYTE, -1)),
    (3, (Type.DOUBLE, 1.5)),
    (300, (Type.I16, 2)),
    (5, (Type.I64, 1 << 40)),
    (6, (Type.STRUCT, PART)),
    (7, (Type.LIST, (Type.STRUCT, [PART]))),
    (8, (Type.MAP, ((Type.I32, Type.LIST), [(4, (Type.BOOL, [True, False]))]))),
    (9, (Type.SET, (Type.I64, list(range(20))))),
    (10, (Type.LIST, (Type.STRING, []))),
]
NAMED = {
    "1:bool": True,
    "2:byte": -1,
    "3:double": 1.5,
    "300:i16": 2,
    "5:i64": 1 << 40,
    "6:struct": None,
    "6.1:i32": -7,
    "6.end": None,
    "7:list<struct>[1]": None,
    "7[0].1:i32": -7,
    "7[0].end": None,
    "8:map<i32,list>[1]": None,
    "8[0].value:list<bool>[2]": [True, False],
    "9:set<i64>[20]": list(range(16)),
    "10:list<string>[0]": None,
    "end": None,
}


def written(protocol: Protocol, fields: Fields) -> bytes:
    return write_struct(protocol, fields) + protocol.tail


def check_covers(fields: list[Field], start: int, data: bytes) -> None:
    ends = [start, *(field.end for field in fields)]
    assert [field.start for field in fields] == ends[:-1]
    assert ends[-1] == len(data)
    assert all(one < other for one, other in pairwise(ends))


def said(protocol: Protocol, body: bytes) -> dict[str, Any]:
    return {field.name: field.value for field in struct_fields(body, 0, protocol)}


@given(st.sampled_from(PROTOCOLS), arguments, st.data())
def test_every_byte_of_a_struct_and_of_its_front_has_one_name(
    protocol: Protocol, fields: Fields, data: st.DataObject
) -> None:
    body = b"front" + written(protocol, fields)
    found = struct_fields(body, 5, protocol)
    check_covers(found, 5, body)
    assert not any(field.problem for field in found)
    assert found[-1].name == "end"
    front = body[: data.draw(st.integers(5, len(body) - 1))]
    check_covers(struct_fields(front, 5, protocol), 5, front)


@given(st.sampled_from(PROTOCOLS), arguments, st.data())
def test_every_byte_of_a_broken_struct_has_one_name(protocol: Protocol, fields: Fields, data: st.DataObject) -> None:
    body = bytearray(written(protocol, fields))
    for at in data.draw(st.lists(st.integers(0, len(body) - 1), max_size=3)):
        body[at] = data.draw(st.integers(0, 255))
    check_covers(struct_fields(bytes(body), 0, protocol), 0, bytes(body))


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda each: each.name)
def test_values_are_named_by_id_and_type_in_every_protocol(protocol: Protocol) -> None:
    found = said(protocol, written(protocol, EVERY))
    assert {name: found[name] for name in NAMED} == NAMED
    texts = {"6.2:string", "7[0].2:string"}
    assert {found[name] for name in texts} == ({"bGlk"} if protocol is JSON else {"lid"})


def test_offsets_by_bytes() -> None:
    body = bytes.fromhex("08 0001 0000002a 0c 0003 0b 0001 00000002 6869 00 0b 0004 00000001 ff 00")
    assert [(field.name, field.start, field.end, field.value) for field in struct_fields(body, 0, BINARY)] == [
        ("1:i32", 0, 7, 42),
        ("3:struct", 7, 10, None),
        ("3.1:string", 10, 19, "hi"),
        ("3.end", 19, 20, None),
        ("4:string", 20, 28, b"\xff"),
        ("end", 28, 29, None),
    ]


@pytest.mark.parametrize(
    ("protocol", "body", "name", "problem"),
    [
        (BINARY, bytes.fromhex("08 0001 0000"), "1:i32", "it ends early"),
        (BINARY, bytes.fromhex("0c 0001 08 00"), "1.field", "it ends early"),
        (BINARY, bytes.fromhex("63 0001 00"), "field", "99 is no type"),
        (BINARY, bytes.fromhex("0f 0002 0b 7fffffff 00"), "2:list", "a container of 2147483647 is over the 1 bytes"),
        (BINARY, bytes.fromhex("00 00"), "rest", "it follows the message's struct"),
        (COMPACT, bytes.fromhex("1e 00"), "field", "14 is no type"),
        (COMPACT, bytes.fromhex("16 ffffffffffffffffffff 00"), "1:i64", "a number is over 64 bits"),
        (JSON, b'{"1":{"i32":x}}]', "1:i32", "this is not what the protocol writes, or not all of it"),
        (JSON, b'{"1":{"abc":1}}]', "field", "'abc' is no type"),
        (JSON, b'{"1":{"i32":1]}', "1:i32", "} is missing"),
        (JSON, b'{"1":{"str":"\\q"}}]', "1:string", "Invalid"),
    ],
)
def test_what_is_partial_or_broken_says_so_where_it_is(
    protocol: Protocol, body: bytes, name: str, problem: str
) -> None:
    found = struct_fields(body, 0, protocol)[-1]
    assert (found.name, found.end) == (name, len(body))
    assert problem in found.problem


def test_of_very_many_values_and_levels_the_first_are_named() -> None:
    body = written(BINARY, [(1, (Type.LIST, (Type.STRING, [b"ab"] * (MOST_VALUES + 100))))])
    found = struct_fields(body, 0, BINARY)
    assert len(found) == MOST_VALUES + 1
    assert (found[-1].name, found[-1].problem) == ("more", "")
    for deep in (b"\x0c\0\1" * 10_000, b"\x0f\0\1" + b"\x0f\0\0\0\1" * 10_000):
        found = struct_fields(deep, 0, BINARY)
        assert found[-1].name == "more"
        assert len(found) <= MOST_LEVELS + 2


def test_long_lists_of_numbers_cost_what_they_show() -> None:
    body = written(BINARY, [(1, (Type.LIST, (Type.I32, [7] * 64 * 4096)))])
    assert [field.name for field in struct_fields(body, 0, BINARY)] == ["more"]
    body = written(BINARY, [(1, (Type.LIST, (Type.I32, [7] * 64 * 4000)))])
    assert said(BINARY, body) == {"1:list<i32>[256000]": [7] * 16, "end": None}
