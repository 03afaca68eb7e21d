"""Several processes are one proxy: what is lost with one of them, what is not, and what is counted for all."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from metaprotocol_sdk.exceptions import MetaProtocolError, WorkerError
from tests.proxy.codecs import ERROR, IdCodec, message
from tests.proxy.harness import Backend, Client, run, serving
from tests.proxy.workers.running import (
    DeadlyCodec,
    Running,
    StuckCodec,
    WorkerlessCodec,
    document,
    eventually,
    eventually_is,
    listener,
    running,
    text,
)

LIMIT = (
    "{name: aeraki.meta_protocol.filters.local_ratelimit, config: "
    "{'@type': type.googleapis.com/aeraki.meta_protocol_proxy.filters.local_ratelimit.v1alpha.LocalRateLimit, "
    "stat_prefix: limit, token_bucket: {max_tokens: 50, tokens_per_fill: 1, fill_interval: 3600s}}}"
)


def codec(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


class Load:
    """Clients that send one request after another, and what becomes of them."""

    def __init__(self, proxy: Running) -> None:
        self._proxy = proxy
        self._is_over = False
        self.answered: Counter[Client] = Counter()
        self.failed: list[Client] = []
        self.errors: list[bytes] = []

    async def run(self, client: Client) -> None:
        while not self._is_over:
            body = b"%d" % self.answered[client]
            try:
                await client.send(message(7, body))
                reply = await client.reply()
            except (EOFError, ConnectionError):
                self.failed.append(client)
                return
            if not reply.origin_message.endswith(body):
                self.errors.append(reply.origin_message)
            self.answered[client] += 1

    def end(self) -> None:
        self._is_over = True

    async def more(self) -> None:
        """Returns when every client that is there has been answered a few times more."""
        then = Counter(self.answered)
        await eventually(lambda: all(self.answered[each] > then[each] + 3 for each in then if each not in self.failed))


@asynccontextmanager
async def loaded(proxy: Running, count: int = 8) -> AsyncIterator[Load]:
    load = Load(proxy)
    await proxy.client_of_each()
    for _ in range(count - len(proxy.clients)):
        await proxy.client()
    tasks = [asyncio.ensure_future(load.run(each)) for each in proxy.clients]
    await eventually(lambda: len(load.answered) == len(tasks))
    try:
        yield load
    finally:
        load.end()
        await asyncio.gather(*tasks)


def test_a_worker_that_is_killed_under_load_loses_its_own_clients_and_nobody_elses() -> None:
    async def main() -> None:
        async with serving(Backend(IdCodec())) as backend, running(text(backend)) as proxy, loaded(proxy) as load:
            there = list(proxy.parent._block.clients)
            total = await proxy.count("request")
            killed = proxy.pid(0)
            os.kill(killed, signal.SIGKILL)
            await eventually(lambda: len(load.failed) == there[0])
            newcomer = await proxy.client()
            await newcomer.send(message(9, b"who is left"))
            assert await newcomer.body() == b"who is left"
            await load.more()
            await proxy.whole_again(killed)
            await load.more()
            assert (len(load.failed), load.errors) == (there[0], [])
            # What it counted until it last said so is still counted, what it had open is not.
            assert await proxy.count("request") > total
            assert await proxy.count("downstream_cx_active") == there[1] + 1

    run(main())


def test_a_reload_under_load_fails_no_request_and_every_worker_takes_it_on() -> None:
    async def main() -> None:
        servers = serving(Backend(IdCodec())), serving(Backend(IdCodec()))
        async with servers[0] as one, servers[1] as two, running(text(one)) as proxy, loaded(proxy) as load:
            for backend in (two, one, two):
                await proxy.parent.reload(document(text(backend, listeners=listener() + listener("other"))))
                seen = len(backend.requests)
                await load.more()
                assert len(backend.requests) > seen
            assert (load.failed, load.errors) == ([], [])
            for client in await proxy.client_of_each("other"):
                await client.send(message(1, b"new"))
                assert await client.body() == b"new"
            address = proxy.parent.addresses["other"]
            await proxy.parent.reload(document(text(two)))
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(*address)
            load.end()
            assert load.failed == []
            assert proxy.parent.stats.config_reload == 4

    run(main())


def test_a_worker_that_is_killed_during_a_reload_ends_up_with_what_the_others_have() -> None:
    async def main() -> None:
        servers = serving(Backend(IdCodec())), serving(Backend(IdCodec()))
        async with servers[0] as one, servers[1] as two, running(text(one)) as proxy:
            for delay in (0, 0.002, 0.01):
                reload = asyncio.ensure_future(proxy.parent.reload(document(text(two))))
                await asyncio.sleep(delay)
                killed = proxy.pid(1)
                os.kill(killed, signal.SIGKILL)
                with suppress(WorkerError):  # it may die before it has said yes
                    await reload
                await proxy.whole_again(killed)
                served = {each.address for each in proxy.parent._server.clusters["all"].endpoints}
                [backend] = [each for each in (one, two) if each.address in served]
                seen = len(backend.requests)
                await proxy.client_of_each()
                assert len(backend.requests) >= seen + 2
                await proxy.parent.reload(document(text(one)))

    run(main())


def test_what_one_worker_refuses_no_worker_serves() -> None:
    async def main() -> None:
        async with serving(Backend(IdCodec())) as backend, running(text(backend)) as proxy:
            for kind, said in [(WorkerlessCodec, "RuntimeError: not in a worker"), (DeadlyCodec, "the worker is gone")]:
                written = text(backend, listeners=listener(cluster="none") + listener("other", codec=codec(kind)))
                pids = proxy.parent.pids
                with pytest.raises(WorkerError, match=rf"worker [12]: .*{said}"):
                    await proxy.parent.reload(document(written))
                assert list(proxy.parent.addresses) == ["main"]
                await proxy.whole_again(*(pids if kind is DeadlyCodec else ()))
                for client in await proxy.client_of_each():
                    await client.send(message(3, b"as before"))
                    assert await client.body() == b"as before"
            await proxy.parent.reload(document(text(backend, listeners=listener() + listener("other"))))
            assert list(proxy.parent.addresses) == ["main", "other"]

    run(main())


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (WorkerlessCodec, "RuntimeError: not in a worker"),
        (DeadlyCodec, "was never ready: the last one was killed by SIGKILL"),
    ],
)
def test_workers_that_cannot_start_end_the_proxy_with_a_sentence(kind: type, said: str) -> None:
    async def main() -> None:
        with pytest.raises(MetaProtocolError, match=said):
            async with running(text(listeners=listener(codec=codec(kind)))):
                pass

    run(main())


def test_requests_in_flight_in_two_workers_are_finished_by_a_drain() -> None:
    async def main() -> None:
        async with serving(Backend(IdCodec())) as backend, running(text(backend)) as proxy:
            clients = await proxy.client_of_each()
            seen = len(backend.requests)
            backend.answer = None
            for client in clients:
                await client.send(message(5, b"slow"))
            await eventually(lambda: len(backend.requests) == seen + 2)
            address = proxy.parent.addresses["main"]
            drain = asyncio.ensure_future(proxy.parent.drain(20))
            await eventually_is(lambda: refused(address), True)
            for index in (seen, seen + 1):
                link = await backend.request(index)
                link.transport.write(message(backend.requests[index].request_id, b"done", kind=1))
            assert [await client.body() for client in clients] == [b"done", b"done"]
            assert await drain
            assert await proxy.parent.stop() == 0

    run(main())


async def refused(address: tuple[str, int]) -> bool:
    try:
        _, writer = await asyncio.open_connection(*address)
    except ConnectionRefusedError:
        return True
    writer.transport.abort()
    return False


def test_a_bucket_is_one_for_all_workers_and_stays_through_reloads() -> None:
    async def main() -> None:
        limited = listener(filters=LIMIT)
        async with serving(Backend(IdCodec())) as backend, running(text(backend, listeners=limited)) as proxy:
            clients = await proxy.client_of_each()
            for index in range(100):
                for client in clients:
                    await client.send(message(index + 1, b"x"))
            await eventually_is(lambda: proxy.count("response_success"), 50)
            asked = 200 + len(proxy.clients)
            await eventually_is(lambda: proxy.count("request_twoway"), asked)
            assert len(backend.requests) == 50
            assert await proxy.count("rate_limited") == asked - 50
            await proxy.parent.reload(document(text(backend, listeners=limited + listener("other"))))
            killed = proxy.pid(1)
            os.kill(killed, signal.SIGKILL)
            await proxy.whole_again(killed)
            await proxy.client_of_each()
            assert len(backend.requests) == 50
            # Another limit is another bucket.
            await proxy.parent.reload(document(text(backend, listeners=limited.replace("3600s", "3601s"))))
            before = len(proxy.clients)
            await proxy.client_of_each()
            assert len(backend.requests) == 50 + len(proxy.clients) - before

    run(main())


def test_a_circuit_breaker_counts_what_all_workers_do_and_forgets_a_dead_one() -> None:
    async def main() -> None:
        thresholds = "circuit_breakers: {thresholds: [{max_requests: 10}]}"
        async with serving(Backend(IdCodec())) as backend, running(text(backend, cluster=thresholds)) as proxy:
            clients = await proxy.client_of_each()
            seen = len(backend.requests)
            backend.answer = None
            for client in clients:
                await client.send(*(message(index, b"x") for index in range(1, 51)))
            await eventually_is(lambda: proxy.count("request_twoway"), seen + 100)
            await eventually(lambda: len(backend.requests) >= seen + 10)
            in_flight = len(backend.requests) - seen
            assert 10 <= in_flight <= 11  # two that ask at the same moment may both be let in
            assert await proxy.count("upstream_rq_pending_overflow") == 100 - in_flight
            # A dead worker has nothing in flight: what it had is allowed to the other one.
            mine = proxy.parent._block.gauges(proxy.parent._seats.clusters["all"][0])[1]
            await eventually_is(lambda: in_flight_of(proxy), in_flight)
            killed = proxy.pid(0)
            os.kill(killed, signal.SIGKILL)
            await proxy.whole_again(killed)
            await eventually_is(lambda: in_flight_of(proxy), mine)
            await clients[1].send(*(message(index, b"y") for index in range(51, 71)))
            await eventually_is(lambda: in_flight_of(proxy), 10)
            assert await proxy.count("upstream_rq_active") == 10

    run(main())


async def in_flight_of(proxy: Running) -> int:
    return sum((await proxy.parent.active())["all"])


def test_a_worker_that_dies_after_a_drain_of_some_listeners_comes_back_for_the_others() -> None:
    async def main() -> None:
        inbound = listener("inbound") + "  traffic_direction: INBOUND\n"
        server = serving(Backend(IdCodec()))
        async with server as backend, running(text(backend, listeners=listener() + inbound)) as proxy:
            proxy.parent.drain_listeners(graceful=False, skip_exit=False, inbound_only=True)
            killed = proxy.pid(0)
            os.kill(killed, signal.SIGKILL)
            await proxy.whole_again(killed)
            await proxy.client_of_each()
            with pytest.raises(OSError):
                await proxy.client("inbound")
            assert await proxy.count("response_success") == len(proxy.clients)
            with pytest.raises(MetaProtocolError, match="start the proxy anew"):
                await proxy.parent.reload(document(text(backend)))

    run(main())


def test_a_worker_that_comes_back_during_a_graceful_drain_drains_with_the_others() -> None:
    async def main() -> None:
        server = serving(Backend(IdCodec()))
        async with server as backend, running(text(backend), drain_time=4) as proxy:
            proxy.parent.drain_listeners(graceful=True, skip_exit=False, inbound_only=False)
            killed = proxy.pid(0)
            os.kill(killed, signal.SIGKILL)
            await proxy.whole_again(killed)
            while True:  # until nobody accepts any more
                try:
                    client = await proxy.client()
                    client.writer.transport.abort()
                except OSError:
                    break

    run(main())


def test_listeners_that_are_drained_during_a_reload_stay_drained() -> None:
    async def main() -> None:
        async with serving(Backend(IdCodec())) as backend, running(text(backend)) as proxy:
            both = document(text(backend, listeners=listener() + listener("other")))
            ask = proxy.parent._fleet.ask

            async def listen(kind: str, **question: Any) -> Any:
                answers = await ask(kind, **question)
                proxy.parent.drain_listeners(graceful=False, skip_exit=False, inbound_only=False)
                return answers

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(proxy.parent._fleet, "ask", listen)  # every worker is prepared
                with pytest.raises(MetaProtocolError, match="start the proxy anew"):
                    await proxy.parent.reload(both)
            assert set(proxy.parent.addresses) == {"main"}

    run(main())


def test_a_worker_that_fails_in_the_last_step_of_a_reload_is_replaced_by_one_that_has_it() -> None:
    async def main() -> None:
        async with serving(Backend(IdCodec())) as backend, running(text(backend)) as proxy:
            failed, ask = proxy.pid(0), proxy.parent._fleet.ask

            async def listen(kind: str, **question: Any) -> Any:
                return {**await ask(kind, **question), **({0: WorkerError("a bug")} if kind == "commit" else {})}

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(proxy.parent._fleet, "ask", listen)
                await proxy.parent.reload(document(text(backend, listeners=listener(cluster="none"))))
            await proxy.whole_again(failed)
            for client in await proxy.client_of_each():
                await client.send(message(1, b"x"))
                assert b"no healthy upstream for 'none'" in (await client.reply()).origin_message

    run(main())


def test_a_worker_that_hangs_is_ended_with_the_proxy() -> None:
    async def main() -> None:
        async with running(text(listeners=listener(codec=codec(StuckCodec)))) as proxy:
            client = await proxy.client()
            await client.send(message(1, b"stuck"))
            await eventually_is(lambda: answering(proxy), 1)
            # Everybody else is served meanwhile, and counted.
            other = await proxy.client()
            await other.send(message(2, b"fine"))
            assert (await other.reply()).origin_message[1] == ERROR

    run(main())


async def answering(proxy: Running) -> int:
    answers = await proxy.parent._fleet.ask("counters", seconds=0.2)
    return sum(not isinstance(each, WorkerError) for each in answers.values())
