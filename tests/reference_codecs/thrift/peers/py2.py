"""``shop.thrift`` with thriftpy2. ``serve`` and ``call`` as ``apache.py`` has them."""

from __future__ import annotations

import json
import socketserver
import sys
import threading
from pathlib import Path
from typing import Any

import thriftpy2
from thriftpy2.protocol import TCompactProtocol, TCyBinaryProtocol
from thriftpy2.thrift import TApplicationException, TClient, TProcessor
from thriftpy2.transport import TCyBufferedTransport, TCyFramedTransport, TSocket

FORMS = ("framed binary", "framed compact", "unframed binary", "unframed compact")

shop = thriftpy2.load(str(Path(__file__).parent / "shop.thrift"), "shop_thrift")


def protocol_over(transport: Any, form: str) -> Any:
    """The library's protocol of a form."""
    kind, name = form.split()
    wrapped = (TCyFramedTransport if kind == "framed" else TCyBufferedTransport)(transport)
    return (TCyBinaryProtocol if name == "binary" else TCompactProtocol)(wrapped)


def an_item(picture: bytes = b"\x00\xff\x80") -> Any:
    """An item with something of every type in it."""
    part = shop.Item(id=-1, name="größe", flags=[False, True, True], sizes=[], parts=[], sold=False)
    return shop.Item(
        id=2**31 - 1,
        name="kettle",
        flags=[True, False] * 9,
        stock={"here": 2**40, "there": -1},
        sizes=[-5, 0, 300],  # what the library reads a set as
        picture=picture,
        price=19.5,
        sold=True,
        parts=[part, part],
        shelf=-300,
    )


class Shop:
    """The service."""

    def __init__(self) -> None:
        self.notes = 0

    def echo(self, item: Any) -> Any:
        """Answers with the item."""
        return item

    def buy(self, name: str) -> int:
        """Sells kettles alone."""
        if name != "kettle":
            raise shop.SoldOut(why=f"no {name}")
        return 7

    def fail(self, why: str) -> int:
        """Answers with no result, which the library says as an application exception."""
        raise TApplicationException(6, why)

    def note(self, text: str) -> None:
        """Counts."""
        self.notes += bool(text)

    def noted(self) -> int:
        """How many notes there were."""
        return self.notes


class Handler(socketserver.BaseRequestHandler):
    """One connection to a server of one form."""

    def handle(self) -> None:
        """Answers calls until the client leaves."""
        socket = TSocket()
        socket.set_handle(self.request)
        protocol = protocol_over(socket, self.server.form)  # type: ignore[attr-defined]
        try:
            while True:
                self.server.processor.process(protocol, protocol)  # type: ignore[attr-defined]
        except Exception:  # the library says the end of a connection in several ways
            self.request.close()


class Server(socketserver.ThreadingTCPServer):
    """A server of one form."""

    daemon_threads = True

    def __init__(self, form: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.form = form
        self.processor = TProcessor(shop.Shop, Shop())


def serve() -> None:
    """Listens for every form until the input ends."""
    servers = {form: Server(form) for form in FORMS}
    for server in servers.values():
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({form: server.server_address[1] for form, server in servers.items()}), flush=True)
    sys.stdin.read()


def call(function: Any, *arguments: Any) -> Any:
    """One call's result; an exception of either kind as a string."""
    try:
        return function(*arguments)
    except shop.SoldOut as error:
        return f"sold out: {error.why}"
    except TApplicationException as error:
        return f"application exception {error.type}: {error.message}"


def is_same(answer: Any, item: Any) -> bool:
    """Whether an item came back, its set in any order."""
    answer.sizes.sort()
    item.sizes.sort()
    return bool(answer == item)


def conversation(client: Any) -> dict[str, Any]:
    """Every call once, and what came of it."""
    item, big = an_item(), an_item(bytes(range(256)) * 4096)
    said: dict[str, Any] = {"echo": is_same(call(client.echo, item), item)}
    said["buy"] = [call(client.buy, name) for name in ("kettle", "mug")]
    client.note("hello")
    said["noted"] = call(client.noted) >= 1
    said["big"] = is_same(call(client.echo, big), big)
    return said


def call_all() -> None:
    """Makes every call of every form that the input names, each on a connection of its own."""
    said = {}
    for form, port in json.load(sys.stdin).items():
        socket = TSocket("127.0.0.1", port)
        socket.set_timeout(20_000)
        protocol = protocol_over(socket, form)
        socket.open()
        said[form] = conversation(TClient(shop.Shop, protocol))
        socket.close()
    print(json.dumps(said))


if __name__ == "__main__":
    serve() if sys.argv[1] == "serve" else call_all()
