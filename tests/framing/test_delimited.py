"""Facts of text frames; their laws are those of every frame, in test_laws."""

from __future__ import annotations

from typing import Any

import pytest
from construct import Int8ub, this
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import DecodeStatus
from metaprotocol_sdk.exceptions import DecodeError, EncodeError, MessageTooLarge
from metaprotocol_sdk.framing import DelimitedFrame, Frame, Frames, TextMap
from metaprotocol_sdk.framing.contract import Duties
from metaprotocol_sdk.metadata import MessageType, Metadata
from metaprotocol_sdk.mutation import Mutation
from tests.framing.counting import CountingBuffer
from tests.framing.messages import codec_for, encoded, outcome

LINE = DelimitedFrame("kind", "id", "method", request_id=this.id, strings={"Method": this.method}, headers=TextMap())
WORDS = DelimitedFrame("kind", "rest")


def read(frame: DelimitedFrame, data: bytes) -> Metadata:
    metadata = Metadata()
    assert frame.bind(Duties(limit=1000))(Buffer(data), metadata) is DecodeStatus.DONE
    return metadata


def test_a_line_is_words_headers_and_a_body() -> None:
    metadata = read(LINE, b"CALL 7 get a=1;B=2 body with spaces\n")
    assert (metadata.request_id, dict(metadata)) == (7, {"Method": "get", "a": "1", "B": "2"})
    assert (metadata.header_size, metadata.body_size) == (20, 16)
    assert LINE.body(metadata.origin_message) == b"body with spaces"
    assert LINE.header(metadata.origin_message) == ("CALL", "7", "get")
    assert LINE.header(metadata.origin_message)._fields == ("kind", "id", "method")


def test_a_line_is_built() -> None:
    assert LINE.build(kind="CALL", method="get", request_id=7) == b"CALL 7 get -\n"
    assert LINE.build(kind="CALL", method="get", id=8) == b"CALL 8 get -\n"
    assert (
        LINE.build(b"a b", kind="CALL", method="get", headers=[("a", "1"), ("b", "2")]) == b"CALL 0 get a=1;b=2 a b\n"
    )
    assert DelimitedFrame().build(b"any thing") == b"any thing\n"


def test_the_body_may_be_empty_with_and_without_its_separator() -> None:
    for data in (b"CALL 7 get -\n", b"CALL 7 get - \n"):
        metadata = read(LINE, data)
        assert metadata.body_size == 0
        assert encoded(codec_for(LINE), metadata, Mutation({"a": "1"})) == data.replace(b"-", b"a=1")


def test_words_may_be_empty() -> None:
    assert LINE.header(b" 1  -\n") == ("", "1", "")
    assert WORDS.build(kind="", rest="") == b" \n"
    assert WORDS.header(b" \n") == ("", "")


def test_a_frame_without_words_is_all_body() -> None:
    metadata = read(DelimitedFrame(), b"a line of text\n")
    assert (metadata.header_size, metadata.body_size) == (1, 14)
    assert dict(metadata) == {}


@pytest.mark.parametrize("delimiter", [b"\n", b"\r\n", b"\r\n\r\n", b"aab", b"::END::"])
@given(st.data())
def test_a_delimiter_is_found_wherever_the_stream_is_cut(delimiter: bytes, data: st.DataObject) -> None:
    frame = DelimitedFrame(delimiter=delimiter, separator=b"|")
    parts = st.lists(st.sampled_from([bytes([byte]) for byte in delimiter] + [b"x"]), max_size=12).map(b"".join)
    bodies = data.draw(st.lists(parts.filter(lambda part: (part + delimiter).find(delimiter) == len(part)), max_size=3))
    stream = b"".join(body + delimiter for body in bodies)
    codec = codec_for(frame)
    whole = outcome(codec, [stream], MessageType.REQUEST)
    assert [each[-1] for each in whole[0]] == [body + delimiter for body in bodies]  # type: ignore[index]
    for cut in range(len(stream)):
        assert outcome(codec, [stream[:cut], stream[cut:]], MessageType.REQUEST) == whole
    assert outcome(codec, [bytes([byte]) for byte in stream], MessageType.REQUEST) == whole


def test_what_was_scanned_is_not_scanned_again() -> None:
    delimiter, body = b"\r\n\r\n", b"x" * 3000
    decode = DelimitedFrame(delimiter=delimiter).bind(Duties(limit=10_000))
    buffer, calls = CountingBuffer(), 0
    for byte in body + delimiter:
        buffer.append(bytes([byte]))
        calls += 1
        status = decode(buffer, Metadata())
    assert status is DecodeStatus.DONE
    assert calls == len(body) + len(delimiter)
    assert buffer.scanned <= calls * len(delimiter)


def test_one_limit_holds_for_messages_of_any_length() -> None:
    decode = WORDS.bind(Duties(limit=8))
    assert decode(Buffer(b"kind abc"[:7] + b"\n"), Metadata()) is DecodeStatus.DONE
    for data in (b"kind abcd", b"kind abc\n", b"kind abc"):
        with pytest.raises(MessageTooLarge):
            decode(Buffer(data), Metadata())
    buffer = Buffer(b"kind ab")
    assert decode(buffer, Metadata()) is DecodeStatus.WAIT_FOR_DATA
    assert buffer.needed == 8


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"CALL 1 get\n", "malformed message in headers: it has 3 words and 4 are needed"),
        (b"\n", "malformed message in id: it has 1 words and 4 are needed"),
        (b"CALL\xff 1 get -\n", "malformed message at byte 4 in kind: the word is not utf-8"),
        (b"CALL 1 g\xffet -\n", "malformed message at byte 8 in method: the word is not utf-8"),
        (b"CALL 1 get a=\xff\n", "malformed message at byte 13 in headers: the word is not utf-8"),
        (b"CALL 1 get a\n", "malformed message at byte 11 in headers[0]: 'a' is not key=value"),
        (b"CALL 1 \xc3\xa9 a=1;b\n", "malformed message at byte 10 in headers[1]: 'b' is not key=value"),
        (
            b"CALL -1 get -\n",
            "malformed message in id: '-1' is not a decimal number from 0 to 9223372036854775807",
        ),
    ],
)
def test_a_malformed_line_says_where(data: bytes, sentence: str) -> None:
    with pytest.raises(DecodeError) as caught:
        read(LINE, data)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("word", ["", "01", "+1", "1_0", " 1"[1:] + "a", "٣", "9223372036854775808", "9" * 5000, "1.0"])
def test_an_id_is_written_one_way(word: str) -> None:
    with pytest.raises(DecodeError, match="is not a decimal number"):
        DelimitedFrame("id", "x", request_id=this.id).bind(Duties(limit=10**4))(
            Buffer(f"{word} x\n".encode()), Metadata()
        )


def test_ids_are_those_a_word_can_say() -> None:
    assert LINE.request_ids == range(1, 1 << 63)
    assert WORDS.request_ids == range(0)
    metadata = read(LINE, b"CALL 7 get - body\n")
    for request_id in (-1, 1 << 63):
        metadata.request_id = request_id
        with pytest.raises(EncodeError, match="is not a decimal number from 0"):
            encoded(codec_for(LINE), metadata)
    metadata.request_id = (1 << 63) - 1
    assert encoded(codec_for(LINE), metadata) == b"CALL 9223372036854775807 get - body\n"


def test_an_encoding_with_two_ways_to_write_a_number_keeps_the_peers() -> None:
    frame = DelimitedFrame("id", "x", request_id=this.id, delimiter=b"\xff\xff\xff", encoding="utf-7", separator=b"|")
    data = b"+ADc-|x\xff\xff\xff"
    metadata = read(frame, data)
    assert metadata.request_id == 7
    assert encoded(codec_for(frame), metadata) == data
    metadata.request_id = 8
    assert encoded(codec_for(frame), metadata) == b"8|x\xff\xff\xff"


def test_an_id_is_written_in_the_encoding_of_the_words() -> None:
    frame = DelimitedFrame(
        "id", "x", request_id=this.id, delimiter=b"\xff\xff\xff", encoding="cp037", separator=b"\x6a"
    )
    data = frame.build(request_id=7, x="abc")
    metadata = read(frame, data)
    metadata.request_id = 80
    assert read(frame, encoded(codec_for(frame), metadata)).request_id == 80


@pytest.mark.parametrize(
    ("mutation", "sentence"),
    [
        ({"method": None}, "cannot encode 'Method': it is the word method, which every message has"),
        ({"method": "a b"}, "cannot encode 'Method': the text contains b' ', which ends a word or a message"),
        ({"method": "a\nb"}, "cannot encode 'Method': the text contains b'\\n', which ends a word or a message"),
        ({"method": "\ud800"}, "cannot encode 'Method': the text cannot be said in utf-8"),
        ({"a": "x y"}, "cannot encode 'a': the text contains b' ', which ends a word or a message"),
        ({"a": "x", "b": "\n"}, "cannot encode 'headers': the text contains b'\\n', which ends a word or a message"),
        ({"a": "x;y"}, "cannot encode 'a': 'x;y' contains ';', which separates headers"),
    ],
)
def test_what_a_line_cannot_say_is_an_encode_error(mutation: dict[str, str | None], sentence: str) -> None:
    metadata = read(LINE, b"CALL 7 get - body\n")
    with pytest.raises(EncodeError) as caught:
        encoded(codec_for(LINE), metadata, Mutation(mutation))
    assert str(caught.value) == sentence


def test_a_word_is_written_by_its_string() -> None:
    metadata = read(LINE, b"CALL 7 get a=1 body\n")
    codec = codec_for(LINE)
    assert encoded(codec, metadata, Mutation({"METHOD": "set"})) == b"CALL 7 set a=1 body\n"
    assert encoded(codec, metadata, Mutation({"method": "set", "A": "2"})) == b"CALL 7 set a=2 body\n"


def test_a_protocol_without_headers_refuses_other_keys() -> None:
    codec = codec_for(WORDS)
    metadata = read(WORDS, b"kind rest\n")
    assert not codec.can_mutate(metadata)
    with pytest.raises(EncodeError, match="carries no string headers, and no word is declared under this key"):
        encoded(codec, metadata, Mutation({"kind": "other"}))
    with pytest.raises(EncodeError, match="the protocol carries no string headers"):
        WORDS.build(kind="a", rest="b", headers={"a": "1"})


def test_two_keys_of_one_word_must_agree() -> None:
    frame = DelimitedFrame("kind", strings={"a": this.kind, "b": this.kind})
    metadata = read(frame, b"x\n")
    codec = codec_for(frame)
    assert encoded(codec, metadata, Mutation({"a": "y", "b": "y"})) == b"y\n"
    with pytest.raises(EncodeError, match="another key gives the word kind another value"):
        encoded(codec, metadata, Mutation({"a": "y", "b": "z"}))


def test_the_id_cannot_be_mutated() -> None:
    frame = DelimitedFrame("id", request_id=this.id, strings={"id": this.id})
    with pytest.raises(EncodeError, match="framing writes the word id; a mutation cannot"):
        encoded(codec_for(frame), read(frame, b"5\n"), Mutation({"id": "6"}))


def test_a_body_cannot_contain_the_delimiter() -> None:
    with pytest.raises(EncodeError, match=r"it would contain b'\\n', which ends a message"):
        WORDS.build(b"a\nb", kind="k", rest="r")
    frame = DelimitedFrame(delimiter=b"aa", separator=b"|")
    with pytest.raises(EncodeError, match="it would contain b'aa', which ends a message"):
        frame.build(b"xa")


def test_a_word_that_ends_in_half_a_separator_is_an_encode_error() -> None:
    frame = DelimitedFrame("a", "b", separator=b"::")
    assert frame.header(frame.build(a="x", b=":y")) == ("x", ":y")
    with pytest.raises(EncodeError, match="a word that ends in part of b'::' would be read as another one"):
        frame.build(a="x:", b="y")


@given(st.text(":|a", max_size=4), st.text(":|a", max_size=4), st.text(":|a", max_size=4).map(str.encode))
def test_what_is_built_reads_back_or_is_an_encode_error(one: str, other: str, body: bytes) -> None:
    frame = DelimitedFrame("a", "b", separator=b"::", delimiter=b"||")
    try:
        data = frame.build(body, a=one, b=other)
    except EncodeError:
        return
    assert read(frame, data).origin_message == data
    assert (*frame.header(data), frame.body(data)) == (one, other, body)


def test_a_reply_has_the_requests_words_and_id() -> None:
    metadata = read(LINE, b"CALL 7 get a=1 body\n")
    assert LINE.reply(metadata, b"sorry", kind="FAIL") == b"FAIL 7 get - sorry\n"
    with pytest.raises(EncodeError, match="a reply has its request's id"):
        LINE.reply(metadata, id="8")


def test_a_word_named_request_id_is_the_id() -> None:
    frame = DelimitedFrame("kind", "request_id", request_id=this.request_id)
    metadata = read(frame, b"CALL 7\n")
    assert frame.reply(metadata) == b"CALL 7\n"
    assert frame.build(kind="CALL", request_id=9) == b"CALL 9\n"


def test_a_line_answers_a_binary_request() -> None:
    request = Frame("len" / Int8ub, "kind" / Int8ub, length=this.len)
    frames = Frames(request=request, response=DelimitedFrame("kind", "text"))
    metadata = Metadata()
    metadata.origin_message = request.build(kind=3)
    assert frames.reply(metadata, text="no") == b"3 no\n"


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ({}, EncodeError, "cannot encode 'kind': the word has no value"),
        ({"kind": "a", "rset": "b"}, TypeError, "the header has no field 'rset'; did you mean rest?"),
        ({"kind": "a", "zzz": "b"}, TypeError, "the header has no field 'zzz'; there are kind, rest"),
        (
            {"kind": "a", "rest": "b", "request_id": 3},
            EncodeError,
            "cannot encode the message: the protocol has no request id, and 3 was given",
        ),
    ],
)
def test_a_line_that_cannot_be_built_says_why(arguments: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error) as caught:
        WORDS.build(**arguments)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("names", "arguments", "sentence"),
    [
        ((), {"delimiter": b""}, "delimiter=b'' and separator=b' ' must differ, and neither may be empty"),
        ((), {"separator": b"\n"}, "delimiter=b'\\n' and separator=b'\\n' must differ, and neither may be empty"),
        ((), {"separator": b"a\nb"}, "delimiter=b'\\n' and separator=b'a\\nb' must differ, and neither may be empty"),
        ((), {"delimiter": "\n"}, "delimiter='\\n' is not bytes; write it as delimiter=b'\\n'"),
        ((), {"separator": " "}, "separator=' ' is not bytes; write it as separator=b' '"),
        (("a", "a"), {}, "Encountered duplicate field name: 'a'"),
        (("class",), {}, "Type names and field names cannot be a keyword: 'class'"),
        (("a b",), {}, "Type names and field names must be valid identifiers: 'a b'"),
        (("a",), {"request_id": this.b}, "request_id reads 'b', which is no field of the header; there are a"),
        (
            ("a",),
            {"request_id": this.a + 1},
            "request_id is computed; it names one word, and describe() sets the computed ones",
        ),
        (
            ("a", "b"),
            {"strings": {"k": this.a + this.b}},
            "strings['k'] is computed; it names one word, and describe() sets the computed ones",
        ),
        (("a",), {"strings": {"k": this.a, "K": this.a}}, "strings has 'K' twice: keys compare case-insensitively"),
        (("headers",), {}, "a field cannot be named 'headers', as build(headers=...) is the string headers"),
        (
            ("request_id",),
            {},
            (
                "a field named 'request_id' is the id, as in build(request_id=...); say request_id=this.request_id, or "
                "give it another name"
            ),
        ),
        ((), {"encoding": "nope"}, "encoding='nope' is no text encoding: unknown encoding: nope"),
    ],
)
def test_a_declaration_that_cannot_be_is_refused(
    names: tuple[str, ...], arguments: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError) as caught:
        DelimitedFrame(*names, **arguments)
    assert str(caught.value) == sentence


def test_fields_take_their_separators_along() -> None:
    found = [
        (each.name, each.start, each.end, each.value, each.problem) for each in LINE.fields(b"CALL 7 get - x y\nNEXT")
    ]
    assert found == [
        ("kind", 0, 5, "CALL", ""),
        ("id", 5, 7, "7", ""),
        ("method", 7, 11, "get", ""),
        ("headers", 11, 13, "-", ""),
        ("body", 13, 16, b"x y", ""),
        ("delimiter", 16, 17, b"\n", ""),
        ("next message", 17, 21, b"NEXT", ""),
    ]
    partial = list(LINE.fields(b"CALL 7 ge"))
    assert [(each.name, each.value, each.problem) for each in partial] == [
        ("kind", "CALL", ""),
        ("id", "7", ""),
        ("method", "ge", "the delimiter has not arrived"),
    ]


def test_what_is_no_line_is_refused_when_it_is_read_again() -> None:
    with pytest.raises(DecodeError, match=r"it does not end in b'\\n'"):
        LINE.header(b"CALL 7 get -")
