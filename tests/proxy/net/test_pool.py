"""Which connection a request takes, and what it gets when there is none."""

from __future__ import annotations

import asyncio
import errno
import io
import logging
from collections.abc import Callable
from typing import Any

import pytest

from metaprotocol_sdk.proxy.config.values import Address, CircuitBreakersConfig, ClusterConfig, EndpointConfig
from metaprotocol_sdk.proxy.log import LOGGER_NAME, REPEAT_BURST, configure
from metaprotocol_sdk.proxy.net.pools import Pools
from tests.proxy.codecs import ONEWAY, IdCodec, LineCodec, message
from tests.proxy.fakes import FakeTransport
from tests.proxy.harness import LOOPS, Backend, Client, echo, proxy, route, run, until, unused_port

loops = pytest.mark.parametrize("loop", LOOPS)


async def error_of(client: Client) -> tuple[str, str]:
    reply = await client.reply()
    return reply["type"], reply.origin_message[reply.header_size :].decode()


@loops
@pytest.mark.parametrize("multiplexing", [False, True])
def test_a_refused_connection_is_an_error_reply_for_every_request(multiplexing: bool, loop: str) -> None:
    async def main() -> None:
        port = unused_port()
        dead = ClusterConfig(name="dead", endpoints=(EndpointConfig(Address("127.0.0.1", port)),))
        async with proxy(routes=[route("dead")], clusters=[dead], multiplexing=multiplexing) as running:
            client = await running.client()
            await client.send(message(1) + message(2) + message(3, kind=ONEWAY))
            text = f"meta protocol upstream request: remote connection failure '127.0.0.1:{port}'"
            assert [await error_of(client) for _ in range(2)] == [("UNSPECIFIED", text)] * 2
            await running.counted("request_active", 0)
            assert running.count("upstream_cx_connect_fail") >= 1

    run(main(), loop)


@loops
def test_the_log_says_of_each_server_why_it_cannot_be_connected_to_and_not_of_every_time(
    loop: str,
) -> None:
    said = io.StringIO()

    async def main() -> None:
        ports = unused_port(), unused_port()
        endpoints = tuple(EndpointConfig(Address("127.0.0.1", port)) for port in ports)
        dead = ClusterConfig(name="dead", endpoints=endpoints)
        async with proxy(routes=[route("dead")], clusters=[dead]) as running:
            client = await running.client()
            for number in range(40):
                await client.send(message(number))
                await client.reply()
        for port in ports:
            lines = [line for line in said.getvalue().splitlines() if f"127.0.0.1:{port}" in line]
            assert len(lines) == REPEAT_BURST
            assert lines[0].endswith(f"cluster dead: no connection to 127.0.0.1:{port}: connection refused")

    logger = logging.getLogger(LOGGER_NAME)
    before = logger.handlers, logger.level, logger.propagate
    configure(stream=said, now=lambda: 0.0)
    try:
        run(main(), loop)
    finally:
        logger.handlers, logger.level, logger.propagate = before


def patched_connect(monkeypatch: pytest.MonkeyPatch, outcome: Callable[..., Any]) -> None:
    """Has every connection to a server end as ``outcome`` says; clients connect as ever."""

    async def connect(self: Any, *args: Any, **kwargs: Any) -> Any:
        return await outcome(*args)

    original = Pools.send

    def send(self: Pools, stream: Any) -> None:
        monkeypatch.setattr(asyncio.BaseEventLoop, "create_connection", connect)
        original(self, stream)

    monkeypatch.setattr(Pools, "send", send)


def test_an_error_of_our_own_side_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_descriptors(*args: Any) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    async def main() -> None:
        backend = Backend(IdCodec())
        async with proxy(backend) as running:
            client = await running.client()
            patched_connect(monkeypatch, no_descriptors)
            await client.send(message(1))
            text = f"meta protocol upstream request: local connection failure '{backend.address}'"
            assert await error_of(client) == ("UNSPECIFIED", text)

    run(main(), "asyncio")


def test_a_bug_where_connections_are_made_leaves_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def breaks(*args: Any) -> None:
        raise TypeError("a bug")

    async def main() -> None:
        backend = Backend(IdCodec())
        async with proxy(backend, routes=[route("all", timeout=None)]) as running:
            client = await running.client()
            patched_connect(monkeypatch, breaks)
            await client.send(message(1))
            text = f"meta protocol upstream request: local connection failure '{backend.address}'"
            assert await error_of(client) == ("UNSPECIFIED", text)
            assert running.count("upstream_cx_connect_fail") == 1

    run(main(), "asyncio")
    assert "connecting to" in caplog.text


def test_a_connection_that_takes_too_long_is_an_error_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*args: Any) -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        backend = Backend(IdCodec())
        async with proxy(backend, connect_timeout=0.02) as running:
            client = await running.client()
            patched_connect(monkeypatch, never)
            await client.send(message(1))
            text = f"meta protocol upstream request: connection failure '{backend.address}' due to timeout"
            assert await error_of(client) == ("UNSPECIFIED", text)
            assert running.count("upstream_cx_connect_timeout") == 1

    run(main(), "asyncio")


def test_a_request_given_up_while_its_connection_is_made_is_never_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*args: Any) -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        backend = Backend(IdCodec())
        async with proxy(backend) as running:
            client = await running.client()
            patched_connect(monkeypatch, never)
            await client.send(message(1))
            await running.counted("upstream_rq_pending_active", 1)
            client.reset()
            await running.counted("upstream_rq_pending_active", 0)
            assert running.count("upstream_rq_cancelled") == 1

    run(main(), "asyncio")


def test_requests_beyond_the_connections_wait_and_those_beyond_that_get_an_error() -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(
            backend, circuit_breakers=CircuitBreakersConfig(max_connections=2, max_pending_requests=3)
        ) as running:
            client = await running.client()
            await client.send(message(0) + message(1))
            await until(lambda: len(backend.requests) == 2)
            await client.send(b"".join(message(n) for n in range(2, 7)))
            text = "meta protocol upstream request: too many connections"
            assert [await error_of(client) for _ in range(2)] == [("UNSPECIFIED", text)] * 2
            assert running.count("upstream_rq_pending_overflow") == 2
            assert running.count("upstream_rq_pending_active") == 3
            for index in range(5):
                (await backend.request(index)).transport.write(echo(backend.requests[index]))
                await client.reply()
            assert len(backend.links) == 2
            assert {each.request_id for each in backend.requests} == {0, 1, 2, 3, 4}

    run(main())


def test_a_request_takes_the_connection_that_becomes_free_first() -> None:
    async def main() -> None:
        backend = Backend(LineCodec(), answer=None)
        async with proxy(
            backend, codec=LineCodec, circuit_breakers=CircuitBreakersConfig(max_connections=1)
        ) as running:
            client = await running.client()
            await client.send(b"GET a\nGET b\nGET c\n")
            for index, text in enumerate("abc"):
                (await backend.request(index)).transport.write(echo(backend.requests[index]))
                assert (await client.reply())["text"] == text
            assert len(backend.links) == 1

    run(main())


def test_those_who_wait_get_another_connection_when_the_last_one_is_lost() -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend, circuit_breakers=CircuitBreakersConfig(max_connections=1)) as running:
            client = await running.client()
            await client.send(message(1, b"lost") + message(2, b"waits"))
            link = await backend.request(0)
            backend.answer = echo
            link.transport.abort()
            assert (await error_of(client))[0] == "UNSPECIFIED"
            assert await client.body() == b"waits"

    run(main())


def test_an_idle_connection_its_server_closed_is_not_used() -> None:
    async def main() -> None:
        backend = Backend(IdCodec())
        async with proxy(backend) as running:
            client = await running.client()
            await client.send(message(1, b"a"))
            await client.body()
            backend.links[0].transport.close()
            await running.counted("upstream_cx_active", 0)
            await client.send(message(2, b"b"))
            assert await client.body() == b"b"
            assert running.count("upstream_cx_destroy_remote") == 1

    run(main())


def test_a_connection_that_ends_before_it_can_be_used_is_an_error_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    async def made_and_lost(make: Callable[[], asyncio.Protocol], *address: Any) -> Any:
        connection, transport = make(), FakeTransport()
        connection.connection_made(transport)
        connection.connection_lost(None)
        return transport, connection

    async def main() -> None:
        backend = Backend(IdCodec())
        async with proxy(backend) as running:
            client = await running.client()
            patched_connect(monkeypatch, made_and_lost)
            await client.send(message(1))
            text = f"meta protocol upstream request: remote connection failure '{backend.address}'"
            assert await error_of(client) == ("UNSPECIFIED", text)

    run(main(), "asyncio")
