"""Valid messages of every kind, with every form of hessian2 in them, and what they say."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hypothesis import strategies as st

from metaprotocol_sdk import MessageType, ResponseStatus
from metaprotocol_sdk.conformance import Sample, Subject
from reference_codecs.dubbo.codec import DubboCodec
from reference_codecs.dubbo.frame import (
    EVENT,
    HEADER,
    HEADER_SIZE,
    HESSIAN2,
    MAGIC,
    REQUEST,
    RESPONSE_TYPES,
    STATUS_NAMES,
    TWO_WAY,
    Status,
    has_attachments,
)
from reference_codecs.dubbo.hessian2 import write_int, write_string

FASTJSON = 6


@dataclass(frozen=True, slots=True)
class ListNode:
    """A list to be written; ``form`` is how its length is said: short, fixed or variable."""

    form: str
    type: str | None
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class MapNode:
    """A map to be written."""

    type: str | None
    items: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True, slots=True)
class ObjectNode:
    """An object to be written."""

    name: str
    values: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference to one of the lists, maps and objects before it; null where there are none."""

    number: int


Node = bytes | ListNode | MapNode | ObjectNode | Reference
"""A value to be written; bytes are one already."""

_SHORT_LIST = 8


@dataclass(slots=True)
class Body:
    """Writes values, and knows what was numbered before."""

    references: int = 0
    types: list[str] = field(default_factory=list)
    classes: list[tuple[str, int]] = field(default_factory=list)

    def write(self, node: Node) -> bytes:
        """One value."""
        if isinstance(node, bytes):
            return node
        if isinstance(node, Reference):
            return b"Q" + write_int(node.number % self.references) if self.references else b"N"
        if isinstance(node, ListNode):
            return self._list(node)
        return self._map(node) if isinstance(node, MapNode) else self._object(node)

    def _list(self, node: ListNode) -> bytes:
        self.references += 1
        kind = b"" if node.type is None else self._type(node.type)
        size = len(node.items)
        if node.form == "variable":
            return b"".join((b"W" if node.type is None else b"U", kind, *map(self.write, node.items), b"Z"))
        if node.form == "short" and size < _SHORT_LIST:
            front = bytes([(0x78 if node.type is None else 0x70) + size]) + kind
        else:
            front = (b"X" if node.type is None else b"V") + kind + write_int(size)
        return b"".join((front, *map(self.write, node.items)))

    def _map(self, node: MapNode) -> bytes:
        self.references += 1
        front = b"H" if node.type is None else b"M" + self._type(node.type)
        return b"".join((front, *(self.write(each) for pair in node.items for each in pair), b"Z"))

    def _object(self, node: ObjectNode) -> bytes:
        known = (node.name, len(node.values))
        front = b""
        if known not in self.classes:
            self.classes.append(known)
            names = b"".join(write_string(f"f{index}") for index in range(len(node.values)))
            front = b"C" + write_string(node.name) + write_int(len(node.values)) + names
        number = self.classes.index(known)
        self.references += 1
        front += bytes([0x60 + number]) if number < 16 and len(node.values) % 2 else b"O" + write_int(number)
        return b"".join((front, *map(self.write, node.values)))

    def _type(self, name: str) -> bytes:
        if name in self.types:
            return write_int(self.types.index(name))
        self.types.append(name)
        return write_string(name)


def _units(text: str) -> bytes:
    return write_string(text)[1:]


FORMS = (
    *(b"N", b"T", b"F", b"\x5b", b"\x5c", b"\x5d\x80", b"\x5e\x80\x00", b"\x5f\xff\xff\xff\xff"),
    *(b"D" + struct.pack(">d", number) for number in (0.1, float("inf"), float("nan"))),
    *(b"\x80", b"\x90", b"\xbf", b"\xc0\x00", b"\xcf\xff", b"\xd0\x00\x00", b"\xd7\xff\xff", b"I\x80\x00\x00\x00"),
    *(b"\xd8", b"\xe0", b"\xef", b"\xf0\x00", b"\xff\xff", b"\x38\x00\x00", b"\x3f\xff\xff", b"Y\x80\x00\x00\x00"),
    *(b"L\x80" + bytes(7), b"J\xff" + bytes(7), b"K\x80\x00\x00\x00"),
    *(b"\x00", b"\x03" + _units("abc"), b"\x1f" + b"x" * 31, b"\x30\x00", b"\x31\x00" + b"y" * 256, b"S\x00\x01z"),
    *(
        b"\x03\xe2\x82\xac\xc3\xa9\x00",
        b"\x02\xed\xa0\xbd\xed\xb8\x80",
        b"R\x00\x01aS\x00\x01b",
        b"R\x00\x02xyR\x00\x00\x01z",
    ),
    *(b"\x20", b"\x22\xff\x00", b"\x2f" + bytes(15), b"\x34\x00", b"\x35\x00" + bytes(256), b"B\x00\x01\x5a"),
    *(b"A\x00\x01aB\x00\x01b", b"A\x00\x02abA\x00\x00\x21c"),
)
"""Every value that is no list, map, object or reference, in each of its forms."""


def _form(index: int) -> bytes:
    return FORMS[index]


_forms = st.integers(0, len(FORMS) - 1).map(_form)  # sampled_from would be written out wherever it is shown
_leaves: st.SearchStrategy[Node] = st.one_of(
    _forms,
    st.text(max_size=8).map(write_string),
    st.integers(-(1 << 31), (1 << 31) - 1).map(write_int),
)
_references = st.integers(0, 1000).map(Reference)
_list_types = st.sampled_from((None, None, "[int", "java.util.LinkedList"))
_map_types = st.sampled_from((None, None, "java.util.TreeMap", "com.demo.Cart"))
_list_forms = st.sampled_from(("short", "fixed", "variable"))


def _containers(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    some = st.lists(inner, max_size=3).map(tuple)
    many = st.lists(_forms, min_size=7, max_size=9).map(tuple)
    return st.one_of(
        st.builds(ListNode, _list_forms, _list_types, st.one_of(some, some, many)),
        st.builds(MapNode, _map_types, st.lists(st.tuples(inner, inner), max_size=3).map(tuple)),
        st.builds(ObjectNode, st.sampled_from(("com.demo.User", "com.demo.Item")), some),
    )


# Levels written out: what st.recursive draws takes many times as long.
_flat = _containers(_leaves)
_nested = _containers(st.one_of(_leaves, _references, _flat))
nodes: st.SearchStrategy[Node] = st.one_of(_leaves, _leaves, _references, _flat, _nested)

_words = st.sampled_from(("trace", "group", "timeout", "path", "interface", "method", "X-Tag", "tag", "größe"))
_texts = st.one_of(st.text(max_size=6), st.sampled_from(("", "g1", "3000", "com.demo.Other")))
_values: st.SearchStrategy[str | Node] = st.one_of(_texts, _texts, _texts, nodes)


@dataclass(frozen=True, slots=True)
class Attachments:
    """Attachments to be written: a map's type and its entries, of which those that are texts are strings to a proxy."""

    type: str | None
    items: tuple[tuple[str, str | Node], ...]

    def write(self, body: Body) -> bytes:
        """The map."""
        pairs = ((write_string(key), write_string(each) if isinstance(each, str) else each) for key, each in self.items)
        return body.write(MapNode(self.type, tuple(pairs)))

    def strings(self) -> dict[str, str]:
        """What a proxy sees of them."""
        return {key: value for key, value in self.items if isinstance(value, str)}


_some_attachments = st.builds(
    Attachments,
    st.sampled_from((None, None, "java.util.LinkedHashMap")),
    st.lists(st.tuples(_words, _values), max_size=4, unique_by=lambda entry: entry[0].lower()).map(tuple),
)
attachments: st.SearchStrategy[Attachments | None] = st.one_of(st.none(), _some_attachments, _some_attachments)

_types = st.sampled_from(("I", "Z", "[B", "Ljava/lang/String;", "[[Ljava/lang/Object;", "Lcom/demo/größe;"))
arguments = st.lists(st.tuples(_types, nodes), max_size=3)
request_ids = st.sampled_from((0, 1, 1 << 53, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)) | st.integers(0, (1 << 64) - 1)


def frame(flags: int, body: bytes, *, request_id: int, status: int = 0) -> bytes:
    """A whole message."""
    return HEADER.pack(MAGIC, flags, status, request_id, len(body)) + body


@dataclass(frozen=True, slots=True)
class Call:
    """What a request begins with, and how that is written."""

    dubbo: str
    interface: str
    version: str | None
    method: str
    has_count: bool = False
    """Whether an int stands before the parameter types, as Dubbox writes it."""
    is_long: bool = False
    """Whether strings are written in a form that is longer than they need."""

    def front(self, types: str) -> bytes:
        """The call and its parameter types."""
        texts = (self.dubbo, self.interface, self.version, self.method)
        return b"".join((*map(self._string, texts), write_int(-1) if self.has_count else b"", self._string(types)))

    def _string(self, text: str | None) -> bytes:
        if text is None:
            return b"N"
        units = len(text.encode("utf-16-le")) // 2
        return struct.pack(">BH", ord("S"), units) + text.encode() if self.is_long else write_string(text)

    def strings(self, types: str) -> dict[str, str | None]:
        """What a proxy sees of it."""
        said = {"dubbo": self.dubbo, "interface": self.interface, "method": self.method, "parameter_types": types}
        return {**said, "version": self.version} if self.version else dict(said)


_names = st.sampled_from(("com.demo.HelloService", "com.demo.größe", "a." + "b" * 40)) | st.text(
    "abc.", min_size=1, max_size=9
)
_methods = st.sampled_from(("sayHello", "$invoke", "größe", "m" * 40))
_versions = st.sampled_from((None, "", "1.0.0", "1.0.0", "0.0.0"))
calls = st.builds(
    Call,
    dubbo=st.sampled_from(("2.0.2", "2.0.2", "2.5.3", "5.3.0")),
    interface=_names,
    version=_versions,
    method=_methods,
    has_count=st.sampled_from((False, False, False, True)),
    is_long=st.sampled_from((False, False, False, True)),
)


def request(
    call: Call, given: list[tuple[str, Node]], attached: Attachments | None, request_id: int, *, is_two_way: bool
) -> Sample:
    """A request in hessian2, and what decode must find in it."""
    body = Body()
    types = "".join(kind for kind, _ in given)
    parts = [call.front(types), *(body.write(node) for _, node in given)]
    if attached is not None:
        parts.append(attached.write(body))
    flags = REQUEST | HESSIAN2 | (TWO_WAY if is_two_way else 0)
    return _called(call, types, attached, frame(flags, b"".join(parts), request_id=request_id), "hessian2")


def json_request(call: Call, attached: Mapping[str, str], request_id: int) -> Sample:
    """A request in fastjson, and what decode must find in it."""
    types = "Ljava/lang/String;"
    lines = (call.dubbo, call.interface, call.version, call.method, types, "one\nargument", dict(attached))
    data = frame(REQUEST | TWO_WAY | FASTJSON, _json(lines), request_id=request_id)
    return _called(call, types, Attachments(None, tuple(attached.items())), data, "fastjson")


def _json(lines: Iterable[object]) -> bytes:
    return b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines)


def _called(call: Call, types: str, attached: Attachments | None, data: bytes, serialization: str) -> Sample:
    found = attached.strings() if attached else {}
    is_two_way = data[2] & TWO_WAY
    return Sample(
        data,
        strings={**found, **call.strings(types), "serialization": serialization, "event": None},
        request_id=HEADER.unpack_from(data)[3],
        message_type=MessageType.REQUEST if is_two_way else MessageType.ONEWAY,
        operation_name=f"{call.interface}/{call.method}",
        header_size=HEADER_SIZE,
        body_size=len(data) - HEADER_SIZE,
    )


def reply(response_type: int, value: Node, attached: Attachments, request_id: int) -> Sample:
    """A reply of status 20, and what decode must find in it."""
    body = Body()
    kind = RESPONSE_TYPES[response_type]
    parts = [write_int(response_type)]
    if kind != "null":
        parts.append(body.write(value))
    found: dict[str, str] = {}
    if has_attachments(response_type):
        parts.append(attached.write(body))
        found = attached.strings()
    return Sample(
        frame(HESSIAN2, b"".join(parts), request_id=request_id, status=Status.OK),
        strings={**found, "status": "20", "status_name": "OK", "response_type": kind, "serialization": "hessian2"},
        request_id=request_id,
        message_type=MessageType.RESPONSE,
        response_status=ResponseStatus.OK,
    )


def error(status: int, text: str, request_id: int) -> Sample:
    """A reply of another status, and what decode must find in it."""
    return Sample(
        frame(HESSIAN2, write_string(text), request_id=request_id, status=status),
        strings={"status": str(status), "status_name": STATUS_NAMES.get(status, "UNKNOWN"), "response_type": None},
        request_id=request_id,
        message_type=MessageType.ERROR,
        response_status=ResponseStatus.ERROR,
    )


def event(flags: int, said: str | None, request_id: int) -> Sample:
    """A heartbeat, the answer to one, or another event."""
    is_json = bool(flags & FASTJSON == FASTJSON)
    plain = b"N" if said is None else write_string(said)
    is_heartbeat = said is None or not flags & REQUEST
    return Sample(
        frame(flags | EVENT, _json([said]) if is_json else plain, request_id=request_id, status=Status.OK),
        strings={"event": None if is_heartbeat else said, "serialization": "fastjson" if is_json else "hessian2"},
        request_id=request_id,
        message_type=MessageType.HEARTBEAT if is_heartbeat else MessageType.ONEWAY,
    )


_hessian_requests = st.builds(
    request, calls, arguments, attachments, request_ids, is_two_way=st.sampled_from((True, False))
)
_json_requests = st.builds(
    json_request, calls, st.dictionaries(st.sampled_from(("trace", "group")), _texts), request_ids
)
_heartbeats = st.sampled_from((REQUEST | TWO_WAY | HESSIAN2, REQUEST | HESSIAN2, REQUEST | TWO_WAY | FASTJSON))
_events = st.builds(event, _heartbeats, st.sampled_from((None, None, None, "R", "W")), request_ids)
requests = st.one_of(*[_hessian_requests] * 6, _json_requests, _events)

_replies = st.builds(reply, st.integers(0, 5), nodes, _some_attachments, request_ids)
_errors = st.builds(
    error, st.sampled_from((*STATUS_NAMES, 0, 35, 255)).filter(lambda each: each != 20), _texts, request_ids
)
_answers = st.builds(event, st.just(HESSIAN2), st.none(), request_ids)
responses = st.one_of(*[_replies] * 5, _errors, _answers, _events)

subject = Subject(DubboCodec, requests=requests, responses=responses)
