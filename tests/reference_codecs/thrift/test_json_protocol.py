"""The JSON protocol: begins by bytes, and what is refused."""

from __future__ import annotations

import pytest

from metaprotocol_sdk import DecodeError
from reference_codecs.thrift.frame import Kind
from reference_codecs.thrift.json_body import find_end
from reference_codecs.thrift.json_protocol import JSON
from reference_codecs.thrift.protocol import Begin, Data, Short
from tests.reference_codecs.thrift.helpers import REQUEST, listen

ADD = b'[1,"add",1,-7,{}]'


def test_a_begin_by_bytes() -> None:
    begin = JSON.read_begin(b"??" + ADD, 2, 2 + len(ADD), 2)
    assert begin == Begin("add", Kind.CALL, -7, 11, 13, 14)
    assert JSON.write_begin("add", Kind.CALL, -7) + b"{}" + JSON.tail == ADD
    assert JSON.parts(begin, 0) == (("version", 3), ("name", 9), ("kind", 11), ("seqid", 14))


@pytest.mark.parametrize("name", ['a"b', "back\\slash", "größe", "\x01", "\U0001f642"])
def test_a_name_may_escape(name: str) -> None:
    data = JSON.write_begin(name, Kind.CALL, 0)
    assert JSON.read_begin(data, 0, len(data), 0).name == name


def test_a_begin_that_is_cut_short_needs_one_more() -> None:
    for end in range(14):
        with pytest.raises(Short) as short:
            JSON.read_begin(ADD[:end], 0, end, 0)
        assert short.value.needed == end + 1


@pytest.mark.parametrize("name", [b"a" * 9000, b"\\u0061" * 1500, b'\\"' * 4500])
def test_a_name_in_pieces_is_searched_once(name: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[int] = []

    def counted(data: Data, at: int, end: int) -> tuple[int, bool]:
        searched.append(end - at)
        return find_end(data, at, end)

    monkeypatch.setattr("reference_codecs.thrift.json_protocol.find_end", counted)
    data = b'[1,"' + name + b'",1,7,{}]'
    (message,) = listen(data, REQUEST, 1)
    assert message.origin_message == data
    assert len(searched) > 9000
    assert max(searched) < 20


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b'[2,"add",1,7,{}]', "at byte 0 in version"),
        (b"{}", "at byte 0 in version"),
        (b'[1,"a\ndd",1,7,{}]', "at byte 3 in name: the name is not a JSON string of UTF-8"),
        (b'[1,"a\xff",1,7,{}]', "at byte 3 in name: the name is not a JSON string of UTF-8"),
        (b'[1,"\\ud800",1,7,{}]', "the name is not a JSON string of UTF-8"),
        (b'[1,"\\q",1,7,{}]', "the name is not a JSON string of UTF-8"),
        (b'[1,"add";1,7,{}]', "at byte 8 in kind"),
        (b'[1,"add",9,7,{}]', "the message kind is 9"),
        (b'[1,"add",1,7.5,{}]', "at byte 12 in kind"),
        (b'[1,"add",1,99999999999,{}]', "at byte 21 in kind"),
        (b'[1,"add",1,2147483648,{}]', "at byte 11 in seqid: 2147483648 is over 32 bits"),
        (b'[1,"' + b"a" * 20_000, "in name"),
    ],
)
def test_a_begin_that_is_none_is_refused_where_it_is_wrong(data: bytes, sentence: str) -> None:
    with pytest.raises(DecodeError, match=sentence):
        JSON.read_begin(data, 0, len(data), 0)


def test_an_exception_by_bytes() -> None:
    assert JSON.write_exception("no", 6) == b'{"1":{"str":"no"},"2":{"i32":6}}'


@pytest.mark.parametrize(("data", "field"), [(b"{}]", 0), (b'{"0":{"i32":1}}]', 0), (b'{"12":{"rec":{', 12)])
def test_a_results_first_field(data: bytes, field: int) -> None:
    assert JSON.result_field(data) == field


def test_a_result_that_is_no_struct_has_no_field() -> None:
    with pytest.raises(ValueError, match="no struct"):
        JSON.result_field(b'"x"')
