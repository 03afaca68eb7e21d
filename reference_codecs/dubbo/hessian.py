"""Bodies in hessian2, which Dubbo writes unless it is told otherwise: the call, the response type, the attachments.

::

    request   dubbo version | interface | version | method | parameter types | argument ... | attachments
    reply     response type | value or exception, but for null | attachments, where the type has them

Attachments are behind the arguments, so whoever asks for one has every argument walked. Dubbox writes an int before the
parameter types: -1, or the number of arguments in their place.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from metaprotocol_sdk import DecodeError
from reference_codecs.dubbo.descriptor import MAX_PARAMETERS, count_parameters
from reference_codecs.dubbo.frame import FLAGS_AT, HEADER_SIZE, REQUEST, RESPONSE_TYPES, has_attachments
from reference_codecs.dubbo.hessian2 import Hessian2Error, Limits, WalkedMap, Walker, write_string
from reference_codecs.dubbo.serialization import UNREAD_EVENT, Call, Serialization, valid

_NULL = ord("N")
_SHORT = 0x20
"""Below it, a string's first byte is its length."""
_MEDIUM = 0x30
"""This and the three after it, and one more byte, are a length too."""
_CALL = Call._fields


class Begin(NamedTuple):
    """The front of a request, taken apart."""

    call: Call
    walker: Walker
    """Stands at the first argument."""
    number: int
    """How many arguments there are; -1: the parameter types are no descriptor."""


class Tail(NamedTuple):
    """Where the attachments of a message are."""

    start: int
    """Where they start, or would."""
    end: int
    """Where they end; ``start`` where there are none."""
    found: WalkedMap | None
    """The map; None where there is none, or a null."""
    response_type_at: int
    """Where the last byte of the response type is; 0 in a request."""


class Hessian(Serialization):
    """hessian2, and Caucho's own writer of it.

    Args:
        name: Dubbo's name of it.
        limits: What walking a body may cost.
    """

    def __init__(self, name: str, limits: Limits) -> None:
        self.name = name
        self._limits = limits

    def read_call(self, message: bytes) -> Call:
        """The strings of the body's front."""
        return self.begin(message).call

    def begin(self, message: bytes) -> Begin:
        """What a request begins with.

        Raises:
            DecodeError: The front is malformed.
        """
        walker = Walker(message, HEADER_SIZE, limits=self._limits)
        texts: list[str | None] = []
        try:
            while len(texts) < len(_CALL) - 1:
                texts.append(_read_text(walker))
            types, number = _read_types(walker)
        except Hessian2Error as error:
            raise malformed(error, _CALL[len(texts)]) from error
        return Begin(Call._make([*texts, types]), walker, number)

    def read_attachments(self, message: bytes) -> Iterator[tuple[str, str]]:
        """The string entries of the map behind the arguments or the value; what Unicode has not is U+FFFD."""
        walker, has_some = self.to_attachments(message)
        if not has_some:
            return
        try:
            strings = walker.read_strings()
        except Hessian2Error as error:
            raise malformed(error, "attachments") from error
        for key, value in strings.items():
            yield valid(key), valid(value)

    def read_tail(self, message: bytes) -> Tail:
        """Where the attachments of a message are, with each entry of them.

        Raises:
            DecodeError: The message is malformed.
        """
        walker, has_some = self.to_attachments(message)
        start = walker.position
        try:
            found = walker.read_map() if has_some else None
        except Hessian2Error as error:
            raise malformed(error, "attachments") from error
        at = 0
        if not message[FLAGS_AT] & REQUEST:
            front = Walker(message, HEADER_SIZE, limits=self._limits)
            front.skip()
            at = front.position - 1
        return Tail(start, walker.position, found, at)

    def to_attachments(self, message: bytes) -> tuple[Walker, bool]:
        """A walker that stands where attachments are or would be, and whether there are any.

        Raises:
            DecodeError: What is before them is malformed.
        """
        if message[FLAGS_AT] & REQUEST:
            walker = self._past_arguments(message)
            return walker, not walker.is_at_end
        walker = Walker(message, HEADER_SIZE, limits=self._limits)
        response_type = _read_response_type(walker)
        kind = RESPONSE_TYPES[response_type]
        if kind != "null":
            try:
                walker.skip()
            except Hessian2Error as error:
                raise malformed(error, kind) from error
        return walker, has_attachments(response_type)

    def _past_arguments(self, message: bytes) -> Walker:
        if front := short_front(message, HEADER_SIZE, len(message)):
            walker, number = Walker(message, front[-1], limits=self._limits), _number(front[-2])
        else:
            _, walker, number = self.begin(message)
        if number < 0:
            raise DecodeError("they are no JVM descriptor of at most 255 parameters", path="parameter_types")
        left = number
        try:
            while left:
                walker.skip()
                left -= 1
        except Hessian2Error as error:
            raise malformed(error, f"arguments[{number - left}]") from error
        return walker

    def read_response_type(self, message: bytes) -> int:
        """The int the body begins with."""
        return _read_response_type(Walker(message, HEADER_SIZE, limits=self._limits))

    def read_event(self, message: bytes) -> str | None:
        """The string the body is; an event of another kind is not read."""
        walker = Walker(message, HEADER_SIZE, limits=self._limits)
        try:
            if _is_string(walker.tag):
                return valid(walker.read_string() or "")
            is_heartbeat = walker.tag == _NULL
            walker.skip()
        except Hessian2Error as error:
            raise malformed(error, "event") from error
        return None if is_heartbeat else UNREAD_EVENT

    def write_string(self, text: str) -> bytes:
        """One string."""
        return write_string(text)


def short_front(data: bytes | bytearray, at: int, end: int) -> tuple[str, str, str, str, str, int] | None:
    """The call's five strings and where the arguments start, read by hand where each string is ASCII and at most 1023
    characters, as nearly all are; None: they are not, or end too late.

    Args:
        data: A run of bytes.
        at: Where the body starts in it.
        end: Where the message ends in it.
    """
    texts = []
    try:
        for _ in _CALL:
            size = data[at]
            if size < _SHORT:
                at += 1
            elif _MEDIUM <= size < _MEDIUM + 4:
                size = (size - _MEDIUM) << 8 | data[at + 1]
                at += 2
            else:
                return None
            stop = at + size
            texts.append(data[at:stop].decode("ascii"))
            at = stop
    except (IndexError, UnicodeDecodeError):
        return None
    return (*texts, at) if at <= end else None  # type: ignore[return-value]


def malformed(error: Hessian2Error, path: str) -> DecodeError:
    """The same, said of a part of the message."""
    return DecodeError(error.reason, path=path, offset=error.offset)


def _read_types(walker: Walker) -> tuple[str | None, int]:
    """The parameter types, and how many they are; -1: they are no descriptor, or more than a method has."""
    if walker.tag != _NULL and not _is_string(walker.tag) and (count := walker.read_int()) >= 0:
        return None, count if count <= MAX_PARAMETERS else -1
    types = _read_text(walker)
    return types, _number(types or "")


def _read_text(walker: Walker) -> str | None:
    text = walker.read_string()
    return None if text is None else valid(text)


def _number(types: str) -> int:
    try:
        return count_parameters(types)
    except ValueError:
        return -1


def _is_string(tag: int) -> bool:
    return 0 <= tag < _SHORT or _MEDIUM <= tag < _MEDIUM + 4 or tag in (0x52, 0x53)


def _read_response_type(walker: Walker) -> int:
    try:
        found = walker.read_int()
    except Hessian2Error as error:
        raise malformed(error, "response_type") from error
    if not 0 <= found < len(RESPONSE_TYPES):
        raise DecodeError(f"the response type is {found}; it is 0 to 5", path="response_type", offset=HEADER_SIZE)
    return found
