"""A dump shows every byte once, whatever the codec says of them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from construct import Int8ub, Int16ub, this
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk import Buffer, Error, Field, Frame, FramedCodec, Metadata, StringMap
from metaprotocol_sdk.dump import dump


class _Sample(FramedCodec):
    name = "sample"
    frame = Frame(
        "kind" / Int8ub,
        "size" / Int16ub,
        "head" / Int8ub,
        length=this.size,
        headers=StringMap(length=this.head, prefix=Int8ub),
    )

    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        buffer.append(self.frame.reply(metadata, error.message.encode()))


class _Liar(_Sample):
    """Names bytes as it is told to."""

    def __init__(self, fields: Iterable[Field]) -> None:
        super().__init__()
        self._fields = fields

    def fields(self, data: bytes) -> Iterable[Field]:
        return self._fields


def _hex_of(text: str) -> str:
    rows = [line[10:33] for line in text.splitlines() if re.match(r"[0-9a-f]{8}  ", line)]
    return "".join(rows).replace(" ", "")


MESSAGE = _Sample.frame.build(b"hello", headers={"trace": "abc"}, kind=1)


def test_a_message_is_named_field_by_field() -> None:
    assert dump(_Sample(), MESSAGE).splitlines() == [
        "00000000  01                      kind              1",
        "00000001  00 13                   size              19",
        "00000003  0a                      head              10",
        "00000004  05 74 72 61 63 65       headers[0].key    'trace'",
        "0000000a  03 61 62 63             headers[0].value  'abc'",
        "0000000e  68 65 6c 6c 6f          body              b'hello'",
    ]


def test_a_partial_message_says_what_has_not_arrived() -> None:
    assert "body              b'he'  ! 3 of its bytes have not arrived" in dump(_Sample(), MESSAGE[:16])


def test_the_marked_byte_is_pointed_at_with_the_reason() -> None:
    lines = dump(_Sample(), MESSAGE, mark=2, reason="too small").splitlines()
    assert lines[1].endswith("<-- too small")
    assert sum("<--" in line for line in lines) == 1


def test_a_mark_behind_the_last_byte_has_a_row_of_its_own() -> None:
    assert dump(_Sample(), MESSAGE[:4], mark=4, reason="waits").splitlines()[-1].split() == ["00000004", "<--", "waits"]


def test_of_a_long_field_the_first_rows_and_the_last_are_shown() -> None:
    text = dump(_Sample(), _Sample.frame.build(bytes(100), kind=1))
    assert "...  72 bytes more" in text
    assert len(text.splitlines()) == 3 + 5


def test_a_marked_row_is_never_hidden() -> None:
    text = dump(_Sample(), _Sample.frame.build(bytes(100), kind=1), mark=60)
    assert sum("<-- here" in line for line in text.splitlines()) == 1


def test_colour_is_only_escapes_around_the_same_text() -> None:
    plain, colored = dump(_Sample(), MESSAGE, mark=3), dump(_Sample(), MESSAGE, mark=3, color=True)
    assert colored != plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == plain


def test_a_codec_whose_fields_raise_still_has_its_bytes_shown() -> None:
    class Raises(_Sample):
        def fields(self, data: bytes) -> Iterable[Field]:
            raise KeyError("x")

    text = dump(Raises(), b"\x01\x02")
    assert _hex_of(text) == "0102"
    assert "fields() of this codec raised KeyError: 'x'" in text


@given(st.binary(max_size=24))
def test_any_bytes_are_all_shown_in_order(data: bytes) -> None:
    assert _hex_of(dump(_Sample(), data)) == data.hex()


@given(st.binary(min_size=1, max_size=24), st.lists(st.tuples(st.integers(-5, 30), st.integers(-5, 30)), max_size=6))
def test_gaps_and_overlaps_of_a_lying_codec_are_put_right(data: bytes, ranges: list[tuple[int, int]]) -> None:
    fields = [Field("f", start, end, None) for start, end in ranges]
    assert _hex_of(dump(_Liar(fields), data)) == data.hex()
