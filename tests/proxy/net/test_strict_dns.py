"""The keeper of a cluster's names, before a resolver that says what a test says."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.health import HealthFlag
from metaprotocol_sdk.proxy.config.values import (
    Address,
    ClusterConfig,
    DnsConfig,
    DnsLookupFamily,
    EndpointConfig,
)
from metaprotocol_sdk.proxy.net.cluster_manager import Surroundings
from metaprotocol_sdk.proxy.net.loop import Turns
from metaprotocol_sdk.proxy.net.strict_dns import StrictDns
from tests.proxy.checking import check
from tests.proxy.harness import LOOPS, run, until

loops = pytest.mark.parametrize("loop", sorted(LOOPS))
QUICK = DnsConfig(refresh_rate=0.01)
NEVER = DnsConfig(refresh_rate=1000.0)


class Resolver:
    """Gives each name's addresses; an error where it is one, and no answer before ``is_ready``."""

    def __init__(self, **answers: Sequence[str] | OSError) -> None:
        self.answers = dict(answers)
        self.asked: list[tuple[str, DnsLookupFamily]] = []
        self.is_ready = asyncio.Event()
        self.is_ready.set()

    async def __call__(self, name: str, family: DnsLookupFamily) -> Sequence[str]:
        self.asked.append((name, family))
        await self.is_ready.wait()
        answer = self.answers[name]
        if isinstance(answer, OSError):
            raise answer
        return answer


class Named:
    """A cluster of names."""

    def __init__(self, cluster: Cluster, keeper: StrictDns) -> None:
        self.cluster = cluster
        self.keeper = keeper
        self.changes = 0
        cluster.watch(self._change)

    def _change(self) -> None:
        self.changes += 1

    @property
    def hosts(self) -> list[str]:
        return [each.name.rpartition(":")[0] for each in self.cluster.endpoints]

    def count(self, name: str) -> int:
        ((prefix, counters),) = self.keeper.counters
        return counters.snapshot(prefix)[name]

    def reload(self, **changes: Any) -> None:
        self.cluster.update(replace(self.cluster.config, **changes))
        self.keeper.update()

    async def counted(self, name: str, value: int) -> None:
        await until(lambda: self.count(name) >= value)


def names(*hosts: str) -> tuple[EndpointConfig, ...]:
    return tuple(EndpointConfig(Address(host, 1)) for host in hosts)


@asynccontextmanager
async def named(resolver: Resolver, dns: DnsConfig | None, *hosts: str, **cluster: Any) -> AsyncIterator[Named]:
    """A cluster of those names; looks at the end that nothing is left."""
    before = asyncio.all_tasks()
    turns = Turns(asyncio.get_running_loop())
    config = ClusterConfig(name="c", endpoints=names(*hosts), dns=dns, **cluster)
    made = Cluster(config)
    keeper = StrictDns(made, Surroundings(turns=turns, rng=random.Random(1)), resolve=resolver)
    try:
        yield Named(made, keeper)
    finally:
        keeper.close()
        assert len(turns.wheel) == 0
        await until(lambda: asyncio.all_tasks() <= before)
        await turns.close()


@loops
def test_every_address_of_every_name_is_a_server_as_soon_as_it_is_known(loop: str) -> None:
    async def main() -> None:
        resolver = Resolver(a=["10.0.0.1", "10.0.0.2"], b=["10.0.0.2", "::1"])
        resolver.is_ready.clear()
        async with named(resolver, replace(NEVER, lookup_family=DnsLookupFamily.ALL), "a", "b") as dns:
            warm = asyncio.ensure_future(dns.keeper.warm())
            await until(lambda: len(resolver.asked) == 2)
            assert not warm.done()
            assert dns.cluster.endpoints == ()
            assert dns.cluster.pick() is None
            resolver.is_ready.set()
            await warm
            assert dns.hosts == ["10.0.0.1", "10.0.0.2", "[::1]"]
            assert resolver.asked == [("a", DnsLookupFamily.ALL), ("b", DnsLookupFamily.ALL)]
            assert [dns.count(f"update_{each}") for each in ("attempt", "success", "failure")] == [2, 2, 0]

    run(main(), loop)


@loops
def test_a_name_is_asked_for_again_and_its_order_is_no_change(loop: str) -> None:
    async def main() -> None:
        resolver = Resolver(a=["10.0.0.1", "10.0.0.2"])
        async with named(resolver, QUICK, "a") as dns:
            await dns.keeper.warm()
            one, two = dns.cluster.endpoints
            resolver.answers["a"] = ["10.0.0.2", "10.0.0.1", "10.0.0.2"]
            await dns.counted("update_no_rebuild", 3)
            assert (dns.cluster.endpoints, dns.changes) == ((one, two), 1)
            resolver.answers["a"] = ["10.0.0.3", "10.0.0.2"]
            await until(lambda: len(dns.cluster.endpoints) == 2 and dns.hosts[1] == "10.0.0.3")
            assert dns.cluster.endpoints[0] is two
            assert dns.changes == 2

    run(main(), loop)


@loops
def test_a_failure_keeps_the_last_answer_and_a_name_that_is_gone_has_no_server(
    loop: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        resolver = Resolver(a=["10.0.0.1"], b=OSError("nobody answers"))
        async with named(resolver, QUICK, "a", "b") as dns:
            await dns.keeper.warm()
            assert dns.hosts == ["10.0.0.1"]
            resolver.answers["a"] = OSError("nobody answers")
            await dns.counted("update_failure", 6)
            assert dns.hosts == ["10.0.0.1"]
            resolver.answers["b"] = ["10.0.0.2"]
            await until(lambda: dns.hosts == ["10.0.0.1", "10.0.0.2"])
            resolver.answers["a"] = []
            await until(lambda: dns.hosts == ["10.0.0.2"])
            assert dns.count("update_empty") >= 1

    run(main(), loop)
    assert "cluster c: no addresses for 'a': nobody answers" in caplog.text
    assert "cluster c: the name 'a' has no address" in caplog.text


@loops
def test_a_reload_keeps_what_is_known_and_old_servers_stay_until_the_new_are_there(loop: str) -> None:
    async def main() -> None:
        resolver = Resolver(a=["10.0.0.1"], b=["10.0.0.2"])
        async with named(resolver, NEVER, "a") as dns:
            await dns.keeper.warm()
            dns.reload(connect_timeout=1.0)
            assert resolver.asked == [("a", DnsLookupFamily.AUTO)]
            dns.reload(endpoints=tuple(replace(each, weight=7) for each in names("a")))
            assert [each.weight for each in dns.cluster.endpoints] == [7]
            assert len(resolver.asked) == 1
            dns.reload(endpoints=names("b"))
            assert dns.hosts == ["10.0.0.1"]
            await dns.keeper.warm()
            assert dns.hosts == ["10.0.0.2"]
            dns.reload(dns=replace(NEVER, lookup_family=DnsLookupFamily.V4_ONLY))
            assert dns.hosts == ["10.0.0.2"]
            await dns.keeper.warm()
            assert resolver.asked[2:] == [("b", DnsLookupFamily.V4_ONLY)]

    run(main(), loop)


@loops
def test_a_cluster_becomes_one_of_names_and_one_of_addresses_again(loop: str) -> None:
    async def main() -> None:
        resolver = Resolver(a=["10.0.0.1"])
        async with named(resolver, None, "10.0.0.9") as dns:
            await dns.keeper.warm()
            assert dns.keeper.counters == ()
            resolver.is_ready.clear()
            dns.reload(dns=NEVER, endpoints=names("a"))
            await until(lambda: bool(resolver.asked))
            assert dns.hosts == ["10.0.0.9"]
            resolver.is_ready.set()
            await dns.keeper.warm()
            assert dns.hosts == ["10.0.0.1"]
            dns.reload(dns=None, endpoints=names("10.0.0.8"))
            assert dns.hosts == ["10.0.0.8"]
            assert dns.keeper.counters == ()

    run(main(), loop)


@loops
@pytest.mark.parametrize("ignores", [False, True])
def test_a_server_that_passes_its_checks_outlives_its_name(loop: str, ignores: bool) -> None:
    async def main() -> None:
        resolver = Resolver(a=["10.0.0.1", "10.0.0.2"])
        async with named(resolver, QUICK, "a", health_check=check(), ignore_health_on_host_removal=ignores) as dns:
            await dns.keeper.warm()
            one, two = dns.cluster.endpoints
            dns.cluster.mark(two, HealthFlag.FAILED_ACTIVE_HC, is_set=True)
            resolver.answers["a"] = ["10.0.0.3"]
            await until(lambda: "10.0.0.3" in dns.hosts)
            assert dns.hosts == (["10.0.0.3"] if ignores else ["10.0.0.3", "10.0.0.1"])
            dns.cluster.mark(one, HealthFlag.FAILED_ACTIVE_HC, is_set=True)
            await until(lambda: dns.hosts == ["10.0.0.3"])

    run(main(), loop)


@loops
def test_an_end_in_the_middle_of_a_question_leaves_nothing(loop: str) -> None:
    async def main() -> None:
        resolver = Resolver(a=["10.0.0.1"])
        resolver.is_ready.clear()
        for turns in range(4):
            async with named(resolver, QUICK, "a"):
                for _ in range(turns):
                    await asyncio.sleep(0)
        async with named(resolver, QUICK) as dns:
            await dns.keeper.warm()  # no name is no wait

    run(main(), loop)


def test_a_bug_in_who_follows_the_servers_does_not_end_the_questions(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with named(Resolver(a=["10.0.0.1"]), QUICK, "a") as found:
            bugs = [KeyError("a bug")]

            def follow() -> None:
                if bugs:
                    raise bugs.pop()

            found.cluster.watch(follow)
            await found.keeper.warm()
            await found.counted("update_success", 2)
            assert found.hosts == ["10.0.0.1"]

    run(main())
    assert "please report it" in caplog.text


def test_failures_wait_longer_and_longer() -> None:
    async def main() -> None:
        resolver = Resolver(a=OSError("nobody answers"))
        config = DnsConfig(refresh_rate=1000.0, failure_base_interval=0.002, failure_max_interval=0.01)
        async with named(resolver, config, "a") as dns:
            await dns.counted("update_failure", 5)

    run(main())
