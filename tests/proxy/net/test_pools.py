"""The ways to servers: pooled, and bound to one client each."""

from __future__ import annotations

import asyncio

import pytest

from metaprotocol_sdk.errors import Error
from metaprotocol_sdk.proxy.config.values import (
    Address,
    CircuitBreakersConfig,
    ClusterConfig,
    ConnectionConfig,
    EndpointConfig,
    RouteConfig,
)
from metaprotocol_sdk.proxy.filters.filter import Filter, Verdict
from metaprotocol_sdk.proxy.net.context import Limits
from metaprotocol_sdk.proxy.stream import Stream
from tests.proxy.codecs import ERROR, ONEWAY, REPLY, IdCodec, LineCodec, message
from tests.proxy.harness import LOOPS, Backend, echo, proxy, run, serving, until, unused_port

loops = pytest.mark.parametrize("loop", sorted(LOOPS))
both_modes = pytest.mark.parametrize("multiplexing", [False, True])


def half_dead(backend: Backend) -> ClusterConfig:
    """A cluster of a server that refuses connections and one that serves, in turn."""
    addresses = (Address("127.0.0.1", unused_port()), backend.address)
    return ClusterConfig(name="two", endpoints=tuple(map(EndpointConfig, addresses)))


@both_modes
@loops
def test_each_client_has_one_connection_of_its_own_and_its_requests_keep_their_order(
    multiplexing: bool, loop: str
) -> None:
    async def main() -> None:
        backends = [Backend(IdCodec()) for _ in range(2)]
        async with proxy(*backends, bind=True, multiplexing=multiplexing) as running:
            clients = [await running.client() for _ in range(4)]
            for client in clients:
                client.writer.write(b"".join(message(number, b"%d" % number) for number in range(10)))
                client.writer.write(message(100, b"tell", kind=ONEWAY))
            for client in clients:
                assert [await client.body() for _ in range(10)] == [b"%d" % number for number in range(10)]
            links = [link for backend in backends for link in backend.links]
            await until(lambda: all(len(link.requests) == 11 for link in links))
            assert len(links) == 4
            clients[0].half_close()
            assert await clients[0].replies() == []
            await until(lambda: sum(link.is_lost for link in links) == 1)

    run(main(), loop)


@loops
def test_a_client_whose_own_connection_ends_gets_its_replies_and_is_closed(loop: str) -> None:
    async def main() -> None:
        backend = Backend(LineCodec(), answer=None)
        async with proxy(backend, codec=LineCodec, bind=True) as running:
            client, other = await running.client(), await running.client()
            await other.send(b"GET other\n")
            await backend.request(0)
            await client.send(b"GET a\nGET b\n")
            link = await backend.request(1)
            link.transport.write(b"OK a\n")
            await until(lambda: len(backend.requests) == 3)
            link.transport.close()
            found = [each.origin_message for each in await client.replies()]
            assert found[0] == b"OK a\n"
            assert found[1].startswith(b"ERR ")
            backend.links[0].transport.write(b"OK other\n")
            assert (await other.reply()).origin_message == b"OK other\n"

    run(main(), loop)


def test_an_answer_to_a_oneway_does_not_end_a_bound_client_whose_replies_are_told_by_ids() -> None:
    async def main() -> None:
        backend = Backend(IdCodec())
        async with proxy(backend, bind=True) as running:
            client = await running.client()
            await client.send(message(6, kind=ONEWAY))
            link = await backend.request(0)
            link.transport.write(echo(backend.requests[0]))
            await running.counted("response_unmatched", 1)
            await client.send(message(7, b"a"))
            assert await client.body() == b"a"
            assert backend.links == [link]

    run(main())


@loops
def test_a_client_is_not_bound_to_a_server_that_never_was_there(loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec())
        async with (
            serving(backend),
            proxy(clusters=[half_dead(backend)], routes=[RouteConfig(cluster="two")], bind=True) as running,
        ):
            client = await running.client()
            await client.send(message(1))
            assert (await client.reply()).origin_message[1] == ERROR
            for _ in range(3):
                await client.send(message(2, b"x"))
                assert await client.body() == b"x"
            assert len(backend.links) == 1

    run(main(), loop)


@both_modes
@loops
def test_a_cluster_has_no_more_bound_clients_than_it_may_have_connections(multiplexing: bool, loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec())
        breakers = CircuitBreakersConfig(max_connections=1)
        async with proxy(backend, bind=True, multiplexing=multiplexing, circuit_breakers=breakers) as running:
            bound, other = await running.client(), await running.client()
            for number in range(2):
                await bound.send(message(number, b"bound"))
                assert await bound.body() == b"bound"
                await other.send(message(number))
                assert await other.body() == b"meta protocol upstream request: too many connections"
            assert running.count("upstream_cx_overflow") == 2
            bound.half_close()
            await running.counted("upstream_cx_active", 0)
            await other.send(message(3, b"other"))
            assert await other.body() == b"other"

    run(main(), loop)


class Gate(Filter):
    """Every request waits until the test opens it."""

    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[Error | None]] = []

    def on_request(self, stream: Stream) -> Verdict:
        self.waiting.append(asyncio.get_running_loop().create_future())
        return self.waiting[-1]


@both_modes
@loops
def test_a_oneway_that_outlives_its_client_binds_nobody(multiplexing: bool, loop: str) -> None:
    async def main() -> None:
        backend, gate = Backend(IdCodec()), Gate()
        filters = {"gate": lambda _config, _context: gate}
        async with proxy(backend, bind=True, multiplexing=multiplexing, filters=filters) as running:
            client = await running.client()
            await client.send(message(1, kind=ONEWAY))
            await until(lambda: len(gate.waiting) == 1)
            client.reset()
            await running.counted("downstream_cx_active", 0)
            gate.waiting[0].set_result(None)
            await running.counted("request_active", 0)
            assert running.count("local_response_error") == 1
            assert running.count("upstream_rq_pending_total") == 0

    run(main(), loop)


class OnewayGate(Gate):
    """Only oneways wait."""

    def on_request(self, stream: Stream) -> Verdict:
        return super().on_request(stream) if stream.is_oneway else None


@both_modes
@loops
def test_a_request_that_is_read_while_a_oneway_is_sent_does_not_wait_for_another_connection(
    multiplexing: bool, loop: str
) -> None:
    async def main() -> None:
        backend, gate = Backend(IdCodec()), OnewayGate()
        filters = {"gate": lambda _config, _context: gate}
        limits = Limits(in_flight=1)
        async with proxy(backend, bind=True, multiplexing=multiplexing, filters=filters, limits=limits) as running:
            client = await running.client()
            await client.send(message(1, b"one"))
            assert await client.body() == b"one"
            client.writer.write(message(2, kind=ONEWAY) + message(3, b"three"))
            await until(lambda: len(gate.waiting) == 1)
            gate.waiting[0].set_result(None)
            assert await client.body() == b"three"
            assert len(backend.links) == 1

    run(main(), loop)


@loops
def test_a_client_that_is_silent_keeps_its_own_connection(loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        silent = RouteConfig(cluster="all", timeout=0.2)
        connections = ConnectionConfig(idle_timeout=0.02)
        async with proxy(backend, bind=True, routes=[silent], connections=connections) as running:
            client, other = await running.client(), await running.client()
            await client.send(message(1))
            link = await backend.request(0)
            link.transport.write(message(1, kind=REPLY))
            await client.reply()
            await other.send(message(2))
            assert (await other.reply()).origin_message[1] == ERROR  # ten times the idle timeout later
            assert not link.is_lost

    run(main(), loop)
