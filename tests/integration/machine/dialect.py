"""How the machine's messages are written and read: every one carries a token that is said once."""

from __future__ import annotations

from typing import NamedTuple

from metaprotocol_sdk.metadata import MessageType, Metadata
from tests.proxy.codecs import CLOSE, CLOSE_BOTH, DATA, ERROR, INIT, ONEWAY, PING, PONG, REPLY, REQUEST, message

_KINDS = {
    "request": REQUEST,
    "oneway": ONEWAY,
    "ping": PING,
    "pong": PONG,
    "open": INIT,
    "reply": REPLY,
    "error": ERROR,
}
_VERBS = {"request": b"GET", "oneway": b"TELL", "ping": b"PING", "pong": b"PONG", "reply": b"OK", "error": b"ERR"}
FRAMES = {"data": DATA, "close": CLOSE, "close both": CLOSE_BOTH}

STRANGE_ID = 0x7FFFFFFF
"""A request id that no message has."""


class Heard(NamedTuple):
    """One message of the proxy's.

    Args:
        kind: As in :func:`Dialect.write`, or ``local``: an error of the proxy's own, its text the token; or ``frame``.
        id: 0 for a protocol without ids.
        token: What it is about.
        origin: The connection a server said it on.
    """

    kind: str
    id: int
    token: bytes
    origin: bytes = b""


class Dialect:
    """One of the tests' two protocols."""

    def __init__(self, *, has_ids: bool) -> None:
        self.has_ids = has_ids

    def write(self, kind: str, request_id: int, token: bytes, *, origin: bytes = b"", size: int = 0) -> bytes:
        """A message with that token and so many bytes more."""
        body = b"|".join((token, origin, b"x" * size))
        if self.has_ids:
            return message(request_id, body, kind=_KINDS[kind])
        return _VERBS[kind] + b" " + body + b"\n"

    def frame(self, kind: str, stream_id: int, token: bytes, size: int = 0) -> bytes:
        """A frame of a stream."""
        return message(stream_id, token + b"|" + b"x" * size, kind=FRAMES[kind])

    @property
    def garbage(self) -> bytes:
        """What is no message, and can become none."""
        return b"\0" * 12 if self.has_ids else b"\0\n"

    def hear(self, found: Metadata) -> Heard:
        """What a message says, whichever side reads it."""
        if not self.has_ids:
            return self._hear_line(found)
        data = found.origin_message
        if found.message_type in (
            MessageType.STREAM_DATA,
            MessageType.STREAM_CLOSE_ONE_WAY,
            MessageType.STREAM_CLOSE_TWO_WAY,
        ):
            return Heard("frame", found.stream_id, data)
        kind = next(name for name, number in _KINDS.items() if number == data[1])
        body = data[found.header_size :]
        if kind == "error" and b"|" not in body:
            return Heard("local", found.request_id, f"{found['type']} ".encode() + body)
        return Heard(kind, found.request_id, *body.split(b"|")[:2])

    @staticmethod
    def _hear_line(found: Metadata) -> Heard:
        verb, _, text = found.origin_message.rstrip(b"\n").partition(b" ")
        kind = next(name for name, word in _VERBS.items() if word == verb)
        if kind == "error" and b"|" not in text:
            return Heard("local", 0, text)
        return Heard(kind, 0, *text.split(b"|")[:2])
