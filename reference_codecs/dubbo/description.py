"""What a message says, as a proxy wants to know it."""

from __future__ import annotations

from collections.abc import Callable

from metaprotocol_sdk import DecodeError, MessageType, Metadata, ResponseStatus
from reference_codecs.dubbo.frame import (
    EVENT,
    FLAGS_AT,
    HEADER_SIZE,
    MAGIC_BYTES,
    MAX_EVENT,
    MAX_NAME,
    REQUEST,
    RESPONSE_TYPES,
    STATUS_NAMES,
    TWO_WAY,
    has_attachments,
)
from reference_codecs.dubbo.serialization import Serialization

NO_TYPE = b"N"
"""What dubbo-remoting writes where a service returned null: a null, and no response type before it."""

_FOREIGN = {
    b"PR": "HTTP/2, as Dubbo's protocol tri speaks it",
    b"GE": "HTTP",
    b"PO": "HTTP",
    b"\x16\x03": "TLS",
}

Loader = Callable[[Metadata], None]


def check_magic(front: bytes) -> None:
    """Refuses what does not start with the magic number; ``front`` is at most two bytes.

    Raises:
        DecodeError: It does not.
    """
    if MAGIC_BYTES.startswith(front):
        return
    known = f"; this is {_FOREIGN[front]}" if front in _FOREIGN else ""
    raise DecodeError(f"it starts with {front.hex()}, not {MAGIC_BYTES.hex()}{known}", path="magic", offset=0)


def describe(metadata: Metadata, message: bytes, serialization: Serialization, loader: Loader) -> None:
    """Says what any whole message says.

    Args:
        metadata: Where to.
        message: All of it.
        serialization: Of its body.
        loader: Of its attachments.

    Raises:
        DecodeError: Its body is malformed.
    """
    flags = message[FLAGS_AT]
    if flags & EVENT:
        _describe_event(metadata, message, serialization)
    elif flags & REQUEST:
        _describe_request(metadata, message, serialization)
        metadata.defer(loader)
    elif message[HEADER_SIZE:] == NO_TYPE:
        describe_reply(metadata, serialization, RESPONSE_TYPES.index("null"), loader)
    else:
        describe_reply(metadata, serialization, serialization.read_response_type(message), loader)


def _describe_event(metadata: Metadata, message: bytes, serialization: Serialization) -> None:
    flags = message[FLAGS_AT]
    metadata.folded["serialization"] = serialization.name
    metadata.message_type = MessageType.HEARTBEAT
    if not flags & REQUEST:
        return
    if (size := len(message) - HEADER_SIZE) > MAX_EVENT:
        raise DecodeError(f"it has {size} bytes, and at most {MAX_EVENT} are read", path="event", offset=HEADER_SIZE)
    if (event := serialization.read_event(message)) is not None:
        metadata.folded["event"] = metadata.operation_name = event
        metadata.message_type = MessageType.ONEWAY


def _describe_request(metadata: Metadata, message: bytes, serialization: Serialization) -> None:
    strings = metadata.folded
    strings["serialization"] = metadata.operation_name = serialization.name
    metadata.message_type = MessageType.REQUEST if message[FLAGS_AT] & TWO_WAY else MessageType.ONEWAY
    if not serialization.is_read:
        return
    call = serialization.read_call(message)
    for name, value in call._asdict().items():
        if value and len(value) > MAX_NAME:
            raise DecodeError(f"it has {len(value)} characters, and at most {MAX_NAME}", path=name)
        if value or (value is not None and name != "version"):
            strings[name] = value
        elif name in ("interface", "method"):
            raise DecodeError(f"the request has no {name}", path=name, offset=HEADER_SIZE)
    metadata.operation_name = f"{call.interface}/{call.method}"


def describe_reply(metadata: Metadata, serialization: Serialization, response_type: int | None, loader: Loader) -> None:
    """Says what a reply of status 20 says; a response type of None cannot be told."""
    metadata.message_type = MessageType.RESPONSE
    strings = metadata.folded
    strings["serialization"] = serialization.name
    strings["status"] = "20"
    strings["status_name"] = "OK"
    if response_type is not None:
        strings["response_type"] = RESPONSE_TYPES[response_type]
        if has_attachments(response_type) and serialization.reads_attachments:
            metadata.defer(loader)


def describe_error(metadata: Metadata, serialization: Serialization, status: int) -> None:
    """Says what a reply of another status says."""
    metadata.message_type = MessageType.ERROR
    metadata.response_status = ResponseStatus.ERROR
    strings = metadata.folded
    strings["serialization"] = serialization.name
    strings["status"] = str(status)
    strings["status_name"] = STATUS_NAMES.get(status, "UNKNOWN")
