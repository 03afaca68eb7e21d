"""Runs: what one match passes, and what ends it."""

from __future__ import annotations

import re

from reference_codecs.thrift.runs import counted, group, one_of, repeated, run, small_u32, small_varint, struct_of


def end(pattern: re.Pattern[bytes], data: bytes) -> int | None:
    found = pattern.match(data)
    return found and found.end()


def test_a_class_holds_its_bytes_alone() -> None:
    pattern = re.compile(one_of((0, 0x5B, 0xFF)))
    assert [byte for byte in range(256) if pattern.match(bytes((byte,)))] == [0, 0x5B, 0xFF]


def test_a_count_is_followed_by_as_many_items() -> None:
    pattern = re.compile(counted(b"..", 3, small_varint), re.DOTALL)
    assert [end(pattern, bytes((count,)) + b"\n" * 9) for count in (0, 1, 3, 4)] == [1, 3, 7, None]
    assert end(pattern, b"\x02abc") is None


def test_a_u32_count_needs_its_zeros() -> None:
    pattern = re.compile(counted(b".", 3, small_u32), re.DOTALL)
    assert end(pattern, b"\0\0\0\x02ab") == 6
    assert end(pattern, b"\0\1\0\x02ab") is None


def test_a_run_passes_fields_and_structs_of_them_and_stops_at_the_end_of_its_own() -> None:
    pattern = run([b"a.", b"b"], b"S")
    assert end(pattern, b"a\0bSba\0\0bS\0") == 10 + 1
    assert end(pattern, b"b\0b") == 1
    assert end(pattern, b"bSb") == 1, "a struct that is cut short is not passed"
    assert end(pattern, b"Sa") is None


def test_a_struct_ends_with_a_zero() -> None:
    assert end(repeated(struct_of([b"b"]), 2), b"bb\0b\0b") == 5
    assert end(re.compile(group([b"a", b"b"])), b"b") == 1
