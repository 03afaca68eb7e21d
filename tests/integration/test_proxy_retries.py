"""Retries, deadlines, mirrors and breakers through a whole proxy."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.proxy.config.values import (
    Address,
    CircuitBreakersConfig,
    ClusterConfig,
    ConnectionConfig,
    EndpointConfig,
    MirrorConfig,
    RetryOn,
    RetryPolicyConfig,
    RouteConfig,
)
from tests.proxy.codecs import ERROR, ONEWAY, REPLY, DeadlineCodec, IdCodec, LineCodec, message
from tests.proxy.harness import LOOPS, Backend, proxy, run, serving, until, unused_port

loops = pytest.mark.parametrize("loop", sorted(LOOPS))
both_modes = pytest.mark.parametrize("multiplexing", [False, True])


def retrying(*kinds: RetryOn, num_retries: int = 3, per_try_timeout: float | None = None) -> RouteConfig:
    policy = RetryPolicyConfig(
        retry_on=frozenset(kinds), num_retries=num_retries, per_try_timeout=per_try_timeout, base_interval=0.001
    )
    return RouteConfig(cluster="all", retry=policy)


def failing(times: int, how: Callable[[Metadata], bytes]) -> Callable[[Metadata], bytes]:
    """Answers the first requests as ``how`` says, and those after them well."""
    seen: list[Metadata] = []

    def answer(request: Metadata) -> bytes:
        seen.append(request)
        kind_of = how if len(seen) <= times else well
        return kind_of(request)

    return answer


def well(request: Metadata) -> bytes:
    return message(request.request_id, b"well", kind=REPLY)


def badly(request: Metadata) -> bytes:
    return message(request.request_id, b"badly", kind=ERROR)


def garbage(request: Metadata) -> bytes:
    return b"\0" * 40


def half_dead(backend: Backend) -> ClusterConfig:
    """A cluster of a server that refuses connections and one that serves, in turn."""
    addresses = (Address("127.0.0.1", unused_port()), backend.address)
    return ClusterConfig(name="two", endpoints=tuple(map(EndpointConfig, addresses)))


def mirror_of(backend: Backend) -> ClusterConfig:
    return ClusterConfig(name="mirror", endpoints=(EndpointConfig(backend.address),))


@both_modes
@loops
def test_a_server_that_refuses_is_passed_over(multiplexing: bool, loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=well)
        policy = RetryPolicyConfig(retry_on=frozenset({RetryOn.CONNECT_FAILURE}), base_interval=0.001)
        route = RouteConfig(cluster="two", retry=policy)
        async with (
            serving(backend),
            proxy(clusters=[half_dead(backend)], routes=[route], multiplexing=multiplexing) as running,
        ):
            client = await running.client()
            for number in range(6):
                await client.send(message(number))
                assert await client.body() == b"well"
            assert running.count("upstream_rq_retry") == running.count("upstream_rq_retry_success") == 6

    run(main(), loop)


CASES = [(RetryOn.ERROR_REPLY, badly), (RetryOn.RESET, garbage)]


@both_modes
@pytest.mark.parametrize(("kind", "how"), CASES)
@loops
def test_a_client_sees_only_the_reply_that_is_well(
    kind: RetryOn, how: Callable[[Metadata], bytes], multiplexing: bool, loop: str
) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=failing(2, how))
        async with proxy(backend, routes=[retrying(kind)], multiplexing=multiplexing) as running:
            client = await running.client()
            await client.send(message(7, b"x"))
            reply = await client.reply()
            assert (reply.request_id, reply.origin_message[1]) == (7, REPLY)
            assert backend.bodies() == [b"x"] * 3
            client.half_close()
            assert await client.replies() == []

    run(main(), loop)


@both_modes
@loops
def test_a_server_that_hangs_up_is_tried_again_and_one_that_goes_on_doing_it_is_an_error(
    multiplexing: bool, loop: str
) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with proxy(backend, routes=[retrying(RetryOn.RESET)], multiplexing=multiplexing) as running:
            client = await running.client()
            await client.send(message(7))
            for number in range(4):
                (await backend.request(number)).transport.abort()
            reply = await client.reply()
            assert (reply.request_id, reply.origin_message[1]) == (7, ERROR)
            assert running.count("upstream_rq_retry_limit_exceeded") == 1

    run(main(), loop)


@both_modes
@loops
def test_the_late_answer_of_an_attempt_that_was_given_up_reaches_nobody(multiplexing: bool, loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        route = retrying(RetryOn.PER_TRY_TIMEOUT, per_try_timeout=0.05)
        async with proxy(backend, routes=[route], multiplexing=multiplexing) as running:
            client = await running.client()
            await client.send(message(7))
            slow, quick = await backend.request(0), await backend.request(1)
            if not slow.is_lost:
                slow.transport.write(message(backend.requests[0].request_id, b"slow", kind=REPLY))
            quick.transport.write(message(backend.requests[1].request_id, b"quick", kind=REPLY))
            assert await client.body() == b"quick"
            client.half_close()
            assert await client.replies() == []

    run(main(), loop)


@loops
def test_a_oneway_is_never_sent_twice(loop: str) -> None:
    async def main() -> None:
        dead = ClusterConfig(name="dead", endpoints=(EndpointConfig(Address("127.0.0.1", unused_port())),))
        policy = RetryPolicyConfig(retry_on=frozenset(RetryOn), num_retries=5, base_interval=0.001)
        async with proxy(clusters=[dead], routes=[RouteConfig(cluster="dead", retry=policy)]) as running:
            client = await running.client()
            await client.send(message(7, kind=ONEWAY))
            await running.counted("local_response_error", 1)
            assert running.count("upstream_rq_retry") == 0

    run(main(), loop)


@loops
def test_the_routes_timeout_ends_all_attempts(loop: str) -> None:
    async def main() -> None:
        policy = RetryPolicyConfig(
            retry_on=frozenset({RetryOn.ERROR_REPLY}), num_retries=10**6, base_interval=0.001, max_interval=0.002
        )
        backend = Backend(IdCodec(), answer=badly)
        async with proxy(backend, routes=[RouteConfig(cluster="all", timeout=0.1, retry=policy)]) as running:
            client = await running.client()
            await client.send(message(7))
            reply = await client.reply()
            assert b"no reply from cluster 'all'" in reply.origin_message
            assert running.count("upstream_rq_timeout") == 1
            client.half_close()
            assert await client.replies() == []

    run(main(), loop)


# What a request itself allows.


@loops
def test_a_request_may_give_its_server_less_time_than_its_route_does(loop: str) -> None:
    async def main() -> None:
        backend = Backend(DeadlineCodec(), answer=None)
        async with proxy(backend, codec=DeadlineCodec, routes=[RouteConfig(cluster="all", timeout=None)]) as running:
            client = await running.client()
            await client.send(message(1, deadline="0.05") + message(2, deadline="none"))
            reply = await client.reply()
            assert (reply.request_id, reply.origin_message[1]) == (1, ERROR)
            assert running.count("upstream_rq_active") == 1
            await client.send(message(3, deadline="nan"))
            await running.counted("codec_bug", 1)
            link = next(each for each in backend.open_links)
            link.transport.write(well(link.requests[0]))
            assert [each.request_id for each in await client.replies()] == [2]

    run(main(), loop)


# Mirrors.


@both_modes
@loops
def test_a_mirror_gets_the_request_as_its_server_does_and_its_replies_can_do_no_harm(
    multiplexing: bool, loop: str
) -> None:
    async def main() -> None:
        mirror = Backend(IdCodec(), answer=garbage)
        dead = ClusterConfig(name="dead", endpoints=(EndpointConfig(Address("127.0.0.1", unused_port())),))
        route = RouteConfig(
            cluster="all",
            mirrors=(
                MirrorConfig("mirror"),
                MirrorConfig("dead"),
                MirrorConfig("missing"),
                MirrorConfig("mirror", 0.0),
            ),
        )
        backend = Backend(IdCodec(), answer=well)
        async with (
            serving(mirror),
            proxy(backend, clusters=[mirror_of(mirror), dead], routes=[route], multiplexing=multiplexing) as running,
        ):
            client = await running.client()
            for number in range(10):
                await client.send(message(number, b"body%d" % number), message(100 + number, b"tell", kind=ONEWAY))
                assert await client.body() == b"well"
            await until(lambda: len(mirror.requests) == 20)
            assert sorted(mirror.bodies()) == sorted(backend.bodies())
            assert running.count("request_mirrored") == 40
            assert running.count("request_mirror_skipped") == 20
            await running.counted("upstream_rq_active", 0)
            await running.counted("upstream_rq_pending_active", 0)

    run(main(), loop)


@loops
def test_a_client_never_waits_for_a_mirror(loop: str) -> None:
    async def main() -> None:
        backend, mirror = Backend(IdCodec(), answer=well), Backend(IdCodec(), answer=None)
        route = RouteConfig(cluster="all", timeout=0.2, mirrors=(MirrorConfig("mirror"),))
        async with serving(mirror), proxy(backend, clusters=[mirror_of(mirror)], routes=[route]) as running:
            client = await running.client()
            await client.send(message(1))
            assert await client.body() == b"well"
            client.half_close()
            assert await client.replies() == []
            await until(lambda: len(mirror.requests) == 1)
            assert running.count("upstream_rq_active") == 1
            await running.counted("upstream_rq_active", 0)
            assert running.count("upstream_rq_timeout") == 1

    run(main(), loop)


# What is allowed at once, and how long.


@both_modes
@loops
def test_more_requests_than_the_cluster_allows_are_refused_at_once(multiplexing: bool, loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        breakers = CircuitBreakersConfig(max_requests=2)
        async with proxy(backend, multiplexing=multiplexing, circuit_breakers=breakers) as running:
            client = await running.client()
            await client.send(message(1) + message(2) + message(3))
            reply = await client.reply()
            assert (reply.request_id, reply.origin_message[1]) == (3, ERROR)
            assert b"too many requests" in reply.origin_message
            link = await backend.request(0)
            link.transport.write(well(backend.requests[0]))
            first = (await client.reply()).request_id
            await client.send(message(4))
            await until(lambda: len(backend.requests) == 3)
            assert first in (1, 2)
            assert running.count("upstream_rq_pending_overflow") == 1

    run(main(), loop)


@loops
def test_connections_are_limited_over_all_servers_but_each_may_have_one(loop: str) -> None:
    async def main() -> None:
        backends = [Backend(IdCodec(), answer=None) for _ in range(3)]
        breakers = CircuitBreakersConfig(max_connections=2)
        async with proxy(*backends, circuit_breakers=breakers) as running:
            client = await running.client()
            for number in range(9):
                await client.send(message(number))
            await until(lambda: all(backend.requests for backend in backends))
            assert [len(backend.links) for backend in backends] == [1, 1, 1]
            assert running.count("upstream_cx_overflow") > 0
            assert running.count("upstream_rq_pending_active") == 6

    run(main(), loop)


@both_modes
@pytest.mark.parametrize("codec", [IdCodec, LineCodec])
@loops
def test_a_connection_is_replaced_after_its_requests(codec: type[IdCodec], multiplexing: bool, loop: str) -> None:
    if multiplexing and codec is not IdCodec:
        return  # a protocol without ids cannot be shared

    async def main() -> None:
        backend = Backend(codec())
        connections = ConnectionConfig(max_requests=2)
        async with proxy(backend, codec=codec, multiplexing=multiplexing, connections=connections) as running:
            client = await running.client()
            for number in range(5):
                await client.send(message(number, b"x") if codec is IdCodec else b"GET x\n")
                await client.reply()
            assert sorted(len(link.requests) for link in backend.links) == [1, 2, 2]
            assert running.count("upstream_cx_max_requests") == 2
            assert running.count("upstream_cx_destroy_local_with_active_rq") == 0

    run(main(), loop)


@both_modes
@loops
def test_a_connection_over_its_age_takes_no_more_requests_and_delivers_those_it_has(
    multiplexing: bool, loop: str
) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        connections = ConnectionConfig(max_duration=0.05)
        async with proxy(backend, multiplexing=multiplexing, connections=connections) as running:
            client = await running.client()
            await client.send(message(1))
            link = await backend.request(0)
            await running.counted("upstream_cx_max_duration_reached", 1)
            await client.send(message(2))
            other = await backend.request(1)
            assert other is not link
            link.transport.write(well(backend.requests[0]))
            assert await client.body() == b"well"
            await until(lambda: link.is_lost)

    run(main(), loop)
