"""Whole proxies over loopback: servers that do what a test says, clients that send bytes, and the proxy between.

Nothing sleeps: a test waits for bytes, for a request at a server, for the end of a connection, or for a counter.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import uvloop

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.decoder import Decoder
from metaprotocol_sdk.metadata import MessageType, Metadata
from metaprotocol_sdk.proxy.config.values import (
    Address,
    ClusterConfig,
    EndpointConfig,
    FilterConfig,
    ListenerConfig,
    MatcherConfig,
    MatchKind,
    ProtocolConfig,
    ProxyConfig,
    RouteConfig,
    RouteTableConfig,
)
from metaprotocol_sdk.proxy.filters.filter import FilterFactory
from metaprotocol_sdk.proxy.net.context import Limits
from metaprotocol_sdk.proxy.server import Server
from tests.proxy.codecs import REPLY, IdCodec, message

PATIENCE = 20.0
"""Seconds until a test that waits for something is told that it will not come."""

_T = TypeVar("_T")

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "uvloop": uvloop.new_event_loop,
    "asyncio": asyncio.new_event_loop,
}


def run(main: Coroutine[Any, Any, _T], loop: str = "uvloop") -> _T:
    """Runs a test's coroutine to its end on a fresh loop."""
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        return runner.run(asyncio.wait_for(main, PATIENCE))


async def until(condition: Callable[[], bool]) -> None:
    """Lets the loop run until ``condition`` holds; the test's own limit ends one that never does."""
    while not condition():  # noqa: ASYNC110  the condition may be anything, so no event can tell of it
        await asyncio.sleep(0)


def unused_port() -> int:
    """A port nothing listens on: bound for a moment, so that the kernel gives it to nobody else soon."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port


def echo(request: Metadata) -> bytes:
    """An answer with the request's id and body; lines are answered with OK."""
    if request.origin_message[:1] == b"\xc5":
        return message(request.request_id, request.origin_message[request.header_size :], kind=REPLY)
    return b"OK " + request["text"].encode("latin-1") + b"\n"


class Backend:
    """A server whose requests a test sees and, unless ``answer`` does it, replies to."""

    def __init__(self, codec: Codec, answer: Callable[[Metadata], bytes] | None = echo) -> None:
        self.codec = codec
        self.answer = answer
        self.requests: list[Metadata] = []
        self.links: list[BackendLink] = []
        self.address = Address("127.0.0.1", 0)

    @property
    def open_links(self) -> list[BackendLink]:
        return [link for link in self.links if not link.is_lost]

    async def start(self) -> asyncio.Server:
        server = await asyncio.get_running_loop().create_server(lambda: BackendLink(self), "127.0.0.1", 0)
        self.address = Address("127.0.0.1", server.sockets[0].getsockname()[1])
        return server

    async def request(self, index: int) -> BackendLink:
        """The connection the request with that index came by, once it has come."""
        await until(lambda: len(self.requests) > index)
        return next(link for link in self.links if self.requests[index] in link.requests)

    def bodies(self) -> list[bytes]:
        return [each.origin_message[each.header_size :] for each in self.requests]


@asynccontextmanager
async def serving(backend: Backend) -> AsyncIterator[Backend]:
    """``backend`` accepting connections, for a cluster that is not ``all``."""
    server = await backend.start()
    try:
        yield backend
    finally:
        server.close()
        for link in backend.links:
            link.transport.abort()


class BackendLink(asyncio.Protocol):
    """One connection the proxy made to a :class:`Backend`."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.decoder = Decoder(backend.codec, MessageType.REQUEST)
        self.requests: list[Metadata] = []
        self.is_lost = False
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.backend.links.append(self)

    def data_received(self, data: bytes) -> None:
        self.decoder.receive_data(data)
        while (request := self.decoder.next_message()) is not None:
            self.requests.append(request)
            self.backend.requests.append(request)
            if self.backend.answer is not None and request.message_type is MessageType.REQUEST:
                self.transport.write(self.backend.answer(request))

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True


class Client:
    """A client's connection: sends bytes, reads messages."""

    def __init__(self, codec: Codec, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.decoder = Decoder(codec, MessageType.RESPONSE)
        self.reader = reader
        self.writer = writer

    async def send(self, *parts: bytes) -> None:
        """Each part in a segment of its own, as far as the kernel lets it."""
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()
            await asyncio.sleep(0)

    async def reply(self) -> Metadata:
        """The next message; EOFError when the connection ends first."""
        while (found := self.decoder.next_message()) is None:
            data = await self.reader.read(65536)
            if not data:
                raise EOFError("the proxy closed the connection")
            self.decoder.receive_data(data)
        return found

    async def body(self) -> bytes:
        found = await self.reply()
        return found.origin_message[found.header_size :]

    async def replies(self) -> list[Metadata]:
        """Every message until the proxy closes."""
        found = []
        while True:
            try:
                found.append(await self.reply())
            except EOFError:
                return found

    def half_close(self) -> None:
        self.writer.write_eof()

    def reset(self) -> None:
        """Leaves with a reset, as a killed client does."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


def route(cluster: str, *, timeout: float | None = 15.0, **strings: str) -> RouteConfig:
    return RouteConfig(
        cluster=cluster,
        metadata=tuple(MatcherConfig(key, MatchKind.EXACT, value) for key, value in strings.items()),
        timeout=timeout,
    )


class Proxy:
    """A running proxy with one listener, its backends and its clients."""

    def __init__(self, server: Server, codec: Codec) -> None:
        self.server = server
        self.codec = codec
        self.clients: list[Client] = []

    async def client(self, *, limit: int = 1 << 22) -> Client:
        host, port = self.server.addresses["main"]
        client = Client(self.codec, *await asyncio.open_connection(host, port, limit=limit))
        self.clients.append(client)
        return client

    def count(self, name: str) -> int:
        """The listener's or, when it has none of that name, the one cluster's counter."""
        counts = self.server.snapshot()
        found = [value for key, value in counts.items() if key.rpartition(".")[2] == name]
        assert found, f"no counter is named {name}"
        return sum(found)

    async def counted(self, name: str, value: int) -> None:
        await until(lambda: self.count(name) == value)


@asynccontextmanager
async def proxy(
    *backends: Backend,
    codec: type[Codec] = IdCodec,
    routes: Iterable[RouteConfig] = (),
    clusters: Iterable[ClusterConfig] = (),
    multiplexing: bool = False,
    idle_timeout: float | None = None,
    filters: Mapping[str, FilterFactory] | None = None,
    limits: Limits | None = None,
    connect_timeout: float = 5.0,
    max_message_size: int = 16 * 1024 * 1024,
    bind: bool = False,
    **cluster: Any,
) -> AsyncIterator[Proxy]:
    """A proxy before cluster ``all`` of ``backends``, plus ``clusters``; the default route takes everything there.

    ``cluster`` is what else is configured of cluster ``all``; ``bind`` gives each client its own connection.

    Checks at the end that nothing is left: no task, no request, no connection.
    """
    before = asyncio.all_tasks()
    listening = [await backend.start() for backend in backends]
    main = ClusterConfig(
        name="all",
        endpoints=tuple(EndpointConfig(backend.address) for backend in backends),
        connect_timeout=connect_timeout,
        **cluster,
    )
    listener = ListenerConfig(
        name="main",
        address=Address("127.0.0.1", 0),
        stat_prefix="test",
        protocol=ProtocolConfig(
            name="app",
            codec=f"{codec.__module__}:{codec.__qualname__}",
            codec_config={"max_message_size": max_message_size},
            multiplexing=multiplexing,
            bind_upstream_connection=bind,
        ),
        routes=RouteTableConfig(routes=tuple(routes) or (route("all"),)),
        filters=tuple(FilterConfig(name=name) for name in filters or {}),
        idle_timeout=idle_timeout,
    )
    config = ProxyConfig(listeners=(listener,), clusters=(main, *clusters))
    server = Server(config, filters=filters, limits=limits)
    await server.start()
    running = Proxy(server, codec())
    try:
        yield running
    finally:
        for client in running.clients:
            client.writer.transport.abort()
        await server.stop()
        for each in listening:
            each.close()
        for backend in backends:
            for link in backend.links:
                link.transport.abort()
        await until(lambda: asyncio.all_tasks() <= before)
    for gauge in ("request_active", "downstream_cx_active", "upstream_cx_active", "upstream_rq_active"):
        assert running.count(gauge) == 0, f"{gauge} is {running.count(gauge)} after the end"
    assert running.count("upstream_rq_pending_active") == 0
