"""Binary messages: a header of fixed size, string headers if the protocol has them, an opaque body.

Layout::

    +---------------+--------------+------+
    | header fields | header block | body |
    +---------------+--------------+------+
                      headers=, if any

Readiness is arithmetic on the header; every frame is bounded before anything waits on it. Encoding edits the bytes
that came and never builds a message anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import DecodeStatus, Field
from metaprotocol_sdk.exceptions import DecodeError, EncodeError, MessageTooLarge
from metaprotocol_sdk.framing.binary import BinaryFrame
from metaprotocol_sdk.framing.contract import Decode, Duties
from metaprotocol_sdk.framing.expression import Expression, Linear
from metaprotocol_sdk.framing.layout import Values
from metaprotocol_sdk.framing.parsing import moved
from metaprotocol_sdk.framing.string_map import StringMap
from metaprotocol_sdk.metadata import Metadata

_WAIT = DecodeStatus.WAIT_FOR_DATA


class Frame(BinaryFrame):
    """A header of fixed size whose fields tell the message's length.

    ::

        frame = Frame(
            "version" / Default(Int8sb, 1),
            "flow" / Int32ub,
            "length" / Int32ub,
            length=this.length,              # of the whole message; a body's length is this.length + 9
            request_id=this.flow,
            strings={"version": this.version},
        )

    Args:
        fields: The header, in order, as constructs of fixed size.
        length: Bytes of the whole message, an expression over header fields: a sum of fields times whole numbers
            plus a constant. Left out: the codec's ``frame_length`` tells it.
        request_id: The field that pairs a reply with its request, if there is one.
        strings: Header fields that routing sees, by the key it sees them under. A mutation of the key writes the field.
        headers: Where string headers are, if the protocol has them.

    Raises:
        ValueError: The declaration does not hold together; says what to write instead.
    """

    def __init__(
        self,
        *fields: Any,
        length: Expression | None = None,
        request_id: Expression | None = None,
        strings: Mapping[str, Expression] | None = None,
        headers: StringMap | None = None,
    ) -> None:
        super().__init__(fields, length=length, request_id=request_id, strings=strings, headers=headers)
        self.tells_length = length is not None

    def bind(self, duties: Duties) -> Decode:
        """See :meth:`MessageFrame.bind`."""
        length = self._length
        if length is None:
            return self._bind_hatch(duties)
        if len(length.terms) > 1:
            return self._bind_sum(duties, length)
        ((name, scale),) = length.terms
        return self._bind_one(duties, self.layout.index[name], scale, length.offset)

    def _bind_one(self, duties: Duties, index: int, scale: int, offset: int) -> Decode:
        # The path of nearly every protocol and message: one closure, no attribute looked up twice.
        size, limit, unpack_from = self.layout.size, duties.limit, self.layout.unpack_from
        constants, check, refuse = self.layout.constants, self.layout.check_constants, self._refuse
        finish = self._finisher(duties)

        def decode(buffer: Buffer, metadata: Metadata) -> DecodeStatus:
            have = len(buffer)
            if have < size:
                return self._await_header(buffer, limit)
            data, start = buffer.front(size)
            values = unpack_from(data, start)
            if constants:
                check(values)
            total = values[index] * scale + offset
            if not size <= total <= limit:
                refuse(total, limit)
            if have < total:
                buffer.needed = total
                return _WAIT
            return finish(buffer, metadata, values, total, size)

        return decode

    def _bind_sum(self, duties: Duties, length: Linear) -> Decode:
        indices = [(self.layout.index[name], scale) for name, scale in length.terms]

        def measure(values: Values, _buffer: Buffer) -> int:
            return length.offset + sum([int(values[index]) * scale for index, scale in indices])

        return self._bind_measured(duties, measure)

    def _bind_hatch(self, duties: Duties) -> Decode:
        frame_length, header = duties.frame_length, self.layout.header
        assert frame_length is not None, "FramedCodec checks it where the class is defined"

        def measure(values: Values, buffer: Buffer) -> int | None:
            return frame_length(header(values), buffer)

        return self._bind_measured(duties, measure)

    def _write_total(self, header: bytearray, values: Mapping[str, Any], rest: int, fixed: frozenset[str]) -> bytes:
        # Where several fields share the length, those that say it right already may stay.
        if self._length is not None and self._length.of(values) != self.layout.size + rest:
            numbers = self._length.solve(self.layout.size + rest, values, fixed=fixed, what="length")
            self._patch(header, dict(values), numbers)
        return b""


class FixedFrame(BinaryFrame):
    """Every message has the same number of bytes: a header, and an opaque body that fills the rest.

    Args:
        fields: The header, as :class:`Frame` takes it.
        size: Bytes of every message; None: the header is all.
        request_id: As for :class:`Frame`.
        strings: As for :class:`Frame`.
    """

    def __init__(
        self,
        *fields: Any,
        size: int | None = None,
        request_id: Expression | None = None,
        strings: Mapping[str, Expression] | None = None,
    ) -> None:
        super().__init__(fields, request_id=request_id, strings=strings)
        self.size = self.layout.size if size is None else size
        if self.size < max(self.layout.size, 1):
            raise ValueError(
                f"size={self.size} is less than the header's {self.layout.size} bytes, or no message at all"
            )

    def bind(self, duties: Duties) -> Decode:
        """See :meth:`MessageFrame.bind`."""

        def measure(_values: Values, _buffer: Buffer) -> int:
            return self.size

        return self._bind_measured(duties, measure)

    def _write_total(self, header: bytearray, values: Mapping[str, Any], rest: int, fixed: frozenset[str]) -> bytes:  # noqa: ARG002
        if self.layout.size + rest != self.size:
            room = self.size - self.layout.size
            raise EncodeError(f"a body of {rest} bytes was given and every message has {room}", key="body")
        return b""

    def fields(self, data: bytes) -> Iterator[Field]:
        """See :meth:`MessageFrame.fields`."""
        message, following = data[: self.size], data[self.size :]
        missing = self.size - len(message)
        for field in super().fields(message):
            is_last = field.end == len(message)
            yield replace(field, problem=_not_arrived(missing)) if missing and is_last else field
        if following:
            yield Field("next message", self.size, len(data), following)


_VARINT_MOST = 10
"""Bytes of the longest base-128 varint: 64 bits in groups of 7."""


class VarintFrame(BinaryFrame):
    """A base-128 varint (Protocol Buffers, "Base 128 Varints") counts the bytes that follow it.

    Layout::

        +--------+---------------+--------------+------+
        | varint | header fields | header block | body |
        +--------+---------------+--------------+------+
                 |<------------- varint bytes -------->|

    Args:
        fields: The header, as :class:`Frame` takes it; none is fine.
        request_id: As for :class:`Frame`.
        strings: As for :class:`Frame`.
        headers: As for :class:`Frame`.
    """

    def __init__(
        self,
        *fields: Any,
        request_id: Expression | None = None,
        strings: Mapping[str, Expression] | None = None,
        headers: StringMap | None = None,
    ) -> None:
        super().__init__(fields, request_id=request_id, strings=strings, headers=headers)

    def bind(self, duties: Duties) -> Decode:
        """See :meth:`MessageFrame.bind`."""
        size, limit, unpack_from = self.layout.size, duties.limit, self.layout.unpack_from
        constants, check = self.layout.constants, self.layout.check_constants
        finish = self._finisher(duties)

        def decode(buffer: Buffer, metadata: Metadata) -> DecodeStatus:
            have = len(buffer)
            counted, at = _read_varint(buffer.peek(_VARINT_MOST))
            if not at:
                return self._await_length(buffer, limit)
            if counted < size:
                raise DecodeError(
                    f"it says {counted} bytes follow, fewer than the header's {size}", path="length", offset=0
                )
            total = at + counted
            if total > limit:
                raise MessageTooLarge(total, limit, path="length", offset=0)
            if have < total:
                buffer.needed = total
                return _WAIT
            data, start = buffer.front(at + size)
            try:
                values = unpack_from(data, start + at)
            except DecodeError as error:
                raise moved(error, at) from error.__cause__
            if constants:
                check(values, at)
            return finish(buffer, metadata, values, total, at + size)

        return decode

    def _await_length(self, buffer: Buffer, limit: int) -> DecodeStatus:
        have = len(buffer)
        if have >= limit:
            raise MessageTooLarge(have + 1, limit, path="length", offset=0)
        buffer.needed = have + 1
        return _WAIT

    def _header_at(self, data: bytes) -> int:
        return _read_varint(data[:_VARINT_MOST])[1]

    def _write_total(self, header: bytearray, values: Mapping[str, Any], rest: int, fixed: frozenset[str]) -> bytes:  # noqa: ARG002
        return _varint(self.layout.size + rest)

    def fields(self, data: bytes) -> Iterator[Field]:
        """See :meth:`MessageFrame.fields`."""
        try:
            counted, at = _read_varint(data[:_VARINT_MOST])
        except DecodeError as error:
            yield Field("length", 0, len(data), data, error.reason)
            return
        if not at:
            if data:
                yield Field("length", 0, len(data), data, "its last byte has not arrived")
            return
        yield Field("length", 0, at, counted)
        message, following = data[at : at + counted], data[at + counted :]
        missing = counted - len(message)
        for field in super().fields(message):
            late = _not_arrived(missing) if missing and field.end == len(message) else field.problem
            yield replace(field, start=field.start + at, end=field.end + at, problem=late)
        if following:
            yield Field("next message", at + counted, len(data), following)


def _not_arrived(missing: int) -> str:
    return f"{missing} bytes of the message have not arrived"


def _read_varint(data: bytes) -> tuple[int, int]:
    """The number ``data`` begins with and the bytes it takes; (0, 0): it is not whole.

    Raises:
        DecodeError: It has more than 64 bits.
    """
    number = 0
    for index, byte in enumerate(data):
        number |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            if number >> 64:
                break
            return number, index + 1
    else:
        if len(data) < _VARINT_MOST:
            return 0, 0
    raise DecodeError("the varint has more than 64 bits", path="length", offset=0)


def _varint(number: int) -> bytes:
    groups = bytearray()
    while number > 0x7F:
        groups.append(0x80 | number & 0x7F)
        number >>= 7
    groups.append(number)
    return bytes(groups)
