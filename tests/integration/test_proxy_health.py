"""Servers that die and come back, and names that lead elsewhere, under a whole proxy and its clients."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from metaprotocol_sdk.metadata import MessageType, Metadata
from metaprotocol_sdk.proxy.config.values import (
    Address,
    ClusterConfig,
    DnsConfig,
    DnsLookupFamily,
    EndpointConfig,
    ListenerConfig,
    ProtocolConfig,
    ProxyConfig,
    RouteConfig,
    RouteTableConfig,
)
from metaprotocol_sdk.proxy.net.health_checker import HealthChecker
from metaprotocol_sdk.proxy.net.strict_dns import StrictDns
from metaprotocol_sdk.proxy.server import Server
from tests.proxy.checking import HEARTBEAT, Patient, check, patients
from tests.proxy.codecs import PONG, REPLY, IdCodec, message
from tests.proxy.harness import LOOPS, Client, Proxy, run, until

loops = pytest.mark.parametrize("loop", sorted(LOOPS))


class Worker(Patient):
    """A server that does its work, and answers heartbeats as long as it ``is_well``."""

    def __init__(self, name: str) -> None:
        super().__init__(self._answer)
        self.name = name
        self.is_well = True

    def _answer(self, asked: Metadata) -> bytes:
        if asked.message_type is MessageType.REQUEST:
            return message(asked.request_id, self.name.encode(), kind=REPLY)
        return message(asked.request_id, kind=PONG) if self.is_well else b""

    @property
    def endpoint(self) -> EndpointConfig:
        return EndpointConfig(self.address)


def serving(route: str, *clusters: ClusterConfig) -> ProxyConfig:
    """One listener, whose requests go to cluster ``route``."""
    listener = ListenerConfig(
        name="main",
        address=Address("127.0.0.1", 0),
        stat_prefix="main",
        protocol=ProtocolConfig(name="app", codec="tests.proxy.codecs:IdCodec"),
        routes=RouteTableConfig(routes=(RouteConfig(cluster=route),)),
    )
    return ProxyConfig(listeners=(listener,), clusters=clusters)


@asynccontextmanager
async def proxy(config: ProxyConfig, **more: Any) -> AsyncIterator[Proxy]:
    """Checks at the end that nothing is left."""
    before = asyncio.all_tasks()
    server = Server(config, drain_time=5, **more)
    await server.start()
    running = Proxy(server, IdCodec())
    try:
        yield running
    finally:
        for client in running.clients:
            client.writer.transport.abort()
        await server.stop()
        await until(lambda: asyncio.all_tasks() <= before)


class Load:
    """A client that sends one request after the other.

    Attributes:
        served: How many each server has answered.
        failed: The errors.
    """

    def __init__(self, client: Client) -> None:
        self.served: Counter[str] = Counter()
        self.failed: list[bytes] = []
        self._client = client
        self._task = asyncio.ensure_future(self._send())

    async def _send(self) -> None:
        while True:
            await self._client.send(message(7))
            reply = await self._client.reply()
            body = reply.origin_message[reply.header_size :]
            if reply.message_type is MessageType.ERROR:
                self.failed.append(body)
            else:
                self.served[body.decode()] += 1

    async def more(self, count: int = 20) -> Counter[str]:
        """Who serves the next requests."""
        before = self.served.copy()
        await until(lambda: self.served.total() >= before.total() + count or self._task.done())
        return self.served - before

    def stop(self) -> None:
        self._task.cancel()


@asynccontextmanager
async def load(running: Proxy) -> AsyncIterator[Load]:
    made = Load(await running.client())
    try:
        yield made
    finally:
        made.stop()


@loops
def test_a_server_that_is_not_well_gets_no_request_until_it_is_again(loop: str) -> None:
    async def main() -> None:
        one, other = Worker("one"), Worker("other")
        async with patients(one, other):
            config = check(by=HEARTBEAT, unhealthy_threshold=2, healthy_threshold=2, timeout=0.5)
            cluster = ClusterConfig(name="all", endpoints=(one.endpoint, other.endpoint), health_check=config)
            async with proxy(serving("all", cluster)) as running, load(running) as clients:
                assert set(await clients.more()) == {"one", "other"}, "the first request is not answered by both"
                one.is_well = False
                await running.counted("healthy", 1)
                await clients.more(2)
                assert set(await clients.more(50)) == {"other"}
                one.is_well = True
                await running.counted("healthy", 2)
                assert set(await clients.more()) == {"one", "other"}
                assert clients.failed == []

    run(main(), loop)


@loops
def test_a_reload_to_a_cluster_that_is_checked_fails_no_request(loop: str) -> None:
    async def main() -> None:
        old, new = Worker("old"), Worker("new")
        async with patients(old, new):
            first = ClusterConfig(name="old", endpoints=(old.endpoint,))
            for by in (check(), check(by=HEARTBEAT)):
                second = ClusterConfig(name="new", endpoints=(new.endpoint,), health_check=by)
                async with proxy(serving("old", first)) as running, load(running) as clients:
                    assert set(await clients.more()) == {"old"}
                    await running.server.reload(serving("new", first, second))
                    await clients.more(2)
                    assert set(await clients.more()) == {"new"}
                    checked = replace(first, health_check=by)
                    await running.server.reload(serving("old", checked))
                    await clients.more(2)
                    assert set(await clients.more()) == {"old"}
                    assert clients.failed == []

    run(main(), loop)


class Names:
    """A resolver whose answers a test changes."""

    def __init__(self, **answers: Sequence[str]) -> None:
        self.answers = answers

    async def __call__(self, name: str, family: DnsLookupFamily) -> Sequence[str]:
        return self.answers[name]


@loops
@pytest.mark.parametrize("is_checked", [False, True])
def test_a_name_that_leads_elsewhere_moves_the_requests_and_fails_none(loop: str, is_checked: bool) -> None:
    async def main() -> None:
        old, new = Worker("old"), Worker("new")
        async with patients(old):
            new.address = Address("127.0.0.2", old.address.port)  # a name has addresses, the port is the endpoint's
            await new.start()
            names = Names(orders=["127.0.0.1"])
            cluster = ClusterConfig(
                name="all",
                endpoints=(EndpointConfig(Address("orders", old.address.port)),),
                dns=DnsConfig(refresh_rate=0.01),
                health_check=check(by=HEARTBEAT) if is_checked else None,
                ignore_health_on_host_removal=True,
            )
            keepers = (partial(StrictDns, resolve=names), HealthChecker)
            async with proxy(serving("all", cluster), keepers=keepers) as running, load(running) as clients:
                assert set(await clients.more()) == {"old"}, "the first request has no server"
                names.answers["orders"] = ["127.0.0.2", "127.0.0.1"]
                await until(lambda: "new" in clients.served)
                names.answers["orders"] = ["127.0.0.2"]
                await until(lambda: not old.open_links)
                await clients.more(2)
                assert set(await clients.more()) == {"new"}
                assert clients.failed == []
            new.stop()

    run(main(), loop)


@loops
def test_the_system_s_resolver_knows_where_localhost_is(loop: str) -> None:
    async def main() -> None:
        worker = Worker("here")
        async with patients(worker):
            cluster = ClusterConfig(
                name="all",
                endpoints=(EndpointConfig(Address("localhost", worker.address.port)),),
                dns=DnsConfig(lookup_family=DnsLookupFamily.V4_ONLY),
                health_check=check(),
            )
            async with proxy(serving("all", cluster)) as running, load(running) as clients:
                assert set(await clients.more()) == {"here"}
                assert clients.failed == []
                assert running.count("update_success") == 1

    run(main(), loop)


@loops
def test_a_stop_while_a_first_check_takes_its_time_leaves_nothing(loop: str) -> None:
    async def main() -> None:
        worker = Worker("silent")
        worker.is_well = False
        async with patients(worker):
            cluster = ClusterConfig(name="all", endpoints=(worker.endpoint,), health_check=check(by=HEARTBEAT))
            before = asyncio.all_tasks()
            server = Server(serving("all", cluster))
            starting = asyncio.ensure_future(server.start())
            await until(lambda: bool(worker.asked))
            assert not starting.done()
            starting.cancel()
            await asyncio.wait([starting])
            assert starting.cancelled()
            await until(lambda: asyncio.all_tasks() <= before and not worker.open_links)

            async with proxy(serving("none", ClusterConfig(name="none"))) as running:
                preparing = asyncio.ensure_future(running.server.prepare(serving("all", cluster)))
                await until(lambda: bool(worker.open_links))
                preparing.cancel()
                await asyncio.wait([preparing])
                await until(lambda: not worker.open_links)

    run(main(), loop)
