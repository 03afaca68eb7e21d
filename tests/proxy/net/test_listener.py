"""An address: bound, refused with a sentence, drained."""

from __future__ import annotations

import asyncio
import socket

import pytest

from metaprotocol_sdk.exceptions import ConfigError
from metaprotocol_sdk.proxy.config.values import (
    Address,
    ClusterConfig,
    EndpointConfig,
    ListenerConfig,
    MirrorConfig,
    ProtocolConfig,
    ProxyConfig,
    RouteConfig,
    RouteTableConfig,
)
from metaprotocol_sdk.proxy.server import Server
from tests.proxy.codecs import ONEWAY, IdCodec, message
from tests.proxy.harness import Backend, echo, proxy, run, serving, until


def test_an_address_in_use_is_a_sentence_that_names_the_listener() -> None:
    async def main() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = Address("127.0.0.1", taken.getsockname()[1])
            listeners = [
                ListenerConfig(
                    name=name,
                    address=where,
                    stat_prefix="x",
                    protocol=ProtocolConfig(name="app", codec="tests.proxy.codecs:IdCodec"),
                    routes=RouteTableConfig(),
                )
                for name, where in (("free", Address("127.0.0.1", 0)), ("front", address))
            ]
            server = Server(ProxyConfig(listeners=tuple(listeners)))
            with pytest.raises(ConfigError) as caught:
                await server.start()
            assert str(caught.value) == (
                f"listener 'front' cannot listen on {address}: address already in use; "
                "stop what listens there, or give it another port"
            )
            assert caught.value.exit_code == 2

    run(main(), "asyncio")


def test_draining_refuses_new_clients_closes_idle_ones_and_finishes_the_rest() -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend) as running:
            idle, busy, halfway = [await running.client() for _ in range(3)]
            await busy.send(message(1, b"a"))
            await halfway.send(message(2, b"b")[:7])
            await running.counted("downstream_cx_rx_bytes_total", len(message(1, b"a")) + 7)
            link = await backend.request(0)
            address = running.server.addresses["main"]
            draining = asyncio.ensure_future(running.server.drain(10))
            assert await idle.replies() == []
            with pytest.raises(OSError, match="refused"):
                await asyncio.open_connection(*address)
            link.transport.write(echo(backend.requests[0]))
            assert [each.request_id for each in await busy.replies()] == [1]
            await halfway.send(message(2, b"b")[7:])
            (await backend.request(1)).transport.write(echo(backend.requests[1]))
            assert [each.request_id for each in await halfway.replies()] == [2]
            assert await draining

    run(main())


def test_draining_ends_at_its_deadline_and_stopping_cuts_what_is_left() -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend) as running:
            client = await running.client()
            await client.send(message(1))
            await backend.request(0)
            assert not await running.server.drain(0.01)
            assert await running.server.stop() == 1
            await until(lambda: backend.links[0].is_lost)

    run(main())


def test_draining_waits_for_oneways_that_no_client_waits_for() -> None:
    async def main() -> None:
        backend = Backend(IdCodec())
        async with proxy(backend) as running:
            client = await running.client()
            client.writer.write(message(1, b"last", kind=ONEWAY))
            await running.counted("request_oneway", 1)
            client.reset()
            assert await running.server.drain(10)
            await until(lambda: backend.bodies() == [b"last"])

    run(main())


@pytest.mark.parametrize("multiplexing", [False, True])
def test_draining_does_not_wait_for_mirrors(multiplexing: bool) -> None:
    async def main() -> None:
        backend, mirror = Backend(IdCodec()), Backend(IdCodec(), answer=None)
        async with serving(mirror):
            copies = ClusterConfig(name="mirror", endpoints=(EndpointConfig(mirror.address),))
            to = RouteConfig(cluster="all", mirrors=(MirrorConfig("mirror"),))
            async with proxy(backend, clusters=[copies], routes=[to], multiplexing=multiplexing) as running:
                client = await running.client()
                await client.send(message(1, b"x"))
                assert await client.body() == b"x"
                await mirror.request(0)
                client.half_close()
                assert await running.server.drain(10)

    run(main())
