"""Streams of frames through a whole proxy: order, both directions, every way one can end."""

from __future__ import annotations

import pytest

from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.proxy.config.values import (
    Address,
    CircuitBreakersConfig,
    ClusterConfig,
    EndpointConfig,
    MatcherConfig,
    MatchKind,
    RouteConfig,
)
from metaprotocol_sdk.proxy.net.context import Limits
from tests.proxy.codecs import CLOSE, CLOSE_BOTH, DATA, ERROR, INIT, REPLY, IdCodec, LazyCodec, message
from tests.proxy.harness import LOOPS, Backend, Client, proxy, run, until, unused_port

loops = pytest.mark.parametrize("loop", sorted(LOOPS))
both_modes = pytest.mark.parametrize("multiplexing", [False, True])


def kinds(messages: list[Metadata]) -> list[int]:
    return [each.origin_message[1] for each in messages]


async def some(client: Client, count: int) -> list[bytes]:
    return [(await client.reply()).origin_message for _ in range(count)]


@both_modes
@loops
def test_frames_go_both_ways_unchanged_and_in_order_from_the_first_byte_on(multiplexing: bool, loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend, multiplexing=multiplexing) as running:
            client = await running.client()
            up = [message(5, b"open", kind=INIT), *(message(5, b"%d" % n, kind=DATA) for n in range(20))]
            client.writer.write(b"".join(up))  # before the connection to the server can be there
            await until(lambda: len(backend.requests) == 21)
            assert [each.origin_message for each in backend.requests] == up
            link = await backend.request(0)
            down = [message(5, b"re%d" % n, kind=DATA) for n in range(20)]
            link.transport.write(b"".join(down[:10]) + down[10][:5])
            client.writer.write(message(5, kind=CLOSE))
            await until(lambda: len(backend.requests) == 22)
            link.transport.write(down[10][5:] + b"".join(down[11:]) + message(5, kind=CLOSE))
            assert await some(client, 21) == [*down, message(5, kind=CLOSE)]
            await running.counted("request_active", 0)
            assert running.count("request_stream") == running.count("request_event") == 1
            await until(lambda: link.is_lost)  # a stream's connection ends with it
            await client.send(message(9, b"next"))
            await until(lambda: len(backend.requests) == 23)

    run(main(), loop)


@loops
def test_the_directions_of_one_client_are_decoded_apart(loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend) as running:
            client = await running.client()
            whole = message(5, b"from the client", kind=DATA)
            answer = message(5, b"from the server", kind=DATA)
            await client.send(message(5, kind=INIT) + whole[:7])
            link = await backend.request(0)
            link.transport.write(answer[:9])
            await running.counted("upstream_cx_rx_bytes_total", 9)
            await client.send(whole[7:])
            await until(lambda: len(backend.requests) == 2)
            link.transport.write(answer[9:])
            assert await some(client, 1) == [answer]
            assert backend.requests[1].origin_message == whole
            link.transport.write(message(5, kind=CLOSE_BOTH))
            assert await some(client, 1) == [message(5, kind=CLOSE_BOTH)]
            await running.counted("request_active", 0)

    run(main(), loop)


@loops
def test_streams_of_one_client_and_its_requests_do_not_disturb_each_other(loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec())
        async with proxy(backend) as running:
            client = await running.client()
            for stream_id in (1, 2):
                await client.send(message(stream_id, kind=INIT) + message(stream_id, b"up%d" % stream_id, kind=DATA))
            await client.send(message(3, b"plain"))
            assert await client.body() == b"plain"
            await until(lambda: len(backend.requests) == 5)
            for link in backend.links:
                if link.requests[0].request_id in (1, 2):
                    assert [each.request_id for each in link.requests] == [link.requests[0].request_id] * 2
                    link.transport.write(message(link.requests[0].request_id, kind=CLOSE_BOTH))
            assert sorted(each.request_id for each in [await client.reply(), await client.reply()]) == [1, 2]
            await running.counted("request_active", 0)

    run(main(), loop)


@loops
def test_a_stream_whose_server_goes_is_an_error_and_its_client_goes_on(loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend) as running:
            client = await running.client()
            await client.send(message(5, kind=INIT))
            (await backend.request(0)).transport.abort()
            reply = await client.reply()
            assert (reply.origin_message[1], reply.request_id) == (ERROR, 5)
            await client.send(message(5, b"late", kind=DATA))
            await running.counted("request_unexpected", 1)
            await client.send(message(5, b"again", kind=INIT))
            assert (await backend.request(1)).requests[0].origin_message == message(5, b"again", kind=INIT)

    run(main(), loop)


@loops
def test_a_server_that_has_closed_its_direction_may_close_the_connection(loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend) as running:
            client = await running.client()
            await client.send(message(5, kind=INIT))
            link = await backend.request(0)
            link.transport.write(message(5, kind=CLOSE))
            link.transport.close()
            assert await some(client, 1) == [message(5, kind=CLOSE)]
            await running.counted("request_active", 0)
            assert running.count("local_response_business_exception") == 0

    run(main(), loop)


@loops
def test_a_stream_that_cannot_be_opened_is_an_error_reply_and_frames_behind_it_are_dropped(loop: str) -> None:
    async def main() -> None:
        dead = ClusterConfig(name="dead", endpoints=(EndpointConfig(Address("127.0.0.1", unused_port())),))
        async with proxy(clusters=[dead], routes=[RouteConfig(cluster="dead")]) as running:
            client = await running.client()
            await client.send(message(5, kind=INIT) + message(5, b"data", kind=DATA))
            reply = await client.reply()
            assert (reply.origin_message[1], reply.request_id) == (ERROR, 5)
            assert b"remote connection failure" in reply.origin_message
            await running.counted("request_active", 0)

    run(main(), loop)


@loops
def test_a_servers_reply_to_the_opening_ends_the_stream(loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend) as running:
            client = await running.client()
            await client.send(message(5, kind=INIT))
            (await backend.request(0)).transport.write(message(5, b"no streams here", kind=ERROR))
            assert await some(client, 1) == [message(5, b"no streams here", kind=ERROR)]
            await running.counted("request_active", 0)

    run(main(), loop)


@loops
def test_a_client_that_leaves_ends_its_streams_at_their_servers(loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend) as running:
            client = await running.client()
            await client.send(message(5, kind=INIT) + message(6, kind=INIT))
            first, second = await backend.request(0), await backend.request(1)
            client.reset()
            await until(lambda: first.is_lost and second.is_lost)
            assert running.count("cx_destroy_remote_with_active_rq") == 2

    run(main(), loop)


@loops
def test_a_stream_without_frames_ends_after_its_routes_idle_timeout(loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend, routes=[RouteConfig(cluster="all", timeout=0.01, idle_timeout=0.05)]) as running:
            client = await running.client()
            await client.send(message(5, kind=INIT))
            link = await backend.request(0)
            reply = await client.reply()
            assert b"no frame on the stream in 0.05 s" in reply.origin_message
            await until(lambda: link.is_lost)

    run(main(), loop)


def test_a_stream_is_opened_once() -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend) as running:
            client = await running.client()
            await client.send(message(5, kind=INIT))
            link = await backend.request(0)
            await client.send(message(5, kind=INIT))
            await running.counted("request_unexpected", 1)
            link.transport.write(message(5, kind=CLOSE_BOTH))
            assert kinds(await client.replies()) == [CLOSE_BOTH]

    run(main())


def test_a_frame_of_another_stream_or_after_the_close_never_reaches_the_client() -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend) as running:
            client = await running.client()
            await client.send(message(5, kind=INIT))
            link = await backend.request(0)
            link.transport.write(message(6, b"not yours", kind=DATA) + message(5, kind=CLOSE))
            link.transport.write(message(5, b"too late", kind=DATA))
            await running.counted("response_unmatched", 2)
            await client.send(message(5, kind=CLOSE))
            await running.counted("request_active", 0)
            await client.send(message(7, b"plain"))
            (await backend.request(2)).transport.write(message(7, b"done", kind=REPLY))
            assert await some(client, 2) == [message(5, kind=CLOSE), message(7, b"done", kind=REPLY)]

    run(main())


@loops
def test_frames_that_wait_for_a_connection_are_bounded(loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        limits = Limits(watermark=100_000)
        breakers = CircuitBreakersConfig(max_connections=1)
        async with proxy(backend, limits=limits, circuit_breakers=breakers) as running:
            client, other = await running.client(), await running.client()
            await other.send(message(1, kind=INIT))
            holder = await backend.request(0)
            await client.send(message(5, kind=INIT))
            frame = message(5, bytes(50_000), kind=DATA)
            client.writer.write(frame * 200)
            [listener] = running.server.listeners
            await until(lambda: any(each._is_paused for each in listener.connections))
            assert running.count("downstream_cx_rx_bytes_total") < 2_000_000
            holder.transport.write(message(1, kind=CLOSE_BOTH))
            await until(lambda: len(backend.requests) == 202)

    run(main(), loop)


@loops
def test_a_client_that_reads_nothing_stops_its_streams_server(loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        limits = Limits(watermark=100_000, buffered_bytes=2_000_000)
        async with proxy(backend, limits=limits, buffer_limit=100_000) as running:
            client = await running.client(limit=1000)
            await client.send(message(5, kind=INIT))
            link = await backend.request(0)
            frame = message(5, bytes(50_000), kind=DATA)
            link.transport.write(frame * 400)
            await until(lambda: running.count("downstream_cx_tx_bytes_total") > 150_000)
            [listener] = running.server.listeners
            await until(lambda: any(each.is_clogged for each in listener.connections))
            assert running.count("downstream_buffer_overflow") == 0
            for _ in range(400):
                await client.reply()
            link.transport.write(message(5, kind=CLOSE_BOTH))
            assert await some(client, 1) == [message(5, kind=CLOSE_BOTH)]

    run(main(), loop)


@loops
def test_messages_that_open_streams_are_bounded_and_the_frames_that_end_them_are_read(loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend, limits=Limits(buffered_bytes=1000)) as running:
            client = await running.client()
            await client.send(message(1, bytes(600), kind=INIT), message(2, bytes(600), kind=INIT))
            reply = await client.reply()
            assert (reply.request_id, reply.origin_message[1]) == (2, ERROR)
            await client.send(message(1, kind=CLOSE_BOTH))
            await backend.request(1)
            await client.send(message(2, bytes(600), kind=INIT))
            await backend.request(2)

    run(main(), loop)


@loops
def test_an_opening_whose_strings_are_malformed_ends_the_connection_and_leaves_nothing(loop: str) -> None:
    async def main() -> None:
        to = RouteConfig(cluster="all", metadata=(MatcherConfig("cmd", MatchKind.EXACT, "x"),))
        async with proxy(Backend(LazyCodec()), codec=LazyCodec, routes=[to]) as running:
            client = await running.client()
            await client.send(message(1, b"bad strings", kind=INIT) + message(1, b"frame", kind=DATA))
            client.half_close()
            assert await client.replies() == []
            assert running.count("request_decoding_error") == 1

    run(main(), loop)
