"""A body written in the other protocol: binary as compact, compact as binary.

Both say the same: every value has its type, so nothing of an IDL is needed. Envoy's thrift_proxy does this too, and
gets the elements of a compact ``list<bool>`` wrong: they are bytes of 1 and 2, where a field's value is in its type.
JSON says text and binary alike, so a body in it cannot be written in another protocol without the IDL.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from typing import Any

from metaprotocol_sdk import EncodeError
from reference_codecs.thrift import compact as wire
from reference_codecs.thrift.frame import BINARY_FIELD, BINARY_LIST, BINARY_MAP, SIZE, Type
from reference_codecs.thrift.limits import Limits
from reference_codecs.thrift.protocol import Protocol
from reference_codecs.thrift.struct_reader import (
    BOOL,
    BYTE,
    COMPACT_DOUBLE,
    CONTAINERS,
    DOUBLE,
    MALFORMED,
    MAP,
    NUMBERS,
    STRING,
    STRUCT,
    TO_COMPACT,
    UUID,
    BinaryReader,
    CompactReader,
    StructReader,
)
from reference_codecs.thrift.varint import write_varint, zigzag

_STOP = int(Type.STOP)


def reencode(struct_bytes: bytes, source: Protocol, target: Protocol, limits: Limits) -> bytes:
    """A struct of one protocol in the other.

    Raises:
        EncodeError: One of the two is JSON, or the struct is malformed or over a limit of depth, container or string,
            or becomes longer than a message may be.
    """
    pair = _PAIRS.get((source.name, target.name))
    if pair is None:
        raise EncodeError(f"a {source.name} message cannot be written as {target.name} without its IDL", key="protocol")
    reader, writer = pair[0](struct_bytes), pair[1]()
    try:
        rewriting = _Rewriting(reader, writer, limits)
        rewriting.struct(1)
        rewriting.check_written()
    except MALFORMED as error:
        said = f"its body cannot be rewritten at its byte {reader.at}: {_reason(error)}"
        raise EncodeError(said, key="protocol") from error
    if reader.at != len(struct_bytes):
        raise EncodeError(f"{len(struct_bytes) - reader.at} bytes follow its body", key="protocol")
    return bytes(writer.out)


def _reason(error: Exception) -> str:
    if isinstance(error, LookupError):
        return "it ends too early"
    return "a number is over the bits of its type" if isinstance(error, struct.error) else str(error)


class _Writer(ABC):
    """Writes what is read, to the end of ``out``."""

    def __init__(self) -> None:
        self.out = bytearray()

    @abstractmethod
    def field(self, number: int, kind: int, last: int, truth: bool | None) -> None:
        """A field's header; of a boolean all of it."""

    @abstractmethod
    def scalar(self, kind: int, value: Any) -> None:
        """A value that is no struct and no container."""

    @abstractmethod
    def container(self, kind: int, one: int, other: int, size: int) -> None:
        """What stands before a container's elements."""


class _CompactWriter(_Writer):
    def field(self, number: int, kind: int, last: int, truth: bool | None) -> None:
        code = TO_COMPACT[kind] if truth is not False else wire.FALSE
        if 0 < number - last < 16:
            self.out.append((number - last) << 4 | code)
        else:
            self.out.append(code)
            self.out += write_varint(zigzag(number))

    def scalar(self, kind: int, value: Any) -> None:
        if kind == STRING:
            self.out += write_varint(len(value))
            self.out += value
        elif kind == BOOL:
            self.out.append(wire.TRUE if value else wire.FALSE)
        elif kind == DOUBLE:
            self.out += COMPACT_DOUBLE.pack(value)
        elif kind == BYTE:
            self.out.append(value & 0xFF)
        else:
            self.out += value if kind == UUID else write_varint(zigzag(value))

    def container(self, kind: int, one: int, other: int, size: int) -> None:
        if kind == MAP:
            self.out += write_varint(size)
            if size:
                self.out.append(TO_COMPACT[one] << 4 | TO_COMPACT[other])
        elif size < 15:
            self.out.append(size << 4 | TO_COMPACT[one])
        else:
            self.out.append(0xF0 | TO_COMPACT[one])
            self.out += write_varint(size)


class _BinaryWriter(_Writer):
    def field(self, number: int, kind: int, last: int, truth: bool | None) -> None:  # noqa: ARG002
        self.out += BINARY_FIELD.pack(kind, number)
        if truth is not None:
            self.out.append(truth)

    def scalar(self, kind: int, value: Any) -> None:
        if kind in NUMBERS:
            self.out += NUMBERS[kind].pack(value)
        else:
            if kind == STRING:
                self.out += SIZE.pack(len(value))
            self.out += value

    def container(self, kind: int, one: int, other: int, size: int) -> None:
        if kind == MAP:
            # No types are known of a map without pairs, as the compact protocol writes none.
            self.out += BINARY_MAP.pack(*((one, other) if size else (_STOP, _STOP)), size)
        else:
            self.out += BINARY_LIST.pack(one, size)


class _Rewriting:
    """A struct that is written while it is read, within limits; it raises what readers raise."""

    def __init__(self, reader: StructReader, writer: _Writer, limits: Limits) -> None:
        self.reader = reader
        self.writer = writer
        self.limits = limits

    def struct(self, depth: int) -> None:
        """The struct that is next."""
        self._check_depth(depth)
        reader, writer = self.reader, self.writer
        last = 0
        while found := reader.field(last):
            number, kind = found
            truth = reader.scalar(kind) if kind == BOOL else None
            writer.field(number, kind, last, truth)
            if truth is None:
                self._value(kind, depth)
            last = number
        writer.out.append(_STOP)

    def _value(self, kind: int, depth: int) -> None:
        if kind == STRUCT:
            self.struct(depth + 1)
        elif kind in CONTAINERS:
            self._container(kind, depth + 1)
        else:
            value = self.reader.scalar(kind)
            if kind == STRING:
                self._check("string", len(value), self.limits.string_size)
            self.writer.scalar(kind, value)

    def _container(self, kind: int, depth: int) -> None:
        self._check_depth(depth)
        one, other, size = self.reader.container(kind)
        self._check("container", size, self.limits.container_size)
        self.writer.container(kind, one, other, size)
        self.check_written()
        for _ in range(size):
            self._value(one, depth)
            if kind == MAP:
                self._value(other, depth)

    def check_written(self) -> None:
        """Refuses what has grown over a message's size: an empty map is a byte in one protocol and six in the other."""
        self._check("message", len(self.writer.out), self.limits.message_size)

    def _check_depth(self, depth: int) -> None:
        if depth > self.limits.depth:
            raise ValueError(f"values nest deeper than {self.limits.depth} (max_depth)")

    @staticmethod
    def _check(what: str, size: int, limit: int) -> None:
        if size > limit:
            raise ValueError(f"a {what} of {size} is over the limit of {limit} (max_{what}_size)")


_PAIRS: dict[tuple[str, str], tuple[type[StructReader], type[_Writer]]] = {
    ("binary", "compact"): (BinaryReader, _CompactWriter),
    ("compact", "binary"): (CompactReader, _BinaryWriter),
}
