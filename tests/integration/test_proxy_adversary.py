"""What a drawn conversation does not come to: very many, very large, very small, and everything at the wrong moment."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import pytest

from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.proxy.config.values import (
    Address,
    CircuitBreakersConfig,
    ClusterConfig,
    EndpointConfig,
    RetryOn,
    RetryPolicyConfig,
    RouteConfig,
)
from metaprotocol_sdk.proxy.net.context import Limits
from tests.proxy.codecs import DATA, ERROR, INIT, ONEWAY, PING, REPLY, IdCodec, LineCodec, message
from tests.proxy.harness import LOOPS, Backend, proxy, route, run, until, unused_port

loops = pytest.mark.parametrize("loop", sorted(LOOPS))
both_modes = pytest.mark.parametrize("multiplexing", [False, True])

BIG = 65_000


def body_of(found: Metadata) -> bytes:
    return found.origin_message[found.header_size :]


@loops
def test_large_replies_of_many_clients_in_small_pieces_and_backwards_keep_to_their_requests(loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend, multiplexing=True) as running:
            clients = [await running.client() for _ in range(4)]
            for number, client in enumerate(clients):
                for request_id in range(5):
                    mark = b"%d.%d." % (number, request_id)
                    client.writer.write(message(request_id, mark + bytes(BIG)))
            await until(lambda: len(backend.requests) == 20)
            for link in backend.links:
                answers = [message(each.request_id, body_of(each), kind=REPLY) for each in reversed(link.requests)]
                wire = b"".join(answers)
                for start in range(0, len(wire), 9001):
                    link.transport.write(wire[start : start + 9001])
                    await asyncio.sleep(0)
            for number, client in enumerate(clients):
                found = {each.request_id: body_of(each) for each in [await client.reply() for _ in range(5)]}
                assert found == {each: b"%d.%d." % (number, each) + bytes(BIG) for each in range(5)}

    run(main(), loop)


@both_modes
@loops
def test_thousands_of_requests_in_one_write_all_get_their_replies(multiplexing: bool, loop: str) -> None:
    async def main() -> None:
        async with proxy(Backend(IdCodec()), multiplexing=multiplexing) as running:
            client = await running.client()
            client.writer.write(b"".join(message(number, b"%d" % number) for number in range(5000)))
            client.half_close()
            found = {each.request_id: body_of(each) for each in await client.replies()}
            assert found == {number: b"%d" % number for number in range(5000)}

    run(main(), loop)


@loops
def test_thousands_of_requests_without_ids_that_all_fail_at_once_are_answered_in_order(loop: str) -> None:
    async def main() -> None:
        dead = ClusterConfig(name="dead", endpoints=(EndpointConfig(Address("127.0.0.1", unused_port())),))
        routes = [route("dead", text="dead"), route("missing", text="missing"), route("all")]
        async with proxy(Backend(LineCodec()), codec=LineCodec, routes=routes, clusters=[dead]) as running:
            client = await running.client()
            texts = [b"dead", b"missing", b"alive", b"missing"] * 700
            client.writer.write(b"".join(b"GET %s\n" % text for text in texts))
            client.half_close()
            found = [each.origin_message for each in await client.replies()]
            words = {b"dead": b"connection failure", b"missing": b"unknown cluster", b"alive": b"OK alive"}
            assert len(found) == len(texts)
            assert all(words[text] in reply for text, reply in zip(texts, found, strict=True))

    run(main(), loop)


@both_modes
@loops
def test_a_client_and_a_server_that_send_one_byte_at_a_time_understand_each_other(
    multiplexing: bool, loop: str
) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend, multiplexing=multiplexing) as running:
            client = await running.client()
            said = message(3, b"first") + message(4, kind=PING) + message(3, b"second")
            await client.send(*(said[index : index + 1] for index in range(len(said))))
            for number in range(2):
                link = await backend.request(number)
                answer = message(backend.requests[number].request_id, b"re%d" % number, kind=REPLY)
                for index in range(len(answer)):
                    link.transport.write(answer[index : index + 1])
                    await asyncio.sleep(0)
            found = [await client.reply() for _ in range(3)]
            assert [each.request_id for each in found] in ([4, 3, 3], [3, 4, 3])
            assert [body_of(each) for each in found if each.request_id == 3] == [b"re0", b"re1"]

    run(main(), loop)


class Hasty(asyncio.Protocol):
    """Answers a request as soon as it sees its first bytes, and reads no more."""

    def __init__(self, seen: list[Any]) -> None:
        self.seen = seen

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.seen.append(transport)

    def data_received(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.pause_reading()
            self.transport.write(b"OK hasty\n")


@loops
def test_a_server_that_answers_before_it_has_read_the_request_gets_no_other_on_that_connection(loop: str) -> None:
    async def main() -> None:
        seen: list[Any] = []
        server = await asyncio.get_running_loop().create_server(lambda: Hasty(seen), "127.0.0.1", 0)
        hasty = ClusterConfig(name="hasty", endpoints=(EndpointConfig(Address(*server.sockets[0].getsockname())),))
        async with proxy(
            codec=LineCodec,
            clusters=[hasty],
            routes=[route("hasty", timeout=None)],
            limits=Limits(close_timeout=0.05),
        ) as running:
            client = await running.client()
            for number in range(3):
                client.writer.write(b"GET " + b"x" * 12_000_000 + b"\n")  # more than the kernel takes
                assert (await client.reply()).origin_message == b"OK hasty\n"
                assert len(seen) == number + 1
            await running.counted("upstream_cx_active", 0)
        server.close()
        for transport in seen:
            transport.abort()

    run(main(), loop)


@both_modes
@loops
def test_connections_reset_the_moment_they_are_made_are_errors_and_no_storm(multiplexing: bool, loop: str) -> None:
    async def main() -> None:
        made: list[socket.socket] = []
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.setblocking(False)

            def reset() -> None:
                accepted, _ = listening.accept()
                accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                accepted.close()
                made.append(accepted)

            asyncio.get_running_loop().add_reader(listening, reset)
            cluster = ClusterConfig(name="reset", endpoints=(EndpointConfig(Address(*listening.getsockname())),))
            policy = RetryPolicyConfig(
                retry_on=frozenset({RetryOn.CONNECT_FAILURE, RetryOn.RESET}), num_retries=2, base_interval=0.001
            )
            routes = [RouteConfig(cluster="reset", timeout=None, retry=policy)]
            async with proxy(clusters=[cluster], routes=routes, multiplexing=multiplexing) as running:
                client = await running.client()
                for number in range(10):
                    await client.send(message(number))
                    assert (await client.reply()).origin_message[1] == ERROR
                assert len(made) <= 31
            asyncio.get_running_loop().remove_reader(listening)

    run(main(), loop)


@both_modes
@loops
def test_a_drain_with_everything_in_flight_says_that_it_is_not_done_and_a_stop_leaves_nothing(
    multiplexing: bool, loop: str
) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        policy = RetryPolicyConfig(
            retry_on=frozenset({RetryOn.CONNECT_FAILURE}), num_retries=9, base_interval=100.0, max_interval=100.0
        )
        dead = ClusterConfig(name="dead", endpoints=(EndpointConfig(Address("127.0.0.1", unused_port())),))
        routes = [RouteConfig(cluster="dead", metadata=route("", to="dead").metadata, retry=policy), route("all")]
        breakers = CircuitBreakersConfig(max_connections=1)
        async with proxy(
            backend, routes=routes, clusters=[dead], multiplexing=multiplexing, circuit_breakers=breakers
        ) as running:
            client, half, idle = [await running.client() for _ in range(3)]
            await client.send(message(1, b"answered") + message(5, kind=INIT) + message(5, b"frame", kind=DATA))
            link = await backend.request(0)
            await client.send(message(2, to="dead") + message(3, kind=ONEWAY) + message(4, b"waits") + b"\xc5")
            await running.counted("upstream_rq_retry", 1)
            await half.send(message(9, b"half")[:9])
            await running.counted("downstream_cx_rx_bytes_total", running.count("downstream_cx_rx_bytes_total"))
            draining = asyncio.ensure_future(running.server.drain(0.2))
            with pytest.raises(EOFError):
                await idle.reply()
            link.transport.write(message(backend.requests[0].request_id, b"done", kind=REPLY))
            assert await client.body() == b"done"
            assert not await draining
            assert await running.server.stop() >= 1

    run(main(), loop)
