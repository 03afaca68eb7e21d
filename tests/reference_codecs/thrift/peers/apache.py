"""``shop.thrift`` with Apache Thrift for Python: its protocols and transports, without a compiler's output.

``python -m tests.reference_codecs.thrift.peers.apache serve`` or ``call``, as :mod:`.talk` says.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from itertools import cycle
from typing import Any

from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.protocol.TCompactProtocol import TCompactProtocol
from thrift.protocol.THeaderProtocol import THeaderProtocol
from thrift.protocol.TJSONProtocol import TJSONProtocol
from thrift.protocol.TMultiplexedProtocol import TMultiplexedProtocol
from thrift.Thrift import TApplicationException, TMessageType, TType
from thrift.TMultiplexedProcessor import TMultiplexedProcessor
from thrift.transport.THeaderTransport import THeaderClientType, THeaderSubprotocolID, THeaderTransformID
from thrift.transport.TSocket import TSocket
from thrift.transport.TTransport import TBufferedTransport, TFramedTransport, TTransportBase

from tests.reference_codecs.thrift.peers import talk

_FORMS = talk.FORMS["apache"]
_SERVES = (*_FORMS, *(f"{form} Shop" for form in _FORMS), "chatty binary", "chatty compact")


class Struct:
    """A struct of ``thrift_spec``, which the library reads and writes as it does its compiler's."""

    thrift_spec: tuple[Any, ...] = (None,)

    def __init__(self, **values: Any) -> None:
        for spec in self.thrift_spec:
            if spec is not None:
                setattr(self, spec[2], values.get(spec[2]))

    def read(self, protocol: Any) -> None:
        """Fills the struct, by the library's extension in C where the protocol has one."""
        if protocol._fast_decode is not None:
            protocol._fast_decode(self, protocol, [type(self), self.thrift_spec])
        else:
            protocol.readStruct(self, self.thrift_spec)

    def write(self, protocol: Any) -> None:
        """Writes what is set of it, likewise."""
        if protocol._fast_encode is not None:
            protocol.trans.write(protocol._fast_encode(self, [type(self), self.thrift_spec]))
        else:
            protocol.writeStruct(self, self.thrift_spec)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    __hash__ = object.__hash__


def struct(name: str, *fields: tuple[int, int, str, Any]) -> type[Struct]:
    """A struct of fields (id, type, name, what the type needs)."""
    by_id = {field[0]: (*field, None) for field in fields}
    last = max(by_id, default=0)
    return type(name, (Struct,), {"thrift_spec": tuple(by_id.get(number) for number in range(last + 1))})


_TEXTS = (TType.STRING, "UTF8", TType.STRING, "UTF8", False)
_PARTS: list[Any] = [None, None]
Item = struct(
    "Item",
    (1, TType.I32, "id", None),
    (2, TType.STRING, "name", "UTF8"),
    (3, TType.LIST, "flags", (TType.BOOL, None, False)),
    (4, TType.MAP, "stock", (TType.STRING, "UTF8", TType.I64, None, False)),
    (5, TType.SET, "sizes", (TType.I32, None, False)),
    (6, TType.STRING, "picture", "BINARY"),
    (7, TType.DOUBLE, "price", None),
    (8, TType.BOOL, "sold", None),
    (9, TType.LIST, "parts", (TType.STRUCT, _PARTS, False)),
    (200, TType.I16, "shelf", None),
)
_PARTS[:] = [Item, Item.thrift_spec]
SoldOut = struct("SoldOut", (1, TType.STRING, "why", "UTF8"))
_ITEM = [Item, Item.thrift_spec]
_SOLD_OUT = [SoldOut, SoldOut.thrift_spec]
ARGUMENTS = {
    "echo": struct("echo_args", (1, TType.STRUCT, "item", _ITEM)),
    "buy": struct("buy_args", (1, TType.STRING, "name", "UTF8")),
    "fail": struct("fail_args", (1, TType.STRING, "why", "UTF8")),
    "note": struct("note_args", (1, TType.STRING, "text", "UTF8")),
    "noted": struct("noted_args", (1, TType.STRING, "text", "UTF8")),
    "headers": struct("headers_args"),
}
RESULTS = {
    "echo": struct("echo_result", (0, TType.STRUCT, "success", _ITEM)),
    "buy": struct("buy_result", (0, TType.I32, "success", None), (1, TType.STRUCT, "sold", _SOLD_OUT)),
    "fail": struct("fail_result", (0, TType.I32, "success", None)),
    "noted": struct("noted_result", (0, TType.I32, "success", None)),
    "headers": struct("headers_result", (0, TType.MAP, "success", _TEXTS)),
}


def an_item(picture: bytes = b"\x00\xff\x80", *, number: int = 2**31 - 1, has_flags: bool = True) -> Any:
    """An item with something of every type in it."""
    few, many = ([False, True, True], [True, False] * 9) if has_flags else (None, None)
    part = Item(id=-1, name="größe", flags=few, sizes=set(), parts=[], sold=False)
    return Item(
        id=number,
        name="kettle",
        flags=many,
        stock={"here": 2**40, "there": -1},
        sizes={-5, 0, 300},
        picture=picture,
        price=19.5,
        sold=True,
        parts=[part, part],
        shelf=-300,
    )


def protocol_over(transport: Any, form: str) -> Any:
    """The library's protocol of a form, its service left out."""
    kind, name = form.split()[:2]
    if kind in ("header", "zlib", "chatty"):
        number = THeaderSubprotocolID.BINARY if name == "binary" else THeaderSubprotocolID.COMPACT
        headed = THeaderProtocol(transport, [THeaderClientType.HEADERS], number)
        if kind == "zlib":
            headed.trans.add_transform(THeaderTransformID.ZLIB)
        return headed
    wrapped: TTransportBase = (TFramedTransport if kind == "framed" else TBufferedTransport)(transport)
    if name in ("binary", "non-strict"):
        is_strict = name == "binary"
        return TBinaryProtocol(wrapped, strictRead=is_strict, strictWrite=is_strict)
    return TCompactProtocol(wrapped) if name == "compact" else TJSONProtocol(wrapped)


def send(protocol: Any, name: str, kind: int, seqid: int, body: Any) -> None:
    """Writes one message."""
    protocol.writeMessageBegin(name, kind, seqid)
    body.write(protocol)
    protocol.writeMessageEnd()
    protocol.trans.flush()


def receive(protocol: Any) -> tuple[str, int, int, Any]:
    """Reads one message: its name, kind, sequence id and body."""
    name, kind, seqid = protocol.readMessageBegin()
    if kind == TMessageType.EXCEPTION:
        body: Any = TApplicationException()
    else:
        body = (RESULTS if kind == TMessageType.REPLY else ARGUMENTS)[name.rpartition(":")[2]]()
    body.read(protocol)
    protocol.readMessageEnd()
    return name, kind, seqid, body


def headers_of(protocol: Any) -> dict[str, str]:
    """The headers of the message read last."""
    if not isinstance(protocol, THeaderProtocol):
        return {}
    return {key.decode(): value.decode() for key, value in protocol.get_headers().items()}


def set_headers(protocol: Any, headers: Mapping[str, str]) -> None:
    """Has the message that is written next carry headers, where it can."""
    for key, value in headers.items() if isinstance(protocol, THeaderProtocol) else ():
        protocol.set_header(key.encode(), value.encode())


class Shop:
    """The service, on one connection of a server."""

    def __init__(self, form: str, notes: Counter[str], protocol: Any) -> None:
        self.form = form
        self.notes = notes
        self.protocol = protocol

    def process(self, iprot: Any, oprot: Any) -> None:
        """Answers one call; a reply has the headers of its call, each under a name that says so."""
        method, kind, seqid, arguments = receive(iprot)
        seen = headers_of(self.protocol)
        if kind == TMessageType.ONEWAY:
            self.notes[arguments.text] += 1
            return
        set_headers(self.protocol, {f"Reply-{key}": value for key, value in seen.items()})
        if method == "fail":
            send(oprot, method, TMessageType.EXCEPTION, seqid, TApplicationException(6, arguments.why))
        else:
            send(oprot, method, TMessageType.REPLY, seqid, self.result(method, arguments, seen))

    def result(self, method: str, arguments: Any, seen: dict[str, str]) -> Struct:
        """What a call returns or throws."""
        if method == "buy" and arguments.name != "kettle":
            return RESULTS["buy"](sold=SoldOut(why=f"no {arguments.name}"))
        if method == "buy":
            return RESULTS["buy"](success=7)
        if method == "noted":
            return RESULTS["noted"](success=self.notes[arguments.text])
        if method == "headers":
            return RESULTS["headers"](success=seen | {"form": self.form})
        return RESULTS["echo"](success=arguments.item)


class Link:
    """One connection of a client."""

    def __init__(self, connection: Any, form: str, notes: Counter[str]) -> None:
        socket = TSocket()
        socket.setHandle(connection)
        self.protocol = protocol_over(socket, form)
        self.is_chatty = form.startswith("chatty")
        shop = Shop(form, notes, self.protocol)
        self.processor: Any = shop
        if form.endswith("Shop"):
            self.processor = TMultiplexedProcessor()
            self.processor.registerProcessor("Shop", shop)

    def answer(self) -> None:
        """Answers one call."""
        self.processor.process(self.protocol, self.protocol)
        if self.is_chatty:
            self.protocol.trans.flush()


class Caller:
    """One connection to a server."""

    def __init__(self, form: str, port: int, job: talk.Job) -> None:
        self.job = job
        self.socket = TSocket("127.0.0.1", port)
        self.socket.setTimeout(talk.PATIENCE * 1000)
        self.socket.open()
        self.protocol = protocol_over(self.socket, form)
        self.out = TMultiplexedProtocol(self.protocol, "Shop") if form.endswith("Shop") else self.protocol
        self.seqids = cycle((5, 0, -3, 2**31 - 1, 1, 1))
        self.told: Mapping[str, str] = {}

    def _send(self, method: str, kind: int, seqid: int, arguments: tuple[Any, ...]) -> None:
        struct = ARGUMENTS[method]
        names = [spec[2] for spec in struct.thrift_spec if spec]
        set_headers(self.protocol, self.job.headers)
        send(self.out, method, kind, seqid, struct(**dict(zip(names, arguments, strict=True))))

    def call(self, method: str, *arguments: Any) -> Any:
        """A call's result; an exception of either kind as a string."""
        seqid = next(self.seqids)
        self._send(method, TMessageType.CALL, seqid, arguments)
        answered, kind, answered_id, body = receive(self.protocol)
        self.told = headers_of(self.protocol)
        if (answered, answered_id) != (method, seqid):
            return f"answered {answered} {answered_id}"
        if kind == TMessageType.EXCEPTION:
            return f"application exception {body.type}: {body.message}"
        sold = getattr(body, "sold", None)
        return f"sold out: {sold.why}" if sold else body.success

    def tell(self, method: str, *arguments: Any) -> None:
        """Sends a oneway."""
        self._send(method, TMessageType.ONEWAY, next(self.seqids), arguments)

    def item(self, number: int, picture: bytes) -> Any:
        """An item of that number."""
        return an_item(picture, number=number, has_flags=self.job.flags)

    def is_same(self, answer: Any, item: Any) -> bool:
        """Whether an item came back."""
        return bool(answer == item)

    def close(self) -> None:
        """Ends the connection."""
        self.socket.close()


if __name__ == "__main__":
    talk.serve(_SERVES, Link) if sys.argv[1] == "serve" else talk.call(Caller)
