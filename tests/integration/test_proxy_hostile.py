"""Servers and clients that do their worst over real sockets.

The law: every request gets one reply, or its connection is closed; nothing is unbounded; nothing is left behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import pytest

from metaprotocol_sdk.proxy.config.values import Address, CircuitBreakersConfig, ClusterConfig, EndpointConfig
from metaprotocol_sdk.proxy.net.context import Limits
from metaprotocol_sdk.proxy.net.pools import Pools
from tests.integration.hostile_codecs import LoudCodec, SilentIdCodec
from tests.proxy.codecs import ERROR, ONEWAY, PING, REPLY, IdCodec, message
from tests.proxy.fakes import FakeTransport
from tests.proxy.harness import LOOPS, Backend, Client, Proxy, proxy, route, run, until, unused_port

loops = pytest.mark.parametrize("loop", sorted(LOOPS))
both_modes = pytest.mark.parametrize("multiplexing", [False, True])


class Wire(asyncio.Protocol):
    """A server's end of a connection, as a test wants it."""

    def __init__(self, on_made: Callable[[Any], None], on_data: Callable[[Any, bytes], None]) -> None:
        self.on_made = on_made
        self.on_data = on_data
        self.transport: Any = None
        self.is_lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.on_made(transport)

    def data_received(self, data: bytes) -> None:
        self.on_data(self.transport, data)

    def eof_received(self) -> bool:
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True


class Rogue:
    """A server made of two callbacks; its connections are in ``wires``."""

    def __init__(self, cluster: ClusterConfig, wires: list[Wire]) -> None:
        self.cluster = cluster
        self.wires = wires


def stop_reading(transport: Any, data: bytes) -> None:
    """What a server does that hangs once it has seen a first byte."""
    if not transport.is_closing():
        transport.pause_reading()


@asynccontextmanager
async def rogue(
    *,
    on_made: Callable[[Any], None] = lambda transport: None,
    on_data: Callable[[Any, bytes], None] = lambda transport, data: None,
) -> AsyncIterator[Rogue]:
    wires: list[Wire] = []

    def make() -> Wire:
        wires.append(Wire(on_made, on_data))
        return wires[-1]

    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    address = Address("127.0.0.1", server.sockets[0].getsockname()[1])
    try:
        yield Rogue(ClusterConfig(name="rogue", endpoints=(EndpointConfig(address),)), wires)
    finally:
        server.close()
        for wire in wires:
            wire.transport.abort()


async def kinds(client: Client, count: int) -> list[int]:
    """The kinds of the next replies, as :func:`message` has them."""
    return [(await client.reply()).origin_message[1] for _ in range(count)]


# Servers that end their side.


@both_modes
@loops
def test_a_server_that_accepts_and_closes_at_once_is_an_error_reply_and_no_storm_of_connections(
    multiplexing: bool, loop: str
) -> None:
    async def main() -> None:
        async with (
            rogue(on_made=lambda transport: transport.close()) as server,
            proxy(
                routes=[route("rogue", timeout=None)], clusters=[server.cluster], multiplexing=multiplexing
            ) as running,
        ):
            client = await running.client()
            for number in range(20):
                await client.send(message(number))
                assert await kinds(client, 1) == [ERROR]
            assert len(server.wires) <= 21

    run(main(), loop)


@both_modes
@loops
def test_a_server_that_greets_and_closes_at_once_is_an_error_reply(multiplexing: bool, loop: str) -> None:
    def greet(transport: Any) -> None:
        transport.write(message(9, kind=PING) + message(100, kind=REPLY))
        transport.write_eof()

    async def main() -> None:
        async with (
            rogue(on_made=greet) as server,
            proxy(
                routes=[route("rogue", timeout=None)], clusters=[server.cluster], multiplexing=multiplexing
            ) as running,
        ):
            client = await running.client()
            for number in range(20):
                await client.send(message(number))
                assert await kinds(client, 1) == [ERROR]
            assert len(server.wires) <= 21

    run(main(), loop)


@pytest.mark.parametrize("greeting", [message(1, kind=REPLY), message(1, kind=REPLY)[:-1], b"garbage"])
@loops
def test_a_server_that_speaks_first_makes_no_storm_of_connections(greeting: bytes, loop: str) -> None:
    async def main() -> None:
        async with (
            rogue(on_made=lambda transport: transport.write(greeting)) as server,
            proxy(routes=[route("rogue", timeout=0.2)], clusters=[server.cluster]) as running,
        ):
            client = await running.client()
            for number in range(2, 7):
                await client.send(message(number))
                assert await kinds(client, 1) == [ERROR]
            assert len(server.wires) <= 6

    run(main(), loop)


@both_modes
@loops
def test_a_server_that_ends_its_side_and_reads_no_more_fails_its_requests_at_once(
    multiplexing: bool, loop: str
) -> None:
    def end(transport: Any, data: bytes) -> None:
        if not transport.is_closing():
            transport.pause_reading()
            transport.write_eof()

    async def main() -> None:
        async with (
            rogue(on_data=end) as server,
            proxy(
                routes=[route("rogue", timeout=None)],
                clusters=[server.cluster],
                multiplexing=multiplexing,
                limits=Limits(close_timeout=0.05),
            ) as running,
        ):
            client = await running.client()
            body = bytes(60_000)
            client.writer.write(b"".join(message(number, body) for number in range(200)))
            client.half_close()
            assert await kinds(client, 200) == [ERROR] * 200
            assert await client.replies() == []

    run(main(), loop)


# One that fails while several wait, and a codec that cannot say so.


@both_modes
@loops
def test_requests_of_one_id_all_end_when_their_server_goes_and_no_error_can_be_said(
    multiplexing: bool, loop: str
) -> None:
    async def main() -> None:
        backend = Backend(SilentIdCodec(), answer=None)
        async with proxy(
            backend, codec=SilentIdCodec, routes=[route("all", timeout=None)], multiplexing=multiplexing
        ) as running:
            silent, other = await running.client(), await running.client()
            await silent.send(message(1, b"a") + message(1, b"b") + message(1, b"c"))
            await until(lambda: len(backend.requests) == 3)
            await other.send(message(1, b"d"))
            await until(lambda: len(backend.requests) == 4)
            for link in backend.open_links:
                link.transport.abort()
            assert await silent.replies() == []
            assert await other.replies() == []

    run(main(), loop)


@both_modes
@loops
def test_requests_of_one_id_all_end_when_no_connection_can_be_made_and_no_error_can_be_said(
    multiplexing: bool, loop: str
) -> None:
    async def main() -> None:
        nobody = ClusterConfig(name="nobody", endpoints=(EndpointConfig(Address("127.0.0.1", unused_port())),))
        async with proxy(
            codec=SilentIdCodec,
            routes=[route("nobody", timeout=None)],
            clusters=[nobody],
            multiplexing=multiplexing,
        ) as running:
            silent, other = await running.client(), await running.client()
            silent.writer.write(message(1, b"a") + message(1, b"b") + message(1, b"c"))
            other.writer.write(message(1, b"d"))
            assert await silent.replies() == []
            assert await other.replies() == []

    run(main(), loop)


# Servers that do not read.


@both_modes
@loops
def test_oneways_to_a_server_that_does_not_read_are_bounded(multiplexing: bool, loop: str) -> None:
    async def main() -> None:
        breakers = CircuitBreakersConfig(max_connections=2, max_pending_requests=10)
        async with (
            rogue(on_data=stop_reading) as server,
            proxy(
                routes=[route("rogue")],
                clusters=[replace(server.cluster, circuit_breakers=breakers, buffer_limit=100_000)],
                multiplexing=multiplexing,
            ) as running,
        ):
            for number in range(400):
                client = await running.client()
                await client.send(message(1, bytes(60_000), kind=ONEWAY))
                await running.counted("request_oneway", number + 1)
                client.reset()
                if running.count("upstream_rq_pending_overflow"):
                    break
            assert running.count("upstream_rq_pending_overflow")
            assert all(connection.unwritten < 300_000 for connection in pool(running))

    run(main(), loop)


@loops
def test_a_shared_server_that_stops_reading_is_given_up_and_its_clients_go_on(loop: str) -> None:
    async def main() -> None:
        other = Backend(IdCodec())
        async with (
            rogue(on_data=stop_reading) as server,
            proxy(
                other,
                routes=[route("rogue", timeout=None, to="rogue"), route("all")],
                clusters=[server.cluster],
                multiplexing=True,
                limits=Limits(stall_timeout=0.05),
            ) as running,
        ):
            client = await running.client()
            body = bytes(60_000)
            client.writer.write(b"".join(message(number, body, to="rogue") for number in range(200)))
            client.writer.write(message(1000, b"to the other"))
            found = [await client.reply()]
            while found[-1].request_id != 1000:
                found.append(await client.reply())
            assert [each.origin_message[1] for each in found] == [ERROR] * (len(found) - 1) + [REPLY]
            assert running.count("upstream_cx_destroy_local_with_active_rq")

    run(main(), loop)


@both_modes
@loops
def test_a_server_that_sends_heartbeats_and_reads_no_answers_is_bounded(multiplexing: bool, loop: str) -> None:
    async def main() -> None:
        async with (
            rogue(on_data=stop_reading) as server,
            proxy(
                codec=LoudCodec,
                routes=[route("rogue", timeout=None)],
                clusters=[replace(server.cluster, buffer_limit=100_000)],
                multiplexing=multiplexing,
            ) as running,
        ):
            client = await running.client()
            await client.send(message(1))
            await until(lambda: bool(server.wires) and running.count("upstream_rq_active") == 1)
            wire = server.wires[0].transport
            pings = message(7, kind=PING) * 100
            for number in range(30):
                wire.write(pings)
                await running.counted("upstream_cx_rx_bytes_total", (number + 1) * len(pings))
                await asyncio.sleep(0)
            [connection] = pool(running)
            assert connection.unwritten < 2_000_000
            wire.write(message(1 if not multiplexing else 0, b"done", kind=REPLY))
            assert await client.body() == b"done"

    run(main(), loop)


def pool(running: Proxy) -> list[Any]:
    """The connections to servers, from inside."""
    [listener] = running.server.listeners
    return [each for pool in cast("Pools", listener._ways[0])._pools.values() for each in pool._open]


# Clients.


@loops
def test_the_bytes_of_one_clients_requests_in_flight_are_bounded(loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend, limits=Limits(buffered_bytes=200_000)) as running:
            client = await running.client()
            count = 40
            client.writer.write(b"".join(message(number, bytes(60_000)) for number in range(count)))
            await until(lambda: len(backend.requests) == 4)
            for done in range(count):
                await until(lambda: len(backend.requests) > done)  # noqa: B023  awaited here
                assert running.count("request_active") <= 4
                link = await backend.request(done)
                link.transport.write(message(backend.requests[done].request_id, kind=REPLY))
                await client.reply()

    run(main(), loop)


@loops
def test_a_client_that_comes_in_while_the_proxy_drains_is_not_waited_for(loop: str) -> None:
    async def main() -> None:
        async with proxy(Backend(IdCodec())) as running:
            [listener] = running.server.listeners
            late = listener._connection()
            assert await running.server.drain(5)
            transport = FakeTransport()
            late.connection_made(transport)
            assert transport.calls == ["close"]
            late.connection_lost(None)

    run(main(), loop)
