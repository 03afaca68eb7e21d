"""What a codec says about one message.

A :class:`Metadata` has two doors. Its strings are what routing, limits, logs and traces see: the object is a
mapping of them, with case-insensitive keys. ``objects`` is what only codecs see.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any, TypeVar, overload

from metaprotocol_sdk.exceptions import UNCONTRACTED, CodecBug, CodecError, DecodeError

_T = TypeVar("_T")

REAL_SERVER_ADDRESS = "x-meta-protocol-real-server-address"
"""``ip:port`` of the server that answered, set by the proxy on a reply."""
APPLICATION_PROTOCOL = "x-meta-protocol-application-protocol"
"""The listener's ``protocol.name``, set by the proxy on a request."""
REQUEST_ID = "x-request-id"
"""The trace's id of a request."""
CLIENT_TRACE_ID = "x-client-trace-id"
"""Present: the client asks for a trace."""
FORCE_TRACE = "x-envoy-force-trace"
"""Present: the service asks for a trace."""

DATA_ERRORS = (LookupError, ValueError, ArithmeticError, struct.error)
"""What reading bytes that make no sense raises. TypeError and AttributeError are a codec's bugs, not the peer's."""


class MessageType(enum.IntEnum):
    """What a message is; the numbers are MetaProtocol Proxy's ``MessageType``."""

    REQUEST = 0
    RESPONSE = 1
    ONEWAY = 2
    """A request nothing answers."""
    STREAM_INIT = 3
    STREAM_DATA = 4
    STREAM_CLOSE_ONE_WAY = 5
    STREAM_CLOSE_TWO_WAY = 6
    HEARTBEAT = 7
    """A sign of life: answered, never routed."""
    ERROR = 8
    """A reply that is an error of the protocol itself."""


class ResponseStatus(enum.IntEnum):
    """Whether a reply counts as a success; the numbers are MetaProtocol Proxy's ``ResponseStatus``."""

    OK = 0
    ERROR = 1


class Metadata(MutableMapping[str, str]):
    """One message, described: a mapping of its strings, and the fields below.

    Keys compare case-insensitively and keep the spelling they were set with. A Metadata is always true, even
    with no strings, and equal only to itself.

    Args:
        message_type: Which side speaks, before the codec says more: REQUEST for what clients send, RESPONSE
            for what servers send.
        codec: The codec's name, for the report of a loader that breaks.

    Attributes:
        message_type: What the message is; a codec changes it to ONEWAY, HEARTBEAT, ERROR or STREAM_*.
        side: Which side spoke, REQUEST or RESPONSE; it stays when ``message_type`` changes.
        response_status: Whether a reply counts as a success.
        request_id: Pairs a reply with its request; 0 where the protocol has no ids.
        stream_id: Which stream a STREAM_* message belongs to.
        origin_message: The message's bytes, exactly as they came.
        header_size: Bytes of framing and headers.
        body_size: Bytes of payload; header_size + body_size are the message.
        operation_name: The span's name, ``service/method`` where the protocol has both.
        request: On a reply that is to be encoded: the request it answers.
        folded: The strings by lower-case key, for matchers and framings that fold their keys once. Reading it
            sees no deferred strings; :meth:`lookup` does.
    """

    __slots__ = (
        "_loader",
        "_objects",
        "_spelling",
        "body_size",
        "codec",
        "folded",
        "header_size",
        "message_type",
        "operation_name",
        "origin_message",
        "request",
        "request_id",
        "response_status",
        "side",
        "stream_id",
    )

    def __init__(self, message_type: MessageType = MessageType.REQUEST, codec: str = "") -> None:
        self.message_type = message_type
        self.side = message_type
        self.codec = codec
        self.response_status = ResponseStatus.OK
        self.request_id: int = 0
        self.stream_id: int = 0
        self.origin_message: bytes = b""
        self.header_size: int = 0
        self.body_size: int = 0
        self.operation_name: str = ""
        self.request: Metadata | None = None
        self.folded: dict[str, str] = {}
        self._spelling: dict[str, str] | None = None
        self._objects: dict[str, Any] | None = None
        self._loader: Callable[[Metadata], None] | None = None

    @property
    def message_size(self) -> int:
        """Bytes of the whole message: header_size + body_size."""
        return self.header_size + self.body_size

    @property
    def objects(self) -> dict[str, Any]:
        """What only codecs see: anything, by name, that decode wants to hand to encode or on_error."""
        if self._objects is None:
            self._objects = {}
        return self._objects

    @property
    def is_deferred(self) -> bool:
        """Whether a loader of further strings waits to be asked."""
        return self._loader is not None

    def defer(self, loader: Callable[[Metadata], None]) -> None:
        """Puts off strings that are dear to reach until one is asked for that is not there yet.

        ``loader(metadata)`` sets them as decode would have. What is set before it runs wins over what it sets.
        A loader that fails makes the message malformed: whoever asked gets its DecodeError, now and each time.
        """
        self._loader = loader

    def load(self) -> None:
        """Runs the deferred loader, if one waits.

        Raises:
            DecodeError: The loader found the message malformed; no string it set is kept.
            CodecBug: The loader raised something else.
        """
        loader = self._loader
        if loader is None:
            return
        folded, spelling = dict(self.folded), dict(self._spelling or {})
        self._loader = None
        try:
            loader(self)
        except BaseException as error:
            self._restore(folded, spelling)
            self._loader = loader
            if isinstance(error, CodecError) or not isinstance(error, UNCONTRACTED):
                raise
            if isinstance(error, DATA_ERRORS):
                raise DecodeError(f"{type(error).__name__}: {error}") from error
            raise CodecBug.from_exception(self.codec, "deferred strings", error) from error
        self.folded.update(folded)
        if self._spelling is not None:
            for key in folded:
                self._spelling.pop(key, None)
        if spelling:
            self._spelling = {**(self._spelling or {}), **spelling}

    def _restore(self, folded: dict[str, str], spelling: dict[str, str]) -> None:
        self.folded.clear()
        self.folded.update(folded)
        self._spelling = spelling or None

    def lookup(self, key: str) -> str | None:
        """The string of a key that is already lower-case, deferred ones included; None: there is none.

        Raises:
            DecodeError: Reaching the deferred strings found the message malformed.
        """
        value = self.folded.get(key)
        if value is None and self._loader is not None:
            self.load()
            value = self.folded.get(key)
        return value

    @overload
    def get(self, key: str, /) -> str | None: ...
    @overload
    def get(self, key: str, /, default: str | _T) -> str | _T: ...
    def get(self, key: str, /, default: Any = None) -> Any:
        """The string of ``key``, or ``default``; see :meth:`lookup`."""
        value = self.lookup(key.lower())
        return default if value is None else value

    def __getitem__(self, key: str) -> str:
        value = self.lookup(key.lower())
        if value is None:
            raise KeyError(key)
        return value

    def __setitem__(self, key: str, value: str) -> None:
        if type(value) is not str and not isinstance(value, str):
            raise TypeError(f"metadata[{key!r}] takes a str, not {type(value).__name__}; others go to metadata.objects")
        folded = key.lower()
        self.folded[folded] = value
        if folded != key:
            if self._spelling is None:
                self._spelling = {}
            self._spelling[folded] = key
        elif self._spelling is not None:
            self._spelling.pop(folded, None)

    def __delitem__(self, key: str) -> None:
        self.load()
        folded = key.lower()
        if folded not in self.folded:
            raise KeyError(key)
        del self.folded[folded]
        if self._spelling is not None:
            self._spelling.pop(folded, None)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.lookup(key.lower()) is not None

    def __iter__(self) -> Iterator[str]:
        self.load()
        spelling = self._spelling
        return iter(self.folded) if spelling is None else iter([spelling.get(key, key) for key in self.folded])

    def __len__(self) -> int:
        self.load()
        return len(self.folded)

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        parts = [self.message_type.name, f"id={self.request_id}", f"{len(self.origin_message)} bytes"]
        if self.operation_name:
            parts.append(repr(self.operation_name))
        if self.response_status:
            parts.append(self.response_status.name)
        waiting = " + deferred" if self.is_deferred else ""
        return f"<Metadata {' '.join(parts)} {self.folded}{waiting}>"
