"""A body written in the other protocol: binary as compact, compact as binary.

Both say the same: every value has its type, so nothing of an IDL is needed. Envoy's thrift_proxy does this too, and
gets the elements of a compact ``list<bool>`` wrong: they are bytes of 1 and 2, where a field's value is in its type.
JSON says text and binary alike, so a body in it cannot be written in another protocol without the IDL.
"""

from __future__ import annotations

import struct

from metaprotocol_sdk import EncodeError
from reference_codecs.thrift import compact as wire
from reference_codecs.thrift.binary import VALUE_SIZE
from reference_codecs.thrift.frame import Type
from reference_codecs.thrift.limits import Limits
from reference_codecs.thrift.protocol import Protocol
from reference_codecs.thrift.varint import unzigzag, write_varint, zigzag

_SIZE = struct.Struct(">I")
_FIELD = struct.Struct(">Bh")
_LIST = struct.Struct(">BI")
_MAP = struct.Struct(">BBI")
_INTEGERS = {Type.I16: struct.Struct(">h"), Type.I32: struct.Struct(">i"), Type.I64: struct.Struct(">q")}

_TO_COMPACT = {
    Type.BOOL: wire.TRUE,
    Type.BYTE: wire.BYTE,
    Type.I16: wire.I16,
    Type.I32: wire.I32,
    Type.I64: wire.I64,
    Type.DOUBLE: wire.DOUBLE,
    Type.STRING: wire.BINARY_TYPE,
    Type.LIST: wire.LIST,
    Type.SET: wire.SET,
    Type.MAP: wire.MAP,
    Type.STRUCT: wire.STRUCT,
    Type.UUID: wire.UUID,
}
_TO_BINARY = {code: kind for kind, code in _TO_COMPACT.items()} | {wire.FALSE: Type.BOOL}


def reencode(struct_bytes: bytes, source: Protocol, target: Protocol, limits: Limits) -> bytes:
    """A struct of one protocol in the other.

    Raises:
        EncodeError: One of the two is JSON, or the struct is malformed or over a limit of depth, container or string.
    """
    writer = _WRITERS.get((source.name, target.name))
    if writer is None:
        raise EncodeError(f"a {source.name} message cannot be written as {target.name} without its IDL", key="protocol")
    body = writer(struct_bytes, limits)
    try:
        body.struct(1)
    except (LookupError, struct.error, ValueError) as error:
        raise EncodeError(f"its body cannot be read at its byte {body.at}: {error}", key="protocol") from error
    if body.at != len(struct_bytes):
        raise EncodeError(f"{len(struct_bytes) - body.at} bytes follow its body", key="protocol")
    return bytes(body.out)


class _Body:
    """A body that is read while it is written.

    Args:
        data: One struct of the source protocol.
        limits: Bounds of depth, containers and strings.
    """

    def __init__(self, data: bytes, limits: Limits) -> None:
        self.data = data
        self.at = 0
        self.out = bytearray()
        self.limits = limits

    def take(self, size: int) -> bytes:
        """The next bytes."""
        taken = self.data[self.at : self.at + size]
        if len(taken) < size:
            raise LookupError("it ends too early")
        self.at += size
        return taken

    def check(self, size: int, what: str, limit: int) -> int:
        """``size``, when it is within its limit."""
        if not 0 <= size <= limit:
            raise ValueError(f"a {what} of {size} is over the limit of {limit}")
        return size

    def size(self, size: int) -> int:
        """A container's size; no value takes less than a byte."""
        self.check(size, "container", self.limits.container_size)
        return self.check(size, "container", len(self.data) - self.at)

    def check_depth(self, depth: int) -> None:
        """Refuses what nests too deep."""
        if depth > self.limits.depth:
            raise ValueError(f"values nest deeper than {self.limits.depth}")

    def struct(self, depth: int) -> None:
        """Writes the struct that is next."""
        raise NotImplementedError


class _BinaryAsCompact(_Body):
    def struct(self, depth: int) -> None:
        self.check_depth(depth)
        last = 0
        while kind := self.data[self.at]:
            _, field = _FIELD.unpack(self.take(3))
            code = self.code(kind)
            value = None
            if kind == Type.BOOL:
                code = wire.TRUE if self.take(1) != b"\0" else wire.FALSE
                value = b""
            if 0 < field - last < 16:
                self.out.append((field - last) << 4 | code)
            else:
                self.out.append(code)
                self.out += write_varint(zigzag(field))
            last = field
            if value is None:
                self.value(kind, depth)
        self.at += 1
        self.out.append(0)

    def value(self, kind: int, depth: int) -> None:
        if kind in _INTEGERS:
            number = _INTEGERS[Type(kind)]
            self.out += write_varint(zigzag(number.unpack(self.take(number.size))[0]))
        elif kind == Type.STRING:
            size = self.check(_SIZE.unpack(self.take(4))[0], "string", self.limits.string_size)
            self.out += write_varint(size) + self.take(size)
        elif kind == Type.BOOL:
            self.out.append(wire.TRUE if self.take(1) != b"\0" else wire.FALSE)
        elif kind == Type.DOUBLE:
            self.out += self.take(8)[::-1]
        elif kind == Type.STRUCT:
            self.struct(depth + 1)
        elif kind in (Type.BYTE, Type.UUID):
            self.out += self.take(VALUE_SIZE[kind])
        else:
            self.container(kind, depth + 1)

    def container(self, kind: int, depth: int) -> None:
        self.check_depth(depth)
        if kind == Type.MAP:
            key, value, size = _MAP.unpack(self.take(6))
            self.out += write_varint(self.size(size))
            if size:
                self.out.append(self.code(key) << 4 | self.code(value))
            for _ in range(size):
                self.value(key, depth)
                self.value(value, depth)
            return
        element, size = _LIST.unpack(self.take(5))
        # An empty container's type means nothing, and some peers write none.
        code = self.code(element) if self.size(size) or element in _TO_COMPACT else wire.BYTE
        if size < 15:
            self.out.append(size << 4 | code)
        else:
            self.out.append(0xF0 | code)
            self.out += write_varint(size)
        for _ in range(size):
            self.value(element, depth)

    @staticmethod
    def code(kind: int) -> int:
        try:
            return _TO_COMPACT[Type(kind)]
        except (KeyError, ValueError):
            raise ValueError(f"{kind} is no type") from None


class _CompactAsBinary(_Body):
    def struct(self, depth: int) -> None:
        self.check_depth(depth)
        field = 0
        while header := self.data[self.at]:
            self.at += 1
            code = header & 0x0F
            field = field + (header >> 4) if header >> 4 else unzigzag(self.varint())
            self.out += _FIELD.pack(self.kind(code), field)
            if code in (wire.TRUE, wire.FALSE):
                self.out.append(code == wire.TRUE)
            else:
                self.value(code, depth)
        self.at += 1
        self.out.append(0)

    def varint(self) -> int:
        number = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number
            shift += 7
            if shift > 63:
                raise ValueError("a number is over 64 bits")

    def value(self, code: int, depth: int) -> None:
        kind = self.kind(code)
        if kind in _INTEGERS:
            self.out += _INTEGERS[kind].pack(unzigzag(self.varint()))
        elif code == wire.BINARY_TYPE:
            size = self.check(self.varint(), "string", self.limits.string_size)
            self.out += _SIZE.pack(size) + self.take(size)
        elif kind is Type.BOOL:
            self.out.append(self.take(1) == b"\x01")
        elif code == wire.DOUBLE:
            self.out += self.take(8)[::-1]
        elif code == wire.STRUCT:
            self.struct(depth + 1)
        elif code in (wire.BYTE, wire.UUID):
            self.out += self.take(VALUE_SIZE[kind])
        else:
            self.container(code, depth + 1)

    def container(self, code: int, depth: int) -> None:
        self.check_depth(depth)
        if code == wire.MAP:
            size = self.varint()
            types = self.take(1)[0] if size else 0
            self.size(size)
            key, value = types >> 4, types & 0x0F
            names = (self.kind(key), self.kind(value)) if size else (Type.STOP, Type.STOP)
            self.out += _MAP.pack(*names, size)
            for _ in range(size):
                self.value(key, depth)
                self.value(value, depth)
            return
        header = self.take(1)[0]
        size = self.size(header >> 4 if header < 0xF0 else self.varint())
        element = header & 0x0F
        known = self.kind(element) if size or element in _TO_BINARY else Type.BYTE
        self.out += _LIST.pack(known, size)
        for _ in range(size):
            self.value(element, depth)

    @staticmethod
    def kind(code: int) -> Type:
        try:
            return _TO_BINARY[code]
        except KeyError:
            raise ValueError(f"{code} is no type") from None


_WRITERS: dict[tuple[str, str], type[_Body]] = {
    ("binary", "compact"): _BinaryAsCompact,
    ("compact", "binary"): _CompactAsBinary,
}
