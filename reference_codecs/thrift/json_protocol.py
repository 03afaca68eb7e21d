"""The JSON protocol of Apache Thrift (``TJSONProtocol``).

::

    [1,"name",kind,seqid,{"1":{"str":"text"},"2":{"lst":["i32",2,7,8]}}]

The numbers of a message begin are decimal, the struct is an object of field ids to one-key objects that name the type.
Structs are drawn in :mod:`reference_codecs.thrift.json_body`.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, NoReturn

from metaprotocol_sdk import DecodeError
from reference_codecs.thrift.frame import Kind
from reference_codecs.thrift.json_body import find_end, skip_struct
from reference_codecs.thrift.protocol import OPEN_STRUCT, Begin, Data, Protocol, Short, Walk, check_name_size, read_kind

_FRONT: Final = b'[1,"'
_NUMBERS: Final = re.compile(rb",(\d),(-?\d{1,10}),")
_NUMBERS_SO_FAR: Final = re.compile(rb",(?:\d(?:,(?:-?\d{0,10})?)?)?")
_RESULT: Final = re.compile(rb'\{(?:"(-?\d{1,6})":\{"|\})')


class JsonProtocol(Protocol):
    """The JSON protocol."""

    name = "json"
    tail = b"]"

    def read_begin(self, data: Data, at: int, end: int, base: int, searched: int = 0) -> Begin:
        """The first four elements of the message's array."""
        front = data[at : min(at + 4, end)]
        if not _FRONT.startswith(front):
            raise DecodeError("a JSON message starts with [1 and its name", path="version", offset=at - base)
        if len(front) < 4:
            raise Short(end + 1)
        name_end, is_whole = find_end(data, max(at + 4, base + searched), end)
        check_name_size(name_end - at - 4, at + 4, base)
        if not is_whole:
            raise Short(end + 1, name_end - base)
        numbers = _NUMBERS.match(data, name_end + 1, end)
        if not numbers:
            self._refuse_unless_short(data, name_end + 1, end, base)
        seqid = int(numbers[2])
        if not -(1 << 31) <= seqid < 1 << 31:
            raise DecodeError(f"{seqid} is over 32 bits", path="seqid", offset=numbers.start(2) - base)
        text = self._name(bytes(data[at + 3 : name_end + 1]), at + 3 - base)
        kind = read_kind(int(numbers[1]), numbers.start(1), base)
        return Begin(text, kind, seqid, numbers.start(2) - base, numbers.end(2) - base, numbers.end() - base)

    @staticmethod
    def _refuse_unless_short(data: Data, at: int, end: int, base: int) -> NoReturn:
        """Raises Short when what follows the name may become the numbers, else DecodeError."""
        found = _NUMBERS_SO_FAR.match(data, at, end)
        good = found.end() if found else at
        if good == end:
            raise Short(end + 1, at - 1 - base)
        raise DecodeError("this is not how a JSON message begins", path="kind", offset=good - base)

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
        """One open struct; the message's array ends with it."""
        return [OPEN_STRUCT]

    def skip(self, data: Data, base: int, walk: Walk) -> bool:
        """By the types that are written before values, runs of small ones by regular expressions."""
        return skip_struct(data, base, walk)

    def write_exception(self, message: str, code: int) -> bytes:
        """Field 1 is the message, field 2 the code."""
        return b'{"1":{"str":%b},"2":{"i32":%d}}' % (_string(message), code)


def _string(text: str) -> bytes:
    # Apache's readers take UTF-8 as it is; they do not all know \u of what needs two.
    return json.dumps(text, ensure_ascii=False).encode()


JSON = JsonProtocol()
