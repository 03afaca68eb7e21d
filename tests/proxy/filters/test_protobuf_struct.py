from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.filters.protobuf_struct import encode_struct

# Made by google.protobuf 7.36.2 for Python, its pure Python implementation: ParseDict(value, Struct()) and
# SerializeToString(deterministic=True). Its upb implementation sorts a key behind those that begin with it; C++, which
# Envoy is written in, does not.
GOLDEN: list[tuple[dict[str, Any], str]] = [
    ({}, ""),
    ({"a": None}, "0a070a016112020800"),
    ({"a": True, "b": False}, "0a070a0161120220010a070a016212022000"),
    (
        {"n": 1, "m": -0.5, "z": 0},
        "0a0e0a016d120911000000000000e0bf0a0e0a016e120911000000000000f03f0a0e0a017a1209110000000000000000",
    ),
    ({"s": "", "": "x", "ä": "😀"}, "0a070a0012031a01780a070a017312021a000a0c0a02c3a412061a04f09f9880"),
    (
        {"list": [None, 1, "x", [], {}, [True]]},
        "0a2e0a046c697374122632240a0208000a0911000000000000f03f0a031a01780a0232000a022a000a0632040a022001",
    ),
    (
        {"inner": {"b": {"c": "d"}, "a": 2.5}},
        "0a2e0a05696e6e657212252a230a0e0a016112091100000000000004400a110a0162120c2a0a0a080a016312031a0164",
    ),
    (
        {"Z": "1", "a": "2", "\uffff": "3", "\U00010000": "4", "LONG": "x" * 200},
        "0ad4010a044c4f4e4712cb011ac801" + "78" * 200 + "0a080a015a12031a01310a080a016112031a0132"
        "0a0a0a03efbfbf12031a01330a0b0a04f090808012031a0134",
    ),
    (
        {"NAME": "shop-1", "NAMESPACE": "default", "LABELS": {"app": "shop", "version": "v2"}},
        (
            "0a2c0a064c4142454c5312222a200a0d0a0361707012061a0473686f700a0f0a0776657273696f6e12041a0276320a100a044e414d45"
            "12081a0673686f702d310a160a094e414d45535041434512091a0764656661756c74"
        ),
    ),
]

values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers(-(2**53), 2**53) | st.text(max_size=200),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
structs = st.dictionaries(st.text(max_size=8), values, max_size=6)


@pytest.mark.parametrize(("value", "wire"), GOLDEN)
def test_the_bytes_are_protobufs_own(value: dict[str, Any], wire: str) -> None:
    assert encode_struct(value).hex() == wire


def fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """The fields of a message, by protobuf's encoding guide."""
    position = 0

    def varint() -> int:
        nonlocal position
        result = shift = 0
        while True:
            byte = data[position]
            position += 1
            result |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return result

    while position < len(data):
        tag = varint()
        size = {0: 0, 1: 8}.get(tag & 7, -1)
        if size == 0:
            yield tag >> 3, varint()
            continue
        size = varint() if size < 0 else size
        yield tag >> 3, data[position : position + size]
        position += size


def read_struct(data: bytes) -> dict[str, Any]:
    entries = [dict(fields(entry)) for _, entry in fields(data)]
    return {entry[1].decode(): read_value(entry[2]) for entry in entries}


def read_value(data: bytes) -> Any:
    ((kind, content),) = fields(data)
    match kind:
        case 1:
            return None
        case 2:
            return struct.unpack("<d", content)[0]
        case 3:
            return content.decode()
        case 4:
            return bool(content)
        case 5:
            return read_struct(content)
    return [read_value(each) for _, each in fields(content)]


@given(structs)
def test_what_is_written_is_read_again(value: dict[str, Any]) -> None:
    assert read_struct(encode_struct(value)) == value


@given(structs, st.randoms())
def test_the_order_keys_came_in_does_not_matter(value: dict[str, Any], random: Any) -> None:
    items = list(value.items())
    random.shuffle(items)
    assert encode_struct(dict(items)) == encode_struct(value)


@given(structs)
def test_protobuf_reads_what_is_written(value: dict[str, Any]) -> None:
    library = pytest.importorskip("google.protobuf.struct_pb2", reason="protobuf is not installed")
    ours = library.Struct.FromString(encode_struct(value))
    theirs = library.Struct()
    theirs.update(value)
    assert ours == theirs


def test_a_lone_surrogate_is_a_question_mark() -> None:
    assert read_struct(encode_struct({"a\ud800": "\udfff"})) == {"a?": "?"}


def test_a_number_no_double_comes_near_is_refused() -> None:
    with pytest.raises(OverflowError):
        encode_struct({"n": 10**400})
