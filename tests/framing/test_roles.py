"""What header fields are for: the id, and strings."""

from __future__ import annotations

from typing import Any

import pytest
from construct import (
    Bytes,
    BytesInteger,
    Const,
    Enum,
    Flag,
    Float32b,
    Int8sb,
    Int8ub,
    Int16sb,
    Int16ub,
    Int16ul,
    Int16un,
    Int24ub,
    Int64sb,
    Int64ub,
    this,
)
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.exceptions import EncodeError
from metaprotocol_sdk.framing.layout import Layout
from metaprotocol_sdk.framing.roles import IdField, StringField, string_fields

WIDTHS = {
    "u8": Int8ub,
    "i8": Int8sb,
    "u16": Int16ub,
    "i16": Int16sb,
    "u16le": Int16ul,
    "u16n": Int16un,
    "u24": Int24ub,
    "u40le": BytesInteger(5, swapped=True),
    "u64": Int64ub,
    "i64": Int64sb,
    "i72": BytesInteger(9, signed=True),
}


@pytest.mark.parametrize("width", WIDTHS)
@given(scale=st.integers(1, 9), offset=st.integers(-9, 9), data=st.data())
def test_an_id_is_packed_into_the_field_that_reads_it(width: str, scale: int, offset: int, data: st.DataObject) -> None:
    layout = Layout(["x" / WIDTHS[width]])
    field = IdField.from_expression(this.x * scale + offset, layout)
    assert (field.scale, field.offset, field.index) == (scale, offset, 0)
    pack, (slot,) = field.packer(), layout.slots
    number = data.draw(st.sampled_from([0, 1, slot.numbers[-1]]) | st.integers(0, slot.numbers[-1]))
    assert slot.unpack(pack(number * scale + offset)) == number
    assert (number * scale + offset in field.ids) is (number > 0)
    assert field.ids[0] == scale + offset
    assert field.ids[-1] == slot.numbers[-1] * scale + offset
    beyond = max(slot.numbers[-1], (1 << 8 * slot.width) - 1) + 1
    with pytest.raises(EncodeError, match=f"the field holds {slot.width} bytes and cannot say id"):
        pack(beyond * scale + offset)
    if scale > 1:
        with pytest.raises(EncodeError, match="cannot say id"):
            pack(number * scale + offset + 1)


def test_a_signed_field_says_the_negative_ids_it_read() -> None:
    field = IdField.from_expression(this.x, Layout(["x" / Int16sb]))
    assert field.packer()(-2) == b"\xff\xfe"
    assert field.ids == range(1, 1 << 15)


@pytest.mark.parametrize("request_id", [-1, 1 << 16, 1 << 200, -(1 << 200)])
def test_an_id_the_field_cannot_say_is_an_encode_error_that_names_it(request_id: int) -> None:
    with pytest.raises(EncodeError) as caught:
        IdField.from_expression(this.x, Layout(["x" / Int16ub])).packer()(request_id)
    assert str(caught.value) == f"cannot encode 'x': the field holds 2 bytes and cannot say id {request_id}"


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        (this.a + this.b, "request_id reads more than one header field; it is one field"),
        (this.raw, "request_id=raw: an id is an integer field that may hold any number"),
        (this.magic, "request_id=magic: an id is an integer field that may hold any number"),
        (this.kind, "request_id=kind: an id is an integer field that may hold any number"),
        (this.real, "request_id=real: an id is an integer field that may hold any number"),
        (this.flag, "request_id=flag: an id is an integer field that may hold any number"),
        (this.aa, "request_id reads 'aa', which is no field of the header; did you mean a?"),
    ],
)
def test_an_id_that_cannot_be_is_refused(expression: Any, sentence: str) -> None:
    layout = Layout(
        [
            "a" / Int8ub,
            "b" / Int8ub,
            "raw" / Bytes(2),
            "magic" / Const(7, Int8ub),
            "kind" / Enum(Int8ub, x=1),
            "real" / Float32b,
            "flag" / Flag,
        ]
    )
    with pytest.raises(ValueError) as caught:
        IdField.from_expression(expression, layout)
    assert str(caught.value) == sentence


LAYOUT = Layout(["cmd" / Int16sb, "kind" / Enum(Int8ub, get=1), "len" / Int8ub, "magic" / Const(7, Int8ub)])


def strings(**declared: Any) -> dict[str, StringField]:
    return string_fields(declared, LAYOUT, frozenset({"len"}))


def test_strings_know_their_field_and_whether_a_mutation_may_write_it() -> None:
    found = strings(Cmd=this.cmd, kind=this.kind, len=this.len, magic=this.magic)
    assert [(key, field.key, field.index, field.is_owned, field.is_plain) for key, field in found.items()] == [
        ("cmd", "Cmd", 0, False, False),
        ("kind", "kind", 1, False, False),
        ("len", "len", 2, True, True),
        ("magic", "magic", 3, True, True),
    ]


@pytest.mark.parametrize(
    ("key", "text", "sentence"),
    [
        ("Cmd", "40000", "cannot encode 'Cmd': the header field cannot hold '40000'"),
        ("Cmd", None, "cannot encode 'Cmd': it is the header field cmd, which every message has"),
        ("kind", "post", "cannot encode 'kind': the header field cannot hold 'post'"),
        ("len", "3", "cannot encode 'len': framing writes the header field len; a mutation cannot"),
        ("len", None, "cannot encode 'len': framing writes the header field len; a mutation cannot"),
        ("magic", "7", "cannot encode 'magic': framing writes the header field magic; a mutation cannot"),
    ],
)
def test_what_a_field_cannot_say_is_an_encode_error_under_the_strings_key(
    key: str, text: str | None, sentence: str
) -> None:
    field = strings(Cmd=this.cmd, kind=this.kind, len=this.len, magic=this.magic)[key.lower()]
    with pytest.raises(EncodeError) as caught:
        field.pack(text)
    assert str(caught.value) == sentence


def test_a_field_is_packed_from_its_text() -> None:
    assert strings(cmd=this.cmd)["cmd"].pack("-2") == b"\xff\xfe"
    assert strings(kind=this.kind)["kind"].pack("get") == b"\1"


@pytest.mark.parametrize(
    ("declared", "sentence"),
    [
        (
            {"k": this.cmd + 1},
            "strings['k'] is computed; it names one header field, and describe() sets the computed ones",
        ),
        (
            {"k": this.cmd * 2},
            "strings['k'] is computed; it names one header field, and describe() sets the computed ones",
        ),
        (
            {"k": this.cmd + this.len},
            "strings['k'] is computed; it names one header field, and describe() sets the computed ones",
        ),
        ({"k": this.cmd, "K": this.kind}, "strings has 'K' twice: keys compare case-insensitively"),
        ({"k": "cmd"}, "strings['k']='cmd' is not an expression; write it as strings['k']=this.cmd"),
        ({"k": this.cdm}, "strings['k'] reads 'cdm', which is no field of the header; did you mean cmd?"),
    ],
)
def test_a_string_that_cannot_be_is_refused(declared: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        string_fields(declared, LAYOUT, frozenset())
    assert str(caught.value) == sentence
