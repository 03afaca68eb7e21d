"""Laws and facts of compiled headers: equal to construct, whatever the fields."""

from __future__ import annotations

import struct
from typing import Any

import construct
import pytest
from construct import (
    Adapter,
    Bytes,
    BytesInteger,
    Check,
    Computed,
    Const,
    CString,
    Default,
    Enum,
    FlagsEnum,
    Float32b,
    Float64b,
    GreedyBytes,
    Hex,
    Int8sb,
    Int8ub,
    Int16sb,
    Int16ub,
    Int16ul,
    Int16un,
    Int24ul,
    Int32ub,
    Int64ub,
    OneOf,
    PaddedString,
    Padding,
    Rebuild,
    Struct,
    this,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from metaprotocol_sdk.exceptions import DecodeError, EncodeError
from metaprotocol_sdk.framing.layout import Layout, Slot
from tests.framing.headers import PADDED, STRANGE, headers, values

Header = tuple[list[Any], dict[str, st.SearchStrategy[Any]], bool]


def parsed(fields: list[Any], data: bytes) -> str | None:
    """What construct reads, as text, because NaN is not equal to itself; None: it refuses."""
    try:
        header = Struct(*fields).parse(data)
    except (construct.ConstructError, ValueError):
        return None
    return repr({name: header[name] for name in Layout(fields).names})


def read(layout: Layout, data: bytes, offset: int = 0) -> str | None:
    """What the layout reads, as text; None: it refuses."""
    try:
        return repr(layout.read(data, offset))
    except DecodeError:
        return None


@settings(max_examples=150)
@given(headers(), st.data())
def test_reading_equals_construct_for_every_bytes_of_its_size(header: Header, data: st.DataObject) -> None:
    fields, _, _ = header
    layout = Layout(fields)
    assert layout.size == Struct(*fields).sizeof()
    raw = data.draw(st.binary(min_size=layout.size, max_size=layout.size))
    before = data.draw(st.binary(max_size=3))
    assert read(layout, raw) == parsed(fields, raw)
    assert read(layout, before + raw + b"after", len(before)) == parsed(fields, raw)
    assert read(layout, bytearray(raw)) == parsed(fields, raw)  # type: ignore[arg-type]


@settings(max_examples=150)
@given(headers(), st.data())
def test_building_equals_construct_and_what_it_refuses_is_an_encode_error(header: Header, data: st.DataObject) -> None:
    fields, strategies, _ = header
    layout = Layout(fields)
    given_values = {
        name: data.draw(strategy if data.draw(st.integers(0, 5)) else STRANGE)
        for name, strategy in strategies.items()
        if data.draw(st.integers(0, 7))
    }
    try:
        expected = Struct(*fields).build(given_values)
    except Exception:
        with pytest.raises(EncodeError):
            layout.build(given_values)
    else:
        assert layout.build(given_values) == expected
        assert read(layout, expected) == parsed(fields, expected)


@given(headers())
def test_it_compiles_exactly_when_promised(header: Header) -> None:
    fields, _, compiles = header
    assert Layout(fields).is_compiled is compiles


@given(headers())
def test_slots_are_where_construct_reads_them(header: Header) -> None:
    fields, _, _ = header
    layout = Layout(fields)
    at = 0
    found = []
    for field in fields:
        end = at + field.sizeof()
        inner = field.subcon if isinstance(field, construct.Renamed) else field
        if not (isinstance(inner, construct.Padded) and inner.subcon is construct.Pass):
            found.append((field.name or "", at, end))
        at = end
    assert [(slot.name, slot.start, slot.end) for slot in layout.slots] == found
    assert layout.names == tuple(name for name, _, _ in found if name)


@settings(max_examples=120)
@given(values(), st.text(max_size=8) | st.integers().map(str) | st.floats().map(str) | st.sampled_from(["true", "one"]))
def test_a_text_that_is_packed_reads_back_or_is_refused(field: Any, text: str) -> None:
    (slot,) = Layout(["x" / field.construct]).slots
    try:
        data = slot.pack_text(text)
    except EncodeError:
        return
    assert len(data) == slot.width
    assert slot.text(slot.unpack(data)) == text


@settings(max_examples=120)
@given(values(), st.data())
def test_a_fields_own_text_can_be_packed(field: Any, data: st.DataObject) -> None:
    """The bytes need not be the same (NaN has many, a Flag 255), the text is."""
    (slot,) = Layout(["x" / field.construct]).slots
    if isinstance(field.construct, construct.FlagsEnum | construct.Transformed | construct.Restreamed):
        return  # containers: no text stands for them
    if isinstance(field.construct, construct.StringEncoded) and field.construct.encoding == "utf16":
        return  # written with a byte order mark, for which the field may have no room
    raw = data.draw(st.binary(min_size=slot.width, max_size=slot.width))
    try:
        text = slot.text(slot.unpack(raw))
    except DecodeError:
        return
    assert slot.text(slot.unpack(slot.pack_text(text))) == text


@pytest.mark.parametrize(
    ("field", "text", "data"),
    [
        (Int16sb, "-2", b"\xff\xfe"),
        (Int16ul, "258", b"\x02\x01"),
        (Int24ul, "1", b"\1\0\0"),
        (Float64b, "1.5", struct.pack(">d", 1.5)),
        (Float32b, "nan", struct.pack(">f", float("nan"))),
        (construct.Flag, "true", b"\1"),
        (construct.Flag, "false", b"\0"),
        (Bytes(2), "hi", b"hi"),
        (Bytes(4), "1234", b"1234"),
        (PaddedString(4, "utf8"), "12", b"12\0\0"),
        (Enum(Int8ub, get=7), "get", b"\7"),
        (Enum(Int8ub, get=7), "9", b"\x09"),
        (Hex(Int16ub), "0x01FF", b"\x01\xff"),
    ],
)
def test_texts_become_bytes(field: Any, text: str, data: bytes) -> None:
    assert Layout(["x" / field]).slots[0].pack_text(text) == data


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (Int8ub, "256"),
        (Int8ub, "-1"),
        (Int8ub, "007"),
        (Int8ub, "+7"),
        (Int8ub, " 7"),
        (Int8ub, "1_0"),
        (Int8ub, "٣"),
        (Int8ub, "7.0"),
        (Int8ub, ""),
        (Int8ub, "9" * 5000),
        (Float32b, "0.1"),
        (construct.Flag, "1"),
        (Bytes(2), "h"),
        (Bytes(2), "hey"),
        (Bytes(3), "\ud800"),
        (PaddedString(4, "utf8"), "12345"),
        (PaddedString(4, "utf8"), "1\0"),
        (Enum(Int8ub, get=7), "post"),
        (Enum(Int8ub, get=7), "7"),
    ],
)
def test_texts_that_would_read_otherwise_are_refused(field: Any, text: str) -> None:
    with pytest.raises(EncodeError, match="the header field cannot hold"):
        Layout(["x" / field]).slots[0].pack_text(text)


def test_bytes_that_are_no_text_say_where() -> None:
    slot = Layout([Padding(3), "x" / Bytes(3)]).slots[0]
    with pytest.raises(DecodeError) as caught:
        slot.text(b"a\xffb")
    assert (caught.value.path, caught.value.offset, caught.value.reason) == ("x", 4, "the bytes are not UTF-8")


@pytest.mark.parametrize(
    ("fields", "data", "path", "offset", "reason"),
    [
        ([Const(b"MZ"), "a" / Int8ub], b"PE\1", "magic", 0, "magic is b'PE', not b'MZ'"),
        (["a" / Int8ub, "m" / Const(7, Int16ub)], b"\1\0\x08", "m", 1, "m is 8, not 7"),
        (["m" / Const(7, Int24ul)], b"\x08\0\0", "m", 0, "m is 8, not 7"),
        (["a" / Int16ub], b"\1", "header", 0, "the header has 2 bytes and 1 are there"),
        (["e" / OneOf(Int8ub, [1, 2])], b"\3", "header.e", 1, "object failed validation: 3"),
    ],
)
def test_a_header_that_is_none_says_where(fields: list[Any], data: bytes, path: str, offset: int, reason: str) -> None:
    with pytest.raises(DecodeError) as caught:
        Layout(fields).read(data)
    assert (caught.value.path, caught.value.offset, caught.value.reason) == (path, offset, reason)


class Doubled(Adapter):  # type: ignore[misc]
    def _decode(self, obj: int, context: Any, path: Any) -> int:
        return obj * 2

    def _encode(self, obj: int, context: Any, path: Any) -> int:
        return obj // 2


class Backwards(Bytes):  # type: ignore[misc]
    def _parse(self, stream: Any, context: Any, path: Any) -> bytes:
        found: bytes = super()._parse(stream, context, path)
        return found[::-1]


def test_what_an_author_derives_from_a_field_is_not_mistaken_for_it() -> None:
    layout = Layout(["a" / Doubled(Int8ub), "b" / Backwards(2)])
    assert layout.read(b"\4ab") == {"a": 8, "b": b"ba"}
    assert not layout.is_compiled


def test_a_hook_on_a_field_is_called() -> None:
    def refuse(value: int, context: Any) -> None:
        if value > 3:
            raise ValueError("more than 3")

    layout = Layout(["a" / Int8ub * refuse])
    assert layout.read(b"\3") == {"a": 3}
    with pytest.raises(DecodeError, match="more than 3"):
        layout.read(b"\4")


def test_docs_on_a_field_cost_nothing() -> None:
    assert Layout(["a" / Int8ub * "how many"]).is_compiled


def test_a_padded_field_keeps_its_place() -> None:
    layout = Layout(["a" / PADDED, "b" / Int8ub])
    assert layout.read(b"\0\1\xff\xff\2") == {"a": 1, "b": 2}


def test_fields_named_like_methods_of_a_tuple_are_read() -> None:
    layout = Layout(["count" / Int8ub, "index" / Int8ub, Const(b"!")])
    header = layout.header(layout.unpack_from(b"\1\2!", 0))
    assert (header.count, header.index) == (1, 2)


def test_an_integers_numbers_are_those_it_holds() -> None:
    layout = Layout(["a" / Int8ub, "b" / Int8sb, "c" / Int24ul, "d" / Int64ub, "e" / Bytes(2), "f" / construct.Flag])
    bounds = [(slot.is_integer, slot.numbers) for slot in layout.slots]
    assert bounds == [
        (True, range(256)),
        (True, range(128)),
        (True, range(1 << 24)),
        (True, range(1 << 64)),
        (False, range(0)),
        (False, range(0)),
    ]


def test_native_order_is_its_own_order() -> None:
    assert Layout(["a" / Int16un, "b" / Int8ub]).is_compiled
    assert not Layout(["a" / Int16un, "b" / Int16ul]).is_compiled


def test_a_slot_says_how_wide_it_is() -> None:
    assert Slot("x", 3, 7, Int32ub).width == 4


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (["x"], "'x' is not a construct; a field is written as \"name\" / Int32ub"),
        ([Int8ub], "a header field without a name is a Const or a Padding; name <FormatField>, or say Padding(1)"),
        (
            ["x" / CString("utf8")],
            (
                "header field x has no fixed size; a header is fixed-size fields. What varies comes after it: "
                "headers=StringMap(...), or read from the body in describe()"
            ),
        ),
        (
            ["n" / Int8ub, "x" / Bytes(this.n)],
            (
                "header field x has no fixed size; a header is fixed-size fields. What varies comes after it: "
                "headers=StringMap(...), or read from the body in describe()"
            ),
        ),
        (
            ["x" / GreedyBytes],
            (
                "header field x has no fixed size; a header is fixed-size fields. What varies comes after it: "
                "headers=StringMap(...), or read from the body in describe()"
            ),
        ),
        (["x" / Bytes(-1)], "header field x would have -1 bytes"),
        (["x" / Int8ub, "x" / Int8ub], "two header fields are named 'x'; give each its own name"),
        (
            ["a b" / Int8ub],
            "a header field cannot be named 'a b'; it is an attribute of the header, like body_len",
        ),
        (
            ["_x" / Int8ub],
            "a header field cannot be named '_x'; it is an attribute of the header, like body_len",
        ),
        (
            ["class" / Int8ub],
            "a header field cannot be named 'class'; it is an attribute of the header, like body_len",
        ),
        (
            ["x" / Rebuild(Int8ub, 3)],
            "header field x computes its own value; declare the plain field, and compute it where the message is built",
        ),
        (
            ["x" / Default(Int8ub, this.y)],
            "header field x computes its own value; declare the plain field, and compute it where the message is built",
        ),
        (
            ["x" / Computed(3)],
            "header field x computes its own value; declare the plain field, and compute it where the message is built",
        ),
        (
            [Padding(2, pattern=b"\xff")],
            "padding that is not zeros is a field: name it, and say Default(Bytes(2), b'\\xff\\xff')",
        ),
        (
            ["x" / Default(Int8ub, 300)],
            (
                "header field x cannot hold the value it is declared with: 300 does not fit: struct '>B' error during "
                "building, given value 300"
            ),
        ),
        (
            [Const(300, Int8ub)],
            (
                "header field Const cannot hold the value it is declared with: 300 does not fit: struct '>B' error "
                "during building, given value 300"
            ),
        ),
    ],
)
def test_a_declaration_that_cannot_be_is_refused(fields: list[Any], sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        Layout(fields)
    assert str(caught.value) == sentence


def test_a_check_among_the_fields_is_refused() -> None:
    with pytest.raises(ValueError, match="computes its own value"):
        Layout(["x" / Int8ub, Check(this.x == 1)])


def test_an_integer_of_no_bytes_is_refused_by_construct_when_it_is_read() -> None:
    layout = Layout(["x" / BytesInteger(0)])
    assert not layout.is_compiled
    with pytest.raises(DecodeError, match="length 0 must be positive"):
        layout.read(b"")


def test_flags_are_read() -> None:
    layout = Layout(["x" / FlagsEnum(Int8ub, a=1, b=2)])
    assert layout.read(b"\2")["x"].b
