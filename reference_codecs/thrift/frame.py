"""The wire layouts of Apache Thrift, as numbers and structs.

From the Thrift specifications (``doc/specs/thrift-binary-protocol.md``, ``thrift-compact-protocol.md``,
``HeaderFormat.md``); numbers are big-endian unless said otherwise.

Framed: a length, then one message of any protocol::

    +--------+-------------------------------+
    | length | message                       |      length: u32, of the message
    +--------+-------------------------------+

Header (THeader): a frame whose content starts with a magic number that no protocol starts with::

    0        4        6       8       12      14
    +--------+--------+-------+-------+-------+--------------+---------+
    | length | 0x0fff | flags | seqid | words | header block | payload |
    | u32    | u16    | u16   | u32   | u16   | 4 * words    | message |
    +--------+--------+-------+-------+-------+--------------+---------+

    header block: protocol id, number of transforms, transforms, info headers, zeros up to 4 * words.
    An info header of kind 1: number of pairs, then key and value of each. Integers are varints, texts have a varint
    length before them. Transform 1 is zlib, of the payload.

Unframed (what Thrift calls buffered): messages one after the other; a message ends where its struct ends.
"""

from __future__ import annotations

import enum
import struct

VERSION_1 = 0x8001
"""What a strict binary message starts with."""
COMPACT_ID = 0x82
"""What a compact message starts with."""
COMPACT_VERSION = 1
HEADER_MAGIC = 0x0FFF

FRAME = struct.Struct(">I")
"""A frame's length."""
FRAMED_BINARY = struct.Struct(">IHxBI")
"""A frame with a strict binary message: length, version, message kind, length of the name."""
HEADER = struct.Struct(">IHHIH")
"""A header frame up to its block: length, magic, flags, sequence id, words."""
SIZE = struct.Struct(">I")
"""The binary protocol's length of a string."""
BINARY_FIELD = struct.Struct(">Bh")
"""Its field header: type and id."""
BINARY_LIST = struct.Struct(">BI")
"""What stands before the elements of a list or set: their type and number."""
BINARY_MAP = struct.Struct(">BBI")
"""What stands before a map's pairs: the types of keys and values, and their number."""

MAX_NAME_SIZE = 16 * 1024
"""Bytes of a method's name; a longer one is no name."""


class Transport(enum.StrEnum):
    """How messages are set apart on a connection."""

    FRAMED = "framed"
    UNFRAMED = "unframed"
    HEADER = "header"


class Kind(enum.IntEnum):
    """A message's kind, Thrift's ``TMessageType``."""

    CALL = 1
    REPLY = 2
    EXCEPTION = 3
    ONEWAY = 4


class Type(enum.IntEnum):
    """A value's type, Thrift's ``TType``, as the binary protocol writes it."""

    STOP = 0
    BOOL = 2
    BYTE = 3
    DOUBLE = 4
    I16 = 6
    I32 = 8
    I64 = 10
    STRING = 11
    STRUCT = 12
    MAP = 13
    SET = 14
    LIST = 15
    UUID = 16
