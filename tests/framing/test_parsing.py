"""The place where construct's errors become ours."""

from __future__ import annotations

import struct
from typing import Any

import construct
import pytest
from construct import (
    Adapter,
    Array,
    Bytes,
    Const,
    Enum,
    GreedyBytes,
    Int8ub,
    Int16ub,
    Int32ub,
    LazyBound,
    PascalString,
    Struct,
    Switch,
    Terminated,
    this,
)

from metaprotocol_sdk.exceptions import DecodeError, EncodeError
from metaprotocol_sdk.framing import parse
from metaprotocol_sdk.framing.parsing import build, moved, reason_of

CALL = Struct(
    "magic" / Const(b"\xca\x11"),
    "method" / PascalString(Int8ub, "utf8"),
    "args" / Struct("count" / Int8ub, "values" / Array(this.count, "value" / Int16ub)),
)


def test_what_construct_reads_is_returned() -> None:
    call = parse(CALL, b"\xca\x11\3get\2\0\1\0\2")
    assert (call.method, list(call.args["values"])) == ("get", [1, 2])


def test_bytes_that_are_left_are_the_declarations_business() -> None:
    assert parse(Int8ub, b"\1\2") == 1
    with pytest.raises(DecodeError, match="expected end of stream"):
        parse(Struct("a" / Int8ub, Terminated), b"\1\2")


@pytest.mark.parametrize(
    ("declaration", "data", "path", "offset", "reason"),
    [
        (CALL, b"", "body.magic", 0, "stream read less than specified amount, expected 2, found 0"),
        (CALL, b"\xca\x12", "body.magic", 2, "parsing expected b'\\xca\\x11' but parsed b'\\xca\\x12'"),
        (CALL, b"\xca\x11\5get", "body.method", 6, "stream read less than specified amount, expected 5, found 3"),
        (
            CALL,
            b"\xca\x11\1\xff\0",
            "body",  # construct does not say where a text was
            4,
            "cannot use encoding 'utf8' to decode b'\\xff'",
        ),
        (
            CALL,
            b"\xca\x11\3get\2\0\1\0",
            "body.args.values.value",
            10,
            "stream read less than specified amount, expected 2, found 1",
        ),
        (Struct("a" / Bytes(this.b)), b"x", "body", 0, "KeyError: 'b'"),
        (Int32ub, b"\0", "body", 1, "stream read less than specified amount, expected 4, found 1"),
    ],
)
def test_errors_say_the_path_and_where_reading_stopped(
    declaration: Any, data: bytes, path: str, offset: int, reason: str
) -> None:
    with pytest.raises(DecodeError) as caught:
        parse(declaration, data)
    assert (caught.value.path, caught.value.offset, caught.value.reason) == (path, offset, reason)
    assert caught.value.__cause__ is not None


def test_the_path_and_the_offset_start_where_the_caller_says() -> None:
    with pytest.raises(DecodeError) as caught:
        parse(CALL, b"\xca\x11\5get", path="meta", offset=12)
    assert str(caught.value) == (
        "malformed message at byte 18 in meta.method: stream read less than specified amount, expected 5, found 3"
    )
    with pytest.raises(DecodeError) as caught:
        parse(CALL, b"", path="")
    assert caught.value.path == "magic"


class Raising(Adapter):  # type: ignore[misc]
    """Raises what it is given."""

    def __init__(self, error: Exception) -> None:
        super().__init__(Int8ub)
        self.error = error

    def _decode(self, obj: int, context: Any, path: Any) -> Any:
        raise self.error

    def _encode(self, obj: Any, context: Any, path: Any) -> Any:
        raise self.error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (construct.StreamError("short"), "short"),
        (construct.ConstError("not it"), "not it"),
        (construct.ExplicitError(), "ExplicitError"),
        (KeyError("x"), "KeyError: 'x'"),
        (IndexError("x"), "IndexError: x"),
        (ValueError("x"), "ValueError: x"),
        (ZeroDivisionError("x"), "ZeroDivisionError: x"),
        (OverflowError("x"), "OverflowError: x"),
        (struct.error("x"), "error: x"),
    ],
)
def test_what_bytes_can_cause_is_a_decode_error(error: Exception, reason: str) -> None:
    with pytest.raises(DecodeError) as caught:
        parse(Raising(error), b"\0")
    assert caught.value.reason == reason
    with pytest.raises(EncodeError) as refused:
        build(Raising(error), 7, key="n")
    assert (refused.value.key, refused.value.reason) == ("n", f"7 does not fit: {reason}")


@pytest.mark.parametrize("error", [TypeError("x"), AttributeError("x"), MemoryError("x")])
def test_what_only_the_author_can_cause_stays(error: Exception) -> None:
    with pytest.raises(type(error)):
        parse(Raising(error), b"\0")


def test_nesting_without_end_is_a_malformed_message() -> None:
    deep: Any = Struct("more" / Int8ub, "inner" / Switch(this.more, {1: LazyBound(lambda: deep)}))
    with pytest.raises(DecodeError, match="RecursionError"):
        parse(deep, b"\1" * 100_000)
    assert parse(deep, b"\1\0").inner.more == 0


@pytest.mark.parametrize("value", [None, "x", -1, 256, 1.5, object(), [], {}])
def test_what_cannot_be_built_is_an_encode_error(value: object) -> None:
    with pytest.raises(EncodeError) as caught:
        build(Enum(Int8ub, a=1), value, key="kind")
    assert caught.value.key == "kind"
    assert "does not fit" in caught.value.reason


def test_what_is_built_is_bytes() -> None:
    assert build(GreedyBytes, bytearray(b"x"), key="k") == b"x"


def test_an_offset_moves_with_the_part_it_counts_from() -> None:
    assert moved(DecodeError("x", offset=3), 4).offset == 7
    assert moved(DecodeError("x"), 4).offset is None


def test_a_reason_has_no_path_and_one_line() -> None:
    assert reason_of(construct.StreamError("one\ntwo", path="(parsing) -> a")) == "one two"
