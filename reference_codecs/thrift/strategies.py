"""Valid messages in every transport and protocol, and what they say."""

from __future__ import annotations

import base64
import json
import string
import struct
import zlib
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from metaprotocol_sdk import MessageType, ResponseStatus
from metaprotocol_sdk.conformance import Sample, Subject
from reference_codecs.thrift.binary import BINARY, NON_STRICT
from reference_codecs.thrift.codec import ThriftCodec
from reference_codecs.thrift.compact import COMPACT
from reference_codecs.thrift.frame import FRAME, HEADER, HEADER_MAGIC, Kind, Transport, Type
from reference_codecs.thrift.json_protocol import JSON
from reference_codecs.thrift.limits import Limits
from reference_codecs.thrift.protocol import Protocol
from reference_codecs.thrift.reencode import reencode
from reference_codecs.thrift.varint import write_varint

LIMITS = Limits(
    message_size=1 << 24,
    string_size=1 << 24,
    container_size=1 << 20,
    depth=64,
    header_size=1 << 16,
    headers=256,
    decompressed_size=1 << 24,
)

Value = tuple[Type, Any]
"""A type, and a value: of a struct its fields, of a map its two types and its pairs, of a list its type and values."""
Fields = list[tuple[int, Value]]
"""Field ids and their values."""

_NUMBERS = {
    Type.BOOL: ("?", "tf"),
    Type.BYTE: ("b", "i8"),
    Type.I16: ("h", "i16"),
    Type.I32: ("i", "i32"),
    Type.I64: ("q", "i64"),
    Type.DOUBLE: ("d", "dbl"),
}
_NAMES = {kind: name for kind, (_, name) in _NUMBERS.items()} | {
    Type.STRING: "str",
    Type.STRUCT: "rec",
    Type.MAP: "map",
    Type.SET: "set",
    Type.LIST: "lst",
}


def _write_binary(kind: Type, value: Any) -> bytes:
    if kind in _NUMBERS:
        return struct.pack(">" + _NUMBERS[kind][0], value)
    if kind is Type.STRING:
        return struct.pack(">I", len(value)) + bytes(value)
    if kind is Type.STRUCT:
        fields = [struct.pack(">Bh", each, number) + _write_binary(each, inner) for number, (each, inner) in value]
        return b"".join(fields) + b"\0"
    if kind is Type.MAP:
        (key, one), values = value
        pairs = [_write_binary(key, left) + _write_binary(one, right) for left, right in values]
        return struct.pack(">BBI", key, one, len(values)) + b"".join(pairs)
    one, values = value
    return struct.pack(">BI", one, len(values)) + b"".join(_write_binary(one, each) for each in values)


def _as_json(kind: Type, value: Any) -> Any:
    if kind in _NUMBERS:
        return int(value) if kind is Type.BOOL else value
    if kind is Type.STRING:
        return base64.b64encode(value).decode().rstrip("=")
    if kind is Type.STRUCT:
        return {str(number): {_NAMES[each]: _as_json(each, inner)} for number, (each, inner) in value}
    if kind is Type.MAP:
        (key, one), values = value
        return [_NAMES[key], _NAMES[one], len(values), {str(left): _as_json(one, right) for left, right in values}]
    one, values = value
    return [_NAMES[one], len(values), *(_as_json(one, each) for each in values)]


_integers = {Type.BYTE: 7, Type.I16: 15, Type.I32: 31, Type.I64: 63}
_plain: dict[Type, st.SearchStrategy[Any]] = {
    kind: st.integers(-(1 << bits), (1 << bits) - 1) | st.integers(-2, 2) for kind, bits in _integers.items()
}
_plain[Type.BOOL] = st.booleans()
_plain[Type.DOUBLE] = st.floats(allow_nan=False, allow_infinity=False)
_plain[Type.STRING] = st.binary(max_size=12) | st.binary(min_size=30, max_size=34)


_ids = st.integers(1, 20) | st.integers(1, 32767)
_sequences = st.sampled_from((Type.LIST, Type.SET))


def _lists(kind: Type, elements: st.SearchStrategy[Any], most: int) -> st.SearchStrategy[Value]:
    return st.tuples(_sequences, st.tuples(st.just(kind), st.lists(elements, max_size=most)))


def _maps(kind: Type, elements: st.SearchStrategy[Any]) -> st.SearchStrategy[Value]:
    pairs = st.lists(st.tuples(_plain[Type.I32], elements), max_size=3, unique_by=lambda pair: pair[0])
    return st.tuples(st.just(Type.MAP), st.tuples(st.just((Type.I32, kind)), pairs))


def _structs(values: st.SearchStrategy[Value]) -> st.SearchStrategy[Fields]:
    return st.lists(st.tuples(_ids, values), max_size=4, unique_by=lambda field: field[0])


# Three levels written out: what st.recursive and flatmap draw takes many times as long.
_leaves = st.one_of(*(st.tuples(st.just(kind), each) for kind, each in _plain.items()))
_flat = st.one_of(
    *(_lists(kind, each, 17) for kind, each in _plain.items()), *(_maps(*each) for each in _plain.items())
)
_inner = _structs(st.one_of(_leaves, _leaves, _flat))
_numbers = st.lists(_plain[Type.I64], max_size=3).map(lambda found: (Type.I64, found))
_nested: st.SearchStrategy[Value] = st.one_of(
    st.tuples(st.just(Type.STRUCT), _inner),
    _lists(Type.STRUCT, _inner, 3),
    _maps(Type.STRUCT, _inner),
    _lists(Type.LIST, _numbers, 3),
)
values: st.SearchStrategy[Value] = st.one_of(_leaves, _leaves, _flat, _nested)
arguments = _structs(values)


@dataclass(frozen=True, slots=True)
class Wire:
    """How a message is written: its transport, its protocol, and what a header frame adds."""

    transport: Transport
    protocol: Protocol
    headers: tuple[tuple[str, str], ...] = ()
    seqid: int = 0
    is_compressed: bool = False
    skipped: bytes = b""
    """Header frames without messages that stand before it."""


def write_struct(protocol: Protocol, fields: Fields) -> bytes:
    """A struct in that protocol."""
    if protocol is JSON:
        return json.dumps(_as_json(Type.STRUCT, fields), separators=(",", ":")).encode()
    body = _write_binary(Type.STRUCT, fields)
    return body if protocol.name == "binary" else reencode(body, BINARY, protocol, LIMITS)


def write_message(wire: Wire, name: str, kind: Kind, seqid: int, struct_bytes: bytes) -> bytes:
    """A whole message."""
    protocol = wire.protocol
    content = protocol.write_begin(name, kind, seqid) + struct_bytes + protocol.tail
    if wire.transport is Transport.UNFRAMED:
        return content
    if wire.transport is Transport.FRAMED:
        return FRAME.pack(len(content)) + content
    block = bytes((0 if protocol is BINARY else 2,)) + (b"\1\1" if wire.is_compressed else b"\0")
    if wire.headers:
        texts = [text.encode() for pair in wire.headers for text in pair]
        block += bytes((1, len(wire.headers))) + b"".join(write_varint(len(text)) + text for text in texts)
    block += bytes(-len(block) % 4)
    payload = zlib.compress(content) if wire.is_compressed else content
    front = HEADER.pack(10 + len(block) + len(payload), HEADER_MAGIC, 0, wire.seqid & 0xFFFFFFFF, len(block) // 4)
    return wire.skipped + front + block + payload


_EMPTY_FRAME = HEADER.pack(14, HEADER_MAGIC, 0, 0, 1) + bytes(4)

_words = st.text(string.ascii_letters, min_size=1, max_size=8)
_headers = st.lists(
    st.tuples(_words.map("x-{}".format), st.text(max_size=8)), max_size=3, unique_by=lambda pair: pair[0].lower()
)
seqids = st.sampled_from((0, 1, -1, 127, 128, (1 << 31) - 1, -(1 << 31))) | st.integers(-(1 << 31), (1 << 31) - 1)
_header_wires = st.builds(
    Wire,
    st.just(Transport.HEADER),
    st.sampled_from((BINARY, COMPACT)),
    _headers.map(tuple),
    seqids,
    st.booleans(),
    st.sampled_from((b"", b"", b"", _EMPTY_FRAME)),
)
_plain_wires = st.builds(
    Wire,
    st.sampled_from((Transport.FRAMED, Transport.UNFRAMED)),
    st.sampled_from((BINARY, NON_STRICT, COMPACT, JSON)),
)
wires = st.one_of(_plain_wires, _plain_wires, _header_wires)

_MESSAGE_TYPES = {
    Kind.CALL: MessageType.REQUEST,
    Kind.ONEWAY: MessageType.ONEWAY,
    Kind.REPLY: MessageType.RESPONSE,
    Kind.EXCEPTION: MessageType.ERROR,
}


def message(wire: Wire, name: str, kind: Kind, seqid: int, fields: Fields) -> Sample:
    """One message, and what decode must find in it."""
    service, _, method = name.rpartition(":")
    result = {Kind.REPLY: "error" if fields and fields[0][0] else "success", Kind.EXCEPTION: "exception"}.get(kind)
    own = {"method": method, "transport": str(wire.transport), "protocol": wire.protocol.name, "result": result}
    strings: dict[str, str | None] = {**dict(wire.headers), **own, "service": service or None}
    return Sample(
        write_message(wire, name, kind, seqid, write_struct(wire.protocol, fields)),
        strings=strings,
        request_id=seqid,
        message_type=_MESSAGE_TYPES[kind],
        operation_name=f"{service}/{method}" if service else method,
        response_status=ResponseStatus.ERROR if kind is Kind.EXCEPTION else ResponseStatus.OK,
    )


_methods = st.text(string.ascii_letters + "_", min_size=1, max_size=8) | st.just("größe")
_services = st.sampled_from(("", "", "Hello:", "com.example.Service:"))
_names = st.builds("{}{}".format, _services, _methods)
_nothing: Fields = []
_results: st.SearchStrategy[Fields] = st.one_of(
    st.just(_nothing),
    values.map(lambda value: [(0, value)]),
    st.tuples(st.integers(1, 20), _structs(_leaves)).map(lambda each: [(each[0], (Type.STRUCT, each[1]))]),
)
_exceptions = st.tuples(st.binary(max_size=8), st.integers(0, 10)).map(
    lambda each: [(1, (Type.STRING, each[0])), (2, (Type.I32, each[1]))]
)

requests = st.builds(message, wires, _names, st.sampled_from((Kind.CALL, Kind.ONEWAY)), seqids, arguments)
responses = st.one_of(
    st.builds(message, wires, _methods, st.just(Kind.REPLY), seqids, _results),
    st.builds(message, wires, _methods, st.just(Kind.EXCEPTION), seqids, _exceptions),
)
subject = Subject(ThriftCodec, requests=requests, responses=responses)
