"""A message's bytes by name, for a person to read; of partial and broken messages what can be named."""

from __future__ import annotations

from collections.abc import Iterator

from metaprotocol_sdk import DecodeError, Field
from reference_codecs.thrift.binary import NON_STRICT
from reference_codecs.thrift.frame import FRAME, HEADER, Transport
from reference_codecs.thrift.header_transport import Header, inflate, read_header
from reference_codecs.thrift.limits import Limits
from reference_codecs.thrift.message import DETECTED_BY, detect, is_told_by_first_byte, refuse_foreign
from reference_codecs.thrift.protocol import Begin, Protocol, Short
from reference_codecs.thrift.struct_layout import struct_fields


def fields_of(data: bytes, limits: Limits) -> Iterator[Field]:
    """Every byte once, in order. Never raises."""
    if not data:
        return
    if len(data) < DETECTED_BY and not is_told_by_first_byte(data[0]):
        yield Field("message", 0, len(data), data, "it ends before its transport can be told")
        return
    try:
        transport, protocol = detect(data, 0)
        if protocol is NON_STRICT:
            refuse_foreign(data, 0)
    except DecodeError as error:
        yield Field("message", 0, len(data), data, error.reason)
        return
    if transport is Transport.UNFRAMED:
        yield from _content(data, 0, protocol)
        return
    yield Field("length", 0, FRAME.size, FRAME.unpack_from(data)[0])
    if transport is Transport.HEADER:
        yield from _headed(data, limits)
    else:
        yield from _content(data, FRAME.size, protocol)


def _content(data: bytes, start: int, protocol: Protocol) -> Iterator[Field]:
    """The message begin and the struct."""
    try:
        begin = protocol.read_begin(data, start, len(data), 0)
    except (DecodeError, Short) as error:
        problem = error.reason if isinstance(error, DecodeError) else "it ends in the message begin"
        if start < len(data):
            yield Field("message", start, len(data), data[start:], problem)
        return
    at = start
    for name, end in protocol.parts(begin, start):
        yield Field(name, at, end, _value(name, begin, protocol, data[at:end]))
        at = end
    yield from struct_fields(data, begin.body, protocol)


def _value(name: str, begin: Begin, protocol: Protocol, raw: bytes) -> object:
    said = {"name": begin.name, "kind": begin.kind.name, "seqid": begin.seqid, "protocol": protocol.name}
    return said.get(name, raw)


_FRONT = (("magic", 4, 6), ("flags", 6, 8), ("header.seqid", 8, 12), ("header.words", 12, 14))


def _headed(data: bytes, limits: Limits) -> Iterator[Field]:
    """The header's fields, and the payload's."""
    if len(data) < HEADER.size:
        yield Field("header", FRAME.size, len(data), data[FRAME.size :], "it ends in the header")
        return
    for name, start, end in _FRONT:
        yield Field(name, start, end, int.from_bytes(data[start:end], "big"))
    try:
        header = read_header(data, 0, len(data), limits)
    except DecodeError as error:
        if len(data) > HEADER.size:
            yield Field("header.block", HEADER.size, len(data), data[HEADER.size :], error.reason)
        return
    yield from _block(data, header)
    if header.transforms and header.end < len(data):
        yield _compressed(data, header, limits)
    else:
        yield from _content(data, header.end, header.protocol)


def _block(data: bytes, header: Header) -> Iterator[Field]:
    at = header.info_start
    if at > header.block:
        said = [header.protocol.name, *("zlib" for _ in header.transforms)]
        yield Field("header.protocol", header.block, at, ", ".join(said))
    for index, pair in enumerate(header.pairs):
        if pair.start > at:
            yield Field("header.info", at, pair.start, data[at : pair.start])
        yield Field(f"headers[{index}].key", pair.start, pair.value_start, pair.key)
        yield Field(f"headers[{index}].value", pair.value_start, pair.end, pair.value)
        at = pair.end
    if at < header.end:
        yield Field("header.rest", at, header.end, data[at : header.end])


def _compressed(data: bytes, header: Header, limits: Limits) -> Field:
    try:
        value: object = inflate(data[header.end :], header, limits)
        problem = ""
    except DecodeError as error:
        value, problem = data[header.end :], error.reason
    return Field("payload", header.end, len(data), value, problem)
