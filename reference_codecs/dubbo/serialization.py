"""What a codec asks of a body's serialization, and the answers of those that it cannot read."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import NamedTuple

from metaprotocol_sdk import DecodeError
from reference_codecs.dubbo.frame import FLAGS_AT, TWO_WAY

NAMES = {
    2: "hessian2",
    3: "java",
    4: "compactedjava",
    6: "fastjson",
    7: "nativejava",
    8: "kryo",
    9: "fst",
    10: "native-hessian",
    11: "avro",
    12: "protostuff",
    16: "gson",
    18: "jackson",
    21: "protobuf-json",
    22: "protobuf",
    23: "fastjson2",
    25: "kryo2",
    27: "msgpack",
    28: "fury",
    31: "custom-message-pack",
}
"""Dubbo's names of serializations, by the id in the flags (``org.apache.dubbo.common.serialize.Constants``)."""

_SURROGATES = re.compile("[\ud800-\udfff]")


def valid(text: str) -> str:
    """``text`` with each surrogate that has no partner as U+FFFD: Java's strings may hold such, Unicode may not."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


class Call(NamedTuple):
    """What a request begins with; None where it says null."""

    dubbo: str | None
    interface: str | None
    version: str | None
    method: str | None
    parameter_types: str | None


class Serialization(ABC):
    """How the values of a body are written.

    A ``message`` is always a whole one, its header included. Every text that is read is :func:`valid`.

    Attributes:
        name: Dubbo's name of it.
        is_read: Whether a call can be read in it; else :meth:`read_call` says why not.
        reads_attachments: Whether attachments can be; else :meth:`read_attachments` says why not.
    """

    name: str
    is_read: bool = True
    reads_attachments: bool = True

    @abstractmethod
    def read_call(self, message: bytes) -> Call:
        """What a request begins with.

        Raises:
            DecodeError: It is malformed, or not one this codec reads.
        """

    @abstractmethod
    def read_attachments(self, message: bytes) -> Iterable[tuple[str, str]]:
        """The attachments of a request, or of a reply of status 20, whose key and value are strings.

        Raises:
            DecodeError: The message is malformed, or this codec does not read the serialization that far.
        """

    @abstractmethod
    def read_response_type(self, message: bytes) -> int | None:
        """The response type of a reply of status 20; None: it cannot be told in this serialization.

        Raises:
            DecodeError: It is malformed.
        """

    @abstractmethod
    def read_event(self, message: bytes) -> str | None:
        """What an event says; None: nothing, it is a heartbeat.

        Raises:
            DecodeError: It is malformed.
        """

    @abstractmethod
    def write_string(self, text: str) -> bytes | None:
        """A body of one string; None: this codec does not write the serialization."""


UNREAD_EVENT = "unknown"
"""What is said of an event whose data cannot be read."""


class Opaque(Serialization):
    """One whose bodies are passed through unread.

    Args:
        number: Its id in the flags.
    """

    is_read = False
    reads_attachments = False

    def __init__(self, number: int) -> None:
        self.name = NAMES.get(number, f"serialization-{number}")

    def read_call(self, message: bytes) -> Call:
        """Refuses: nothing is known of the call."""
        raise self.refused("the call")

    def read_attachments(self, message: bytes) -> Iterable[tuple[str, str]]:
        """Refuses: nothing is known of them."""
        raise self.refused("an attachment")

    def refused(self, what: str) -> DecodeError:
        """The refusal of a message because of what it does not say to this codec."""
        return DecodeError(
            f"{what} is asked for, and written in {self.name}, which is not read that far; where routes and filters "
            "ask for nothing of it, the message passes through",
            path="body",
        )

    def read_response_type(self, message: bytes) -> int | None:
        """None."""
        return None

    def read_event(self, message: bytes) -> str | None:
        """None where it asks for an answer, as a heartbeat does and other events do not."""
        return None if message[FLAGS_AT] & TWO_WAY else UNREAD_EVENT

    def write_string(self, text: str) -> bytes | None:
        """None."""
        return None
