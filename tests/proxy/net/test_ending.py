"""Every way a client's connection can end."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.errors import Error
from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.mutation import Mutation
from metaprotocol_sdk.proxy.config.values import (
    Address,
    ClusterConfig,
    EndpointConfig,
    MatcherConfig,
    MatchKind,
    RouteConfig,
)
from metaprotocol_sdk.proxy.net.context import Limits
from tests.proxy.codecs import (
    BuggyCodec,
    FewIdsCodec,
    IdCodec,
    LazyCodec,
    SilentCodec,
    message,
)
from tests.proxy.harness import LOOPS, Backend, echo, proxy, route, run, until, unused_port

loops = pytest.mark.parametrize("loop", LOOPS)


class SilentFewIdsCodec(FewIdsCodec):
    """Three ids, and no way to say an error."""

    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        pass


@loops
def test_a_half_closed_client_still_gets_its_replies(loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend) as running:
            client = await running.client()
            await client.send(message(1, b"a") + message(2, b"b"))
            client.half_close()
            for index in range(2):
                (await backend.request(index)).transport.write(echo(backend.requests[index]))
            assert len(await client.replies()) == 2

    run(main(), loop)


@loops
def test_a_client_that_says_nothing_and_ends_is_closed(loop: str) -> None:
    async def main() -> None:
        async with proxy(Backend(IdCodec())) as running:
            client = await running.client()
            client.half_close()
            assert await client.replies() == []
            await running.counted("downstream_cx_active", 0)

    run(main(), loop)


@loops
def test_a_client_that_leaves_takes_its_servers_connection_along(loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend) as running:
            client = await running.client()
            await client.send(message(1, b"a"))
            link = await backend.request(0)
            client.reset()
            await until(lambda: link.is_lost)
            assert running.count("cx_destroy_remote_with_active_rq") == 1
            assert running.count("upstream_rq_cancelled") == 1
            other = await running.client()
            await other.send(message(1, b"b"))
            assert (await backend.request(1)) is not link

    run(main(), loop)


@loops
def test_a_malformed_message_ends_the_connection_after_the_replies_in_flight(loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend) as running:
            client, other = await running.client(), await running.client()
            await client.send(message(1, b"good") + b"\x00garbage and more of it" + message(2, b"never read"))
            link = await backend.request(0)
            await running.counted("request_decoding_error", 1)
            await client.send(b"and what comes after is not read either")
            link.transport.write(echo(backend.requests[0]))
            assert [each.origin_message[10:] for each in await client.replies()] == [b"good"]
            assert len(backend.requests) == 1
            backend.answer = echo
            await other.send(message(3, b"unharmed"))
            assert await other.body() == b"unharmed"

    run(main(), loop)


@loops
def test_a_client_that_goes_on_sending_after_a_malformed_message_still_reads_its_replies(loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend) as running:
            here = asyncio.get_running_loop()
            with socket.create_connection(running.server.addresses["main"]) as client:
                client.setblocking(False)
                await here.sock_sendall(client, message(1, b"good") + b"garbage no protocol knows")
                (await backend.request(0)).transport.write(echo(backend.requests[0]))
                await running.counted("downstream_cx_tx_bytes_total", len(echo(backend.requests[0])))
                for _ in range(50):  # a socket closed with these unread would reset, and take the reply along
                    await here.sock_sendall(client, b"more garbage")
                    await asyncio.sleep(0)
                assert await here.sock_recv(client, 4096) == echo(backend.requests[0])
                assert await here.sock_recv(client, 4096) == b""

    run(main(), loop)


def test_a_client_that_never_closes_after_a_malformed_message_is_cut_off() -> None:
    async def main() -> None:
        async with proxy(Backend(IdCodec()), limits=Limits(linger_timeout=0.02)) as running:
            client = await running.client()
            await client.send(b"garbage no protocol knows")
            assert await client.replies() == []
            await running.counted("downstream_cx_active", 0)

    run(main())


def test_a_message_over_the_limit_is_refused_at_its_header() -> None:
    async def main() -> None:
        backend = Backend(IdCodec())
        async with proxy(backend, max_message_size=100) as running:
            client = await running.client()
            await client.send(message(1, b"x" * 200)[:10])
            assert await client.replies() == []
            assert running.count("request_decoding_error") == 1
            assert not backend.requests

    run(main())


def test_deferred_strings_found_malformed_end_the_connection_after_earlier_replies() -> None:
    async def main() -> None:
        backend = Backend(LazyCodec(), answer=None)
        routes = [route("none", missing="x"), route("all")]
        async with proxy(backend, codec=LazyCodec, routes=routes) as running:
            client = await running.client()
            await client.send(message(1, b"good") + message(2, b"bad strings") + message(3, b"never read"))
            await running.counted("request_decoding_error", 1)
            (await backend.request(0)).transport.write(echo(backend.requests[0]))
            assert [each.request_id for each in await client.replies()] == [1]

    run(main())


def test_a_request_that_can_have_no_reply_ends_the_connection_after_earlier_ones() -> None:
    async def main() -> None:
        backend = Backend(SilentCodec(), answer=None)
        async with proxy(
            backend, codec=SilentCodec, routes=[route("all", text="a"), route("all", text="c")]
        ) as running:
            client = await running.client()
            await client.send(b"GET a\nGET b\nGET c\n")
            link = await backend.request(0)
            link.transport.write(b"OK a\n")
            assert [each["text"] for each in await client.replies()] == ["a"]
            assert running.count("local_response_error") == 1

    run(main())


def test_what_is_in_flight_behind_a_reply_that_cannot_be_is_given_up() -> None:
    async def main() -> None:
        backend = Backend(SilentCodec(), answer=None)
        port = unused_port()
        dead = ClusterConfig(name="dead", endpoints=(EndpointConfig(Address("127.0.0.1", port)),))
        routes = [route("dead", text="b"), route("all")]
        async with proxy(backend, codec=SilentCodec, routes=routes, clusters=[dead]) as running:
            client = await running.client()
            await client.send(b"GET a\nGET b\nGET c\n")
            await until(lambda: len(backend.requests) == 2)
            await running.counted("local_response_error", 1)
            index = [each["text"] for each in backend.requests].index("a")
            (await backend.request(index)).transport.write(b"OK a\n")
            assert [each["text"] for each in await client.replies()] == ["a"]
            assert running.count("upstream_rq_cancelled") == 1
            assert running.count("request_active") == 0

    run(main())


@pytest.mark.parametrize("culprit", ["decode", "encode", "on_error"])
def test_a_bug_in_a_codec_costs_one_connection_and_is_logged_by_name(
    culprit: str, caplog: pytest.LogCaptureFixture
) -> None:
    wire = {
        "decode": message(2, b"break-request"),
        "encode": message(2, b"x", to="mutated"),
        "on_error": message(2, b"x", to="nowhere"),
    }[culprit]

    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        to_mutated = (MatcherConfig("to", MatchKind.EXACT, "mutated"),)
        mutated = RouteConfig(cluster="all", metadata=to_mutated, request_mutation=Mutation(a="1"))
        routes = [mutated, route("nowhere", to="nowhere"), route("all")]
        async with proxy(backend, codec=BuggyCodec, routes=routes) as running:
            client, other = await running.client(), await running.client()
            await client.send(message(1, b"good") + wire)
            await running.counted("codec_bug", 1)
            (await backend.request(0)).transport.write(echo(backend.requests[0]))
            assert [each.request_id for each in await client.replies()] == [1]
            backend.answer = echo
            await other.send(message(3, b"unharmed"))
            assert await other.body() == b"unharmed"

    run(main())
    assert f"bug in codec 'idrpc': {culprit} raised KeyError" in caplog.text


@loops
def test_a_client_that_is_gone_when_its_own_server_goes_does_no_harm(
    loop: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        backend = Backend(IdCodec())
        async with proxy(backend, bind=True) as running:
            client = await running.client()
            await client.send(message(1, b"x"))
            assert await client.body() == b"x"
            backend.links[0].transport.abort()
            await asyncio.sleep(0)
            client.reset()  # both ends are there before the proxy looks
            await running.counted("downstream_cx_active", 0)
            await running.counted("upstream_cx_active", 0)

    run(main(), loop)
    assert [record.getMessage() for record in caplog.records] == []


@loops
def test_a_request_that_is_given_up_may_take_the_others_behind_a_missing_reply_with_it(
    loop: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        backend = Backend(SilentFewIdsCodec(), answer=None)
        routes = [route("all", timeout=0.05, fate="late"), route("all")]
        async with proxy(backend, codec=SilentFewIdsCodec, bind=True, multiplexing=True, routes=routes) as running:
            client = await running.client()
            await client.send(message(1, fate="late"), message(1), message(1), message(1))
            await backend.request(2)  # the fourth waits, as the server's ids are few
            assert await client.replies() == []
            await until(lambda: backend.links[0].is_lost)
            await running.counted("request_active", 0)

    run(main(), loop)
    assert [record.getMessage() for record in caplog.records] == []


@loops
def test_bytes_that_come_after_a_drain_reset_nothing(loop: str) -> None:
    """Closing a socket that has unread bytes resets it, and a reply the client has not read yet would be lost."""

    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend) as running:
            client = await running.client()
            reading: Any = client.writer.transport
            reading.pause_reading()
            await client.send(message(1, b"a"))
            link = await backend.request(0)
            [listener] = running.server.listeners
            listener.drain()
            link.transport.write(echo(backend.requests[0]))
            await running.counted("request_active", 0)
            received = running.count("downstream_cx_rx_bytes_total")
            await client.send(message(2, b"too late"))
            await until(lambda: running.count("downstream_cx_rx_bytes_total") > received)
            reading.resume_reading()
            assert [each.request_id for each in await client.replies()] == [1]
            client.half_close()
            await until(lambda: running.count("downstream_cx_active") == 0)
            assert len(backend.requests) == 1

    run(main(), loop)
