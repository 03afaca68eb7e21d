"""Health checks for tests: their configuration, and servers that are as well as a test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.decoder import Decoder
from metaprotocol_sdk.metadata import MessageType, Metadata
from metaprotocol_sdk.proxy.config.values import Address, HealthCheckConfig, HeartbeatCheckConfig, TcpCheckConfig
from tests.proxy.codecs import PONG, IdCodec, message

TCP = TcpCheckConfig()
HEARTBEAT = HeartbeatCheckConfig("tests.proxy.codecs:IdCodec")

_QUICK = HealthCheckConfig(
    timeout=5.0,
    interval=0.01,
    unhealthy_threshold=1,
    healthy_threshold=1,
    by=TCP,
    no_traffic_interval=0.01,
    no_traffic_healthy_interval=0.01,
    unhealthy_interval=0.01,
    unhealthy_edge_interval=0.01,
    healthy_edge_interval=0.01,
)


def check(**changes: Any) -> HealthCheckConfig:
    """A check by TCP every hundredth of a second, one result of which is enough, but for ``changes``."""
    return replace(_QUICK, **changes)


def pong(beat: Metadata) -> bytes:
    """The answer of a server that is well."""
    return message(beat.request_id, kind=PONG)


class Patient:
    """A server that is asked how it is.

    Attributes:
        say: What it answers to a heartbeat, or to any other bytes; nothing: it is silent.
        asked: What it was asked.
        links: The connections made to it, those that have ended included.
    """

    def __init__(self, say: Callable[[Metadata], bytes] = pong, *, codec: Codec | None = None) -> None:
        self.say = say
        self.codec = codec or IdCodec()
        self.asked: list[Metadata] = []
        self.links: list[_Link] = []
        self.address = Address("127.0.0.1", 0)
        self._server: asyncio.Server | None = None

    @property
    def open_links(self) -> list[_Link]:
        return [link for link in self.links if not link.is_lost]

    async def start(self) -> None:
        """Accepts connections, at the address that it had before."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Link(self), self.address.host, self.address.port)
        self.address = Address(self.address.host, self._server.sockets[0].getsockname()[1])

    def stop(self) -> None:
        """Refuses connections, and ends those that there are."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.hang_up()

    def hang_up(self) -> None:
        """Ends the connections that there are."""
        for link in self.links:
            link.transport.abort()


class _Link(asyncio.Protocol):
    def __init__(self, patient: Patient) -> None:
        self.patient = patient
        self.decoder = Decoder(patient.codec, MessageType.REQUEST)
        self.transport: Any = None
        self.is_lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.patient.links.append(self)

    def data_received(self, data: bytes) -> None:
        self.decoder.receive_data(data)
        while (asked := self.decoder.next_message()) is not None:
            self.patient.asked.append(asked)
            self.transport.write(self.patient.say(asked))

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True


@asynccontextmanager
async def patients(*all_of_them: Patient) -> AsyncIterator[None]:
    """Those servers, accepting connections."""
    for each in all_of_them:
        await each.start()
    try:
        yield
    finally:
        for each in all_of_them:
            each.stop()
