"""What the codec needs of a Thrift protocol: where a message's parts are, and how the same are written.

Positions are indices into the bytes at hand; ``base`` is where the whole message starts in them, so that an error's
offset counts from the message's first byte.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, NoReturn

from metaprotocol_sdk import DecodeError, MessageTooLarge
from reference_codecs.thrift.frame import MAX_NAME_SIZE, Kind, Transport
from reference_codecs.thrift.limits import Limits

Data = bytes | bytearray


class Short(Exception):
    """The bytes at hand end before the message begin does.

    Args:
        needed: The index that must be there at least, exclusive.
        searched: Up to where the end of the name was looked for, counted from the message's first byte; of use where
            its length is not written before it.
    """

    def __init__(self, needed: int, searched: int = 0) -> None:
        super().__init__(needed)
        self.needed = needed
        self.searched = searched


class Begin(NamedTuple):
    """A message begin: what it says, and where it is, counted from the message's first byte."""

    name: str
    """The method, ``Service:method`` for a multiplexed processor."""
    kind: Kind
    seqid: int
    """Signed 32 bits."""
    id_start: int
    id_end: int
    body: int
    """Where the struct of arguments, or of the result, starts."""


class Form(NamedTuple):
    """What a message is written in."""

    transport: Transport
    protocol: Protocol


class Beginning(NamedTuple):
    """What is known of an unframed message that ends in its begin."""

    form: Form
    searched: int
    """As :class:`Short` says it."""


class Walk:
    """How far the struct of an incomplete unframed message was skipped.

    Attributes:
        form: What the message is written in.
        limits: What it may cost.
        runs_up_to: The deepest struct in which runs may be skipped.
        begin: The message's begin, its positions counted from the message's first byte.
        position: Where to go on, counted from the message's first byte; past the end when a value is known to end
            there.
        searched: Up to where the end of a string that is cut short was looked for, counted from the message's first
            byte; of use where a string's length is not written before it.
        needed: Bytes that the message has at least, as far as is known.
        open: The containers and structs that are open, innermost last; a protocol's own.
    """

    __slots__ = ("begin", "form", "limits", "needed", "open", "position", "runs_up_to", "searched")

    def __init__(self, form: Form, begin: Begin, limits: Limits) -> None:
        self.form = form
        self.limits = limits
        self.runs_up_to = limits.runs_up_to
        self.begin = begin
        self.position = begin.body
        self.searched = 0
        self.needed = begin.body
        self.open: list[Any] = form.protocol.outermost()


class Protocol(ABC):
    """One Thrift protocol. It has no state.

    Attributes:
        name: As the ``protocol`` string says it.
        tail: What follows the struct of every message.
    """

    name: ClassVar[str]
    tail: ClassVar[bytes] = b""

    @abstractmethod
    def read_begin(self, data: Data, at: int, end: int, base: int, searched: int = 0) -> Begin:
        """The begin of the message at ``at``, of which nothing is past ``end``; ``searched`` is what a Short said.

        Raises:
            Short: It goes on past ``end``.
            DecodeError: It is malformed.
        """

    @abstractmethod
    def write_begin(self, name: str, kind: Kind, seqid: int) -> bytes:
        """A message begin."""

    @abstractmethod
    def write_seqid(self, seqid: int) -> bytes:
        """What stands at ``id_start`` to ``id_end`` of a :class:`Begin`."""

    @abstractmethod
    def parts(self, begin: Begin, start: int) -> tuple[tuple[str, int], ...]:
        """The fields of the begin at ``start``, in order: their names, and where they end."""

    @abstractmethod
    def result_field(self, data: Data) -> int:
        """The id of the first field of the result struct that ``data`` is the front of.

        0 is the method's value, another a declared exception; 0 too for a struct without fields.

        Raises:
            LookupError: There is no such struct.
            ValueError: There is no such struct.
        """

    @abstractmethod
    def outermost(self) -> list[Any]:
        """What is open where a body starts."""

    @abstractmethod
    def skip(self, data: Data, base: int, walk: Walk) -> bool:
        """Moves ``walk`` as far as the data goes; whether the message's end was reached.

        Raises:
            DecodeError: The body is malformed, or over a limit.
        """

    @abstractmethod
    def write_exception(self, message: str, code: int) -> bytes:
        """The struct of a TApplicationException."""


def read_kind(number: int, at: int, base: int) -> Kind:
    """The message kind of that number, found at ``at``.

    Raises:
        DecodeError: There is none.
    """
    if not 1 <= number <= 4:
        raise DecodeError(f"the message kind is {number}, not 1 to 4", path="kind", offset=at - base)
    return Kind(number)


def read_name(data: Data, start: int, end: int, base: int) -> str:
    """The method's name in those bytes.

    Raises:
        DecodeError: It is not UTF-8.
    """
    try:
        return data[start:end].decode()
    except UnicodeDecodeError as error:
        raise DecodeError("the name is not UTF-8", path="name", offset=start + error.start - base) from error


def check_name_size(size: int, at: int, base: int) -> None:
    """Refuses a length that no name has.

    Raises:
        DecodeError: It is over the limit.
    """
    if size > MAX_NAME_SIZE:
        raise DecodeError(
            f"the name would have {size} bytes, over the limit of {MAX_NAME_SIZE}", path="name", offset=at - base
        )


def check_waiting(needed: int, limits: Limits) -> None:
    """Refuses to wait for more bytes than a message may have.

    Raises:
        MessageTooLarge: ``needed``, counted from the message's first byte, is over the limit.
    """
    if needed > limits.message_size:
        raise MessageTooLarge(needed, limits.message_size, path="body")


def check_depth(depth: int, limits: Limits, offset: int) -> None:
    """Refuses to open one more value inside ``depth`` open ones.

    Raises:
        DecodeError: It would be too deep.
    """
    if depth >= limits.depth:
        raise DecodeError(f"values nest deeper than {limits.depth} (max_depth)", path="body", offset=offset)


def refuse_size(size: int, limit: int, what: str, offset: int) -> NoReturn:
    """Raises the DecodeError of a string or container that is over its limit."""
    # What a peer meant by a negative size is clearer than 4 billion.
    said = size - (1 << 32) if size >= 1 << 31 else size
    if said < 0:
        raise DecodeError(f"a {what} has the negative size {said}", path="body", offset=offset)
    raise DecodeError(f"a {what} of {said} is over the limit of {limit} (max_{what}_size)", path="body", offset=offset)


OPEN_STRUCT: list[Any] = []
"""Stands for an open struct in :attr:`Walk.open`. A container is a list that starts with the two types
that alternate, the values that are left, and the bytes that each of them has at least.
"""

_Skip = Callable[[Data, int, int, Walk], int]


def skip_open(data: Data, base: int, walk: Walk, skip_fields: _Skip, skip_elements: _Skip) -> bool:
    """Moves ``walk`` as far as the data goes; whether everything open was closed.

    Args:
        data: What there is.
        base: Where the message starts in it.
        walk: How far it was skipped.
        skip_fields: Takes ``data``, an index into it, ``base`` and ``walk``. Goes past the fields of the innermost
            struct, up to its end or to a value that opened; returns -1, and keeps in ``walk`` where it was, when the
            data ends.
        skip_elements: Does the same in the innermost container.

    Raises:
        DecodeError: The body is malformed, or over a limit.
    """
    frames = walk.open
    at = base + walk.position
    while frames:
        skip = skip_fields if frames[-1] is OPEN_STRUCT else skip_elements
        at = skip(data, at, base, walk)
        if at < 0:
            # A struct needs its end, a container what its values have at least.
            needed = walk.position + len(frames)
            for frame in frames:
                if frame is not OPEN_STRUCT:
                    needed += frame[1] * frame[2] - 1
            check_waiting(needed, walk.limits)
            walk.needed = needed
            return False
    walk.position = at - base
    check_waiting(walk.position, walk.limits)
    return True
