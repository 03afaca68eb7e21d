"""The name and value of every byte range of a binary message, whole, partial or broken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from metaprotocol_sdk.codec import Field
from metaprotocol_sdk.exceptions import DecodeError
from metaprotocol_sdk.framing.expression import Linear
from metaprotocol_sdk.framing.layout import Layout
from metaprotocol_sdk.framing.string_map import StringMap


def binary_fields(
    data: bytes, layout: Layout, headers: StringMap | None, block_length: Linear | None, length: Linear | None
) -> Iterator[Field]:
    """The fields of ``data``, which begins with the header.

    Args:
        data: A message, the beginning of one, or bytes that claim to be one; what follows it is named too.
        layout: The header.
        headers: The header block, if the protocol has one.
        block_length: The block's bytes.
        length: The message's bytes; None: the header does not tell, so all of ``data`` is the message.
    """
    values: dict[str, Any] = {}
    yield from _header_fields(data, layout, values)
    size = layout.size
    if len(data) <= size:
        return
    total = _told(length, values, len(data))
    if not size <= total:
        yield Field("rest", size, len(data), data[size:], f"the header says the message has {total} bytes")
        return
    end = min(total, len(data))
    start = size
    if headers is not None and block_length is not None:
        stop = size + _told(block_length, values, 0)
        if not size <= stop <= total:
            yield Field(
                "rest", size, len(data), data[size:], f"the header says its header block has {stop - size} bytes"
            )
            return
        yield from _block_fields(headers, data, size, min(stop, end), missing=stop - end)
        start = min(stop, end)
    if start < end:
        missing = f"{total - end} of its bytes have not arrived" if total > end else ""
        yield Field("body", start, end, data[start:end], missing)
    if end < len(data):
        yield Field("next message", end, len(data), data[end:])


def _told(length: Linear | None, values: dict[str, Any], otherwise: int) -> int:
    if length is None:
        return otherwise
    try:
        return length.of(values)
    except LookupError:  # a field of it could not be read
        return otherwise


def _header_fields(data: bytes, layout: Layout, values: dict[str, Any]) -> Iterator[Field]:
    """Every field of the header, its padding too, as far as ``data`` goes; fills ``values`` with what they hold."""
    at = 0
    for slot in layout.slots:
        if slot.start > at:
            yield from _clipped(Field("padding", at, slot.start), data)
        at = slot.end
        piece = data[slot.start : slot.end]
        name = slot.name or "magic"
        if len(piece) < slot.width:
            yield from _clipped(Field(name, slot.start, slot.end), data)
            continue
        try:
            value = values[slot.name] = slot.unpack(piece)
        except DecodeError as error:
            yield Field(name, slot.start, slot.end, piece, error.reason)
        else:
            yield Field(name, slot.start, slot.end, value)
    if layout.size > at:
        yield from _clipped(Field("padding", at, layout.size), data)


def _clipped(field: Field, data: bytes) -> Iterator[Field]:
    if field.start < len(data):
        missing = field.end - len(data)
        problem = f"{missing} of its bytes have not arrived" if missing > 0 else field.problem
        end = min(field.end, len(data))
        yield replace(field, end=end, value=data[field.start : end], problem=problem)


def _block_fields(headers: StringMap, data: bytes, start: int, end: int, *, missing: int) -> Iterator[Field]:
    for field in headers.fields(data, start, end):
        if missing > 0 and field.problem:
            yield replace(field, problem=f"{missing} bytes of the header block have not arrived")
        else:
            yield field
