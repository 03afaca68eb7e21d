"""A server, operated: what its operator sees of it, and what becomes of an order."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import pytest

from metaprotocol_sdk.exceptions import ConfigError
from metaprotocol_sdk.proxy.admin.operated import Operated, State
from metaprotocol_sdk.proxy.cluster.health import HealthFlag
from metaprotocol_sdk.proxy.config.values import Address, CircuitBreakersConfig, NodeConfig, TrafficDirection
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.operation import Operation
from metaprotocol_sdk.proxy.server import Server
from tests.integration.serving import filtering, serving
from tests.proxy.codecs import IdCodec, message
from tests.proxy.harness import LOOPS, Backend, echo, run, until

CONFIG = filtering("")
both_loops = pytest.mark.parametrize("loop", LOOPS)


def operation(server: Server) -> Operation:
    made = Operation(server, stop=lambda: None, now=lambda: 5.0)
    made.is_started = True
    asked: Operated = made
    assert asked.uptime == 0.0
    return made


async def drain(
    order: Operation, *, graceful: bool = False, skip_exit: bool = False, inbound_only: bool = False
) -> None:
    await order.drain_listeners(graceful=graceful, skip_exit=skip_exit, inbound_only=inbound_only)


@both_loops
def test_it_tells_what_is_there(loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec())
        async with serving(replace(CONFIG, node=NodeConfig(id="me")), backend) as running:
            order = operation(running.server)
            client = await running.client()
            await client.send(message(7))
            await client.reply()
            (cluster,) = await order.clusters()
            (server,) = cluster.endpoints
            assert cluster.name == "all"
            assert [each["max_retries"] for each in cluster.limits.values()] == [3, 3]
            assert (server.address, server.weight, server.flags, server.active) == (backend.address, 1, 0, 0)
            (known,) = running.server.clusters.values()
            known.mark(known.endpoints[0], HealthFlag.FAILED_ACTIVE_HC, is_set=True)
            known.update(replace(known.config, high_circuit_breakers=CircuitBreakersConfig(max_retries=5)))
            (cluster,) = await order.clusters()
            assert cluster.endpoints[0].flags == 1
            assert {each: limits["max_retries"] for each, limits in cluster.limits.items()} == {
                "DEFAULT": 3,
                "HIGH": 5,
            }
            (listener,) = await order.listeners()
            assert listener.address == Address(*running.server.addresses["main"])
            assert (listener.name, listener.protocol, listener.stat_prefix) == ("main", "app", "main")
            assert order.node.id == "me"
            assert (await order.counters())["meta_protocol.app.main.request"] == 1
            time = (await order.histograms())["meta_protocol.app.main.request_time_ms"]
            assert sum(time.counts) == 1

    run(main(), loop)


def test_listeners_with_one_stat_prefix_have_one_histogram() -> None:
    async def main() -> None:
        config = replace(CONFIG, listeners=(CONFIG.listeners[0], replace(CONFIG.listeners[0], name="other")))
        async with serving(config) as running:
            for listener in running.server.listeners:
                listener.context.request_time.observe(3)
            (found,) = (await operation(running.server).histograms()).values()
            assert (sum(found.counts), found.total) == (2, 6)

    run(main())


def test_a_reset_leaves_gauges_alone() -> None:
    async def main() -> None:
        async with serving(CONFIG, Backend(IdCodec(), answer=None)) as running:
            client = await running.client()
            await client.send(message(7))
            await running.counted("upstream_rq_active", 1)
            await operation(running.server).reset_counters()
            assert running.count("request") == running.count("upstream_rq_total") == 0
            assert running.count("upstream_rq_active") == running.count("downstream_cx_active") == 1

    run(main())


def test_its_state_is_what_it_does() -> None:
    async def main() -> None:
        async with serving(CONFIG) as running:
            order = operation(running.server)
            found = []
            order.is_started = False
            found.append(order.state)
            order.is_started = True
            found.append(order.state)
            order.fail_health_checks(is_failed=True)
            found.append(order.state)
            order.fail_health_checks(is_failed=False)
            found.append(order.state)
            order.is_stopping = True
            found.append(order.state)
            assert [each.name for each in found] == ["INITIALIZING", "LIVE", "DRAINING", "LIVE", "DRAINING"]

    run(main())


def test_before_it_is_bound_it_has_no_listeners_to_show() -> None:
    async def main() -> None:
        server = Server(CONFIG)
        assert await operation(server).listeners() == []
        await server.stop()

    run(main())


@both_loops
def test_a_drain_takes_no_more_clients_and_no_configuration(loop: str) -> None:
    async def main() -> None:
        backend = Backend(IdCodec(), answer=None)
        async with serving(CONFIG, backend) as running:
            order = operation(running.server)
            client, idle = await running.client(), await running.client()
            [address] = running.server.addresses.values()
            await client.send(message(7))
            link = await backend.request(0)
            await drain(order)
            assert await idle.replies() == []
            assert order.state is State.DRAINING
            with pytest.raises(OSError, match="Connect"):
                await asyncio.open_connection(*address)
            with pytest.raises(ConfigError, match="its listeners have been drained; start the proxy anew"):
                await running.server.reload(running.server.config)
            link.transport.write(echo(link.requests[0]))
            assert [each.request_id for each in await client.replies()] == [7]

    run(main(), loop)


@pytest.mark.parametrize("skip_exit", [False, True])
def test_a_graceful_drain_takes_clients_until_its_time_is_over(skip_exit: bool) -> None:
    async def main() -> None:
        async with serving(CONFIG, Backend(IdCodec()), drain_time=0.05) as running:
            order = operation(running.server)
            client = await running.client()
            await drain(order, graceful=True, skip_exit=skip_exit)
            assert await client.replies() == []
            later = await running.client()
            await later.send(message(8))
            assert (await later.reply()).request_id == 8
            assert order.state is State.LIVE
            if skip_exit:
                await asyncio.sleep(0.1)  # what must not happen has no event
                assert order.state is State.LIVE
            else:
                assert await later.replies() == []
                await until(lambda: order.state is State.DRAINING)

    run(main())


def test_listeners_of_one_direction_alone_can_be_drained() -> None:
    async def main() -> None:
        inbound = replace(CONFIG.listeners[0], name="in", traffic_direction=TrafficDirection.INBOUND)
        async with serving(replace(CONFIG, listeners=(*CONFIG.listeners, inbound))) as running:
            order = operation(running.server)
            client = await running.client("in")
            await drain(order, inbound_only=True)
            assert await client.replies() == []
            assert order.state is State.LIVE
            await running.client("main")
            assert [each.is_draining for each in running.server.listeners] == [False, True]

    run(main())


def test_the_log_level_is_the_loggers() -> None:
    async def main() -> None:
        async with serving(CONFIG) as running:
            order = operation(running.server)
            await order.set_log_level("error")
            assert (order.log_level, logging.getLogger(LOGGER_NAME).level) == ("error", logging.ERROR)

    logger = logging.getLogger(LOGGER_NAME)
    before = logger.level
    try:
        run(main())
    finally:
        logger.setLevel(before)
