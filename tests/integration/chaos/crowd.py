"""Clients by the thousand, as a program: ``python -m tests.integration.chaos.crowd PORT IDLE ACTIVE``.

It says ``ready`` once all are connected, asks by the active ones for every number of requests it reads from standard
input, and says how many of them were answered with their own token.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from metaprotocol_sdk.decoder import Decoder
from metaprotocol_sdk.metadata import MessageType
from metaprotocol_sdk.proxy.net.loop import new_event_loop
from tests.integration.chaos.processes import may_open
from tests.proxy.codecs import REPLY, IdCodec, message

_AT_ONCE = 200
"""Connections being made."""


class Active(asyncio.Protocol):
    """A client that always has a request in flight, while there are requests left to send."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd
        self.token = b""
        self.transport: Any = None  # uvloop's is none of asyncio's
        self.decoder = Decoder(IdCodec(), MessageType.RESPONSE)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def ask(self) -> None:
        number = self.crowd.next_number()
        self.token = b"%d" % number if number else b""
        if number:
            self.transport.write(message(number, self.token + b"|100"))

    def data_received(self, data: bytes) -> None:
        self.decoder.receive_data(data)
        while (found := self.decoder.next_message()) is not None:
            body = found.origin_message[found.header_size :]
            is_own = found.origin_message[1] == REPLY and body.split(b"|")[0] == self.token
            self.crowd.hear(is_own=is_own)
            self.ask()

    def connection_lost(self, exc: Exception | None) -> None:
        self.crowd.hear(is_own=False)


class Crowd:
    """All of them."""

    def __init__(self) -> None:
        self.number = self.wanted = self.own = self.wrong = 0
        self.done = asyncio.Event()

    def next_number(self) -> int:
        """The next request's; 0: there is none."""
        if self.number == self.wanted:
            return 0
        self.number += 1
        return self.number

    def hear(self, *, is_own: bool) -> None:
        self.own += is_own
        self.wrong += not is_own
        if self.own + self.wrong >= self.wanted:
            self.done.set()


async def main(port: int, idle: int, active: int) -> None:
    may_open(idle + active + 100)
    loop = asyncio.get_running_loop()
    crowd = Crowd()
    clients = [Active(crowd) for _ in range(idle + active)]
    for first in range(0, len(clients), _AT_ONCE):
        source = (f"127.0.0.{1 + first % 250}", 0)  # each address has as many ports
        some = clients[first : first + _AT_ONCE]
        await asyncio.gather(
            *(loop.create_connection(lambda each=each: each, "127.0.0.1", port, local_addr=source) for each in some)  # type: ignore[misc]
        )
    print("ready", flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        crowd.wanted += int(line)
        crowd.done.clear()
        for each in clients[idle:]:
            each.ask()
        await crowd.done.wait()
        print(crowd.own, crowd.wrong, flush=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main(*map(int, sys.argv[1:])))
