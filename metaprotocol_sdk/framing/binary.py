"""What binary frames share: a header of fixed size, string headers, a body; read once, edited in place.

Layout; a frame that puts something before the header says how much in ``_header_at``::

    | before | header fields | header block | body |
             ^ at            ^ at + size
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import DecodeStatus, Field
from metaprotocol_sdk.exceptions import DecodeError, EncodeError, MessageTooLarge
from metaprotocol_sdk.framing.contract import Decode, Duties, MessageFrame, Pairs, refuse_reserved
from metaprotocol_sdk.framing.expression import Expression, Linear
from metaprotocol_sdk.framing.layout import Layout, Values
from metaprotocol_sdk.framing.naming import binary_fields
from metaprotocol_sdk.framing.parsing import READ_ERRORS, moved, reason_of
from metaprotocol_sdk.framing.roles import IdField, string_fields
from metaprotocol_sdk.framing.string_map import Changes, StringMap
from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.mutation import Mutation

_WAIT, _DONE = DecodeStatus.WAIT_FOR_DATA, DecodeStatus.DONE

_SMALL = 4096
"""Bytes up to which slices are cheaper than views."""

Finish = Callable[[Buffer, Metadata, Values, int, int], DecodeStatus]
Measure = Callable[[Values, Buffer], "int | None"]


class BinaryFrame(MessageFrame):
    """Base of the frames whose header is fixed-size fields; see :class:`Frame` for the arguments."""

    def __init__(
        self,
        fields: Sequence[Any],
        *,
        length: Expression | None = None,
        request_id: Expression | None = None,
        strings: Mapping[str, Expression] | None = None,
        headers: StringMap | None = None,
    ) -> None:
        self.layout = Layout(fields)
        self.names = self.layout.names
        self.is_compiled = self.layout.is_compiled
        self.headers = headers
        self.carries_headers = headers is not None
        self._length = self._linear("length", length)
        self._block_length = self._linear("StringMap(length)", headers.length if headers else None)
        if self._block_length and len(self._block_length.terms) > 1:
            raise ValueError("the header block's length reads more than one header field; it is one field")
        self._id = IdField.from_expression(request_id, self.layout) if request_id else None
        self.request_ids = self._id.ids if self._id else range(0)
        self._pack_id = self._id.packer() if self._id else None
        refuse_reserved(self.names, self._id.slot.name if self._id else "")
        self._block_fields = (
            frozenset(name for name, _ in self._block_length.terms) if self._block_length else frozenset()
        )
        self._owned = self._block_fields | {name for name, _ in (self._length.terms if self._length else ())}
        if self._id:
            if self._id.slot.name in self._owned:
                raise ValueError(f"{self._id.slot.name} is both the id and a length")
            self._owned |= {self._id.slot.name}
        # Fields that framing fills in, so that whoever builds a message need not say them; a constant says itself.
        self._unsaid = [name for name in self._owned if not self.layout.by_name[name].has_default]
        self._strings = string_fields(strings or {}, self.layout, self._owned)

    def _linear(self, what: str, expression: Expression | None) -> Linear | None:
        if expression is None:
            return None
        linear = Linear.from_expression(what, expression, self.layout.names)
        for name, _ in linear.terms:
            if not self.layout.by_name[name].is_integer:
                raise ValueError(f"{what} reads {name}, which is no plain integer field")
        return linear

    # -- where things are ------------------------------------------------------------------------------------------

    def _header_at(self, data: bytes) -> int:  # noqa: ARG002 - VarintFrame looks
        """Where the header starts in the whole message ``data``."""
        return 0

    @abstractmethod
    def _write_total(self, header: bytearray, values: Mapping[str, Any], rest: int, fixed: frozenset[str]) -> bytes:
        """Writes the message's length, which has ``rest`` bytes after its header; returns what stands before that.

        ``values`` are what the header's fields hold, ``fixed`` those of them that may not change.

        Raises:
            EncodeError: The length cannot be said.
        """

    def _block_end(self, values: Mapping[str, Any], start: int, end: int) -> int:
        """Where the header block that begins at ``start`` ends, in a message that ends at ``end``."""
        if self._block_length is None:
            return start
        size = self._block_length.of(values)
        if not 0 <= size <= end - start:
            self._refuse_block(size, start, end)
        return start + size

    def _refuse_block(self, size: int, start: int, end: int) -> NoReturn:
        (name,) = self._block_fields
        raise DecodeError(
            f"the header block is {size} bytes and the message has {end - start} after its header",
            path=name,
            offset=start - self.layout.size + self.layout.by_name[name].start,
        )

    def _refuse(self, total: int, limit: int) -> NoReturn:
        """Raises for a message that says it has ``total`` bytes, too many or fewer than its header."""
        name = self._length.terms[0][0] if self._length else ""
        offset = self.layout.by_name[name].start if name else 0
        if total > limit:
            raise MessageTooLarge(total, limit, path=name, offset=offset)
        raise DecodeError(
            f"the message says it has {total} bytes, fewer than its header's {self.layout.size}",
            path=name,
            offset=offset,
        )

    # -- decoding --------------------------------------------------------------------------------------------------

    def _await_header(self, buffer: Buffer, limit: int) -> DecodeStatus:
        if self.layout.size > limit:
            raise MessageTooLarge(self.layout.size, limit, path="header", offset=0)
        buffer.needed = self.layout.size
        return _WAIT

    def _bind_measured(self, duties: Duties, measure: Measure) -> Decode:
        """Decodes messages whose size takes a function: a sum of fields, a fixed size, the codec's own."""
        size, limit, unpack_from = self.layout.size, duties.limit, self.layout.unpack_from
        finish = self._finisher(duties)

        def decode(buffer: Buffer, metadata: Metadata) -> DecodeStatus:
            have = len(buffer)
            if have < size:
                return self._await_header(buffer, limit)
            values = unpack_from(*buffer.front(size))
            self.layout.check_constants(values)
            try:
                total = measure(values, buffer)
            except READ_ERRORS as error:
                raise DecodeError(reason_of(error), path="frame_length") from error
            if total is None:
                if have >= limit:
                    raise MessageTooLarge(have + 1, limit)
                buffer.needed = max(buffer.needed, have + 1)
                return _WAIT
            if not max(size, 1) <= total <= limit:
                self._refuse(total, limit)
            if have < total:
                buffer.needed = total
                return _WAIT
            return finish(buffer, metadata, values, total, size)

        return decode

    def _finisher(self, duties: Duties) -> Finish:
        """The end of every decode: takes the whole message off the buffer and describes it."""
        id_index, id_scale, id_offset = (self._id.index, self._id.scale, self._id.offset) if self._id else (-1, 1, 0)
        # Whole numbers under a lower-case key, the most frequent strings, go straight into the folded dict.
        numbers = [(key, field.index) for key, field in self._strings.items() if field.is_plain]
        read_texts = self._text_reader()
        read_block = self._block_reader()
        describe, header, size = duties.describe, self.layout.header, self.layout.size

        def finish(buffer: Buffer, metadata: Metadata, values: Values, total: int, header_end: int) -> DecodeStatus:
            metadata.origin_message = origin = buffer.drain(total)
            if id_index >= 0:
                metadata.request_id = values[id_index] * id_scale + id_offset
            folded = metadata.folded
            for key, index in numbers:
                folded[key] = str(values[index])
            if read_texts is not None:
                read_texts(metadata, values, header_end - size)
            if read_block is not None:
                header_end = read_block(metadata, origin, values, header_end)
            metadata.header_size = header_end
            metadata.body_size = total - header_end
            if describe is not None:
                try:
                    describe(header(values), metadata)
                except READ_ERRORS as error:
                    raise DecodeError(reason_of(error), path="describe") from error
            return _DONE

        return finish

    def _text_reader(self) -> Callable[[Metadata, Values, int], None] | None:
        fields = [field for field in self._strings.values() if not field.is_plain]
        if not fields:
            return None

        def read_texts(metadata: Metadata, values: Values, header_at: int) -> None:
            try:
                for field in fields:
                    metadata[field.key] = field.slot.text(values[field.index])
            except DecodeError as error:
                raise moved(error, header_at) from error.__cause__

        return read_texts

    def _block_reader(self) -> Callable[[Metadata, bytes, Values, int], int] | None:
        if self.headers is None or self._block_length is None:
            return None
        read_into, ((name, scale),), offset = (
            self.headers.read_into,
            self._block_length.terms,
            self._block_length.offset,
        )
        index = self.layout.index[name]

        def read_block(metadata: Metadata, origin: bytes, values: Values, start: int) -> int:
            size: int = values[index] * scale + offset
            if not 0 <= size <= len(origin) - start:
                self._refuse_block(size, start, len(origin))
            read_into(metadata, origin, start, start + size)
            return start + size

        return read_block

    # -- reading a whole message again -----------------------------------------------------------------------------

    def header(self, data: bytes) -> Any:
        """See :meth:`MessageFrame.header`."""
        at = self._header_at(data)
        if len(data) - at < self.layout.size:
            raise DecodeError(f"{len(data)} bytes are too few for its header", path="header", offset=at)
        values = self.layout.unpack_from(data, at)
        self.layout.check_constants(values, at)
        return self.layout.header(values)

    def body(self, data: bytes) -> bytes:
        """See :meth:`MessageFrame.body`."""
        values = self.header(data)._asdict()
        return data[self._block_end(values, self._header_at(data) + self.layout.size, len(data)) :]

    # -- writing ---------------------------------------------------------------------------------------------------

    def encode(self, metadata: Metadata, mutation: Mutation) -> bytes:
        """See :meth:`MessageFrame.encode`."""
        origin = metadata.origin_message
        at = self._header_at(origin)
        if not mutation:
            return self._with_id(origin, at, metadata.request_id)
        start = at + self.layout.size
        header = bytearray(origin[at:start])
        changes = mutation.folded
        self._write_strings(header, changes)
        if self._id and self._pack_id:
            header[self._id.slot.start : self._id.slot.end] = self._pack_id(metadata.request_id)
        values = self.layout.read(header)
        end = self._block_end(values, start, len(origin))
        block = self._edited_block(origin, start, end, changes)
        body = memoryview(origin)[end:]
        if len(block) == end - start:
            return b"".join((origin[:at], header, block, body))
        before = self._write_lengths(header, values, len(block), len(body), frozenset())
        return b"".join((before, header, block, body))

    def _write_strings(self, header: bytearray, changes: Changes) -> None:
        """Takes the changes of header fields out of ``changes`` and writes them."""
        written: dict[int, bytes] = {}
        for folded, field in self._strings.items():
            if folded in changes:
                packed = field.pack(changes.pop(folded)[1])
                if written.setdefault(field.index, packed) != packed:
                    raise EncodeError(
                        f"another key gives the header field {field.slot.name} another value", key=field.key
                    )
                header[field.slot.start : field.slot.end] = packed

    def _edited_block(self, origin: bytes, start: int, end: int, changes: Changes) -> bytes:
        if not changes:
            return origin[start:end]
        if self.headers is None:
            key = next(iter(changes.values()))[0]
            raise EncodeError(
                "the protocol carries no string headers, and no header field is declared under this key", key=key
            )
        return self.headers.edit(origin, start, end, changes)

    def _with_id(self, origin: bytes, at: int, request_id: int) -> bytes:
        if self._id is None or self._pack_id is None:
            return origin
        start, end = at + self._id.slot.start, at + self._id.slot.end
        packed = self._pack_id(request_id)
        if origin[start:end] == packed:
            return origin
        if len(origin) <= _SMALL:
            return b"".join((origin[:start], packed, origin[end:]))
        view = memoryview(origin)
        return b"".join((view[:start], packed, view[end:]))

    def _write_lengths(
        self, header: bytearray, values: dict[str, Any], block: int, body: int, fixed: frozenset[str]
    ) -> bytes:
        """Writes the lengths of a header block and a body into ``header``; returns what stands before the header."""
        if self._block_length is not None:
            self._patch(header, values, self._block_length.solve(block, values, fixed=fixed, what="headers"))
        constants = {slot.name for slot in self.layout.slots if slot.constant}
        return self._write_total(header, values, block + body, fixed | self._block_fields | constants)

    def _patch(self, header: bytearray, values: dict[str, Any], numbers: Mapping[str, int]) -> None:
        for name, number in numbers.items():
            slot = self.layout.by_name[name]
            header[slot.start : slot.end] = slot.pack(number)
            values[name] = number

    def build(
        self, body: bytes = b"", /, *, headers: Pairs = (), request_id: int | None = None, **fields: Any
    ) -> bytes:
        """See :meth:`MessageFrame.build`."""
        return self._build({}, fields, body, headers, request_id)

    def answer(self, header: Mapping[str, Any], request_id: int, body: bytes, fields: Mapping[str, Any]) -> bytes:
        """See :meth:`MessageFrame.answer`."""
        if self._id and self._id.slot.name in fields:
            raise EncodeError("a reply has its request's id", key=self._id.slot.name)
        # A constant says itself: a reply's magic may be another than its request's.
        said = self._owned | {slot.name for slot in self.layout.slots if slot.constant}
        shared = {name: header[name] for name in self.names if name in header and name not in said}
        return self._build(shared, fields, body, (), request_id if self._id else None)

    def _build(
        self, shared: dict[str, Any], fields: Mapping[str, Any], body: bytes, headers: Pairs, request_id: int | None
    ) -> bytes:
        self._refuse_unknown(fields)
        pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
        if pairs and self.headers is None:
            raise EncodeError("the protocol carries no string headers", key=pairs[0][0])
        block = self.headers.build(pairs) if self.headers else b""
        values = {**dict.fromkeys(self._unsaid, 0), **shared, **fields}
        header = bytearray(self.layout.build(values))
        if request_id is not None:
            if self._id is None or self._pack_id is None:
                raise EncodeError(f"the protocol has no request id, and {request_id} was given")
            header[self._id.slot.start : self._id.slot.end] = self._pack_id(request_id)
        before = self._write_lengths(header, self.layout.read(header), len(block), len(body), frozenset(fields))
        return b"".join((before, header, block, body))

    # -- naming ----------------------------------------------------------------------------------------------------

    def fields(self, data: bytes) -> Iterator[Field]:
        """See :meth:`MessageFrame.fields`."""
        return binary_fields(data, self.layout, self.headers, self._block_length, self._length)
