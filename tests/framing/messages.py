"""Random frames of every kind, each with a message of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from construct import (
    Bytes,
    BytesInteger,
    Const,
    Default,
    Enum,
    Flag,
    Int8sb,
    Int8ub,
    Int16sb,
    Int16ub,
    Int16ul,
    Int32ub,
    Int32ul,
    Int64ub,
    Int64ul,
    PaddedString,
    Padding,
    this,
)
from hypothesis import strategies as st

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import DEFAULT_MAX_MESSAGE_SIZE
from metaprotocol_sdk.decoder import Decoder
from metaprotocol_sdk.errors import Error
from metaprotocol_sdk.exceptions import DecodeError
from metaprotocol_sdk.framing import (
    DelimitedFrame,
    FixedFrame,
    Frame,
    FramedCodec,
    Frames,
    MessageFrame,
    StringMap,
    TextMap,
    VarintFrame,
)
from metaprotocol_sdk.metadata import MessageType, Metadata
from metaprotocol_sdk.mutation import NO_MUTATION, Mutation

Pairs = Sequence[tuple[str, str]]

LENGTHS = [Int16ub, Int16ul, Int32ub, Int32ul, Int64ub, BytesInteger(3), BytesInteger(3, swapped=True)]
PREFIXES = [Int8ub, Int16ub, Int16ul, Int32ub, Int32ul, Int64ub, Int64ul]


def codec_for(frame: Any, *, limit: int = DEFAULT_MAX_MESSAGE_SIZE, **members: Any) -> FramedCodec:
    """A codec of ``frame`` whose class has ``members`` too."""

    def on_error(self: FramedCodec, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        buffer.append(self.frame.reply(metadata, error.message.encode()))

    members = {"name": "probe", "frame": frame, "on_error": on_error, **members}
    kind: type[FramedCodec] = type("ProbeCodec", (FramedCodec,), members)
    return kind(max_message_size=limit)


def encoded(codec: FramedCodec, metadata: Metadata, mutation: Mutation = NO_MUTATION) -> bytes:
    """What ``codec`` writes into an empty buffer; what it refuses leaves it empty."""
    buffer = Buffer()
    try:
        codec.encode(metadata, mutation, buffer)
    except BaseException:
        assert not buffer
        raise
    return bytes(buffer)


def outcome(codec: FramedCodec, chunks: Iterable[bytes], side: MessageType) -> tuple[list[object], str, int]:
    """What comes of a stream: each message described, how it ended, and the bytes left."""
    decoder = Decoder(codec, side)
    found: list[object] = []
    try:
        for chunk in chunks:
            decoder.receive_data(chunk)
            while (metadata := decoder.next_message()) is not None:
                found.append(described(metadata))
    except DecodeError as error:
        return found, type(error).__name__, -1
    return found, "waits" if decoder.buffered else "done", decoder.buffered


def described(metadata: Metadata) -> tuple[object, ...]:
    """Everything a codec says of a message."""
    return (
        dict(metadata),
        metadata.message_type,
        metadata.response_status,
        metadata.request_id,
        metadata.header_size,
        metadata.body_size,
        metadata.operation_name,
        metadata.origin_message,
    )


@dataclass(frozen=True, slots=True)
class Message:
    """A frame, and what one message of it says.

    Args:
        declared: What the codec declares.
        fields: The header's values but for lengths and the id.
        strings: What routing sees of the header fields.
        pairs: The string headers.
        side: Who sends it.
        hatch: Whether ``frame_length`` tells the length, from the field ``size``.
    """

    declared: MessageFrame | Frames
    fields: dict[str, Any]
    strings: dict[str, str]
    pairs: list[tuple[str, str]]
    body: bytes
    request_id: int | None
    side: MessageType = MessageType.REQUEST
    hatch: bool = False
    members: dict[str, Any] = field(default_factory=dict)

    @property
    def frame(self) -> MessageFrame:
        return self.declared.request if self.side is MessageType.REQUEST else self.declared.response

    @property
    def data(self) -> bytes:
        return self.built(self.pairs)

    @property
    def seen(self) -> dict[str, str]:
        """The strings decode finds, keys folded: header fields win, then a key's first pair."""
        found = {key.lower(): value for key, value in self.strings.items()}
        for key, value in self.pairs:
            found.setdefault(key.lower(), value)
        return found

    def codec(self, limit: int = DEFAULT_MAX_MESSAGE_SIZE) -> FramedCodec:
        return codec_for(self.declared, limit=limit, **self.members)

    def built(self, pairs: Pairs, *, request_id: int | None = None, **fields: Any) -> bytes:
        """The message with these pairs, id and fields instead."""
        given: dict[str, Any] = {**self.fields, **fields}
        wanted = self.request_id if request_id is None else request_id
        if self.hatch:
            given["size"] = len(self.frame.build(self.body, headers=pairs, request_id=wanted, **{**given, "size": 0}))
        return self.frame.build(self.body, headers=pairs, request_id=wanted, **given)

    def decoded(self, data: bytes | None = None) -> Metadata:
        """What the codec says of ``data``, which is one whole message."""
        decoder = Decoder(self.codec(), self.side)
        decoder.receive_data(self.data if data is None else data)
        metadata = decoder.next_message()
        assert metadata is not None
        assert not decoder.buffered
        return metadata


KEYS = st.sampled_from(["a", "A", "key", "Key", "KEY", "x-1", "é", "ß", "İ"])

WORDS = st.text(
    st.characters(codec="utf-8", exclude_characters=" \n;="),
    min_size=1,
    max_size=5,
).filter(lambda word: word != "-")

KINDS = ["frame", "rest", "sum", "hatch", "fixed", "varint", "bare varint", "frames", "delimited", "crlf"]


def messages(kind: str) -> st.SearchStrategy[Message]:
    """Messages of one of :data:`KINDS` of frames."""
    if kind == "delimited":
        return _delimited(b"\n", b" ")
    if kind == "crlf":
        return _delimited(b"\r\n", b", ")
    return _binary(kind)


def mutations(message: Message) -> st.SearchStrategy[Mutation]:
    """Mutations of a message's headers: keys of its own in another case, and fresh ones."""
    own = [key for key, _ in message.pairs] or ["a"]
    keys = st.sampled_from(own) | st.sampled_from(own).map(_other_case) | KEYS | WORDS
    keys = keys.filter(lambda key: key.lower() not in {each.lower() for each in message.strings})
    return st.lists(st.tuples(keys, st.none() | _texts(message.frame)), max_size=5).map(Mutation)


def _other_case(key: str) -> str:
    return key.upper() if key.upper().lower() == key.lower() else key


def _texts(frame: MessageFrame) -> st.SearchStrategy[str]:
    return WORDS if isinstance(frame, DelimitedFrame) else st.text(max_size=6)


def _fillers() -> st.SearchStrategy[list[tuple[Any, Any]]]:
    return st.lists(
        st.sampled_from(
            [
                (Padding(2), None),
                (Const(b"\xda\xbb"), None),
                ("magic" / Const(7, Int16ul), None),
                ("version" / Default(Int8sb, -3), None),
                ("flag" / Flag, True),
                ("tag" / PaddedString(4, "utf8"), "get"),
                ("kind" / Enum(Int8ub, get=1), "get"),
                ("raw" / Bytes(3), b"raw"),
                ("wide" / BytesInteger(5, signed=True), -5),
            ]
        ),
        max_size=4,
        unique_by=lambda pair: id(pair[0]),
    )


@st.composite
def _binary(draw: st.DrawFn, kind: str) -> Message:
    fillers = [] if kind == "bare varint" else draw(_fillers())
    fields = [declared for declared, _ in fillers]
    values = {declared.name: value for declared, value in fillers if value is not None}
    roles: dict[str, Any] = {}
    request_id = None
    if kind != "bare varint" and draw(st.booleans()):
        fields.append("flow" / draw(st.sampled_from(LENGTHS)))
        scale, offset = draw(st.sampled_from([(1, 0), (2, 1), (1, 7)]))
        roles["request_id"] = this.flow * scale + offset if (scale, offset) != (1, 0) else this.flow
        request_id = draw(st.integers(0, 0xFFFF)) * scale + offset
    has_headers = kind == "sum" or (kind not in ("fixed", "bare varint") and draw(st.booleans()))
    pairs: list[tuple[str, str]] = []
    if has_headers:
        fields.append("head_len" / draw(st.sampled_from(LENGTHS)))
        roles["headers"] = StringMap(length=this.head_len, prefix=draw(st.sampled_from(PREFIXES)))
        pairs = draw(st.lists(st.tuples(KEYS | st.text(max_size=4), st.text(max_size=6)), max_size=4))
    strings, roles["strings"] = _routed(draw, kind, fields, values)
    body = draw(st.binary(max_size=20))
    frame, side = _declare(draw, kind, fields, roles, body)
    hatch = kind == "hatch"
    members = {"frame_length": lambda self, header, buffer: header.size} if hatch else {}
    if kind != "fixed" and not hatch:
        body = draw(st.just(body) | st.binary(min_size=300, max_size=400))
    return Message(frame, values, strings, pairs, body, request_id, side, hatch, members)


def _routed(
    draw: st.DrawFn, kind: str, fields: list[Any], values: dict[str, Any]
) -> tuple[dict[str, str], dict[str, Any]]:
    """Strings that header fields say, as text and as declared."""
    strings: dict[str, str] = {}
    declared: dict[str, Any] = {}
    if kind != "bare varint" and draw(st.booleans()):
        fields.append("cmd" / Int16sb)
        values["cmd"] = draw(st.integers(-(1 << 15), (1 << 15) - 1))
        strings["cmd"], declared["cmd"] = str(values["cmd"]), this.cmd
    for name in ("tag", "flag", "raw", "kind"):
        if name in values:
            declared["X-" + name] = this[name]
            value = values[name]
            strings["X-" + name] = {"flag": "true", "raw": "raw"}.get(name, value)
    return strings, declared


def _declare(
    draw: st.DrawFn, kind: str, fields: list[Any], roles: dict[str, Any], body: bytes
) -> tuple[MessageFrame | Frames, MessageType]:
    request, response = MessageType.REQUEST, MessageType.RESPONSE
    if kind in ("varint", "bare varint"):
        return VarintFrame(*draw(st.permutations(fields)), **roles), request
    if kind == "fixed":
        size = max(1, sum(each.sizeof() for each in fields) + len(body))
        if size > sum(each.sizeof() for each in fields) + len(body):
            fields.append("only" / Default(Int8ub, 1))
        return FixedFrame(*draw(st.permutations(fields)), size=size, **roles), request
    name = "body_len" if kind == "sum" else "size"
    fields = draw(st.permutations([*fields, name / draw(st.sampled_from(LENGTHS))]))
    size = sum(each.sizeof() for each in fields)
    length = {"rest": this.size + size, "sum": size + this.head_len + this.body_len, "hatch": None}.get(kind, this.size)
    frame = Frame(*fields, length=length, **roles)
    if kind == "frames":
        return Frames(request=Frame("size" / Int16ub, length=this.size), response=frame), response
    return frame, request


@st.composite
def _delimited(draw: st.DrawFn, delimiter: bytes, separator: bytes) -> Message:
    names = ["kind", "id", "method"][: draw(st.integers(1, 3))]
    word = WORDS.filter(lambda text: not set(text) & {"\r", ","})
    values = {name: draw(word) for name in names if name != "id"}
    roles: dict[str, Any] = {"strings": {"Kind": this.kind}}
    strings = {"Kind": values["kind"]}
    request_id = None
    if "id" in names:
        roles["request_id"] = this.id
        request_id = draw(st.integers(0, (1 << 63) - 1))
    pairs: list[tuple[str, str]] = []
    if draw(st.booleans()):
        roles["headers"] = TextMap()
        pairs = draw(st.lists(st.tuples(KEYS | word, word), max_size=4))
    body = draw(st.binary(max_size=20).filter(lambda data: b"\n" not in data))
    frame = DelimitedFrame(*names, delimiter=delimiter, separator=separator, **roles)
    return Message(frame, values, strings, pairs, body, request_id)


def with_pairs(message: Message, pairs: Pairs) -> Message:
    """The same message with other string headers."""
    return replace(message, pairs=list(pairs))
