"""String headers as a block of length-prefixed pairs.

Layout, ``prefix`` being an integer such as Int16ub::

    +--------+-----+--------+-------+
    | prefix | key | prefix | value |   repeated until `length` bytes are used
    +--------+-----+--------+-------+
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import construct

from metaprotocol_sdk.codec import Field
from metaprotocol_sdk.exceptions import DecodeError, EncodeError
from metaprotocol_sdk.framing.expression import Expression
from metaprotocol_sdk.metadata import Metadata

Changes = dict[str, "tuple[str, str | None]"]
"""What a mutation wants of a header block, by lower-case key: the key as it was given, and its new value or None."""


def known_encoding(encoding: str) -> str:
    """``encoding``; raises ValueError, where it is declared, when Python knows no such text encoding."""
    try:
        "".encode(encoding)
    except LookupError as error:
        raise ValueError(f"encoding={encoding!r} is no text encoding: {error}") from None
    return encoding


@dataclass(frozen=True, slots=True)
class _Pair:
    """One key and value in a block, and where its parts are: each part starts with its prefix."""

    key: str
    start: int
    key_end: int
    end: int


class StringMap:
    """The string headers of a message: pairs of length-prefixed texts, right after the fixed header.

    Args:
        length: The block's bytes, as an expression over header fields: ``this.head_len``.
        prefix: The integer before each key and each value: Int8ub, Int16ub, Int32ub or a little-endian one.
        encoding: The texts' encoding.

    Of several pairs with one key the first counts, and is the one a mutation replaces.
    """

    __slots__ = ("_prefix", "_width", "encoding", "length", "most")

    def __init__(self, *, length: Expression, prefix: Any = construct.Int16ub, encoding: str = "utf-8") -> None:
        if not isinstance(prefix, construct.FormatField) or prefix.fmtstr[1:] not in tuple("BHLQ"):
            raise ValueError(f"prefix={prefix!r} is not an unsigned integer such as Int16ub")
        self.length = length
        self.encoding = known_encoding(encoding)
        self._prefix = struct.Struct(prefix.fmtstr)
        self._width = self._prefix.size
        self.most = (1 << (8 * self._width)) - 1

    def read_into(self, metadata: Metadata, data: bytes, start: int, end: int) -> None:
        """Sets the strings of the block ``data[start:end]`` that ``metadata`` does not have yet.

        Raises:
            DecodeError: A length points past the block, or a text is not of the encoding.
        """
        folded = metadata.folded
        unpack_from, width, encoding = self._prefix.unpack_from, self._width, self.encoding
        at = start
        try:
            while at < end:
                key_at = at + width
                key_end = key_at + unpack_from(data, at)[0]
                value_at = key_end + width
                stop = value_at + unpack_from(data, key_end)[0]
                if stop > end:  # both lengths at once: a key that runs over makes the value run over
                    self._explain(data, start, end)
                key = data[key_at:key_end].decode(encoding)
                value = data[value_at:stop].decode(encoding)
                lower = key.lower()
                if lower not in folded:
                    if lower == key:
                        folded[key] = value
                    else:
                        metadata[key] = value
                at = stop
        except (struct.error, OverflowError, UnicodeError):
            self._explain(data, start, end)

    def _explain(self, data: bytes, start: int, end: int) -> NoReturn:
        """Raises the DecodeError of a block that is known to be malformed."""
        for _ in self._walk(data, start, end):
            pass
        raise DecodeError("the header block is malformed", path="headers", offset=start)

    def _walk(self, data: bytes, start: int, end: int) -> Iterator[_Pair]:
        index, at = 0, start
        while at < end:
            key, key_end = self._text(data, at, end, f"headers[{index}].key")
            _, stop = self._text(data, key_end, end, f"headers[{key}]")
            yield _Pair(key, at, key_end, stop)
            index, at = index + 1, stop

    def _text(self, data: bytes, at: int, end: int, path: str) -> tuple[str, int]:
        start = at + self._width
        if start > end:
            raise DecodeError(f"{end - at} bytes are left of the block, too few for a length", path=path, offset=at)
        (size,) = self._prefix.unpack_from(data, at)
        stop = start + size
        if stop > end:
            raise DecodeError(
                f"its length says {size} bytes and the block has {end - start} left", path=path, offset=at
            )
        try:
            return data[start:stop].decode(self.encoding), stop
        except UnicodeError as error:
            bad = start + getattr(error, "start", 0)
            raise DecodeError(f"the text is not {self.encoding}", path=path, offset=bad) from error

    def edit(self, data: bytes, start: int, end: int, changes: Changes) -> bytes:
        """The block ``data[start:end]`` with ``changes`` in it; pairs no change names keep their bytes.

        Raises:
            EncodeError: A text is too long for its prefix, or cannot be said in the encoding.
        """
        left = dict(changes)
        parts: list[bytes] = []
        kept = start
        for pair in self._walk(data, start, end):
            folded = pair.key.lower()
            if folded not in changes:
                continue
            parts.append(data[kept : pair.start])
            kept = pair.end
            key, value = left.pop(folded, ("", None))
            if value is not None:
                parts += (data[pair.start : pair.key_end], self._packed(value, key))
        parts.append(data[kept:end])
        parts.append(self.build((key, value) for key, value in left.values() if value is not None))
        return b"".join(parts)

    def build(self, pairs: Iterable[tuple[str, str]]) -> bytes:
        """A block of these pairs.

        Raises:
            EncodeError: A text is too long for its prefix, or cannot be said in the encoding.
        """
        return b"".join([self._packed(text, key) for key, value in pairs for text in (key, value)])

    def _packed(self, text: str, key: str) -> bytes:
        try:
            data = text.encode(self.encoding)
        except UnicodeError as error:
            raise EncodeError(f"the text cannot be said in {self.encoding}", key=key) from error
        if len(data) > self.most:
            raise EncodeError(f"{len(data)} bytes are more than its length prefix can say ({self.most})", key=key)
        return self._prefix.pack(len(data)) + data

    def fields(self, data: bytes, start: int, end: int) -> Iterator[Field]:
        """The block's keys and values, each with its prefix; a malformed rest is one field with its problem."""
        at = start
        try:
            for index, pair in enumerate(self._walk(data, start, end)):
                yield Field(f"headers[{index}].key", pair.start, pair.key_end, pair.key)
                value = data[pair.key_end + self._width : pair.end].decode(self.encoding)
                yield Field(f"headers[{index}].value", pair.key_end, pair.end, value)
                at = pair.end
        except DecodeError as error:
            yield Field("headers", at, end, data[at:end], error.reason)
