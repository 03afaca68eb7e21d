"""Codecs that keep every law, each with something that a law could mistake for a fault."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator

from hypothesis import strategies as st

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import Codec, DecodeStatus, Field
from metaprotocol_sdk.conformance import Sample, Subject
from metaprotocol_sdk.errors import Error
from metaprotocol_sdk.exceptions import DecodeError, EncodeError, MessageTooLarge
from metaprotocol_sdk.metadata import MessageType, Metadata, ResponseStatus
from metaprotocol_sdk.mutation import Mutation
from tests.helpers import TinyCodec, tiny

WAIT, DONE, SKIPPED = DecodeStatus.WAIT_FOR_DATA, DecodeStatus.DONE, DecodeStatus.SKIPPED

Pairs = list[tuple[str, str]]


class MailCodec(Codec):
    """``'M' | kind u8 | id u32 | headers' length u16 | body's length u32 | headers | body``, big-endian.

    A header is ``key=value`` and a line feed. The kind is a MessageType. A header ``status`` of ``bad`` marks a reply
    as failed, ``timeout`` gives a request its seconds, and ``pong`` marks the answer to a heartbeat. Methods are small
    so that broken codecs are small variations.
    """

    name = "mail"
    request_ids = range(1 << 32)
    layout = struct.Struct(">BBIHI")
    kinds = (
        MessageType.REQUEST,
        MessageType.RESPONSE,
        MessageType.ONEWAY,
        MessageType.HEARTBEAT,
        MessageType.ERROR,
    )

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        if len(buffer) < self.layout.size:
            buffer.needed = self.layout.size
            return WAIT
        magic, kind, request_id, headers, body = self.layout.unpack_from(*buffer.front(self.layout.size))
        self.check_header(magic, kind)
        size = self.layout.size + headers + body
        self.check_size(size, body)
        if len(buffer) < size:
            return self.wait(buffer, size)
        data = buffer.drain(size)
        metadata.origin_message = data
        metadata.message_type = MessageType(kind)
        metadata.request_id = request_id
        metadata.header_size, metadata.body_size = size - body, body
        self.describe(data, headers, metadata)
        return DONE

    def check_header(self, magic: int, kind: int) -> None:
        if magic != ord("M"):
            raise DecodeError(f"the magic is {magic:#x}", path="magic", offset=0)
        if kind not in self.kinds:
            raise DecodeError(f"there is no kind {kind}", path="kind", offset=1)

    def check_size(self, size: int, body: int) -> None:
        if size > self.max_message_size:
            raise MessageTooLarge(size, self.max_message_size)

    def wait(self, buffer: Buffer, size: int) -> DecodeStatus:
        buffer.needed = size
        return WAIT

    def describe(self, data: bytes, headers: int, metadata: Metadata) -> None:
        for key, value in self.pairs(data[self.layout.size : self.layout.size + headers]):
            metadata[key] = value
        metadata.operation_name = f"mail/{metadata.message_type.name.lower()}"
        if metadata.get("status") == "bad":
            metadata.response_status = ResponseStatus.ERROR

    def pairs(self, block: bytes) -> Pairs:
        try:
            lines = block.decode().split("\n")
        except UnicodeDecodeError as error:
            raise DecodeError("the headers are not UTF-8", path="headers") from error
        if lines.pop():
            raise DecodeError("the last header does not end", path="headers")
        found = [line.partition("=") for line in lines]
        if not all(equals for _, equals, _ in found):
            raise DecodeError("a header has no =", path="headers")
        return [(key, value) for key, _, value in found]

    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        magic, kind, _, headers, body = self.layout.unpack_from(metadata.origin_message)
        block = metadata.origin_message[self.layout.size : self.layout.size + headers]
        rest = metadata.origin_message[self.layout.size + headers :]
        if mutation:
            block = self.written(mutation.apply(self.pairs(block)))
        if len(block) > 0xFFFF:
            raise EncodeError("the headers are over 65535 bytes")
        buffer.append(self.layout.pack(magic, kind, metadata.request_id, len(block), body) + block + rest)

    def written(self, pairs: Pairs) -> bytes:
        for key, value in pairs:
            if "\n" in key + value or "=" in key:
                raise EncodeError("it holds a line feed or an equals sign", key=key)
        try:
            return "".join(f"{key}={value}\n" for key, value in pairs).encode()
        except UnicodeEncodeError as error:
            raise EncodeError("it is not valid Unicode") from error

    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        if metadata.message_type is not MessageType.ONEWAY:
            pairs = [("status", "bad"), ("code", str(error.type + 1))]
            buffer.append(self.reply(metadata, MessageType.ERROR, pairs, error.message.encode()))

    def reply(self, metadata: Metadata, kind: MessageType, pairs: Pairs, body: bytes = b"") -> bytes:
        return mail(kind, request_id=metadata.request_id, headers=pairs, body=body)

    def can_mutate(self, metadata: Metadata) -> bool:
        return True

    def heartbeat(self, request_id: int, buffer: Buffer) -> bool:
        buffer.append(mail(MessageType.HEARTBEAT, request_id=request_id))
        return True

    def heartbeat_reply(self, metadata: Metadata, buffer: Buffer) -> bool:
        if "pong" in metadata:
            return False
        buffer.append(self.reply(metadata, MessageType.HEARTBEAT, [("pong", "1")]))
        return True

    def deadline(self, metadata: Metadata) -> float | None:
        said = metadata.get("timeout", "")
        return int(said) / 1000 if said.isascii() and said.isdigit() and len(said) < 10 else None

    def fields(self, data: bytes) -> Iterator[Field]:
        start = 0
        for name, size in (("magic", 1), ("kind", 1), ("id", 4), ("headers' length", 2), ("body's length", 4)):
            end = min(start + size, len(data))
            if start < end:
                yield Field(name, start, end, int.from_bytes(data[start:end]))
            start = end
        end = min(start + int.from_bytes(data[6:8]), len(data))
        if start < end:
            yield Field("headers", start, end, data[start:end])
        if end < len(data):
            yield Field("body", end, len(data), data[end:])


def mail(kind: MessageType, *, request_id: int = 0, headers: Pairs | None = None, body: bytes = b"") -> bytes:
    """One message of :class:`MailCodec`."""
    block = "".join(f"{key}={value}\n" for key, value in headers or []).encode()
    return MailCodec.layout.pack(ord("M"), kind, request_id, len(block), len(body)) + block + body


_MEANT = (("status", "bad"), ("timeout", "250"), ("pong", "1"))
_KEYS = st.text("abcABC-", min_size=1, max_size=5)
_VALUES = st.text(st.characters(exclude_categories=["C"]), max_size=6)
# Now and then a body is over 65535 bytes, for lengths that are read in too few bits.
_BODIES = st.integers(0, 4).flatmap(lambda number: st.just(b"long" * 20_000) if number == 4 else st.binary(max_size=24))


@st.composite
def mails(draw: st.DrawFn, kinds: tuple[MessageType, ...]) -> Sample:
    kind, request_id = draw(st.sampled_from(kinds)), draw(st.integers(0, (1 << 32) - 1))
    headers = draw(st.lists(st.tuples(_KEYS, _VALUES) | st.sampled_from(_MEANT), max_size=3))
    strings: dict[str, str | None] = {key.lower(): value for key, value in headers}
    return Sample(
        mail(kind, request_id=request_id, headers=headers, body=draw(_BODIES)),
        strings=strings,
        request_id=request_id,
        message_type=kind,
        response_status=ResponseStatus("status" in strings),
    )


REQUESTS = mails((MessageType.REQUEST, MessageType.ONEWAY, MessageType.HEARTBEAT))
RESPONSES = mails((MessageType.RESPONSE, MessageType.ERROR, MessageType.HEARTBEAT))


class LineCodec(Codec):
    """``VERB rest`` and a line feed: no ids, no headers, no declared length. ``-`` begins a reply that failed."""

    name = "line"

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        end = bytes(buffer).find(b"\n")
        if (end + 1 or len(buffer)) > self.max_message_size:
            raise MessageTooLarge(end + 1 or len(buffer), self.max_message_size)
        if end < 0:
            return WAIT
        data = buffer.drain(end + 1)
        verb, _, _ = data[:-1].partition(b" ")
        if not verb.isalpha() and verb != b"-":
            raise DecodeError(f"{verb!r} is no verb")
        metadata.origin_message = data
        metadata["verb"] = verb.decode("ascii")
        metadata.header_size = len(verb) + 1
        metadata.body_size = len(data) - metadata.header_size
        metadata.response_status = ResponseStatus(verb == b"-")
        metadata.operation_name = metadata["verb"]
        return DONE

    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        for key in mutation:
            raise EncodeError("lines carry no headers", key=key)
        buffer.append(metadata.origin_message)

    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        buffer.append(f"- {error.type.name} {error.message}\n".encode())


def lines(verbs: tuple[str, ...]) -> st.SearchStrategy[Sample]:
    rests = st.text("abc 123", max_size=20)
    return st.builds(
        lambda verb, rest: Sample(f"{verb} {rest}\n".encode(), strings={"verb": verb}), st.sampled_from(verbs), rests
    )


class SkippingCodec(TinyCodec):
    """Zero bytes between messages keep the connection alive and are no message."""

    name = "skipping"

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        if buffer and not buffer.peek(1)[0]:
            buffer.drain(1)
            return SKIPPED
        return super().decode(buffer, metadata)


@st.composite
def tinies(draw: st.DrawFn, *, zeros: int = 0) -> Sample:
    request_id, status = draw(st.integers(0, 0xFFFF)), draw(st.integers(0, 1))
    data = tiny(draw(st.binary(max_size=20)), request_id=request_id, status=status)
    return Sample(
        bytes(draw(st.integers(0, zeros))) + data, request_id=request_id, response_status=ResponseStatus(status)
    )


class JsonCodec(LineCodec):
    """JSON lines with the id in the body, written anew by encode."""

    name = "json"
    request_ids = range(1, 1000)

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        end = bytes(buffer).find(b"\n")
        if (end + 1 or len(buffer)) > self.max_message_size:
            raise MessageTooLarge(end + 1 or len(buffer), self.max_message_size)
        if end < 0:
            return WAIT
        data = buffer.drain(end + 1)
        try:
            said = json.loads(data)
            metadata.request_id = int(said["id"])
        except (ValueError, TypeError, LookupError, RecursionError, OverflowError) as error:
            raise DecodeError("it is no JSON object with an id") from error
        metadata.origin_message = data
        metadata.body_size = len(data)
        metadata["id"] = str(metadata.request_id)
        metadata.operation_name = "call"
        metadata.response_status = ResponseStatus("error" in said)
        return DONE

    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        for key in mutation:
            raise EncodeError("the body is not for headers", key=key)
        said = json.loads(metadata.origin_message)
        if said["id"] == metadata.request_id:
            buffer.append(metadata.origin_message)
        else:
            buffer.append(json.dumps(said | {"id": metadata.request_id}).encode() + b"\n")

    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        said = {"id": metadata.request_id, "error": error.type, "text": error.message}
        buffer.append(json.dumps(said).encode() + b"\n")


@st.composite
def json_lines(draw: st.DrawFn) -> Sample:
    request_id = draw(st.integers(1, 999))
    said = {"id": request_id, "n": draw(st.integers(0, 9)), "text": draw(st.text(max_size=5))}
    separators = draw(st.sampled_from([(",", ":"), (", ", ": ")]))
    return Sample(json.dumps(said, separators=separators).encode() + b"\n", request_id=request_id)


class RememberingCodec(TinyCodec):
    """Replies do not say their method: each connection remembers it by the request's id, and knows no other ids."""

    name = "remembering"

    def __init__(self, *, max_message_size: int = 1 << 16) -> None:
        super().__init__(max_message_size=max_message_size)
        self.methods: dict[int, int] = {}

    def for_connection(self) -> RememberingCodec:
        return type(self)(max_message_size=self.max_message_size)

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        status = super().decode(buffer, metadata)
        if status is not DONE:
            return status
        if metadata.side is MessageType.RESPONSE:
            if metadata.request_id not in self.methods:
                raise DecodeError(f"nothing has asked with the id {metadata.request_id}")
            metadata["method"] = str(self.methods[metadata.request_id])
        elif not metadata.body_size:
            raise DecodeError("a request has no method")
        else:
            metadata["method"] = str(metadata.origin_message[self.header.size])
        return status

    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        super().encode(metadata, mutation, buffer)
        if metadata.side is MessageType.REQUEST:
            self.methods[metadata.request_id] = metadata.origin_message[self.header.size]
        else:
            assert metadata.request is not None
            assert metadata.request["method"] == metadata["method"]


def _asking() -> st.SearchStrategy[Sample]:
    ids, bodies = st.integers(0, 0xFFFF), st.binary(min_size=1, max_size=8)
    return st.builds(lambda request_id, body: Sample(tiny(body, request_id=request_id)), ids, bodies)


def _answering(request: Sample) -> st.SearchStrategy[Sample]:
    request_id, method = int.from_bytes(request.data[2:4]), str(request.data[TinyCodec.header.size])
    return st.binary(max_size=8).map(lambda body: Sample(tiny(body, request_id=request_id), strings={"method": method}))


class RewritingCodec(TinyCodec):
    """This configuration writes every message with status 0, whatever it was."""

    name = "rewriting"
    rewrites = True

    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        written = Buffer()
        super().encode(metadata, mutation, written)
        data = bytes(written)
        buffer.append(data[:1] + b"\0" + data[2:])


_TINIES = tinies()
_SILENT = st.builds(lambda body: Sample(tiny(body)), st.binary(max_size=9))

RIGHT = {
    "mail": Subject(MailCodec, REQUESTS, RESPONSES),
    "tiny": Subject(TinyCodec, _TINIES, _TINIES),
    "line": Subject(LineCodec, lines(("GET", "PUT")), lines(("OK", "-"))),
    "skipping": Subject(SkippingCodec, tinies(zeros=3), tinies(zeros=3)),
    "json": Subject(JsonCodec, json_lines(), json_lines()),
    "remembering": Subject(RememberingCodec, _asking(), st.nothing(), _answering),
    "rewriting": Subject(RewritingCodec, _SILENT, None),
    "oneway only": Subject(MailCodec, mails((MessageType.ONEWAY,)), None),
    "pushing only": Subject(MailCodec, None, mails((MessageType.RESPONSE,))),
}
