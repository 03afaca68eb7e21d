"""What the codec writes by itself: error replies and heartbeats."""

from __future__ import annotations

from metaprotocol_sdk import Error, ErrorType
from reference_codecs.dubbo.frame import (
    EVENT,
    FLAGS_AT,
    HEADER,
    HEADER_SIZE,
    HESSIAN2,
    MAGIC,
    REQUEST,
    SERIALIZATION,
    TWO_WAY,
    Status,
)
from reference_codecs.dubbo.hessian2 import write_string
from reference_codecs.dubbo.serialization import Serialization

STATUSES = {
    ErrorType.ROUTE_NOT_FOUND: Status.SERVICE_NOT_FOUND,
    ErrorType.CLUSTER_NOT_FOUND: Status.SERVER_ERROR,
    ErrorType.NO_HEALTHY_UPSTREAM: Status.SERVER_ERROR,
    ErrorType.BAD_RESPONSE: Status.BAD_RESPONSE,
    ErrorType.UNSPECIFIED: Status.SERVER_ERROR,
    ErrorType.OVER_LIMIT: Status.SERVER_THREADPOOL_EXHAUSTED_ERROR,
}
"""The status of an error reply. MetaProtocol Proxy says 60, 50 and 80 too; a rate limit is told as the server whose
threads are all busy, which Dubbo's clients may ask again later."""

_NULL = b"N"
"""hessian2's null."""


def error_reply(number: int, serialization: Serialization, request_id: int, error: Error) -> bytes:
    """The reply that tells a client of ``error``, in the serialization of its request where that is written here.

    Args:
        number: The serialization's id.
        serialization: The request's.
        request_id: The id the reply has.
        error: What to tell.
    """
    body = serialization.write_string(error.message)
    if body is None:  # a client reads a reply by the id in the reply
        number, body = HESSIAN2, write_string(error.message)
    return HEADER.pack(MAGIC, number, STATUSES[error.type], request_id, len(body)) + body


def heartbeat(request_id: int) -> bytes:
    """A heartbeat that asks for an answer."""
    return HEADER.pack(MAGIC, REQUEST | TWO_WAY | EVENT | HESSIAN2, 0, request_id, len(_NULL)) + _NULL


def heartbeat_reply(beat: bytes, request_id: int) -> bytes:
    """The answer to a heartbeat; empty where it is an answer, or asks for none.

    Args:
        beat: The whole heartbeat. The answer is a null as it is one, in the same serialization.
        request_id: The id the answer has.
    """
    flags, body = beat[FLAGS_AT], beat[HEADER_SIZE:]
    if flags & (REQUEST | TWO_WAY) != REQUEST | TWO_WAY:
        return b""
    return HEADER.pack(MAGIC, EVENT | flags & SERIALIZATION, Status.OK, request_id, len(body)) + body
