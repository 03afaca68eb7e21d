"""What every kind of frame offers to FramedCodec."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import DecodeStatus, Field
from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.mutation import Mutation
from metaprotocol_sdk.names import nearest

Decode = Callable[[Buffer, Metadata], DecodeStatus]
Describe = Callable[[Any, Metadata], None]
FrameLength = Callable[[Any, Buffer], "int | None"]
Pairs = Mapping[str, str] | Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Duties:
    """What a frame needs of the codec it decodes for.

    Args:
        limit: Bytes a message may have.
        describe: Called with the header and the metadata of every whole message, or None.
        frame_length: Tells a message's bytes where the frame does not.
    """

    limit: int
    describe: Describe | None = None
    frame_length: FrameLength | None = None


class MessageFrame(ABC):
    """How one kind of message is delimited, and where its fields are. Declared once, shared by every connection.

    Attributes:
        names: The header fields.
        request_ids: The ids a proxy may write into it; empty: it has no id.
        is_compiled: Whether its header is read without construct.
        tells_length: Whether it says where a message ends; if not, the codec's ``frame_length`` does.
        carries_headers: Whether it has a place for any string header.
    """

    names: tuple[str, ...]
    request_ids: range = range(0)
    is_compiled: bool = True
    tells_length: bool = True
    carries_headers: bool = False

    @property
    def request(self) -> MessageFrame:
        """The frame of what clients send: this one."""
        return self

    @property
    def response(self) -> MessageFrame:
        """The frame of what servers send: this one."""
        return self

    @abstractmethod
    def bind(self, duties: Duties) -> Decode:
        """A decode function with everything that is known beforehand worked out."""

    @abstractmethod
    def encode(self, metadata: Metadata, mutation: Mutation) -> bytes:
        """``metadata``'s origin message with its request id and ``mutation`` in it; the very origin if nothing changes.

        Raises:
            EncodeError: The message cannot say it.
        """

    @abstractmethod
    def header(self, data: bytes) -> Any:
        """The header of the whole message ``data``, a field an attribute, as ``describe`` gets it.

        Raises:
            DecodeError: It is no message of this frame.
        """

    @abstractmethod
    def body(self, data: bytes) -> bytes:
        """The payload of the whole message ``data``.

        Raises:
            DecodeError: It is no message of this frame.
        """

    @abstractmethod
    def build(
        self, body: bytes = b"", /, *, headers: Pairs = (), request_id: int | None = None, **fields: Any
    ) -> bytes:
        """A new message.

        Lengths are filled in; a field that is neither given nor has a default is an error.

        Args:
            body: The payload.
            headers: String headers, in order.
            request_id: The id; None: as its field is given, else 0.
            fields: Header fields by name.

        Raises:
            EncodeError: A field is missing or cannot hold its value.
            TypeError: There is no such field.
        """

    @abstractmethod
    def answer(self, header: Mapping[str, Any], request_id: int, body: bytes, fields: Mapping[str, Any]) -> bytes:
        """A reply in this frame to a request with ``header``, which may be of another frame; see :meth:`reply`."""

    @abstractmethod
    def fields(self, data: bytes) -> Iterator[Field]:
        """The name and value of every byte range of ``data``: total, see :meth:`Codec.fields`."""

    def reply(self, metadata: Metadata, body: bytes = b"", /, **fields: Any) -> bytes:
        """A reply to ``metadata``'s request: its header with ``fields`` changed, no string headers, and ``body``.

        The id is the request's and lengths are filled in. Headers stay empty: echoing a request's to the client
        would leak them.

        Raises:
            EncodeError: A field cannot hold its value.
            TypeError: There is no such field.
        """
        return self.answer(self.header(metadata.origin_message)._asdict(), metadata.request_id, body, fields)

    def _refuse_unknown(self, fields: Iterable[str]) -> None:
        for name in fields:
            if name not in self.names:
                close = nearest(name, self.names)
                meant = f"did you mean {close}?" if close else f"there are {', '.join(self.names) or 'none'}"
                raise TypeError(f"the header has no field {name!r}; {meant}")


@dataclass(frozen=True, slots=True)
class Frames:
    """Two frames, for a protocol whose requests and replies differ.

    Args:
        request: What clients send.
        response: What servers send.
    """

    request: MessageFrame
    response: MessageFrame

    @property
    def request_ids(self) -> range:
        """The ids a proxy may write: those both frames can say; empty when one has no id."""
        request, response = self.request.request_ids, self.response.request_ids
        if not request or not response:
            return range(0)
        return _common(request, response)

    def reply(self, metadata: Metadata, body: bytes = b"", /, **fields: Any) -> bytes:
        """As :meth:`MessageFrame.reply`: the response frame, with the request's fields of the same names."""
        header = self.request.header(metadata.origin_message)._asdict()
        return self.response.answer(header, metadata.request_id, body, fields)


def _common(one: range, other: range) -> range:
    """The numbers that are in two ascending ranges."""
    divisor = math.gcd(one.step, other.step)
    steps, rest = divmod(other.start - one.start, divisor)
    if rest:
        return range(0)
    # The first number of `one`, going up from its start, that is a whole number of `other`'s steps from other's start.
    period = other.step // divisor
    first = one.start + steps * pow(one.step // divisor, -1, period) % period * one.step
    step = one.step * period
    late = max(0, max(one.start, other.start) - first)
    return range(first + -(-late // step) * step, min(one.stop, other.stop), step)


def refuse_reserved(names: Iterable[str], id_name: str) -> None:
    """Raises ValueError when a field is named like what ``build`` and ``reply`` take beside fields."""
    if "headers" in names:
        raise ValueError("a field cannot be named 'headers', as build(headers=...) is the string headers")
    if "request_id" in names and id_name != "request_id":
        raise ValueError(
            "a field named 'request_id' is the id, as in build(request_id=...); say request_id=this.request_id, or "
            "give it another name"
        )
