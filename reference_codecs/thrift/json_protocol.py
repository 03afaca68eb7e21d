"""The JSON protocol of Apache Thrift (``TJSONProtocol``).

::

    [1,"name",kind,seqid,{"1":{"str":"text"},"2":{"lst":["i32",2,7,8]}}]

The numbers of a message begin are decimal, the struct is an object of field ids to one-key objects that name the type.
A body is skipped as JSON: strings, brackets that pair, and what numbers are made of between them.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from metaprotocol_sdk import DecodeError
from reference_codecs.thrift.frame import MAX_NAME_SIZE, Kind
from reference_codecs.thrift.protocol import Begin, Data, Protocol, Short, Walk, check_waiting, read_kind

_FRONT: Final = b'[1,"'
_NAME: Final = re.compile(rb'(?:[^"\\\x00-\x1f]|\\.){0,%d}+"' % MAX_NAME_SIZE, re.DOTALL)
_NAME_SO_FAR: Final = re.compile(rb'(?:[^"\\\x00-\x1f]|\\.){0,%d}+\\?' % MAX_NAME_SIZE, re.DOTALL)
_NUMBERS: Final = re.compile(rb",(\d),(-?\d{1,10}),")
_NUMBERS_SO_FAR: Final = re.compile(rb",(?:\d(?:,(?:-?\d{0,10})?)?)?")
_RESULT: Final = re.compile(rb'\{(?:"(-?\d{1,6})":\{"|\})')

_NUMBERS_AND_COMMAS = rb"[0-9+\-.eE,:]+"
_SHORT_STRING = rb'"[^"\\]{0,255}"'
# What has no bracket in it is passed in one match; a string that is long, escapes or is cut short ends the run.
_BETWEEN: Final = re.compile(rb"(?:%b|%b){0,255}" % (_NUMBERS_AND_COMMAS, _SHORT_STRING))
_REST_OF_STRING: Final = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+("?)', re.DOTALL)
_OPENING: Final = {0x7B: 0x7D, 0x5B: 0x5D}
_QUOTE: Final = 0x22


class JsonProtocol(Protocol):
    """The JSON protocol."""

    name = "json"
    tail = b"]"

    def read_begin(self, data: Data, at: int, end: int, base: int) -> Begin:
        """The first four elements of the message's array."""
        front = data[at : min(at + 4, end)]
        if not _FRONT.startswith(front):
            raise DecodeError("a JSON message starts with [1 and its name", path="version", offset=at - base)
        if len(front) < 4:
            raise Short(end + 1)
        name = _NAME.match(data, at + 4, end)
        if not name:
            self._refuse_unless_short(data, at + 4, end, so_far=_NAME_SO_FAR, base=base, path="name")
        assert name is not None
        numbers = _NUMBERS.match(data, name.end(), end)
        if not numbers:
            self._refuse_unless_short(data, name.end(), end, so_far=_NUMBERS_SO_FAR, base=base, path="kind")
        assert numbers is not None
        seqid = int(numbers[2])
        if not -(1 << 31) <= seqid < 1 << 31:
            raise DecodeError(f"{seqid} is over 32 bits", path="seqid", offset=numbers.start(2) - base)
        text = self._name(bytes(data[at + 3 : name.end()]), at + 3 - base)
        kind = read_kind(int(numbers[1]), numbers.start(1), base)
        return Begin(text, kind, seqid, numbers.start(2) - base, numbers.end(2) - base, numbers.end() - base)

    @staticmethod
    def _refuse_unless_short(data: Data, at: int, end: int, *, so_far: re.Pattern[bytes], base: int, path: str) -> None:
        """Raises Short when what is there may become what is wanted, else DecodeError."""
        found = so_far.match(data, at, end)
        good = found.end() if found else at
        if good == end:
            raise Short(end + 1)
        raise DecodeError("this is not how a JSON message begins", path=path, offset=good - base)

    @staticmethod
    def _name(quoted: bytes, offset: int) -> str:
        try:
            name = json.loads(quoted)
            name.encode()
        except ValueError as error:
            raise DecodeError("the name is not a JSON string of UTF-8", path="name", offset=offset) from error
        assert isinstance(name, str)
        return name

    def write_begin(self, name: str, kind: Kind, seqid: int) -> bytes:
        """The first four elements of the message's array, and the comma after them."""
        return b"[1,%b,%d,%d," % (_string(name), kind, seqid)

    def write_seqid(self, seqid: int) -> bytes:
        """Decimal digits."""
        return b"%d" % seqid

    def parts(self, begin: Begin, start: int) -> tuple[tuple[str, int], ...]:
        """Each with the comma after it."""
        return ("version", start + 3), ("name", begin.id_start - 2), ("kind", begin.id_start), ("seqid", begin.body)

    def result_field(self, data: Data) -> int:
        """The first key of the result's object; 0 for an empty one."""
        found = _RESULT.match(data)
        if not found:
            raise ValueError("there is no struct")
        return int(found[1] or 0)

    def outermost(self) -> list[Any]:
        """The array of the message."""
        return [_OPENING[0x5B]]

    def skip(self, data: Data, base: int, walk: Walk) -> bool:
        """Brackets are paired on a stack; a string is searched for its end, from where it was searched before."""
        at = base + walk.position
        closing = walk.open
        if walk.position == walk.begin.body and data[at : at + 1] not in (b"", b"{"):
            raise DecodeError("the struct is not a JSON object", path="body", offset=walk.position)
        before = -1
        while closing and before < at < len(data):
            before, at = at, _skip_token(data, at, base, walk)
        walk.position = at - base
        walk.needed = walk.position + len(closing)
        check_waiting(walk.needed, walk.limits)
        return not closing

    def write_exception(self, message: str, code: int) -> bytes:
        """Field 1 is the message, field 2 the code."""
        return b'{"1":{"str":%b},"2":{"i32":%d}}' % (_string(message), code)


def _string(text: str) -> bytes:
    # Apache's readers take UTF-8 as it is; they do not all know \u of what needs two.
    return json.dumps(text, ensure_ascii=False).encode()


def _skip_token(data: Data, at: int, base: int, walk: Walk) -> int:
    """Past one bracket or string, or as far of it as there is. An open string is :data:`_QUOTE` on the stack."""
    closing = walk.open
    if closing[-1] == _QUOTE:
        return _skip_string(data, at, closing)
    between = _BETWEEN.match(data, at)
    assert between is not None
    at = between.end()
    if at >= len(data):
        return at
    byte = data[at]
    if byte == closing[-1]:
        closing.pop()
    elif byte == _QUOTE:
        closing.append(_QUOTE)
    elif byte not in _OPENING:
        raise DecodeError(f"{bytes((byte,))!r} has no place in a JSON message here", path="body", offset=at - base)
    elif len(closing) > 2 * walk.limits.depth:  # a value inside another opens two brackets at most
        raise DecodeError(f"values nest deeper than {walk.limits.depth} (max_depth)", path="body", offset=at - base)
    else:
        closing.append(_OPENING[byte])
    return at + 1


def _skip_string(data: Data, at: int, closing: list[Any]) -> int:
    # A backslash at the very end is left for when what it escapes is there.
    rest = _REST_OF_STRING.match(data, at)
    assert rest is not None
    if rest[1]:
        closing.pop()
    return rest.end()


JSON = JsonProtocol()
