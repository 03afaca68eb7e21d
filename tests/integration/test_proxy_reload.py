"""Another configuration under load: what changes takes effect, and not one request fails of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from metaprotocol_sdk.exceptions import CodecNotFound, ConfigError
from metaprotocol_sdk.proxy.config.values import (
    Address,
    CircuitBreakersConfig,
    ClusterConfig,
    EndpointConfig,
    LbPolicy,
    ListenerConfig,
    ProtocolConfig,
    ProxyConfig,
    RouteConfig,
    RouteTableConfig,
)
from metaprotocol_sdk.proxy.net import dialer, pool
from metaprotocol_sdk.proxy.net.cluster_manager import ClusterPlan
from metaprotocol_sdk.proxy.server import Server
from tests.proxy.codecs import ONEWAY, REPLY, IdCodec, message
from tests.proxy.harness import LOOPS, Backend, Client, Proxy, run, serving, until, unused_port

loops = pytest.mark.parametrize("loop", sorted(LOOPS))
both_modes = pytest.mark.parametrize("multiplexing", [False, True])


def listener(name: str, cluster: str, **more: object) -> ListenerConfig:
    protocol = ProtocolConfig(
        name="app", codec="tests.proxy.codecs:IdCodec", multiplexing=bool(more.pop("multiplexing", False))
    )
    return ListenerConfig(
        name=name,
        address=Address("127.0.0.1", 0),
        stat_prefix=name,
        protocol=protocol,
        routes=RouteTableConfig(routes=(RouteConfig(cluster=cluster),)),
        **more,  # type: ignore[arg-type]
    )


def cluster(name: str, *backends: Backend, **more: object) -> ClusterConfig:
    endpoints = tuple(EndpointConfig(backend.address) for backend in backends)
    return ClusterConfig(name=name, endpoints=endpoints, **more)  # type: ignore[arg-type]


@asynccontextmanager
async def proxy(config: ProxyConfig) -> AsyncIterator[Proxy]:
    """Checks at the end that nothing is left."""
    before = asyncio.all_tasks()
    server = Server(config, drain_time=5)
    await server.start()
    running = Proxy(server, IdCodec())
    try:
        yield running
    finally:
        for client in running.clients:
            client.writer.transport.abort()
        await server.stop()
        await until(lambda: asyncio.all_tasks() <= before)
    assert running.count("upstream_cx_active") == 0


class Load:
    """Clients that always have a request in flight, and what became of each."""

    def __init__(self, clients: list[Client]) -> None:
        self.is_over = False
        self.sent = 0
        self.tasks = [asyncio.ensure_future(self.ask(client)) for client in clients]

    async def ask(self, client: Client) -> None:
        while not self.is_over:
            self.sent += 1
            body = b"%d" % self.sent
            await client.send(message(self.sent % 1000, body))
            reply = await client.reply()
            assert reply.origin_message[1] == REPLY, reply.origin_message
            assert reply.origin_message[reply.header_size :] == body

    async def stop(self) -> int:
        self.is_over = True
        await asyncio.gather(*self.tasks)
        return self.sent


@both_modes
@loops
def test_nothing_fails_however_often_everything_changes(multiplexing: bool, loop: str) -> None:
    async def main() -> None:
        rng = random.Random(7)
        backends = [Backend(IdCodec()) for _ in range(4)]
        async with serving(backends[0]), serving(backends[1]), serving(backends[2]), serving(backends[3]):

            def drawn() -> ProxyConfig:
                chosen = rng.sample(backends, rng.randint(1, 4))
                policy = rng.choice(list(LbPolicy))
                breakers = CircuitBreakersConfig(max_connections=rng.randint(5, 50))
                clusters = cluster("a", *chosen, lb_policy=policy, circuit_breakers=breakers), cluster("b", backends[1])
                main = listener(
                    "main", rng.choice("ab"), multiplexing=multiplexing, max_concurrent_requests=rng.randint(2, 9)
                )
                more = [listener(f"more{number}", "a") for number in range(rng.randint(0, 2))]
                return ProxyConfig(listeners=(main, *more), clusters=clusters)

            async with proxy(drawn()) as running:
                load = Load([await running.client() for _ in range(8)])
                for _ in range(100):
                    sent = load.sent
                    await running.server.reload(drawn())
                    await until(lambda sent=sent: load.sent > sent + 5 or any(task.done() for task in load.tasks))  # type: ignore[misc]
                assert await load.stop() > 500
                assert running.server.stats.config_reload == 100
                last = ProxyConfig(
                    listeners=(listener("main", "b", multiplexing=multiplexing),), clusters=(cluster("b", backends[1]),)
                )
                await running.server.reload(last)
                kept = [link for backend in backends for link in backend.links if backend is not backends[1]]
                await until(lambda: all(link.is_lost for link in kept))
                assert set(running.server.addresses) == {"main"}

    run(main(), loop)


async def reply_of(running: Proxy, client: Client) -> bytes:
    await client.send(message(1, b"x"))
    return await client.body()


def named(name: bytes) -> Callable[[object], bytes]:
    return lambda request: message(getattr(request, "request_id"), name, kind=REPLY)  # noqa: B009


@loops
def test_a_client_that_stays_sees_the_new_routes_and_a_request_in_flight_keeps_its_server(loop: str) -> None:
    async def main() -> None:
        slow, new = Backend(IdCodec(), answer=None), Backend(IdCodec(), answer=named(b"new"))
        async with serving(slow), serving(new):
            old = ProxyConfig(listeners=(listener("main", "slow"),), clusters=(cluster("slow", slow),))
            async with proxy(old) as running:
                client, other = await running.client(), await running.client()
                await client.send(message(1))
                link = await slow.request(0)
                await running.server.reload(
                    ProxyConfig(listeners=(listener("main", "new"),), clusters=(cluster("new", new),))
                )
                assert await reply_of(running, other) == b"new"
                assert not link.is_lost
                link.transport.write(message(1, b"old", kind=REPLY))
                assert await client.body() == b"old"
                await until(lambda: link.is_lost)
                assert await reply_of(running, client) == b"new"

    run(main(), loop)


@loops
def test_a_configuration_that_cannot_be_used_changes_nothing(loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=named(b"old"))
        async with serving(backend):
            old = ProxyConfig(listeners=(listener("main", "a"),), clusters=(cluster("a", backend),))
            async with proxy(old) as running:
                client = await running.client()
                taken = Address(*running.server.addresses["main"])
                fresh = listener("fresh", "a")
                bad = replace(listener("bad", "a"), address=taken)
                with pytest.raises(ConfigError, match="address already in use"):
                    await running.server.reload(replace(old, listeners=(listener("main", "b"), fresh, bad)))
                protocol = replace(fresh.protocol, codec="nowhere")
                with pytest.raises(CodecNotFound):
                    await running.server.reload(replace(old, listeners=(replace(fresh, protocol=protocol),)))
                assert set(running.server.addresses) == {"main"}
                assert await reply_of(running, client) == b"old"
                assert await reply_of(running, await running.client()) == b"old"
                assert running.server.config is old

    run(main(), loop)


@loops
def test_a_listener_that_is_gone_ends_what_its_clients_have_in_flight(loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with serving(backend):
            clusters = (cluster("a", backend),)
            old = ProxyConfig(listeners=(listener("main", "a"), listener("other", "a")), clusters=clusters)
            async with proxy(old) as running:
                busy, idle = await running.client(), await running.client()
                await busy.send(message(1))
                link = await backend.request(0)
                await running.server.reload(ProxyConfig(listeners=(listener("other", "a"),), clusters=clusters))
                assert await idle.replies() == []
                link.transport.write(message(1, b"last", kind=REPLY))
                assert [each.request_id for each in await busy.replies()] == [1]
                await until(lambda: not running.server._leaving)

    run(main(), loop)


@loops
def test_a_listener_that_is_gone_waits_for_oneways_that_no_client_waits_for(
    loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        backend, is_far, dial = Backend(IdCodec()), asyncio.Event(), dialer.dial

        async def slowly(*arguments: Any) -> None:
            await is_far.wait()
            await dial(*arguments)

        monkeypatch.setattr(pool, "dial", slowly)
        async with serving(backend):
            clusters = (cluster("a", backend),)
            old = ProxyConfig(listeners=(listener("main", "a"),), clusters=clusters)
            async with proxy(old) as running:
                client = await running.client()
                client.writer.write(message(1, b"last", kind=ONEWAY))
                await running.counted("request_oneway", 1)
                client.reset()
                await running.counted("downstream_cx_active", 0)
                await running.server.reload(ProxyConfig(clusters=clusters))
                for _ in range(20):
                    await asyncio.sleep(0)
                is_far.set()
                await until(lambda: not running.server._leaving)
                await until(lambda: backend.bodies() == [b"last"])

    run(main(), loop)


@loops
def test_clients_of_another_protocol_are_seen_off_and_new_ones_speak_the_new_one(loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec())
        async with serving(backend):
            old = ProxyConfig(listeners=(listener("main", "a"),), clusters=(cluster("a", backend),))
            async with proxy(old) as running:
                client = await running.client()
                assert await reply_of(running, client) == b"x"
                address = running.server.addresses["main"]
                shared = listener("main", "a", multiplexing=True)
                await running.server.reload(replace(old, listeners=(shared,)))
                assert running.server.addresses["main"] == address
                assert await client.replies() == []
                assert await reply_of(running, await running.client()) == b"x"
                assert running.server.listeners[0].context.is_shared

    run(main(), loop)


@loops
def test_half_a_request_of_the_old_protocol_is_still_answered_two_configurations_later(loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec())
        async with serving(backend):
            old = ProxyConfig(listeners=(listener("main", "a"),), clusters=(cluster("a", backend),))
            async with proxy(old) as running:
                client = await running.client()
                whole = message(1, b"x")
                await client.send(whole[:5])
                await running.counted("downstream_cx_rx_bytes_total", 5)
                for is_shared in (True, False, True):
                    await running.server.reload(
                        replace(old, listeners=(listener("main", "a", multiplexing=is_shared),))
                    )
                assert len(running.server.listeners[0]._old) == 1
                await client.send(whole[5:])
                assert [each.request_id for each in await client.replies()] == [1]
                client.half_close()
                await until(lambda: not len(running.server.listeners[0].connections))
                await running.server.reload(old)
                assert not running.server.listeners[0]._old

    run(main(), loop)


@loops
def test_a_listener_may_have_another_name_at_its_address(loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec())
        async with serving(backend):
            address = Address("127.0.0.1", unused_port())
            first = replace(listener("main", "a"), address=address)
            old = ProxyConfig(listeners=(first,), clusters=(cluster("a", backend),))
            async with proxy(old) as running:
                client = await running.client()
                assert await reply_of(running, client) == b"x"
                await running.server.reload(replace(old, listeners=(replace(first, name="renamed"),)))
                assert running.server.addresses == {"renamed": (address.host, address.port)}
                assert await client.replies() == []
                fresh = Client(IdCodec(), *await asyncio.open_connection(address.host, address.port))
                assert await reply_of(running, fresh) == b"x"
                fresh.writer.transport.abort()

    run(main(), loop)


@loops
def test_a_stop_during_a_reload_leaves_no_listener_behind(loop: str) -> None:
    async def main() -> None:
        address = Address("127.0.0.1", unused_port())
        old = ProxyConfig(listeners=(listener("main", "a"),), clusters=(ClusterConfig(name="a"),))
        new = (listener("main", "a"), replace(listener("first", "a"), address=address), listener("second", "a"))
        async with proxy(old) as running:
            begun = asyncio.Event()

            class Slow:
                """Looks after a cluster that is not ready, ever."""

                counters = ()

                async def warm(self) -> None:
                    begun.set()
                    await asyncio.Event().wait()

                def update(self) -> None:
                    pass

                def close(self) -> None:
                    closed.set()

            closed = asyncio.Event()
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(running.server._manager, "_factories", (lambda cluster, surroundings: Slow(),))
                changed = replace(old, listeners=new, clusters=(*old.clusters, ClusterConfig(name="new")))
                reload = asyncio.ensure_future(running.server.reload(changed))
                await begun.wait()
                reload.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await reload
            assert closed.is_set()
            with pytest.raises(OSError):
                await asyncio.open_connection(address.host, address.port)
            assert set(running.server.addresses) == {"main"}

    run(main(), loop)


@loops
def test_a_drain_during_a_reload_ends_the_reload(loop: str) -> None:
    async def main() -> None:
        old = ProxyConfig(listeners=(listener("main", "a"),), clusters=(ClusterConfig(name="a"),))
        new = replace(old, listeners=(*old.listeners, listener("other", "a")))
        async with proxy(old) as running:
            with pytest.MonkeyPatch.context() as patch:

                async def warm(*_: object) -> None:
                    running.server.drain_listeners()

                patch.setattr(ClusterPlan, "warm", warm)
                with pytest.raises(ConfigError, match="start the proxy anew"):
                    await running.server.reload(new)
            assert set(running.server.addresses) == {"main"}

    run(main(), loop)


@loops
def test_a_drain_before_the_start_is_over_lets_nobody_in(loop: str) -> None:
    async def main() -> None:
        server = Server(ProxyConfig(listeners=(listener("main", "a"),), clusters=(ClusterConfig(name="a"),)))
        with pytest.MonkeyPatch.context() as patch:

            async def warm(*_: object) -> None:
                server.drain_listeners()

            patch.setattr(ClusterPlan, "warm", warm)
            await server.start()
        with pytest.raises(OSError):
            await asyncio.open_connection(*server.addresses["main"])
        await server.stop()

    run(main(), loop)


@loops
def test_two_listeners_may_change_places(loop: str) -> None:
    async def main() -> None:
        one, other = Backend(IdCodec(), answer=named(b"one")), Backend(IdCodec(), answer=named(b"other"))
        async with serving(one), serving(other):
            clusters = (cluster("one", one), cluster("other", other))
            ports = [Address("127.0.0.1", unused_port()) for _ in range(2)]
            names = ("one", "other")
            old = [replace(listener(name, name), address=port) for name, port in zip(names, ports, strict=True)]
            new = [replace(listener(name, name), address=port) for name, port in zip(names, ports[::-1], strict=True)]
            async with proxy(ProxyConfig(listeners=tuple(old), clusters=clusters)) as running:
                before = [await asyncio.open_connection(port.host, port.port) for port in ports]
                prepared = await running.server.prepare(ProxyConfig(listeners=tuple(new), clusters=clusters))
                running.server.abandon(prepared)
                for expected, turn in ((names, False), (names[::-1], True)):
                    if turn:
                        await running.server.reload(ProxyConfig(listeners=tuple(new), clusters=clusters))
                    for name, port in zip(expected, ports, strict=True):
                        client = Client(IdCodec(), *await asyncio.open_connection(port.host, port.port))
                        assert await reply_of(running, client) == name.encode()
                        client.writer.transport.abort()
                for reader, writer in before:
                    assert await reader.read() == b""
                    writer.transport.abort()

    run(main(), loop)


@loops
def test_a_listener_that_leaves_lets_go_of_servers_too(loop: str) -> None:
    async def main() -> None:
        slow, new = Backend(IdCodec(), answer=None), Backend(IdCodec())
        async with serving(slow), serving(new):
            old = ProxyConfig(listeners=(listener("main", "a"), listener("other", "a")), clusters=(cluster("a", slow),))
            async with proxy(old) as running:
                busy, idle = await running.client(), await running.client()
                await busy.send(message(1))
                held = await slow.request(0)
                await idle.send(message(2))
                unused = await slow.request(1)
                unused.transport.write(message(2, kind=REPLY))
                await idle.reply()
                await running.server.reload(replace(old, listeners=(listener("other", "a"),)))
                await running.server.reload(
                    replace(old, listeners=(listener("other", "a"),), clusters=(cluster("a", new),))
                )
                await until(lambda: unused.is_lost)
                assert not held.is_lost
                held.transport.write(message(1, b"last", kind=REPLY))
                assert await busy.body() == b"last"
                await until(lambda: held.is_lost)

    run(main(), loop)
