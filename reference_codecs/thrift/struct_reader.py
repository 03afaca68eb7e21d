"""Structs read value by value, for who writes them again or shows them; what only passes them skips them instead.

A reader is asked for what stands there, in order: of a struct ``open_struct``, then ``field``, the value and
``end_field`` until there is no field; of a container ``container``, its elements and ``end_container``; and
``end_message`` at last. The layouts are drawn where the protocols are.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from typing import Any, Final

from reference_codecs.thrift import compact as wire
from reference_codecs.thrift.frame import BINARY_FIELD, BINARY_LIST, BINARY_MAP, SIZE, Type
from reference_codecs.thrift.varint import unzigzag

MALFORMED: Final = (LookupError, struct.error, ValueError)
"""What a reader raises: the first two where its data ends too early, ValueError for what makes no sense."""

# Plain integers: an enum's members hash in Python, and every value is looked up by its type.
BOOL, BYTE, DOUBLE, I16, I32, I64 = map(int, (Type.BOOL, Type.BYTE, Type.DOUBLE, Type.I16, Type.I32, Type.I64))
STRING, UUID, STRUCT, MAP, SET, LIST = map(int, (Type.STRING, Type.UUID, Type.STRUCT, Type.MAP, Type.SET, Type.LIST))
CONTAINERS: Final = frozenset((LIST, SET, MAP))
NUMBERS: Final = {
    BOOL: struct.Struct(">?"),
    BYTE: struct.Struct(">b"),
    DOUBLE: struct.Struct(">d"),
    I16: struct.Struct(">h"),
    I32: struct.Struct(">i"),
    I64: struct.Struct(">q"),
}
"""Numbers as the binary protocol writes them."""
COMPACT_DOUBLE: Final = struct.Struct("<d")
UUID_SIZE: Final = 16

_KNOWN: Final = frozenset(int(kind) for kind in Type if kind is not Type.STOP)

TO_COMPACT: Final = {
    BOOL: wire.TRUE,
    BYTE: wire.BYTE,
    I16: wire.I16,
    I32: wire.I32,
    I64: wire.I64,
    DOUBLE: wire.DOUBLE,
    STRING: wire.BINARY_TYPE,
    LIST: wire.LIST,
    SET: wire.SET,
    MAP: wire.MAP,
    STRUCT: wire.STRUCT,
    UUID: wire.UUID,
}
"""The compact protocol's numbers of types; a boolean's is that of true."""
_FROM_COMPACT: Final = {code: kind for kind, code in TO_COMPACT.items()} | {wire.FALSE: BOOL}


class StructReader(ABC):
    """Reads the values of one struct. Each method moves :attr:`at` past what it read, and raises :data:`MALFORMED`.

    Attributes:
        data: What there is.
        at: Where the next read starts in it.
    """

    __slots__ = ("at", "data")

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    def open_struct(self) -> None:
        """What stands before a struct's first field."""
        return

    @abstractmethod
    def field(self, last: int) -> tuple[int, int] | None:
        """The id and the type of the next field; None: the struct ended.

        Args:
            last: The id of the field before it; 0 for a struct's first.
        """

    @abstractmethod
    def scalar(self, kind: int) -> Any:
        """A value that is no struct and no container: a bool, int, float or bytes; text where the protocol has text."""

    @abstractmethod
    def container(self, kind: int) -> tuple[int, int, int]:
        """What stands before a container's elements: the types of keys and values, a list's twice, and the size.

        An empty container may have a type that is none; it reads as some type.
        """

    def end_container(self) -> None:
        """What stands after a container's elements."""
        return

    def end_field(self) -> None:
        """What stands after a field's value."""
        return

    def end_message(self) -> None:
        """What stands after the outermost struct."""
        return

    def take(self, size: int) -> bytes:
        """The next bytes.

        Raises:
            LookupError: There are fewer.
        """
        at = self.at
        end = at + size
        if end > len(self.data):
            raise LookupError("it ends too early")
        self.at = end
        return self.data[at:end]

    def bounded(self, size: int) -> int:
        """``size`` elements, when so many can be there: none takes less than a byte."""
        left = len(self.data) - self.at
        if not 0 <= size <= left:
            raise ValueError(f"a container of {size} is over the {left} bytes that are left")
        return size


class BinaryReader(StructReader):
    """The binary protocol's."""

    __slots__ = ()

    def field(self, last: int) -> tuple[int, int] | None:  # noqa: ARG002
        """A type, and an id in full."""
        if not self.data[self.at]:
            self.at += 1
            return None
        code, number = BINARY_FIELD.unpack(self.take(BINARY_FIELD.size))
        return number, _type(code)

    def scalar(self, kind: int) -> Any:
        """Numbers of fixed sizes, and bytes after their length."""
        if number := NUMBERS.get(kind):
            return number.unpack(self.take(number.size))[0]
        return self.take(UUID_SIZE if kind == UUID else SIZE.unpack(self.take(4))[0])

    def container(self, kind: int) -> tuple[int, int, int]:
        """The types, and 32 bits of size."""
        if kind == MAP:
            one, other, size = BINARY_MAP.unpack(self.take(BINARY_MAP.size))
        else:
            one, size = BINARY_LIST.unpack(self.take(BINARY_LIST.size))
            other = one
        if not size:
            return one if one in _KNOWN else BYTE, other if other in _KNOWN else BYTE, 0
        return _type(one), _type(other), self.bounded(size)


class CompactReader(StructReader):
    """The compact protocol's."""

    __slots__ = ("_truth",)

    def __init__(self, data: bytes, at: int = 0) -> None:
        super().__init__(data, at)
        self._truth: bool | None = None

    def field(self, last: int) -> tuple[int, int] | None:
        """A type and the difference of ids, or the id; a boolean's type is its value."""
        header = self.data[self.at]
        self.at += 1
        if not header:
            return None
        code = header & 0x0F
        number = last + (header >> 4) if header >> 4 else unzigzag(self._varint())
        if code <= wire.FALSE:
            self._truth = code == wire.TRUE
        return number, _compact_type(code)

    def scalar(self, kind: int) -> Any:
        """Varints, and bytes after their length."""
        if kind in (I32, I64, I16):
            return unzigzag(self._varint())
        if kind == STRING:
            return self.take(self._varint())
        if kind == BOOL:
            return self._boolean()
        if kind == DOUBLE:
            return COMPACT_DOUBLE.unpack(self.take(8))[0]
        return NUMBERS[kind].unpack(self.take(1))[0] if kind == BYTE else self.take(UUID_SIZE)

    def _boolean(self) -> bool:
        """A field's was read with its type, an element is a byte."""
        if self._truth is None:
            return self.take(1)[0] == wire.TRUE
        truth, self._truth = self._truth, None
        return truth

    def container(self, kind: int) -> tuple[int, int, int]:
        """Sizes before types, and of an empty map no types."""
        if kind == MAP:
            size = self._varint()
            codes = self.take(1)[0] if size else TO_COMPACT[BYTE] * 0x11
            one, other = codes >> 4, codes & 0x0F
        else:
            header = self.take(1)[0]
            size = header >> 4 if header < 0xF0 else self._varint()
            one = other = header & 0x0F
        if not size:
            return _FROM_COMPACT.get(one, BYTE), _FROM_COMPACT.get(other, BYTE), 0
        return _compact_type(one), _compact_type(other), self.bounded(size)

    def _varint(self) -> int:
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


def _type(code: int) -> int:
    if code not in _KNOWN:
        raise ValueError(f"{code} is no type")
    return code


def _compact_type(code: int) -> int:
    if code not in _FROM_COMPACT:
        raise ValueError(f"{code} is no type")
    return _FROM_COMPACT[code]
