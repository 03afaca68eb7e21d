from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.codec import Field
from metaprotocol_sdk.conformance.vectors.hexadecimal import NoHex, annotated_hex, read_hex
from tests.helpers import TinyCodec, tiny


def test_digits_may_be_grouped_and_commented() -> None:
    assert read_hex("AB cd\n\n# a line of words\n0 1 # one\n") == b"\xab\xcd\x01"


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ("ab\n0x", 1, "'x' is no hex digit; comments begin with #"),
        ("abc", 0, "it has 3 hex digits, and a byte has two"),
        (" # nothing", 0, "it has no bytes"),
        ("", 0, "it has no bytes"),
        ("\u0661\u0661", 0, "'\u0661' is no hex digit; comments begin with #"),
    ],
)
def test_what_is_no_hex_is_said_with_its_line(text: str, line: int, sentence: str) -> None:
    with pytest.raises(NoHex) as caught:
        read_hex(text)
    assert (str(caught.value), caught.value.line) == (sentence, line)


@given(st.binary(min_size=1, max_size=200))
def test_annotated_hex_reads_back(data: bytes) -> None:
    assert read_hex("\n".join(annotated_hex(TinyCodec(), data))) == data


def test_each_field_is_named_beside_its_first_line() -> None:
    class Named(TinyCodec):
        def fields(self, data: bytes) -> Iterator[Field]:
            yield Field("header", 0, 6, "\x1b\u2028")
            yield Field("body", 6, len(data), data[6:])

    assert annotated_hex(Named(), tiny(b"0123456789abcdefg")) == [
        "ab 00 00 00 00 11                                # header '\\x1b\\u2028'",
        "30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  # body b'0123456789abcdefg'",
        "67",
    ]
