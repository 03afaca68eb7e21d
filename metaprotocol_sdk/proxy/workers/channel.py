"""What a parent and its worker tell each other: one message, as bytes.

.. code-block:: text

    +----------------+----------------+----------------+--------------+--------------+
    | fields: u32    | blob: u32      | sockets: u16   | fields: JSON | blob: bytes  |
    +----------------+----------------+----------------+--------------+--------------+

Numbers are big-endian. ``fields`` is one JSON object, ``blob`` what would be dear to write as JSON (a configuration's
text). ``sockets`` says how many descriptors travel beside the bytes (SCM_RIGHTS); all of them are there when the last
byte is.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from typing import Any

MAX_SIZE = 64 * 1024 * 1024
"""Bytes of a message: a configuration of 16 MiB and what is known of its servers."""

_HEAD = struct.Struct(">IIH")


class ChannelError(Exception):
    """The other side does not speak as it should; nothing more can be read."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Args:
        fields: What JSON can say.
        blob: Bytes beside them.
        descriptors: How many descriptors belong to it.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    blob: bytes = b""
    descriptors: int = 0


def encode(message: Message) -> bytes:
    """The bytes of a message.

    Raises:
        ChannelError: It is longer than MAX_SIZE.
    """
    fields = json.dumps(message.fields, separators=(",", ":")).encode()
    if len(fields) + len(message.blob) > MAX_SIZE:
        raise ChannelError(f"a message of {len(fields) + len(message.blob)} bytes is over the limit of {MAX_SIZE}")
    return _HEAD.pack(len(fields), len(message.blob), message.descriptors) + fields + message.blob


class Reader:
    """Finds messages in what one side of a channel receives."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def receive_data(self, data: bytes) -> None:
        """Takes what has come."""
        self._buffer += data

    def next_message(self) -> Message | None:
        """The next whole message; None until more has come.

        Raises:
            ChannelError: It is longer than MAX_SIZE, or its fields are no JSON object.
        """
        buffer = self._buffer
        if len(buffer) < _HEAD.size:
            return None
        fields, blob, descriptors = _HEAD.unpack_from(buffer)
        if fields + blob > MAX_SIZE:
            raise ChannelError(f"a message of {fields + blob} bytes is over the limit of {MAX_SIZE}")
        start, end = _HEAD.size + fields, _HEAD.size + fields + blob
        if len(buffer) < end:
            return None
        message = Message(_object(bytes(buffer[_HEAD.size : start])), bytes(buffer[start:end]), descriptors)
        del buffer[:end]
        return message


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError as error:
        raise ChannelError(f"what came is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise ChannelError(f"what came is no JSON object, but {type(found).__name__}")
    return found
