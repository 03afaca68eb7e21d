"""Servers that fail are ejected and come back, through a whole proxy; and healthy ones are not."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest

from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.config.values import (
    Address,
    ClusterConfig,
    EndpointConfig,
    MirrorConfig,
    OutlierDetectionConfig,
    RetryOn,
    RetryPolicyConfig,
    RouteConfig,
)
from tests.proxy.codecs import CLOSE, CLOSE_BOTH, ERROR, INIT, ONEWAY, REPLY, FewIdsCodec, IdCodec, message
from tests.proxy.harness import LOOPS, Backend, Client, Proxy, echo, proxy, run, serving, until, unused_port

loops = pytest.mark.parametrize("loop", sorted(LOOPS))
both_modes = pytest.mark.parametrize("multiplexing", [False, True])

QUICK = OutlierDetectionConfig(
    consecutive_5xx=3,
    consecutive_local_origin_failure=3,
    max_ejection_percent=50,
    interval=0.03,
    base_ejection_time=0.05,
    enforcing_success_rate=0,
    enforcing_local_origin_success_rate=0,
)
"""Half of the servers may be out, and not for long."""
LASTING = replace(QUICK, interval=60.0, base_ejection_time=60.0, max_ejection_time=60.0)
SPLIT = {"split_external_local_origin_errors": True}
EJECTED = "ejections_active"


def badly(request: Metadata) -> bytes:
    return message(request.request_id, b"badly", kind=ERROR)


def garbage(_: Metadata) -> bytes:
    return b"\0" * 40


def cluster_of(running: Proxy, name: str = "all") -> Cluster:
    return running.server.clusters[name]


def endpoint_of(running: Proxy, backend: Backend, name: str = "all") -> Endpoint:
    return next(each for each in cluster_of(running, name).endpoints if each.address == backend.address)


def is_out(endpoint: Endpoint) -> bool:
    return not endpoint.is_usable


async def arrived(count: int, *backends: Backend) -> None:
    """So many requests have come to the servers together."""
    await until(lambda: sum(len(each.requests) for each in backends) >= count)


async def ask(client: Client, number: int) -> bytes:
    await client.send(message(number, b"ask"))
    return await client.body()


async def ask_until(running: Proxy, client: Client, condition: Callable[[], bool]) -> int:
    """Asks one after the other until it holds; returns how often."""
    times = 0
    while not condition():
        times += 1
        await ask(client, times)
    return times


async def only(client: Client, backend: Backend, times: int = 6) -> None:
    """Every request goes to that server now, and is answered well."""
    before = len(backend.requests)
    for number in range(times):
        assert await ask(client, 500 + number) == b"ask"
    assert len(backend.requests) == before + times


@both_modes
@loops
@pytest.mark.parametrize("how", [badly, garbage])
def test_a_server_that_answers_badly_is_ejected_and_comes_back(
    multiplexing: bool, loop: str, how: Callable[[Metadata], bytes]
) -> None:
    async def main() -> None:
        bad, good = Backend(IdCodec(), answer=how), Backend(IdCodec())
        async with proxy(bad, good, multiplexing=multiplexing, outlier_detection=QUICK) as running:
            client = await running.client()
            endpoint = endpoint_of(running, bad)
            assert await ask_until(running, client, lambda: not endpoint.is_usable) <= 6
            assert running.count("ejections_enforced_consecutive_5xx") == 1
            assert running.count("ejections_detected_consecutive_gateway_failure") == 0
            bad.answer = echo
            await until(lambda: endpoint.is_usable)
            before = len(bad.requests)
            for number in range(4):
                assert await ask(client, number) == b"ask"
            assert len(bad.requests) == before + 2
            assert running.count("ejections_enforced_total") == 1
            assert running.count(EJECTED) == 0

    run(main(), loop)


def mute(backend: Backend) -> None:
    """Nothing comes."""


def hang_up(backend: Backend) -> None:
    """The connection ends with each request."""

    def answer(_: Metadata) -> bytes:
        for link in backend.open_links:
            link.transport.close()
        return b""

    backend.answer = answer


def reset(backend: Backend) -> None:
    """The connection ends with each request, without an orderly end."""

    def answer(_: Metadata) -> bytes:
        for link in backend.open_links:
            link.transport.abort()
        return b""

    backend.answer = answer


ROUTES = [
    RouteConfig(cluster="all", timeout=0.03),
    RouteConfig(
        cluster="all",
        retry=RetryPolicyConfig(retry_on=frozenset({RetryOn.RESET}), per_try_timeout=0.03, base_interval=0.001),
    ),
]


@both_modes
@loops
@pytest.mark.parametrize("how", [mute, hang_up, reset])
@pytest.mark.parametrize("route", ROUTES, ids=["timeout", "per_try_timeout"])
@pytest.mark.parametrize("split", [{}, SPLIT], ids=["together", "split"])
def test_a_server_that_does_not_answer_is_ejected(
    multiplexing: bool, loop: str, how: Callable[[Backend], None], route: RouteConfig, split: dict[str, Any]
) -> None:
    async def main() -> None:
        bad, good = Backend(IdCodec(), answer=None), Backend(IdCodec())
        how(bad)
        config = replace(LASTING, **split, enforcing_consecutive_gateway_failure=0, consecutive_gateway_failure=2)
        async with proxy(bad, good, routes=[route], multiplexing=multiplexing, outlier_detection=config) as running:
            client = await running.client()
            endpoint = endpoint_of(running, bad)
            await ask_until(running, client, lambda: not endpoint.is_usable)
            assert len(bad.requests) == 3
            cause = "consecutive_local_origin_failure" if split else "consecutive_5xx"
            assert running.count(f"ejections_enforced_{cause}") == 1
            assert running.count("ejections_detected_consecutive_gateway_failure") == (0 if split else 1)
            await only(client, good)

    run(main(), loop)


@both_modes
@loops
@pytest.mark.parametrize("split", [{}, SPLIT], ids=["together", "split"])
def test_a_server_that_refuses_connections_is_ejected_and_tried_again(
    multiplexing: bool, loop: str, split: dict[str, Any]
) -> None:
    async def main() -> None:
        good, late = Backend(IdCodec()), Backend(IdCodec())
        config = replace(QUICK, **split)
        async with serving(good):
            dead = Address("127.0.0.1", unused_port())
            half = ClusterConfig(
                name="half",
                endpoints=(EndpointConfig(dead), EndpointConfig(good.address)),
                outlier_detection=config,
            )
            routes = [RouteConfig(cluster="half")]
            async with proxy(clusters=[half], routes=routes, multiplexing=multiplexing) as running:
                client = await running.client()
                endpoint = cluster_of(running, "half").endpoints[0]
                for times in range(1, 3):
                    await ask_until(running, client, lambda: not endpoint.is_usable)
                    assert running.count("ejections_enforced_total") == times
                    await until(lambda: endpoint.is_usable)
                async with serving(late):  # one that does take connections, in its place
                    cluster_of(running, "half").set_endpoints([EndpointConfig(late.address)])
                    for number in range(4):
                        assert await ask(client, number) == b"ask"
                assert running.count(EJECTED) == 0

    run(main(), loop)


@loops
def test_one_attempt_to_connect_fails_once_for_every_request_that_waits_for_it(loop: str) -> None:
    async def main() -> None:
        good = Backend(IdCodec())
        async with serving(good):
            dead = Address("127.0.0.1", unused_port())
            addresses = (dead, good.address)
            config = replace(LASTING, consecutive_5xx=4)
            half = ClusterConfig(name="half", endpoints=tuple(map(EndpointConfig, addresses)), outlier_detection=config)
            async with proxy(clusters=[half], routes=[RouteConfig(cluster="half")], multiplexing=True) as running:
                client = await running.client()
                await client.send(b"".join(message(number, b"x") for number in range(8)))
                for _ in range(8):
                    await client.reply()
                assert running.count("upstream_cx_connect_fail") == 1
                assert running.count(EJECTED) == 1
                await only(client, good)

    run(main(), loop)


@loops
def test_a_connection_that_is_not_accepted_counts_though_nobody_waits_to_its_end(
    loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dial(*_: object) -> None:
        raise TimeoutError

    async def main() -> None:
        one, two = Backend(IdCodec()), Backend(IdCodec())
        async with proxy(one, two, outlier_detection=LASTING) as running:
            monkeypatch.setattr("metaprotocol_sdk.proxy.net.pool.dial", dial)
            for _ in range(5):
                client = await running.client()
                await client.send(message(1, b"x"))
                await client.reply()
            assert running.count("upstream_cx_connect_timeout") == 5
            assert running.count(EJECTED) == 1

    run(main(), loop)


@both_modes
@loops
@pytest.mark.parametrize("split", [{}, SPLIT], ids=["together", "split"])
def test_clients_that_leave_eject_nobody(multiplexing: bool, loop: str, split: dict[str, Any]) -> None:
    async def main() -> None:
        backends = [Backend(FewIdsCodec(), answer=None), Backend(FewIdsCodec(), answer=None)]
        config = replace(LASTING, **split, consecutive_5xx=1, consecutive_local_origin_failure=1, **EVERYTHING)
        async with proxy(*backends, codec=FewIdsCodec, multiplexing=multiplexing, outlier_detection=config) as running:
            for times in range(1, 31):
                client = await running.client()
                await client.send(message(1, b"x"))
                await arrived(times, *backends)
                client.reset()
            await running.counted("request_active", 0)
            for each in backends:
                each.answer = echo
            client = await running.client()
            for number in range(6):
                assert await ask(client, number) == b"ask"
            # In the shared mode their ids have run out meanwhile, and the connections with them.
            snapshot = running.server.snapshot()
            assert {key: value for key, value in snapshot.items() if "detected" in key and value} == {}

    run(main(), loop)


EVERYTHING: dict[str, Any] = {"consecutive_gateway_failure": 1, "enforcing_consecutive_gateway_failure": 100}


@both_modes
@loops
def test_of_a_oneway_only_the_connection_counts(multiplexing: bool, loop: str) -> None:
    async def main() -> None:
        good = Backend(IdCodec())
        async with serving(good):
            dead = Address("127.0.0.1", unused_port())
            endpoints = (EndpointConfig(dead), EndpointConfig(good.address))
            half = ClusterConfig(name="half", endpoints=endpoints, outlier_detection=LASTING)
            async with proxy(
                clusters=[half], routes=[RouteConfig(cluster="half")], multiplexing=multiplexing
            ) as running:
                client = await running.client()
                for times in range(1, 4):
                    await client.send(message(1, kind=ONEWAY) + message(2, kind=ONEWAY))
                    await running.counted("upstream_cx_connect_fail", times)
                    await running.counted("request_active", 0)
                assert running.count(EJECTED) == 1

    run(main(), loop)


@loops
def test_copies_eject_the_server_they_go_to(loop: str) -> None:
    async def main() -> None:
        main_backend, bad, good = Backend(IdCodec()), Backend(IdCodec(), answer=badly), Backend(IdCodec())
        async with AsyncExitStack() as stack:
            for each in (bad, good):
                await stack.enter_async_context(serving(each))
            endpoints = (EndpointConfig(bad.address), EndpointConfig(good.address))
            mirror = ClusterConfig(name="mirror", endpoints=endpoints, outlier_detection=LASTING)
            routes = [RouteConfig(cluster="all", mirrors=(MirrorConfig("mirror"),))]
            async with proxy(main_backend, clusters=[mirror], routes=routes) as running:
                client = await running.client()
                for number in range(10):
                    assert await ask(client, number) == b"ask"
                    await running.counted("upstream_rq_active", 0)
                assert len(bad.requests) == 3
                assert running.count(EJECTED) == 1

    run(main(), loop)


@loops
def test_streams_of_frames_count_by_how_they_end(loop: str) -> None:
    async def main() -> None:
        bad, good = Backend(IdCodec(), answer=None), Backend(IdCodec(), answer=None)
        async with proxy(bad, good, outlier_detection=LASTING) as running:
            client = await running.client()
            monitors = [each.monitor for each in cluster_of(running).endpoints]
            first, second = monitors
            assert first is not None
            assert second is not None

            async def opened(number: int) -> Any:
                before = len(bad.requests) + len(good.requests)
                await client.send(message(number, kind=INIT))
                await until(lambda: len(bad.requests) + len(good.requests) > before)
                backend = bad if before % 2 == 0 else good
                return await backend.request(len(backend.requests) - 1)

            (await opened(1)).transport.abort()
            await client.reply()
            (await opened(2)).transport.write(message(2, kind=CLOSE_BOTH))
            await client.reply()
            link = await opened(3)
            link.transport.write(message(3, kind=CLOSE))
            await client.reply()
            link.transport.close()  # its own direction it had closed before
            await running.counted("request_active", 0)
            assert first.take().external == (2, 1)
            assert second.take().external == (1, 1)

    run(main(), loop)


@both_modes
def test_what_is_the_proxys_own_fault_says_nothing_of_the_server(
    multiplexing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dial(*_: object) -> None:
        raise OSError(24, "too many open files")

    async def main() -> None:
        one, two = Backend(IdCodec()), Backend(IdCodec())
        config = replace(LASTING, consecutive_5xx=1)
        async with proxy(one, two, multiplexing=multiplexing, outlier_detection=config) as running:
            monkeypatch.setattr("metaprotocol_sdk.proxy.net.pool.dial", dial)
            client = await running.client()
            for number in range(5):
                assert b"local connection failure" in await ask(client, number)
            assert running.count(EJECTED) == 0

    run(main())


@both_modes
@loops
def test_another_configuration_keeps_what_is_ejected_and_none_lets_it_in(multiplexing: bool, loop: str) -> None:
    async def main() -> None:
        bad, good = Backend(IdCodec(), answer=badly), Backend(IdCodec())
        async with proxy(bad, good, multiplexing=multiplexing, outlier_detection=LASTING) as running:
            client = await running.client()
            endpoint = endpoint_of(running, bad)
            await ask_until(running, client, lambda: not endpoint.is_usable)
            config = running.server.config

            async def reload(outlier_detection: OutlierDetectionConfig | None, **more: Any) -> None:
                cluster = replace(config.clusters[0], outlier_detection=outlier_detection, **more)
                await running.server.reload(replace(config, clusters=(cluster,)))

            await reload(LASTING, connect_timeout=3.0)
            await reload(replace(LASTING, interval=50.0))
            assert is_out(endpoint)
            await only(client, good)
            await reload(None)
            assert not is_out(endpoint)
            assert endpoint_of(running, bad).monitor is None
            assert not any("outlier" in name for name in running.server.snapshot())

    run(main(), loop)


@loops
def test_success_rates_of_real_requests_eject_the_worst(loop: str) -> None:
    async def main() -> None:
        turn = [0]

        def often_badly(request: Metadata) -> bytes:
            turn[0] += 1
            return badly(request) if turn[0] % 2 else message(request.request_id, b"ask", kind=REPLY)

        worst, *rest = backends = [Backend(IdCodec(), answer=often_badly), *(Backend(IdCodec()) for _ in range(4))]
        config = replace(
            QUICK,
            consecutive_5xx=0,
            enforcing_success_rate=100,
            success_rate_request_volume=1,
            interval=0.3,
            base_ejection_time=60.0,
            max_ejection_time=60.0,
        )
        async with proxy(*backends, outlier_detection=config) as running:
            client = await running.client()
            await ask_until(running, client, lambda: running.count(EJECTED) == 1)
            assert not endpoint_of(running, worst).is_usable
            assert all(endpoint_of(running, each).is_usable for each in rest)
            assert running.count("ejections_enforced_success_rate") == 1

    run(main(), loop)
