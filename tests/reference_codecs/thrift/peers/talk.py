"""What the peers written in Python share: how they are told what to do, what they say, and how they listen.

``serve`` listens on a port for each form and prints the ports by form, as JSON, until its input ends. ``call`` reads a
:class:`Job` as JSON and prints what came of its calls.

A form is two words, transport and protocol, and of a multiplexed processor its service as a third:
``unframed compact Shop``. The transport ``zlib`` is the header transport with that transform; ``chatty`` is a server of
the header transport that sends a frame without a message after each message it has read, as libthrift's C++ servers
do. The protocol ``non-strict`` is binary without a version.
"""

from __future__ import annotations

import itertools
import json
import socketserver
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

_PLAIN = ("framed", "unframed")
FORMS: Mapping[str, tuple[str, ...]] = {
    "apache": (
        *(f"{kind} {name}" for kind in _PLAIN for name in ("binary", "non-strict", "compact", "json")),
        *(f"{kind} {name}" for kind in ("header", "zlib") for name in ("binary", "compact")),
    ),
    "py2": tuple(f"{kind} {name}" for kind in _PLAIN for name in ("binary", "non-strict", "compact", "json")),
    "node": (
        *(f"{kind} {name}" for kind in _PLAIN for name in ("binary", "compact", "json")),
        *("header binary", "header compact"),
    ),
}
"""What each peer speaks, as client and as server: Apache Thrift for Python, thriftpy2, npm's thrift."""
PATIENCE = 30.0
"""Seconds a client waits for a reply."""
_TRIES = 5000
"""How often a client asks whether its oneway has come."""
_ITEMS = 1_000_000
"""Items of one client; their ids are its alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a client does.

    Args:
        ports: Where it goes, by form.
        salt: What makes this client's items and texts its own.
        size: Bytes in the largest message; of a JSON form a hundredth, which takes its libraries as long.
        flags: Whether items have lists of booleans, which npm's compact protocol cannot read.
        headers: What every message of a form with headers carries.
        seconds: How long it goes on, each time on a connection of its own; 0: once.
        threads: How many do so at once, for each form.
    """

    ports: Mapping[str, int]
    salt: int = 0
    size: int = 0
    flags: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0
    threads: int = 1


class Caller(Protocol):
    """One connection to a server, and the library that speaks on it."""

    told: Mapping[str, str]
    """The headers of the last reply."""

    def call(self, method: str, *arguments: Any) -> Any:
        """A call's result; an exception of either kind as a string."""

    def tell(self, method: str, *arguments: Any) -> None:
        """Sends a oneway."""

    def item(self, number: int, picture: bytes) -> Any:
        """An item with something of every type in it."""

    def is_same(self, answer: Any, item: Any) -> bool:
        """Whether an item came back."""

    def close(self) -> None:
        """Ends the connection."""


def _conversation(caller: Caller, number: int, size: int) -> dict[str, Any]:
    """Every call, and what came of it: the same for every number when all is well."""
    item = caller.item(number, b"\x00\xff\x80")
    said: dict[str, Any] = {"echo": caller.is_same(caller.call("echo", item), item)}
    said["buy"] = [caller.call("buy", name) for name in ("kettle", "mug")]
    said["fail"] = caller.call("fail", "no reason")
    text = f"note {number}"
    caller.tell("note", text)
    said["noted"] = next(filter(None, (caller.call("noted", text) for _ in range(_TRIES))), 0)
    said["seen"] = caller.call("headers")
    said["told"] = dict(caller.told)
    if size:
        big = caller.item(number, bytes(range(256)) * (size // 256))
        said["big"] = caller.is_same(caller.call("echo", big), big)
    return said


def call(open_caller: Callable[[str, int, Job], Caller]) -> None:
    """Does the job that the input says, every form at once; prints how often, and every outcome once by form."""
    job = Job(**json.load(sys.stdin))
    numbers = itertools.count(job.salt * _ITEMS)
    until = time.monotonic() + job.seconds
    said: dict[str, list[str]] = {form: [] for form in job.ports}

    def talk(form: str) -> None:
        size = job.size // 100 if "json" in form else job.size
        is_well = True
        while is_well:
            try:
                caller = open_caller(form, job.ports[form], job)
                said[form].append(json.dumps(_conversation(caller, next(numbers), size)))
                caller.close()
            except Exception as error:
                said[form].append(json.dumps({"failed": repr(error)}))
                is_well = False
            is_well = is_well and time.monotonic() < until

    threads = [threading.Thread(target=talk, args=(form,)) for form in job.ports for _ in range(job.threads)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    outcomes = {form: [json.loads(text) for text in dict.fromkeys(each)] for form, each in said.items()}
    print(json.dumps({"rounds": sum(map(len, said.values())), "said": outcomes}))


class Link(Protocol):
    """One connection of a server's client."""

    def answer(self) -> None:
        """Answers one call; raises at the end of the connection, which libraries say in several ways."""


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        try:
            link = self.server.open_link(self.request, self.server.form, self.server.notes)
            while True:
                link.answer()
        except Exception:
            self.request.close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, form: str, open_link: OpenLink) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.form = form
        self.open_link = open_link
        self.notes: Counter[str] = Counter()


OpenLink = Callable[[Any, str, Counter[str]], Link]
"""Makes the link of a socket, a form and what oneways said."""


def serve(forms: Sequence[str], open_link: OpenLink) -> None:
    """Listens for every form until the input ends."""
    servers = {form: _Server(form, open_link) for form in forms}
    for server in servers.values():
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({form: server.server_address[1] for form, server in servers.items()}), flush=True)
    sys.stdin.read()
