"""Where two features meet: each of these once failed."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from metaprotocol_sdk.proxy.config.values import (
    Address,
    ClusterConfig,
    ConnectionConfig,
    EndpointConfig,
    MirrorConfig,
    RetryOn,
    RetryPolicyConfig,
    RouteConfig,
)
from metaprotocol_sdk.proxy.net.context import Limits
from metaprotocol_sdk.proxy.net.pools import Pools
from tests.proxy.codecs import CLOSE, CLOSE_BOTH, DATA, ERROR, INIT, ONEWAY, REPLY, IdCodec, message
from tests.proxy.harness import LOOPS, Backend, proxy, route, run, serving, until, unused_port

loops = pytest.mark.parametrize("loop", sorted(LOOPS))
both_modes = pytest.mark.parametrize("multiplexing", [False, True])


@both_modes
@loops
def test_a_stream_of_frames_is_not_mirrored(multiplexing: bool, loop: str) -> None:
    async def main() -> None:
        backend, mirror = Backend(IdCodec(), answer=None), Backend(IdCodec(), answer=None)
        route = RouteConfig(cluster="all", mirrors=(MirrorConfig("mirror"),))
        async with serving(mirror):
            copies = ClusterConfig(name="mirror", endpoints=(EndpointConfig(mirror.address),))
            async with proxy(backend, clusters=[copies], routes=[route], multiplexing=multiplexing) as running:
                client = await running.client()
                await client.send(message(5, b"open", kind=INIT) + message(5, b"data", kind=DATA))
                await until(lambda: len(backend.requests) == 2)
                assert running.count("request_mirror_skipped") == 1
                backend.links[0].transport.write(message(5, kind=CLOSE_BOTH))
                assert (await client.reply()).origin_message[1] == CLOSE_BOTH
                await running.counted("request_active", 0)
                assert not mirror.links

    run(main(), loop)


@loops
def test_a_client_whose_stream_had_too_many_frames_waiting_is_read_again_when_it_cannot_be_opened(loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec())
        dead = ClusterConfig(name="dead", endpoints=(EndpointConfig(Address("127.0.0.1", unused_port())),))
        routes = [route("dead", to="dead"), route("all")]
        async with proxy(backend, clusters=[dead], routes=routes, limits=Limits(watermark=1000)) as running:
            client = await running.client()
            client.writer.write(message(5, kind=INIT, to="dead") + message(5, bytes(3000), kind=DATA))
            assert (await client.reply()).origin_message[1] == ERROR
            await client.send(message(6, b"plain"))
            assert await client.body() == b"plain"

    run(main(), loop)


@both_modes
@loops
def test_a_bound_clients_streams_have_connections_of_their_own_to_its_server(multiplexing: bool, loop: str) -> None:
    async def main() -> None:
        backends = [Backend(IdCodec(), answer=None) for _ in range(2)]
        async with proxy(*backends, bind=True, multiplexing=multiplexing) as running:
            client = await running.client()
            await client.send(message(1, b"plain"))
            await until(lambda: bool(backends[0].requests or backends[1].requests))
            [backend] = [each for each in backends if each.requests]
            await client.send(message(5, b"open", kind=INIT) + message(5, b"up", kind=DATA))
            await until(lambda: len(backend.requests) == 3)
            assert [each.origin_message for each in backend.links[1].requests] == [
                message(5, b"open", kind=INIT),
                message(5, b"up", kind=DATA),
            ]
            backend.links[1].transport.write(message(5, b"down", kind=DATA) + message(5, kind=CLOSE_BOTH))
            assert [(await client.reply()).origin_message for _ in range(2)] == [
                message(5, b"down", kind=DATA),
                message(5, kind=CLOSE_BOTH),
            ]
            backend.links[0].transport.write(message(backend.requests[0].request_id, b"done", kind=REPLY))
            assert await client.body() == b"done"

    run(main(), loop)


@pytest.mark.parametrize("end", ["half-close", "garbage"])
@loops
def test_a_stream_whose_client_can_send_no_more_is_over_when_its_server_has_closed(end: str, loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend) as running:
            client = await running.client()
            await client.send(message(5, kind=INIT) + message(5, b"last", kind=DATA))
            link = await backend.request(1)
            if end == "garbage":
                await client.send(b"garbage garbage")
            else:
                client.half_close()
            link.transport.write(message(5, b"answer", kind=DATA) + message(5, kind=CLOSE))
            assert [each.origin_message[1] for each in await client.replies()] == [DATA, CLOSE]
            await until(lambda: link.is_lost)

    run(main(), loop)


@both_modes
@loops
def test_a_bound_request_whose_connection_ends_does_not_wait_to_be_tried_again(multiplexing: bool, loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        policy = RetryPolicyConfig(retry_on=frozenset({RetryOn.RESET}), base_interval=0.001)
        routes = [RouteConfig(cluster="all", timeout=None, retry=policy)]
        async with proxy(backend, bind=True, multiplexing=multiplexing, routes=routes) as running:
            client = await running.client()
            await client.send(message(1, b"plain"))
            (await backend.request(0)).transport.abort()
            assert [each.origin_message[1] for each in await client.replies()] == [ERROR]

    run(main(), loop)


@loops
def test_as_many_streams_as_requests_may_be_open_and_their_frames_are_read(loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend, limits=Limits(in_flight=2)) as running:
            client = await running.client()
            await client.send(*(message(number, kind=INIT) for number in (5, 6, 7)))
            reply = await client.reply()
            assert (reply.request_id, reply.origin_message[1]) == (7, ERROR)
            assert b"too many streams" in reply.origin_message
            await client.send(message(5, kind=CLOSE_BOTH), message(6, b"data", kind=DATA), message(8, kind=INIT))
            await until(lambda: len(backend.requests) == 5)
            client.reset()

    run(main(), loop)


@loops
def test_requests_beyond_what_a_shared_connection_may_carry_have_a_connection_made_for_them_at_once(loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend, multiplexing=True, connections=ConnectionConfig(max_requests=3)) as running:
            client = await running.client()
            await client.send(b"".join(message(number) for number in range(7)))
            await until(lambda: len(backend.requests) == 7)
            assert sorted(len(link.requests) for link in backend.links) == [1, 3, 3]

    run(main(), loop)


@loops
def test_a_stop_counts_the_attempts_to_connect_that_had_not_begun(loop: str) -> None:
    async def main() -> None:
        async with proxy(Backend(IdCodec())) as running:
            client = await running.client()
            await client.send(message(1, kind=ONEWAY))
            [listener] = running.server.listeners
            pools = cast("Pools", listener._ways[0])
            await until(lambda: any(pool._attempts for pool in pools._pools.values()))
            [pool] = pools._pools.values()
            before = asyncio.get_running_loop().time()
            await pool.close(5)
            assert asyncio.get_running_loop().time() - before < 4
            assert pool.cluster.breaker.connections == 0

    run(main(), loop)
