"""What binary frames share, by bytes; the laws of every frame are in test_laws."""

from __future__ import annotations

from typing import Any

import pytest
from construct import BitsInteger, BitStruct, Bytes, Const, Default, Enum, Flag, Int8sb, Int8ub, Int16ub, Int32ub, this

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import DecodeStatus
from metaprotocol_sdk.exceptions import DecodeError, EncodeError
from metaprotocol_sdk.framing import Frame, StringMap, VarintFrame
from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.mutation import Mutation
from tests.framing.messages import codec_for, encoded

FRAME = Frame(
    "version" / Default(Int8sb, 1),
    "len" / Int16ub,
    "id" / Int16ub,
    "cmd" / Int8ub,
    "head_len" / Int8ub,
    length=this.len,
    request_id=this.id,
    strings={"cmd": this.cmd, "Version": this.version},
    headers=StringMap(length=this.head_len, prefix=Int8ub),
)
DATA = b"\1\0\x0e\0\7\3\4\1k\1vxyz"


def read(frame: Any, data: bytes) -> Metadata:
    metadata = Metadata()
    assert codec_for(frame).decode(Buffer(data), metadata) is DecodeStatus.DONE
    return metadata


def mutated(frame: Any, data: bytes, /, **changes: str | None) -> bytes:
    return encoded(codec_for(frame), read(frame, data), Mutation(changes))


def test_a_message_is_what_its_layout_says() -> None:
    assert FRAME.build(b"xyz", headers={"k": "v"}, request_id=7, cmd=3) == DATA
    metadata = read(FRAME, DATA)
    assert dict(metadata) == {"cmd": "3", "Version": "1", "k": "v"}
    assert (metadata.request_id, metadata.header_size, metadata.body_size) == (7, 11, 3)
    assert FRAME.header(DATA) == (1, 14, 7, 3, 4)
    assert FRAME.body(DATA) == b"xyz"


@pytest.mark.parametrize(
    ("changes", "data"),
    [
        ({"cmd": "4"}, b"\1\0\x0e\0\7\4\4\1k\1vxyz"),
        ({"K": "w"}, b"\1\0\x0e\0\7\3\4\1k\1wxyz"),
        ({"K": "longer"}, b"\1\0\x13\0\7\3\x09\1k\6longerxyz"),
        ({"k": None}, b"\1\0\x0a\0\7\3\0xyz"),
        ({"absent": None}, DATA),
        ({"n": "1", "M": "2"}, b"\1\0\x16\0\7\3\x0c\1k\1v\1n\1\x31\1M\1\x32xyz"),
        ({"version": "-1", "k": ""}, b"\xff\0\x0d\0\7\3\3\1k\0xyz"),
    ],
)
def test_a_mutation_is_written_where_its_string_lives(changes: dict[str, str | None], data: bytes) -> None:
    assert mutated(FRAME, DATA, **changes) == data


def test_an_id_and_a_mutation_are_written_together() -> None:
    metadata = read(FRAME, DATA)
    metadata.request_id = 0x102
    assert encoded(codec_for(FRAME), metadata, Mutation({"k": "w"})) == b"\1\0\x0e\1\2\3\4\1k\1wxyz"


@pytest.mark.parametrize("size", [0, 4096 - 11, 4096 - 10, 10_000])
def test_an_id_is_patched_in_messages_of_any_size(size: int) -> None:
    data = FRAME.build(b"b" * size, headers={"k": "v"}, request_id=7, cmd=3)
    metadata = read(FRAME, data)
    metadata.request_id = 0x102
    assert encoded(codec_for(FRAME), metadata) == data[:3] + b"\1\2" + data[5:]
    metadata.request_id = 1 << 16
    with pytest.raises(EncodeError, match="the field holds 2 bytes and cannot say id 65536"):
        encoded(codec_for(FRAME), metadata)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"cmd": "256"}, "cannot encode 'cmd': the header field cannot hold '256'"),
        ({"cmd": None}, "cannot encode 'cmd': it is the header field cmd, which every message has"),
        ({"k": "v" * 256}, "cannot encode 'k': 256 bytes are more than its length prefix can say (255)"),
        (
            {"k": "v" * 254},
            "cannot encode 'head_len': 257 does not fit: struct '>B' error during building, given value 257",
        ),
        ({"k": "\ud800"}, "cannot encode 'k': the text cannot be said in utf-8"),
    ],
)
def test_what_a_message_cannot_say_is_an_encode_error(changes: dict[str, str | None], sentence: str) -> None:
    with pytest.raises(EncodeError) as caught:
        mutated(FRAME, DATA, **changes)
    assert str(caught.value) == sentence


def test_a_message_too_long_for_its_length_is_an_encode_error() -> None:
    frame = Frame(
        "len" / Int8ub, "head_len" / Int16ub, length=this.len, headers=StringMap(length=this.head_len, prefix=Int8ub)
    )
    data = frame.build(b"b" * 200)
    assert len(mutated(frame, data, k="v" * 49)) == 255
    with pytest.raises(EncodeError) as caught:
        mutated(frame, data, k="v" * 50)
    assert (
        str(caught.value) == "cannot encode 'len': 256 does not fit: struct '>B' error during building, given value 256"
    )


def test_a_protocol_without_headers_refuses_keys_it_does_not_declare() -> None:
    frame = Frame("len" / Int8ub, "cmd" / Int8ub, length=this.len, strings={"cmd": this.cmd})
    with pytest.raises(EncodeError) as caught:
        mutated(frame, b"\2\1", other="x")
    assert str(caught.value) == (
        "cannot encode 'other': the protocol carries no string headers, and no header field is declared under this key"
    )
    with pytest.raises(EncodeError, match="the protocol carries no string headers"):
        frame.build(cmd=1, headers=[("a", "b")])
    assert mutated(frame, b"\2\1", cmd="9") == b"\2\x09"


def test_fields_that_framing_writes_cannot_be_mutated() -> None:
    frame = Frame(
        "len" / Int8ub,
        "id" / Int8ub,
        length=this.len,
        request_id=this.id,
        strings={"len": this.len, "id": this.id},
    )
    assert dict(read(frame, b"\2\5")) == {"len": "2", "id": "5"}
    for key in ("len", "id"):
        with pytest.raises(EncodeError, match=f"framing writes the header field {key}; a mutation cannot"):
            mutated(frame, b"\2\5", **{key: "1"})


def test_two_keys_of_one_field_must_agree() -> None:
    frame = Frame("len" / Int8ub, "cmd" / Int8ub, length=this.len, strings={"a": this.cmd, "b": this.cmd})
    assert mutated(frame, b"\2\1", a="7") == b"\2\7"
    assert mutated(frame, b"\2\1", a="7", b="7") == b"\2\7"
    with pytest.raises(EncodeError) as caught:
        mutated(frame, b"\2\1", a="7", b="8")
    assert str(caught.value) == "cannot encode 'b': another key gives the header field cmd another value"


def test_a_change_keeps_the_padding_and_the_bits_of_fields_it_does_not_name() -> None:
    from_peer = b"\xff\x06\xee\x01xyz"[:6]
    frame = Frame(
        "flag" / Flag,
        "len" / Int8ub,
        "bits" / BitStruct("a" / BitsInteger(8)),
        "cmd" / Int8ub,
        length=this.len,
        strings={"cmd": this.cmd},
    )
    assert mutated(frame, from_peer, cmd="2") == b"\xff\x06\xee\x02xy"


def test_a_length_that_fields_share_lets_the_header_block_grow() -> None:
    frame = Frame(
        "head" / Int8ub,
        "ext" / Int8ub,
        "body" / Int8ub,
        length=this.head + this.ext + this.body + 3,
        headers=StringMap(length=this.head, prefix=Int8ub),
    )
    data = frame.build(b"EXTbody", headers={"k": "v"}, ext=3)
    assert data == b"\4\3\4\1k\1vEXTbody"
    assert mutated(frame, data, k="longer") == b"\x09\3\4\1k\6longerEXTbody"
    with pytest.raises(EncodeError) as caught:
        frame.build(b"EXTbody")
    assert str(caught.value) == (
        "cannot encode 'length': ext and body share it, so the field to write is not known: give all but one"
    )


def test_a_block_may_be_all_that_follows_the_header() -> None:
    frame = Frame("len" / Int8ub, length=this.len + 1, headers=StringMap(length=this.len, prefix=Int8ub))
    data = frame.build(headers={"k": "v"})
    assert mutated(frame, data, k=None) == b"\0"
    with pytest.raises(EncodeError, match="no field is left to say 1 of it"):
        frame.build(b"x", headers={"k": "v"})


def test_lengths_that_are_given_must_be_right() -> None:
    assert FRAME.build(b"xyz", len=10, cmd=3) == b"\1\0\x0a\0\0\3\0xyz"
    with pytest.raises(EncodeError) as caught:
        FRAME.build(b"xyz", len=11, cmd=3)
    assert str(caught.value) == "cannot encode 'length': it cannot be 10: no field is left to say -1 of it"
    with pytest.raises(EncodeError) as caught:
        FRAME.build(b"xyz", head_len=1, cmd=3)
    assert str(caught.value) == "cannot encode 'headers': it cannot be 0: no field is left to say -1 of it"


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ({}, EncodeError, "cannot encode 'cmd': the header field has no value and no default"),
        ({"cdm": 3}, TypeError, "the header has no field 'cdm'; did you mean cmd?"),
        ({"cmd": 3, "request_id": -1}, EncodeError, "cannot encode 'id': the field holds 2 bytes and cannot say id -1"),
        (
            {"cmd": "three"},
            EncodeError,
            "cannot encode 'cmd': 'three' does not fit: struct '>B' error during building, given value 'three'",
        ),
    ],
)
def test_a_message_that_cannot_be_built_says_why(arguments: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error) as caught:
        FRAME.build(**arguments)
    assert str(caught.value) == sentence


def test_an_id_is_what_is_given_or_the_fields_own() -> None:
    frame = Frame("len" / Int8ub, "id" / Default(Int8ub, 9), length=this.len, request_id=this.id * 2 + 1)
    assert frame.build() == b"\2\x09"
    assert frame.build(id=4) == b"\2\4"
    assert frame.build(request_id=11) == b"\2\5"
    with pytest.raises(EncodeError, match="cannot say id 10"):
        frame.build(request_id=10)


def test_a_frame_without_an_id_takes_none() -> None:
    frame = Frame("len" / Int8ub, length=this.len)
    with pytest.raises(EncodeError) as caught:
        frame.build(request_id=5)
    assert str(caught.value) == "cannot encode the message: the protocol has no request id, and 5 was given"
    assert frame.reply(read(frame, b"\1"), b"x") == b"\2x"


def test_a_reply_keeps_the_requests_fields_and_not_its_headers() -> None:
    metadata = read(FRAME, DATA)
    assert FRAME.reply(metadata, b"no", cmd=9) == b"\1\0\x09\0\7\x09\0no"
    metadata.request_id = 9
    assert FRAME.reply(metadata) == b"\1\0\7\0\x09\3\0"
    with pytest.raises(EncodeError, match="a reply has its request's id"):
        FRAME.reply(metadata, b"", id=3)
    with pytest.raises(TypeError, match="did you mean cmd"):
        FRAME.reply(metadata, b"", cmdd=3)


@pytest.mark.parametrize(
    ("frame", "data"),
    [
        (Frame("len" / Int8ub, "tag" / Bytes(2), length=this.len, strings={"tag": this.tag}), b"\3a\xff"),
        (VarintFrame("tag" / Bytes(2), strings={"tag": this.tag}), b"\2a\xff"),
    ],
)
def test_a_string_that_is_no_text_is_malformed_at_its_place_in_the_message(frame: Any, data: bytes) -> None:
    with pytest.raises(DecodeError) as caught:
        read(frame, data)
    assert str(caught.value) == "malformed message at byte 2 in tag: the bytes are not UTF-8"


@pytest.mark.parametrize(
    ("frame", "data", "sentence"),
    [
        (
            FRAME,
            b"\1\0\6\0\0\3\0",
            "malformed message at byte 1 in len: the message says it has 6 bytes, fewer than its header's 7",
        ),
        (
            FRAME,
            b"\1\0\x08\0\0\3\2x",
            (
                "malformed message at byte 6 in head_len: the header block is 2 bytes and the message has 1 after its "
                "header"
            ),
        ),
        (
            VarintFrame("n" / Int8ub, "m" / Int8ub, headers=StringMap(length=this.m)),
            b"\3\0\2x",
            "malformed message at byte 2 in m: the header block is 2 bytes and the message has 1 after its header",
        ),
        (
            VarintFrame("n" / Int8ub, "e" / Const(3, Enum(Int8ub, a=1))),
            b"\2\0\1",
            "malformed message at byte 3 in header.e: parsing expected 3 but parsed EnumIntegerString.new(1, 'a')",
        ),
        (
            Frame("len" / Int32ub, length=this.len),
            b"\xff\xff\xff\xff",
            "malformed message at byte 0 in len: 4294967295 bytes are over the limit of 16777216 (max_message_size)",
        ),
        (
            Frame("len" / Int8sb, "n" / Int8sb, length=this.len + 2, headers=StringMap(length=this.n)),
            b"\1\xffx",
            "malformed message at byte 1 in n: the header block is -1 bytes and the message has 1 after its header",
        ),
        (
            Frame("len" / Int8sb, length=this.len + 1),
            b"\x80",
            "malformed message at byte 0 in len: the message says it has -127 bytes, fewer than its header's 1",
        ),
    ],
)
def test_a_malformed_message_says_where(frame: Any, data: bytes, sentence: str) -> None:
    with pytest.raises(DecodeError) as caught:
        read(frame, data)
    assert str(caught.value) == sentence


def test_what_is_no_message_is_refused_when_it_is_read_again() -> None:
    with pytest.raises(DecodeError, match="6 bytes are too few for its header"):
        FRAME.header(DATA[:6])


@pytest.mark.parametrize(
    ("roles", "sentence"),
    [
        ({"length": this.flag}, "length reads flag, which is no plain integer field"),
        (
            {"headers": StringMap(length=this.len + this.id)},
            "the header block's length reads more than one header field; it is one field",
        ),
        (
            {"headers": StringMap(length=this.lne)},
            "StringMap(length) reads 'lne', which is no field of the header; did you mean len?",
        ),
        ({"length": this.len, "request_id": this.len}, "len is both the id and a length"),
        ({"request_id": this.id + this.len}, "request_id reads more than one header field; it is one field"),
    ],
)
def test_a_declaration_that_cannot_be_is_refused(roles: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        Frame("len" / Int8ub, "id" / Int8ub, "flag" / Flag, **roles)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("name", ["headers", "request_id"])
def test_names_that_build_takes_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"a field .*named '{name}'"):
        Frame(name / Int8ub, "len" / Int8ub, length=this.len)
    frame = Frame("request_id" / Int8ub, "len" / Int8ub, length=this.len, request_id=this.request_id)
    assert frame.build(request_id=4) == b"\4\2"
