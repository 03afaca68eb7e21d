"""A proxy of several processes is asked and ordered as one."""

from __future__ import annotations

import asyncio
import logging
import os
import signal

import pytest

from metaprotocol_sdk.proxy.admin.operated import State
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.metrics import is_gauge
from metaprotocol_sdk.proxy.workers.operation import FleetOperation
from tests.proxy.codecs import IdCodec, message
from tests.proxy.harness import Backend, run, serving
from tests.proxy.workers.running import Running, eventually, eventually_is, running, text


def operation(proxy: Running) -> FleetOperation:
    made = FleetOperation(proxy.parent, stop=lambda: None, now=asyncio.get_running_loop().time)
    made.is_started = True
    return made


def test_answers_are_of_all_workers_together() -> None:
    async def main() -> None:
        thresholds = "circuit_breakers: {thresholds: [{max_requests: 2, track_remaining: true}]}"
        async with serving(Backend(IdCodec())) as backend, running(text(backend, cluster=thresholds)) as proxy:
            order = operation(proxy)
            assert order.state is State.LIVE
            clients = await proxy.client_of_each()
            asked = len(proxy.clients)
            seen = len(backend.requests)
            backend.answer = None
            for client in clients:
                await client.send(message(9, b"slow"))
            await backend.request(seen + 1)

            async def active() -> list[int]:
                return [each.active for cluster in await order.clusters() for each in cluster.endpoints]

            assert await active() == [2]
            counters = await order.counters()
            limits = {name.rpartition(".")[2]: count for name, count in counters.items() if ".default." in name}
            open_ones = [name for name in counters if name.startswith("cluster.all.circuit_breakers.default.")]
            assert {each.rpartition(".")[2]: counters[each] for each in open_ones} == {
                "cx_open": 0,
                "rq_open": 1,
                "rq_pending_open": 0,
                "rq_retry_open": 0,
                "remaining_cx": 1022,
                "remaining_pending": 1024,
                "remaining_retries": 3,
                "remaining_rq": 0,
            }, limits
            assert counters["cluster.all.membership_total"] == counters["cluster.all.membership_healthy"] == 1
            assert counters["meta_protocol.app.main.request"] == asked + 2
            (histogram,) = (await order.histograms()).values()
            assert sum(histogram.counts) == asked
            (listener,) = await order.listeners()
            assert listener.address == proxy.parent.addresses["main"].address

    run(main())


def test_a_reset_leaves_what_there_is_now_in_every_worker() -> None:
    async def main() -> None:
        async with serving(Backend(IdCodec())) as backend, running(text(backend)) as proxy:
            order = operation(proxy)
            await proxy.client_of_each()
            await order.reset_counters()
            await eventually_is(lambda: proxy.count("request"), 0)
            counters = await order.counters()
            assert {name for name, count in counters.items() if count and not is_gauge(name)} <= set()
            assert counters["meta_protocol.app.main.downstream_cx_active"] == len(proxy.clients)

    run(main())


def test_a_drain_of_the_listeners_lets_the_clients_of_every_worker_go() -> None:
    async def main() -> None:
        async with serving(Backend(IdCodec())) as backend, running(text(backend)) as proxy:
            order = operation(proxy)
            clients = await proxy.client_of_each()
            address = proxy.parent.addresses["main"]
            await order.drain_listeners(graceful=False, skip_exit=False, inbound_only=False)
            for client in clients:
                assert await client.replies() == []
            assert order.state is State.DRAINING
            with pytest.raises(OSError, match="Connect"):
                await asyncio.open_connection(*address)

    run(main())


def test_the_level_of_the_log_is_that_of_every_worker_and_of_those_that_start_later() -> None:
    async def main() -> None:
        async with running(text()) as proxy:
            order = operation(proxy)
            await order.set_log_level("error")
            assert order.log_level == "error"
            assert proxy.parent.start_of(0).fields["log"] == ("text", "error")

    logger = logging.getLogger(LOGGER_NAME)
    before = logger.level
    try:
        run(main())
    finally:
        logger.setLevel(before)


def test_it_is_ready_for_nobody_while_no_worker_is() -> None:
    async def main() -> None:
        async with serving(Backend(IdCodec())) as backend, running(text(backend)) as proxy:
            order = operation(proxy)

            def state() -> State:
                return order.state

            first = proxy.parent.pids[0]
            os.kill(first, signal.SIGKILL)
            await eventually(lambda: first not in proxy.parent.pids)
            assert state() is State.LIVE
            await proxy.whole_again(first)
            killed = proxy.parent.pids
            for each in killed:
                os.kill(each, signal.SIGKILL)
            await eventually(lambda: state() is State.INITIALIZING)
            order.fail_health_checks(is_failed=True)
            assert state() is State.DRAINING
            order.fail_health_checks(is_failed=False)
            await proxy.whole_again(*killed)
            assert state() is State.LIVE

    run(main())
