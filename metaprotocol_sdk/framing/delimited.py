"""Messages of text: words, then perhaps string headers, then perhaps a body, up to a delimiter.

Layout, for ``DelimitedFrame("kind", "id", headers=TextMap())``::

    +------+-----+----+-----+---------+-----+------+-----------+
    | kind | " " | id | " " | headers | " " | body | delimiter |
    +------+-----+----+-----+---------+-----+------+-----------+
                                      |<-- if any->|
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterator, Mapping
from typing import Any

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import DecodeStatus, Field
from metaprotocol_sdk.exceptions import DecodeError, EncodeError, MessageTooLarge
from metaprotocol_sdk.framing.contract import Decode, Duties, MessageFrame, Pairs, refuse_reserved
from metaprotocol_sdk.framing.expression import Expression, Linear
from metaprotocol_sdk.framing.parsing import READ_ERRORS, reason_of
from metaprotocol_sdk.framing.string_map import Changes, known_encoding
from metaprotocol_sdk.framing.text_map import TextMap
from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.mutation import Mutation

_LARGEST_ID = (1 << 63) - 1


class DelimitedFrame(MessageFrame):
    """A line of text, or whatever ends in a delimiter.

    ::

        frame = DelimitedFrame(
            "kind", "id", "method",
            delimiter=b"\\n",
            request_id=this.id,
            strings={"method": this.method},
            headers=TextMap(),
        )

    Args:
        names: The words every message begins with.
        delimiter: The bytes that end a message; they occur nowhere else in it.
        separator: The bytes between words.
        request_id: The word that pairs a reply with its request: a decimal number without sign or leading zero.
        strings: Words that routing sees, by the key it sees them under. A mutation of the key writes the word.
        headers: The word after the named ones that holds string headers, if the protocol has them.
        encoding: The words' encoding.

    Raises:
        ValueError: The declaration does not hold together.
    """

    def __init__(
        self,
        *names: str,
        delimiter: bytes = b"\n",
        separator: bytes = b" ",
        request_id: Expression | None = None,
        strings: Mapping[str, Expression] | None = None,
        headers: TextMap | None = None,
        encoding: str = "utf-8",
    ) -> None:
        for what, given in (("delimiter", delimiter), ("separator", separator)):
            if not isinstance(given, bytes):
                raise ValueError(f"{what}={given!r} is not bytes; write it as {what}=b{given!r}")
        if not delimiter or not separator or delimiter in separator or separator in delimiter:
            raise ValueError(
                f"delimiter={delimiter!r} and separator={separator!r} must differ, and neither may be empty"
            )
        self.names = names
        self.delimiter = delimiter
        self.separator = separator
        self.headers = headers
        self.encoding = known_encoding(encoding)
        self.carries_headers = headers is not None
        # rename=False: a bad name is a ValueError that says which.
        self._type = namedtuple("Header", names)  # type: ignore[misc] # noqa: PYI024
        self._words = len(names) + (headers is not None)
        self._id = self._index_of("request_id", request_id) if request_id else None
        self.request_ids = range(1, _LARGEST_ID + 1) if self._id is not None else range(0)
        refuse_reserved(names, "" if self._id is None else names[self._id])
        self._strings: dict[str, tuple[str, int]] = {}
        for key, word in (strings or {}).items():
            if key.lower() in self._strings:
                raise ValueError(f"strings has {key!r} twice: keys compare case-insensitively")
            self._strings[key.lower()] = (key, self._index_of(f"strings[{key!r}]", word))

    def _index_of(self, what: str, expression: Expression) -> int:
        linear = Linear.from_expression(what, expression, self.names)
        if not linear.is_field:
            raise ValueError(f"{what} is computed; it names one word, and describe() sets the computed ones")
        return self.names.index(linear.terms[0][0])

    # -- decoding --------------------------------------------------------------------------------------------------

    def bind(self, duties: Duties) -> Decode:
        """See :meth:`MessageFrame.bind`."""
        delimiter, limit, describe = self.delimiter, duties.limit, duties.describe
        width = len(delimiter)

        def decode(buffer: Buffer, metadata: Metadata) -> DecodeStatus:
            have = len(buffer)
            data, start = buffer.front(have)
            scanned = buffer.hint or 0
            at = data.find(delimiter, start + max(0, scanned - width + 1), start + min(have, limit))
            if at < 0:
                if have >= limit:
                    raise MessageTooLarge(have + 1, limit)
                buffer.hint = have
                buffer.needed = have + 1
                return DecodeStatus.WAIT_FOR_DATA
            metadata.origin_message = origin = buffer.drain(at - start + width)
            words, body = self._read(origin)
            self._describe(metadata, words)
            metadata.body_size = len(body)
            metadata.header_size = len(origin) - len(body)
            if describe is not None:
                try:
                    describe(self._type(*words[: len(self.names)]), metadata)
                except READ_ERRORS as error:
                    raise DecodeError(reason_of(error), path="describe") from error
            return DecodeStatus.DONE

        return decode

    def _read(self, data: bytes) -> tuple[list[str], bytes]:
        """The words and the body of a whole message."""
        if not data.endswith(self.delimiter):
            raise DecodeError(f"it does not end in {self.delimiter!r}", offset=len(data))
        pieces = data[: -len(self.delimiter)].split(self.separator, self._words)
        if len(pieces) < self._words or not self._words:
            return self._without_body(pieces)
        body = pieces.pop() if len(pieces) > self._words else b""
        return self._decoded(pieces), body

    def _without_body(self, pieces: list[bytes]) -> tuple[list[str], bytes]:
        if not self._words:
            return [], self.separator.join(pieces)
        missing = (*self.names, "headers")[len(pieces)]
        raise DecodeError(f"it has {len(pieces)} words and {self._words} are needed", path=missing)

    def _decoded(self, pieces: list[bytes]) -> list[str]:
        words = []
        for index, piece in enumerate(pieces):
            try:
                words.append(piece.decode(self.encoding))
            except UnicodeError as error:
                path = (*self.names, "headers")[index]
                bad = self._offset(pieces, index) + getattr(error, "start", 0)
                raise DecodeError(f"the word is not {self.encoding}", path=path, offset=bad) from error
        return words

    def _offset(self, pieces: list[bytes], index: int) -> int:
        return sum(len(piece) + len(self.separator) for piece in pieces[:index])

    def _describe(self, metadata: Metadata, words: list[str]) -> None:
        if self._id is not None:
            metadata.request_id = _id_of(words[self._id], self.names[self._id])
        for key, index in self._strings.values():
            metadata[key] = words[index]
        if self.headers is not None:
            offset = sum(len(word.encode(self.encoding)) + len(self.separator) for word in words[:-1])
            self.headers.read_into(metadata, words[-1], offset)

    # -- reading a whole message again -----------------------------------------------------------------------------

    def header(self, data: bytes) -> Any:
        """See :meth:`MessageFrame.header`."""
        return self._type(*self._read(data)[0][: len(self.names)])

    def body(self, data: bytes) -> bytes:
        """See :meth:`MessageFrame.body`."""
        return self._read(data)[1]

    # -- writing ---------------------------------------------------------------------------------------------------

    def encode(self, metadata: Metadata, mutation: Mutation) -> bytes:
        """See :meth:`MessageFrame.encode`."""
        origin = metadata.origin_message
        if self._id is None and not mutation:
            return origin
        before = origin[: -len(self.delimiter)].split(self.separator, self._words)
        pieces = before.copy()
        self._write_id(pieces, metadata.request_id)
        changes = mutation.folded
        self._write_words(pieces, changes)
        if changes:
            self._edit_headers(pieces, changes)
        return origin if pieces == before else self._joined(pieces)

    def _write_id(self, pieces: list[bytes], request_id: int) -> None:
        if self._id is None:
            return
        name = self.names[self._id]
        # The word as it came is kept: an encoding may have several ways to write one number.
        if _id_of(pieces[self._id].decode(self.encoding), name) != request_id:
            pieces[self._id] = self._word(str(_id_of(str(request_id), name, EncodeError)), name)

    def _write_words(self, pieces: list[bytes], changes: Changes) -> None:
        """Takes the changes of declared words out of ``changes`` and writes them."""
        written: dict[int, bytes] = {}
        for folded, (key, index) in self._strings.items():
            if folded in changes:
                word = self._changed(key, index, changes.pop(folded)[1])
                if written.setdefault(index, word) != word:
                    raise EncodeError(f"another key gives the word {self.names[index]} another value", key=key)
                pieces[index] = word

    def _changed(self, key: str, index: int, text: str | None) -> bytes:
        if index == self._id:
            raise EncodeError(f"framing writes the word {self.names[index]}; a mutation cannot", key=key)
        if text is None:
            raise EncodeError(f"it is the word {self.names[index]}, which every message has", key=key)
        return self._word(text, key)

    def _edit_headers(self, pieces: list[bytes], changes: Changes) -> None:
        if self.headers is None:
            key = next(iter(changes.values()))[0]
            raise EncodeError("the protocol carries no string headers, and no word is declared under this key", key=key)
        at = len(self.names)
        key = next(iter(changes.values()))[0] if len(changes) == 1 else "headers"
        pieces[at] = self._word(self.headers.edit(pieces[at].decode(self.encoding), changes), key)

    def _word(self, text: str, key: str) -> bytes:
        try:
            word = text.encode(self.encoding)
        except UnicodeError as error:
            raise EncodeError(f"the text cannot be said in {self.encoding}", key=key) from error
        for forbidden in (self.separator, self.delimiter):
            if forbidden in word:
                raise EncodeError(f"the text contains {forbidden!r}, which ends a word or a message", key=key)
        return word

    def _joined(self, pieces: list[bytes]) -> bytes:
        data = self.separator.join(pieces) + self.delimiter
        if data.find(self.delimiter) != len(data) - len(self.delimiter):
            raise EncodeError(f"it would contain {self.delimiter!r}, which ends a message")
        if data[: -len(self.delimiter)].split(self.separator, self._words) != pieces:
            raise EncodeError(f"a word that ends in part of {self.separator!r} would be read as another one")
        return data

    def build(
        self, body: bytes = b"", /, *, headers: Pairs = (), request_id: int | None = None, **fields: Any
    ) -> bytes:
        """See :meth:`MessageFrame.build`."""
        return self._build(dict(fields), body, headers, request_id)

    def answer(self, header: Mapping[str, Any], request_id: int, body: bytes, fields: Mapping[str, Any]) -> bytes:
        """See :meth:`MessageFrame.answer`."""
        if self._id is not None and self.names[self._id] in fields:
            raise EncodeError("a reply has its request's id", key=self.names[self._id])
        shared = {name: header[name] for name in self.names if name in header}
        return self._build({**shared, **fields}, body, (), None if self._id is None else request_id)

    def _build(self, values: dict[str, Any], body: bytes, headers: Pairs, request_id: int | None) -> bytes:
        self._refuse_unknown(values)
        if self._id is not None and (request_id is not None or self.names[self._id] not in values):
            values[self.names[self._id]] = _id_of(str(request_id or 0), self.names[self._id], EncodeError)
        elif request_id is not None:
            raise EncodeError(f"the protocol has no request id, and {request_id} was given")
        pieces = []
        for name in self.names:
            if name not in values:
                raise EncodeError("the word has no value", key=name)
            pieces.append(self._word(str(values[name]), name))
        pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
        if self.headers is not None:
            pieces.append(self._word(self.headers.build(pairs), "headers"))
        elif pairs:
            raise EncodeError("the protocol carries no string headers", key=pairs[0][0])
        return self._joined([*pieces, body] if body or not pieces else pieces)

    # -- naming ----------------------------------------------------------------------------------------------------

    def fields(self, data: bytes) -> Iterator[Field]:
        """See :meth:`MessageFrame.fields`; a word's range takes its separator along."""
        end = data.find(self.delimiter)
        stop = len(data) if end < 0 else end
        at = 0
        late = "" if end >= 0 else "the delimiter has not arrived"
        for name in (*self.names, *(("headers",) if self.headers else ())):
            cut = data.find(self.separator, at, stop)
            last = cut < 0
            after = stop if last else cut + len(self.separator)
            if after > at:
                yield Field(
                    name,
                    at,
                    after,
                    data[at : stop if last else cut].decode(self.encoding, "replace"),
                    late if last else "",
                )
            at = after
            if last:
                break
        if at < stop:
            yield Field("body", at, stop, data[at:stop], late)
        if end >= 0:
            yield Field("delimiter", end, end + len(self.delimiter), self.delimiter)
            if end + len(self.delimiter) < len(data):
                yield Field("next message", end + len(self.delimiter), len(data), data[end + len(self.delimiter) :])


def _id_of(text: str, name: str, error: type[DecodeError | EncodeError] = DecodeError) -> int:
    """The id a word says. One number is written one way, or a reply could not carry the id as the client wrote it."""
    if text.isascii() and text.isdigit() and len(text) <= 19 and (text == "0" or text[0] != "0"):
        number = int(text)
        if number <= _LARGEST_ID:
            return number
    reason = f"{text[:40]!r} is not a decimal number from 0 to {_LARGEST_ID}"
    raise DecodeError(reason, path=name) if error is DecodeError else EncodeError(reason, key=name)
