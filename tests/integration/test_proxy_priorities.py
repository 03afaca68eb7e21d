"""Limits of a cluster by priority and by server, through a whole proxy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from metaprotocol_sdk.proxy.config.values import (
    CircuitBreakersConfig,
    ClusterConfig,
    EndpointConfig,
    MatcherConfig,
    MatchKind,
    MirrorConfig,
    RetryOn,
    RetryPolicyConfig,
    RouteConfig,
    RoutingPriority,
)
from tests.proxy.codecs import CLOSE_BOTH, INIT, IdCodec, message
from tests.proxy.harness import LOOPS, Backend, Client, Proxy, echo, proxy, run, serving, until, unused_port

loops = pytest.mark.parametrize("loop", sorted(LOOPS))
both_modes = pytest.mark.parametrize("multiplexing", [False, True])

ONE = CircuitBreakersConfig(max_requests=1, track_remaining=True)


def routes(cluster: str = "all", **more: Any) -> list[RouteConfig]:
    """Requests with a string ``high`` have that priority."""
    high = (MatcherConfig("high", MatchKind.PRESENT, value=True),)
    return [
        RouteConfig(cluster=cluster, metadata=high, priority=RoutingPriority.HIGH, **more),
        RouteConfig(cluster=cluster, **more),
    ]


def normal(number: int, **more: Any) -> bytes:
    return message(number, b"normal", **more)


def high(number: int, **more: Any) -> bytes:
    return message(number, b"high", high="1", **more)


async def refused(client: Client) -> str:
    return (await client.reply()).origin_message.decode("latin-1").rpartition("meta protocol upstream request: ")[2]


def gauges(running: Proxy, priority: str) -> dict[str, int]:
    prefix = f"cluster.all.circuit_breakers.{priority}."
    return {key.removeprefix(prefix): value for key, value in running.server.snapshot().items() if prefix in key}


@both_modes
@loops
def test_each_priority_has_its_own_limits_and_its_own_connections(multiplexing: bool, loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        breakers: dict[str, Any] = {"circuit_breakers": ONE, "high_circuit_breakers": replace(ONE, max_requests=2)}
        async with proxy(backend, routes=routes(), multiplexing=multiplexing, **breakers) as running:
            client = await running.client()
            await client.send(normal(1))
            first = await backend.request(0)
            await client.send(normal(2))
            assert await refused(client) == "too many requests"
            await client.send(high(3) + high(4))
            second = await backend.request(2)
            await client.send(high(5))
            assert await refused(client) == "too many requests"
            assert first is not second
            assert running.count("upstream_rq_active") == 3
            assert running.count("upstream_rq_pending_overflow") == 2
            limits = {"cx_open": 0, "rq_open": 1, "rq_pending_open": 0, "rq_retry_open": 0}
            left = {"remaining_pending": 1024, "remaining_retries": 3, "remaining_rq": 0}
            assert gauges(running, "default") == {**limits, **left, "remaining_cx": 1023}
            assert gauges(running, "high") == {**limits, **left, "remaining_cx": 1023 if multiplexing else 1022}
            backend.answer = echo
            for link in backend.open_links:
                for request in link.requests:
                    link.transport.write(echo(request))
            assert sorted([await client.body() for _ in range(3)]) == [b"high", b"high", b"normal"]
            assert gauges(running, "high")["remaining_rq"] == 2
            assert gauges(running, "default")["rq_open"] == 0

    run(main(), loop)


@both_modes
@loops
def test_streams_of_frames_and_bound_connections_have_a_priority_too(multiplexing: bool, loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        for kind, bind in ((INIT, False), (INIT, True), (0, True)):
            breakers: dict[str, Any] = {
                "circuit_breakers": CircuitBreakersConfig(max_requests=0),
                "high_circuit_breakers": ONE,
            }
            async with proxy(backend, routes=routes(), multiplexing=multiplexing, bind=bind, **breakers) as running:
                client, other = await running.client(), await running.client()
                before = len(backend.requests)
                await other.send(normal(1, kind=kind))
                assert await refused(other) == "too many requests"
                await client.send(high(2, kind=kind))
                link = await backend.request(before)
                assert gauges(running, "high")["rq_open"] == 1
                await (third := await running.client()).send(high(3, kind=kind))
                assert await refused(third) == "too many requests"
                link.transport.write(message(2, kind=CLOSE_BOTH) if kind == INIT else echo(backend.requests[before]))
                await client.reply()
                await running.counted("upstream_rq_active", 0)
                assert gauges(running, "high")["rq_open"] == 0

    run(main(), loop)


@loops
def test_retries_count_against_the_limit_of_their_priority(loop: str) -> None:
    async def main() -> None:
        policy = RetryPolicyConfig(retry_on=frozenset({RetryOn.CONNECT_FAILURE}), base_interval=0.001)
        dead = ClusterConfig(
            name="dead",
            endpoints=(EndpointConfig(replace(Backend(IdCodec()).address, port=unused_port())),),
            circuit_breakers=CircuitBreakersConfig(max_retries=0),
        )
        async with proxy(clusters=[dead], routes=routes("dead", retry=policy)) as running:
            client = await running.client()
            await client.send(normal(1))
            await client.reply()
            assert running.count("upstream_rq_retry_overflow") == 1
            await client.send(high(2))
            await client.reply()
            assert running.count("upstream_rq_retry") == 1
            assert running.count("upstream_rq_retry_overflow") == 1

    run(main(), loop)


@both_modes
@loops
def test_copies_count_as_default_whatever_the_route(multiplexing: bool, loop: str) -> None:
    async def main() -> None:
        backend, copied = Backend(IdCodec()), Backend(IdCodec())
        async with serving(copied):
            mirror = ClusterConfig(
                name="mirror",
                endpoints=(EndpointConfig(copied.address),),
                high_circuit_breakers=CircuitBreakersConfig(max_requests=0),
            )
            chosen = routes(mirrors=(MirrorConfig("mirror"),))
            async with proxy(backend, clusters=[mirror], routes=chosen, multiplexing=multiplexing) as running:
                client = await running.client()
                for number in range(2):
                    await client.send(high(number))
                    assert await client.body() == b"high"
                    await until(lambda number=number: len(copied.requests) == number + 1)  # type: ignore[misc]

    run(main(), loop)


@loops
def test_a_server_has_no_more_connections_than_each_may_have(loop: str) -> None:
    async def main() -> None:
        backends = [Backend(IdCodec(), answer=None) for _ in range(2)]
        breakers = CircuitBreakersConfig(max_connections_per_host=2)
        async with proxy(*backends, routes=routes(), circuit_breakers=breakers) as running:
            client = await running.client()
            await client.send(b"".join(map(normal, range(10))))
            await running.counted("upstream_rq_active", 4)
            assert running.count("upstream_rq_pending_active") == 6
            assert running.count("upstream_cx_overflow") > 0
            await client.send(high(10))  # high priority has no such limit here
            await until(lambda: sum(len(each.requests) for each in backends) == 5)
            assert sorted(len(each.open_links) for each in backends) == [2, 3]
            for each in backends:
                each.answer = echo
                for link in each.open_links:
                    link.transport.write(echo(link.requests[0]))
            assert len([await client.reply() for _ in range(11)]) == 11
            assert sorted(len(each.links) for each in backends) == [2, 3]
            assert sum(each.connections for each in running.server.clusters["all"].endpoints) == 5

    run(main(), loop)


@both_modes
@loops
def test_connections_of_every_priority_end_with_their_server(multiplexing: bool, loop: str) -> None:
    async def main() -> None:
        old, new = Backend(IdCodec()), Backend(IdCodec())
        async with serving(new), proxy(old, routes=routes(), multiplexing=multiplexing) as running:
            client = await running.client()
            for request in (high(1), normal(2)):
                await client.send(request)
                await client.reply()
            assert len(old.open_links) == 2
            running.server.clusters["all"].set_endpoints([EndpointConfig(new.address)])
            await until(lambda: not old.open_links)
            await client.send(high(3))
            assert await client.body() == b"high"
            assert len(new.requests) == 1

    run(main(), loop)
