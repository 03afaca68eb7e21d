"""``shop.thrift`` with thriftpy2.

``python -m tests.reference_codecs.thrift.peers.py2 serve`` or ``call``, as :mod:`.talk` says. The library has no
header transport.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import thriftpy2
from thriftpy2.protocol import TApacheJSONProtocol, TCompactProtocol, TCyBinaryProtocol, TMultiplexedProtocol
from thriftpy2.thrift import TApplicationException, TClient, TMultiplexedProcessor, TProcessor
from thriftpy2.transport import TCyBufferedTransport, TCyFramedTransport, TSocket

from tests.reference_codecs.thrift.peers import talk

_FORMS = talk.FORMS["py2"]
_SERVES = (*_FORMS, *(f"{form} Shop" for form in _FORMS))

shop = thriftpy2.load(str(Path(__file__).parent / "shop.thrift"), "shop_thrift")


class _Json(TApacheJSONProtocol):  # type: ignore[misc]
    def read_message_end(self) -> None:
        """Forgets the message, which the library's own would say again and again."""
        self._req = None


def protocol_over(transport: Any, form: str) -> Any:
    """The library's protocol of a form, its service left out."""
    kind, name = form.split()[:2]
    wrapped = (TCyFramedTransport if kind == "framed" else TCyBufferedTransport)(transport)
    if name in ("compact", "json"):
        return (TCompactProtocol if name == "compact" else _Json)(wrapped)
    return TCyBinaryProtocol(wrapped, strict_read=name == "binary", strict_write=name == "binary")


def an_item(picture: bytes = b"\x00\xff\x80", *, number: int = 2**31 - 1, has_flags: bool = True) -> Any:
    """An item with something of every type in it."""
    few, many = ([False, True, True], [True, False] * 9) if has_flags else (None, None)
    part = shop.Item(id=-1, name="größe", flags=few, sizes=[], parts=[], sold=False)
    return shop.Item(
        id=number,
        name="kettle",
        flags=many,
        stock={"here": 2**40, "there": -1},
        sizes=[-5, 0, 300],  # what the library reads a set as
        picture=picture,
        price=19.5,
        sold=True,
        parts=[part, part],
        shelf=-300,
    )


def is_same(answer: Any, item: Any) -> bool:
    """Whether an item came back, its set in any order."""
    answer.sizes.sort()
    item.sizes.sort()
    return bool(answer == item)


class Shop:
    """The service."""

    def __init__(self, form: str, notes: Counter[str]) -> None:
        self.form = form
        self.notes = notes

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
        self.notes[text] += 1

    def noted(self, text: str) -> int:
        """How often that was said."""
        return self.notes[text]

    def headers(self) -> dict[str, str]:
        """What was seen."""
        return {"form": self.form}


class Link:
    """One connection of a client."""

    def __init__(self, connection: Any, form: str, notes: Counter[str]) -> None:
        socket = TSocket()
        socket.set_handle(connection)
        self.protocol = protocol_over(socket, form)
        self.processor = TProcessor(shop.Shop, Shop(form, notes))
        if form.endswith("Shop"):
            several = TMultiplexedProcessor()
            several.register_processor("Shop", self.processor)
            self.processor = several

    def answer(self) -> None:
        """Answers one call."""
        self.processor.process(self.protocol, self.protocol)


class Caller:
    """One connection to a server. Every message has the sequence id 0, as the library writes it."""

    told: Mapping[str, str] = {}

    def __init__(self, form: str, port: int, job: talk.Job) -> None:
        self.job = job
        socket = TSocket("127.0.0.1", port)
        socket.set_timeout(int(talk.PATIENCE * 1000))
        protocol = protocol_over(socket, form)
        socket.open()
        self.client = TClient(shop.Shop, TMultiplexedProtocol(protocol, "Shop") if form.endswith("Shop") else protocol)
        self.close = socket.close

    def call(self, method: str, *arguments: Any) -> Any:
        """A call's result; an exception of either kind as a string."""
        try:
            return getattr(self.client, method)(*arguments)
        except shop.SoldOut as error:
            return f"sold out: {error.why}"
        except TApplicationException as error:
            return f"application exception {error.type}: {error.message}"

    def tell(self, method: str, *arguments: Any) -> None:
        """Sends a oneway."""
        getattr(self.client, method)(*arguments)

    def item(self, number: int, picture: bytes) -> Any:
        """An item of that number."""
        return an_item(picture, number=number, has_flags=self.job.flags)

    def is_same(self, answer: Any, item: Any) -> bool:
        """Whether an item came back."""
        return is_same(answer, item)


if __name__ == "__main__":
    talk.serve(_SERVES, Link) if sys.argv[1] == "serve" else talk.call(Caller)
