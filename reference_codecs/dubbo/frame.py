"""The wire layout of a Dubbo message, as numbers and structs.

From Apache Dubbo's ``ExchangeCodec`` and ``DubboCodec``; numbers are big-endian::

    0        2       3        4            12            16
    +--------+-------+--------+------------+-------------+-----------------------------+
    | 0xdabb | flags | status | request id | body length | body                        |
    | u16    | u8    | u8     | u64        | i32         | values of the serialization |
    +--------+-------+--------+------------+-------------+-----------------------------+

    flags: 0x80 request, 0x40 two-way, 0x20 event, and the id of the body's serialization in the low five bits.
    The status is a reply's, and 0 in a request.

    request    dubbo version, interface, version, method, parameter types: strings; the arguments; the attachments
    reply      status 20: the response type, the value or exception, the attachments where the type has them
               other:     the error's message, a string
    event      null: a heartbeat, or the answer to one; a string: "R", the server takes no more requests
"""

from __future__ import annotations

import enum
import struct

MAGIC = 0xDABB
MAGIC_BYTES = MAGIC.to_bytes(2, "big")

HEADER = struct.Struct(">HBBQI")
"""Magic, flags, status, request id, body length."""
HEADER_SIZE = HEADER.size
FLAGS_AT, STATUS_AT, ID_AT, LENGTH_AT = 2, 3, 4, 12

REQUEST = 0x80
TWO_WAY = 0x40
EVENT = 0x20
SERIALIZATION = 0x1F
"""The bits of the flags that name the serialization."""

HESSIAN2 = 2
"""The serialization that Dubbo writes unless it is told otherwise."""


class Status(enum.IntEnum):
    """How a request went: the statuses of Dubbo's ``Response``."""

    OK = 20
    SERIALIZATION_ERROR = 25
    CLIENT_TIMEOUT = 30
    SERVER_TIMEOUT = 31
    CHANNEL_INACTIVE = 35
    BAD_REQUEST = 40
    BAD_RESPONSE = 50
    SERVICE_NOT_FOUND = 60
    SERVICE_ERROR = 70
    SERVER_ERROR = 80
    CLIENT_ERROR = 90
    SERVER_THREADPOOL_EXHAUSTED_ERROR = 100


STATUS_NAMES = {int(status): status.name for status in Status}

MAX_EVENT = 1024
"""Bytes of an event's data. Dubbo for Java writes a letter and takes 15 or 50 (``deserialization.event.size``)."""

MAX_NAME = 0xFFFF
"""Characters of a name or a descriptor, as the class files of Java have them."""

RESPONSE_TYPES = ("exception", "value", "null") * 2
"""What a reply of status OK holds, by its response type; attachments follow where :func:`has_attachments`."""
WITH_ATTACHMENTS = 3
"""What is added to a response type for attachments to follow."""


def has_attachments(response_type: int) -> bool:
    """Whether a reply of that type ends in attachments."""
    return response_type >= WITH_ATTACHMENTS
