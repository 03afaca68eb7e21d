"""``shop.thrift`` with Apache Thrift for Python: its protocols and transports, without a compiler's output.

``python apache.py serve`` listens on a port for each form and prints them as JSON; ``python apache.py call`` reads
forms and ports as JSON from its input, makes every call of every form, and prints what came of each.
"""

from __future__ import annotations

import json
import socketserver
import sys
import threading
from typing import Any

from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.protocol.TCompactProtocol import TCompactProtocol
from thrift.protocol.THeaderProtocol import THeaderProtocol
from thrift.protocol.TJSONProtocol import TJSONProtocol
from thrift.Thrift import TApplicationException, TMessageType, TType
from thrift.transport.THeaderTransport import THeaderSubprotocolID, THeaderTransformID
from thrift.transport.TSocket import TSocket
from thrift.transport.TTransport import TBufferedTransport, TFramedTransport, TTransportBase

FORMS = (
    "framed binary",
    "framed compact",
    "framed json",
    "unframed binary",
    "unframed compact",
    "unframed json",
    "header binary",
    "header compact",
)


class Struct:
    """A struct of ``thrift_spec``, which the library reads and writes as it does its compiler's."""

    thrift_spec: tuple[Any, ...] = (None,)

    def __init__(self, **values: Any) -> None:
        for spec in self.thrift_spec:
            if spec is not None:
                setattr(self, spec[2], values.get(spec[2]))

    def read(self, protocol: Any) -> None:
        """Fills the struct."""
        protocol.readStruct(self, self.thrift_spec)

    def write(self, protocol: Any) -> None:
        """Writes what is set of it."""
        protocol.writeStruct(self, self.thrift_spec)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    __hash__ = object.__hash__


def struct(name: str, *fields: tuple[int, int, str, Any]) -> type[Struct]:
    """A struct of fields (id, type, name, what the type needs)."""
    by_id = {field[0]: (*field, None) for field in fields}
    last = max(by_id, default=0)
    return type(name, (Struct,), {"thrift_spec": tuple(by_id.get(number) for number in range(last + 1))})


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
_ITEM = (Item, Item.thrift_spec)
_SOLD_OUT = (SoldOut, SoldOut.thrift_spec)
ARGUMENTS = {
    "echo": struct("echo_args", (1, TType.STRUCT, "item", _ITEM)),
    "buy": struct("buy_args", (1, TType.STRING, "name", "UTF8")),
    "fail": struct("fail_args", (1, TType.STRING, "why", "UTF8")),
    "note": struct("note_args", (1, TType.STRING, "text", "UTF8")),
    "noted": struct("noted_args"),
}
RESULTS = {
    "echo": struct("echo_result", (0, TType.STRUCT, "success", _ITEM)),
    "buy": struct("buy_result", (0, TType.I32, "success", None), (1, TType.STRUCT, "sold", _SOLD_OUT)),
    "fail": struct("fail_result", (0, TType.I32, "success", None)),
    "noted": struct("noted_result", (0, TType.I32, "success", None)),
}


def an_item(picture: bytes = b"\x00\xff\x80") -> Any:
    """An item with something of every type in it."""
    part = Item(id=-1, name="größe", flags=[False, True, True], sizes=set(), parts=[], sold=False)
    return Item(
        id=2**31 - 1,
        name="kettle",
        flags=[True, False] * 9,
        stock={"here": 2**40, "there": -1},
        sizes={-5, 0, 300},
        picture=picture,
        price=19.5,
        sold=True,
        parts=[part, part],
        shelf=-300,
    )


def protocol_over(transport: Any, form: str, *, is_strict: bool = True, is_compressed: bool = False) -> Any:
    """The library's protocol of a form."""
    kind, name = form.split()
    if kind == "header":
        number = THeaderSubprotocolID.BINARY if name == "binary" else THeaderSubprotocolID.COMPACT
        headed = THeaderProtocol(transport, [0, 1, 2, 3, 4], number)
        if is_compressed:
            headed.trans.add_transform(THeaderTransformID.ZLIB)
        return headed
    wrapped: TTransportBase = (TFramedTransport if kind == "framed" else TBufferedTransport)(transport)
    if name == "binary":
        return TBinaryProtocol(wrapped, strictWrite=is_strict)
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


class Handler(socketserver.BaseRequestHandler):
    """One connection to a server of one form."""

    def handle(self) -> None:
        """Answers calls until the client leaves."""
        socket = TSocket()
        socket.setHandle(self.request)
        protocol = protocol_over(socket, self.server.form)  # type: ignore[attr-defined]
        try:
            while True:
                self.answer(protocol)
        except Exception:  # the library says the end of a connection in several ways
            self.request.close()

    def answer(self, protocol: Any) -> None:
        """Answers one call."""
        name, kind, seqid, arguments = receive(protocol)
        method = name.rpartition(":")[2]
        if kind == TMessageType.ONEWAY:
            self.server.noted += 1  # type: ignore[attr-defined]
            return
        if method == "fail":
            send(protocol, method, TMessageType.EXCEPTION, seqid, TApplicationException(6, arguments.why))
            return
        if method == "echo":
            result = RESULTS["echo"](success=arguments.item)
        elif method == "noted":
            result = RESULTS["noted"](success=self.server.noted)  # type: ignore[attr-defined]
        elif arguments.name == "kettle":
            result = RESULTS["buy"](success=7)
        else:
            result = RESULTS["buy"](sold=SoldOut(why=f"no {arguments.name}"))
        send(protocol, method, TMessageType.REPLY, seqid, result)


class Server(socketserver.ThreadingTCPServer):
    """A server of one form."""

    daemon_threads = True

    def __init__(self, form: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.form = form
        self.noted = 0


def serve() -> None:
    """Listens for every form until the input ends."""
    servers = {form: Server(form) for form in FORMS}
    for server in servers.values():
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({form: server.server_address[1] for form, server in servers.items()}), flush=True)
    sys.stdin.read()


def call(protocol: Any, method: str, seqid: int, **arguments: Any) -> Any:
    """One call's result; an exception of either kind as a string."""
    send(protocol, method, TMessageType.CALL, seqid, ARGUMENTS[method](**arguments))
    answered, kind, answered_id, body = receive(protocol)
    if (answered, answered_id) != (method, seqid):
        return f"answered {answered} {answered_id}"
    if kind == TMessageType.EXCEPTION:
        return f"application exception {body.type}: {body.message}"
    sold = getattr(body, "sold", None)
    return f"sold out: {sold.why}" if sold else body.success


def conversation(protocol: Any, size: int) -> dict[str, Any]:
    """Every call once, and what came of it; one of them carries ``size`` bytes."""
    item, big = an_item(), an_item(bytes(range(256)) * (size // 256))
    said: dict[str, Any] = {"echo": call(protocol, "echo", 5, item=item) == item}
    said["buy"] = [call(protocol, "buy", 0, name=name) for name in ("kettle", "mug")]
    said["fail"] = call(protocol, "fail", -3, why="no reason")
    send(protocol, "note", TMessageType.ONEWAY, 0, ARGUMENTS["note"](text="hello"))
    said["noted"] = call(protocol, "noted", 1) >= 1
    said["big"] = call(protocol, "echo", 2**31 - 1, item=big) == big
    return said


def call_all() -> None:
    """Makes every call of every form that the input names, each on a connection of its own."""
    said = {}
    for form, port in json.load(sys.stdin).items():
        socket = TSocket("127.0.0.1", port)
        socket.setTimeout(20_000)
        socket.open()
        # The library's JSON takes seconds for what is large.
        said[form] = conversation(protocol_over(socket, form), 1 << (14 if "json" in form else 20))
        socket.close()
    print(json.dumps(said))


if __name__ == "__main__":
    serve() if sys.argv[1] == "serve" else call_all()
