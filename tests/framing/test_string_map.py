"""String headers of binary frames, byte by byte."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from construct import (
    Bytes,
    Float32b,
    Int8sb,
    Int8ub,
    Int16ub,
    Int16ul,
    Int16un,
    Int24ub,
    Int32ub,
    Int32ul,
    Int64ub,
    Int64ul,
    this,
)
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.exceptions import DecodeError, EncodeError
from metaprotocol_sdk.framing import StringMap
from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.mutation import Mutation

PREFIXES = {
    ">B": Int8ub,
    ">H": Int16ub,
    "<H": Int16ul,
    "=H": Int16un,
    ">I": Int32ub,
    "<I": Int32ul,
    ">Q": Int64ub,
    "<Q": Int64ul,
}

pairs_of_text = st.lists(
    st.tuples(st.sampled_from(["a", "A", "", "key", "KEY", "ß", "İ"]) | st.text(max_size=4), st.text(max_size=8)),
    max_size=5,
)


def block_of(pairs: list[tuple[str, str]], code: str, encoding: str = "utf-8") -> bytes:
    """The block by the specification: each text after its length."""
    texts = [text.encode(encoding) for pair in pairs for text in pair]
    return b"".join(struct.pack(code, len(text)) + text for text in texts)


def string_map(prefix: Any = Int8ub, encoding: str = "utf-8") -> StringMap:
    return StringMap(length=this.n, prefix=prefix, encoding=encoding)


def read(headers: StringMap, data: bytes, start: int = 0, end: int | None = None) -> Metadata:
    metadata = Metadata()
    headers.read_into(metadata, data, start, len(data) if end is None else end)
    return metadata


@pytest.mark.parametrize("code", PREFIXES)
@given(pairs=pairs_of_text, before=st.binary(max_size=3), after=st.binary(max_size=9))
def test_pairs_are_built_and_read(code: str, pairs: list[tuple[str, str]], before: bytes, after: bytes) -> None:
    headers = string_map(PREFIXES[code])
    block = headers.build(pairs)
    assert block == block_of(pairs, code)
    metadata = read(headers, before + block + after, len(before), len(before) + len(block))
    first = {key.lower(): (key, value) for key, value in reversed(pairs)}
    assert dict(metadata) == dict(first.values())


@pytest.mark.parametrize("code", PREFIXES)
@given(pairs=pairs_of_text, changes=pairs_of_text, removed=st.lists(st.sampled_from(["a", "KEY", "none"])))
def test_editing_does_what_the_model_says(
    code: str, pairs: list[tuple[str, str]], changes: list[tuple[str, str]], removed: list[str]
) -> None:
    mutation = Mutation([*changes, *((key, None) for key in removed)])
    headers = string_map(PREFIXES[code])
    data = b"before" + block_of(pairs, code) + b"after"
    edited = headers.edit(data, 6, len(data) - 5, mutation.folded)
    assert edited == block_of(mutation.apply(pairs), code)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-16-le", "shift_jis"])
def test_texts_are_of_the_encoding(encoding: str) -> None:
    headers = string_map(Int16ub, encoding)
    pairs = [("key", "value"), ("k", "")]
    assert headers.build(pairs) == block_of(pairs, ">H", encoding)
    assert dict(read(headers, headers.build(pairs))) == dict(pairs)


def test_what_the_metadata_has_already_wins() -> None:
    metadata = Metadata()
    metadata["Cmd"] = "field"
    string_map().read_into(metadata, b"\3cmd\1h\1k\1v", 0, 10)
    assert dict(metadata) == {"Cmd": "field", "k": "v"}


def test_pairs_no_change_names_keep_their_bytes_in_any_spelling() -> None:
    headers = string_map()
    assert headers.edit(b"\1A\1x\1b\1y\1a\1z", 0, 12, Mutation({"a": "new"}).folded) == b"\1A\3new\1b\1y"
    assert headers.edit(b"\1A\1x\1b\1y\1a\1z", 0, 12, Mutation({"B": None}).folded) == b"\1A\1x\1a\1z"
    assert headers.edit(b"\1A\1x", 0, 4, Mutation({"B": None}).folded) == b"\1A\1x"
    assert headers.edit(b"", 0, 0, Mutation({"New": "1", "Other": "2"}).folded) == b"\3New\1\x31\5Other\1\x32"


@pytest.mark.parametrize("code", PREFIXES)
def test_every_truncation_but_between_pairs_is_refused_and_reads_nothing_behind_it(code: str) -> None:
    headers = string_map(PREFIXES[code])
    pair = block_of([("key", "value")], code)
    block = pair * 3
    for end in range(len(block) + 1):
        if end % len(pair) == 0:
            assert dict(read(headers, block, 0, end)) == ({"key": "value"} if end else {})
            continue
        for data in (block, block[:end]):
            with pytest.raises(DecodeError) as caught:
                read(headers, data, 0, end)
            assert caught.value.path.startswith("headers[")
            assert caught.value.offset is not None
            assert end - end % len(pair) <= caught.value.offset <= end


@pytest.mark.parametrize("code", PREFIXES)
def test_a_length_that_runs_over_is_refused_wherever_it_is(code: str) -> None:
    headers = string_map(PREFIXES[code])
    width = struct.calcsize(code)
    block = block_of([("key", "value")] * 2, code)
    most = (1 << (8 * width)) - 1
    for at in (0, width + 3, len(block) // 2, len(block) // 2 + width + 3):
        for size in {len(block) - at - width + 1, most, most >> 1, most - width}:
            if size > most:
                continue
            data = block[:at] + struct.pack(code, size) + block[at + width :]
            with pytest.raises(DecodeError, match=f"its length says {size} bytes and the block has") as caught:
                read(headers, data + b"the body behind it is none of its business" * 9, 0, len(block))
            assert caught.value.offset == at


@given(st.binary(max_size=40), st.integers(0, 40), st.sampled_from(sorted(PREFIXES)))
def test_any_bytes_are_read_or_refused_and_named(data: bytes, end: int, code: str) -> None:
    headers = string_map(PREFIXES[code])
    end = min(end, len(data))
    try:
        read(headers, data, 0, end)
        refused = False
    except DecodeError:
        refused = True
    fields = list(headers.fields(data, 0, end))
    assert any(field.problem for field in fields) is refused
    assert b"".join(data[field.start : field.end] for field in fields) == data[:end]


@pytest.mark.parametrize(
    ("data", "path", "offset", "reason"),
    [
        (b"\1a", "headers[a]", 2, "0 bytes are left of the block, too few for a length"),
        (b"\2a", "headers[0].key", 0, "its length says 2 bytes and the block has 1 left"),
        (b"\1a\1b\1c\2d", "headers[c]", 6, "its length says 2 bytes and the block has 1 left"),
        (b"\1a\1b\2\xc3\x28\0", "headers[1].key", 5, "the text is not utf-8"),
        (b"\1a\3ok\xff", "headers[a]", 5, "the text is not utf-8"),
        (b"\1a\1b\xff", "headers[1].key", 4, "its length says 255 bytes and the block has 0 left"),
    ],
)
def test_a_malformed_block_says_where(data: bytes, path: str, offset: int, reason: str) -> None:
    with pytest.raises(DecodeError) as caught:
        read(string_map(), b"12345" + data, 5)
    assert (caught.value.path, caught.value.offset, caught.value.reason) == (path, offset + 5, reason)


def test_a_prefix_that_is_cut_says_so() -> None:
    with pytest.raises(DecodeError, match="1 bytes are left of the block, too few for a length"):
        read(string_map(Int16ub), b"\0")


@pytest.mark.parametrize(("prefix", "most"), [(Int8ub, 255), (Int16ub, 65535), (Int16ul, 65535)])
def test_a_text_too_long_for_its_prefix_is_an_encode_error(prefix: Any, most: int) -> None:
    headers = string_map(prefix)
    assert headers.most == most
    assert len(headers.build([("k", "v" * most)])) == most + 1 + 2 * prefix.sizeof()
    with pytest.raises(EncodeError) as caught:
        headers.build([("k", "é" * (most // 2 + 1))])
    assert str(caught.value) == (
        f"cannot encode 'k': {2 * (most // 2 + 1)} bytes are more than its length prefix can say ({most})"
    )
    with pytest.raises(EncodeError, match="more than its length prefix can say"):
        headers.edit(b"", 0, 0, {"k" * (most + 1): ("k" * (most + 1), "v")})


def test_a_text_the_encoding_lacks_is_an_encode_error() -> None:
    with pytest.raises(EncodeError) as caught:
        string_map().build([("k", "\ud800")])
    assert str(caught.value) == "cannot encode 'k': the text cannot be said in utf-8"
    with pytest.raises(EncodeError, match="cannot be said in ascii"):
        string_map(encoding="ascii").build([("k", "é")])


def test_fields_are_keys_and_values_with_their_prefixes() -> None:
    found = [
        (each.name, each.start, each.end, each.value, each.problem)
        for each in string_map().fields(b"--\1a\1b\1c\2d", 2, 10)
    ]
    assert found == [
        ("headers[0].key", 2, 4, "a", ""),
        ("headers[0].value", 4, 6, "b", ""),
        ("headers", 6, 10, b"\1c\2d", "its length says 2 bytes and the block has 1 left"),
    ]


@pytest.mark.parametrize("prefix", [Int8sb, Int24ub, Float32b, Bytes(2), "H", 2])
def test_a_prefix_is_an_unsigned_integer(prefix: Any) -> None:
    with pytest.raises(ValueError) as caught:
        string_map(prefix)
    assert str(caught.value) == f"prefix={prefix!r} is not an unsigned integer such as Int16ub"


@pytest.mark.parametrize("encoding", ["nope", "rot13", "hex"])
def test_an_unknown_encoding_is_refused_where_it_is_declared(encoding: str) -> None:
    with pytest.raises(ValueError, match=f"encoding='{encoding}' is no text encoding: "):
        string_map(encoding=encoding)
