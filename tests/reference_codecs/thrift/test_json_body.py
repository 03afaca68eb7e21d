"""Structs of the JSON protocol: skipped whole, in pieces and by hand, within limits, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk import DecodeError
from reference_codecs.thrift.json_protocol import JSON
from reference_codecs.thrift.limits import Limits
from reference_codecs.thrift.strategies import Fields, arguments, write_struct
from tests.reference_codecs.thrift.walking import skipped, skipped_by_hand, skipped_in_pieces, verdict, walk_of

TIGHT = Limits(
    message_size=1000, string_size=8, container_size=4, depth=3, header_size=4, headers=1, decompressed_size=1
)


@given(arguments, st.binary(max_size=5))
def test_a_struct_ends_with_its_message_whole_in_pieces_and_by_hand(fields: Fields, after: bytes) -> None:
    body = write_struct(JSON, fields) + JSON.tail
    for skip in (skipped, skipped_by_hand, skipped_in_pieces):
        assert skip(JSON, body + after) == len(body)
    assert skipped(JSON, body[:-1]) is None


@given(arguments, st.data())
def test_no_more_is_waited_for_than_the_message_has(fields: Fields, data: st.DataObject) -> None:
    body = write_struct(JSON, fields) + JSON.tail
    walk = walk_of(JSON)
    for end in sorted(data.draw(st.lists(st.integers(0, len(body) - 1), max_size=4))):
        assert not JSON.skip(body[:end], 0, walk)
        assert walk.position <= end
        assert walk.needed <= len(body)


BODIES = {
    "no field": b"{}]",
    "an empty map, list and set": b'{"1":{"map":["i32","str",0,{}]},"2":{"lst":["rec",0]},"3":{"set":["tf",0]}}]',
    "doubles that are no numbers": b'{"1":{"dbl":"NaN"},"2":{"lst":["dbl",3,"-Infinity",1e-7,"Infinity"]}}]',
    "a negative id": b'{"-1":{"i8":-1}}]',
    "keys of numbers": b'{"1":{"map":["i64","dbl",2,{"-5":0.5,"6":"NaN"}]},"2":{"map":["tf","tf",1,{"1":0}]}}]',
    "a struct as a key": b'{"1":{"map":["rec","i32",2,{{"1":{"i32":1}}:7,{}:8}]}}]',
    "containers in containers": b'{"1":{"map":["str","lst",2,{"a":["i32",1,7],"b":["str",1,"c"]}]}}]',
    "maps in lists": b'{"1":{"lst":["map",2,["i32","i32",1,{"1":2}],["i32","i32",0,{}]]}}]',
    "a uuid": b'{"1":{"uid":"00112233-4455-6677-8899-aabbccddeeff"}}]',
    "escapes": rb'{"1":{"str":"\"\\ab]}"},"2":{"str":"' + rb"\\\"{[" * 200 + b'"},"3":{"str":"x\\\\"}}]',
    "a struct at the end of a struct": b'{"1":{"rec":{"1":{"rec":{"1":{"rec":{}}}}}},"2":{"rec":{"3":{"tf":1}}}}]',
}


@pytest.mark.parametrize("name", BODIES)
def test_what_writers_write_is_passed_whole_in_pieces_and_by_hand(name: str) -> None:
    body = BODIES[name]
    assert skipped(JSON, body) == skipped_by_hand(JSON, body) == skipped_in_pieces(JSON, body) == len(body)


@pytest.mark.parametrize("count", [126, 127, 128, 255, 256, 1001])
@pytest.mark.parametrize(("kind", "element"), [("i64", b"-12"), ("str", b'"ab"'), ("rec", b'{"1":{"tf":1}}')])
def test_containers_of_any_length_are_passed(count: int, kind: str, element: bytes) -> None:
    values = b",".join([element] * count)
    body = b'{"1":{"lst":["%b",%d,%b]},"2":{"i32":7}}]' % (kind.encode(), count, values)
    assert skipped(JSON, body) == skipped_by_hand(JSON, body) == skipped_in_pieces(JSON, body) == len(body)
    pairs = b",".join(b'"%d":%b' % (number, element) for number in range(count))
    body = b'{"1":{"map":["i32","%b",%d,{%b}]}}]' % (kind.encode(), count, pairs)
    assert skipped(JSON, body) == len(body)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"7]", "at byte 0 in body: the struct is not a JSON object"),
        (b"[]]", "the struct is not a JSON object"),
        (b'{"1":]', "at byte 5 in body: b']' has no place"),
        (b'{"1":{"tf":true}}]', "at byte 11 in body: b't' has no place"),
        (b'{"1":{"i32":"7"}}]', "at byte 12 in body: b'\"' has no place"),
        (b'{"1":{"str":7}}]', "at byte 12 in body: b'7' has no place"),
        (b'{"1":{"rec":[]}}]', "at byte 12 in body: b'\\[' has no place"),
        (b"{}}", "at byte 2 in body: b'}' has no place"),
        (b'{"1":{"tf":1},}]', "at byte 14 in body: b'}' has no place"),
        (b'{"1":{"tf":1} }]', "at byte 13 in body: b' ' has no place"),
        (b'{,"1":{"tf":1}}]', "at byte 1 in body: b',' has no place"),
        (b"{\0}]", "has no place"),
        (b'{"1":{"i99":1}}]', "at byte 12 in body: 'i99' is no type of the JSON protocol"),
        (b'{"1":{"lst":["abc",1,1]}}]', "at byte 12 in body: 'abc' is no type"),
        (b'{"1":{"lst":["i32",2,1]}}]', "at byte 22 in body: b'\\]' has no place"),
        (b'{"1":{"lst":["i32",1,1,2]}}]', "at byte 22 in body: b',' has no place"),
        (b'{"1":{"map":["i8","i8",1,{"1",2}]}}]', "at byte 29 in body: b',' has no place"),
        (b'{"1":{"map":["i8","i8",2,{"1":2:"3":4}]}}]', "at byte 31 in body: b':' has no place"),
        (b'{"1":{"map":["i8","i8",1,{"1":2]}}]', "at byte 31 in body: b'\\]' has no place"),
        (b'{"1":{"lst":["i32",-1]}}]', "at byte 12 in body: a container has the negative size -1"),
        (b'{"1":{"lst":["i32",5,1,2,3,4,5]}}]', r"a container of 5 is over the limit of 4 \(max_container_size\)"),
        (b'{"1":{"map":["i8","i8",5,{', r"a container of 5 is over the limit of 4 \(max_container_size\)"),
        (b'{"1":{"str":"123456789"}}]', r"at byte 12 in body: a string is over the limit of 8 \(max_string_size\)"),
        (b'{"1":{"map":["str","i8",1,{"123456789":1}]}}]', "a string is over the limit of 8"),
        (b'{"1":{"lst":["lst",1,["lst",1,["lst",0]]]}}]', "at byte 30 in body: values nest deeper than 3"),
        (b'{"1":{"rec":{"1":{"rec":{"1":{"rec":{}}}}}}}]', "at byte 36 in body: values nest deeper than 3"),
        (b'{"1":{"i64":' + b"9" * 401 + b"}}]", "b'9' has no place"),
    ],
)
def test_a_body_that_is_malformed_or_over_a_limit_is_refused_where_it_is(body: bytes, sentence: str) -> None:
    for skip in (skipped, skipped_in_pieces):
        with pytest.raises(DecodeError, match=sentence):
            skip(JSON, body, TIGHT)


@pytest.mark.parametrize(
    "body",
    [
        b'{"1":{"map":["str","i32",1,{"a":"b"}]}}]',
        b'{"1":{"map":["str","str",1,{"a":1}]}}]',
        b'{"1":{"lst":["str",2,"a",1]}}]',
        b'{"1":{"lst":["i32",16' + b",1" * 15 + b',"1"]}}]',
        b'{"1":{"rec":{"1":{"str":1}}}}]',
        b'{"1":{"i32":1}"2":{"i32":1}}]',
    ],
)
def test_what_is_malformed_is_refused_in_a_run_too(body: bytes) -> None:
    for skip in (skipped, skipped_by_hand, skipped_in_pieces):
        assert verdict(skip, JSON, body) == "refused"


def test_a_string_that_never_ends_is_refused_by_its_limit_and_not_before() -> None:
    front = b'{"1":{"str":"'
    assert skipped(JSON, front + b"12345678", TIGHT) is None
    with pytest.raises(DecodeError, match="a string is over the limit of 8"):
        skipped(JSON, front + b"123456789", TIGHT)
    with pytest.raises(DecodeError, match="a string is over the limit of 8"):
        skipped(JSON, front + b"\\" * 10, TIGHT)


def test_a_string_that_is_cut_short_is_searched_from_where_it_was() -> None:
    walk = walk_of(JSON)
    body = b'{"1":{"str":"' + b"a" * 100 + b"\\"
    assert not JSON.skip(body, 0, walk)
    assert (walk.position, walk.searched) == (1, len(body) - 1)
    assert JSON.skip(body + b'"b"}}]', 0, walk)
    assert walk.position == len(body) + 6
