"""A server of the tests' protocol, as a program: ``python -m tests.integration.chaos.backend PORT NAME``.

The body of a request is ``token|size``; its answer's is ``token|name|`` and so many bytes more. A oneway is read.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from metaprotocol_sdk.decoder import Decoder
from metaprotocol_sdk.metadata import MessageType
from metaprotocol_sdk.proxy.net.loop import new_event_loop
from tests.proxy.codecs import REPLY, IdCodec, message


class Link(asyncio.Protocol):
    """One connection."""

    def __init__(self, name: bytes) -> None:
        self.name = name
        self.decoder = Decoder(IdCodec(), MessageType.REQUEST)
        self.transport: Any = None  # uvloop's is none of asyncio's

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.decoder.receive_data(data)
        answers = []
        while (request := self.decoder.next_message()) is not None:
            if request.message_type is MessageType.REQUEST:
                token, size = request.origin_message[request.header_size :].split(b"|")
                body = b"|".join((token, self.name, b"x" * int(size)))
                answers.append(message(request.request_id, body, kind=REPLY))
        self.transport.write(b"".join(answers))


async def main(port: int, name: str) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Link(name.encode()), "127.0.0.1", port, backlog=4096)
    print("ready", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main(int(sys.argv[1]), sys.argv[2]))
