"""Workers take the places that the parent has given, and no others."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import time

import pytest

from metaprotocol_sdk.exceptions import WorkerError
from metaprotocol_sdk.proxy.assembly import MadeFilter
from metaprotocol_sdk.proxy.config.values import CircuitBreakersConfig, ClusterConfig, FilterConfig
from metaprotocol_sdk.proxy.filters.filter import Filter
from metaprotocol_sdk.proxy.net.loop import Turns
from metaprotocol_sdk.proxy.workers.memory import Block
from metaprotocol_sdk.proxy.workers.sharing import Guest, Host
from tests.proxy.harness import run

BUCKET = {"max_tokens": 2, "tokens_per_fill": 1, "fill_interval": 100.0, "now": 0.0}
RNG = random.Random(1)


def made(host: Host, count: int) -> MadeFilter:
    make = host.buckets("main", 0)
    for _ in range(count):
        make(**BUCKET)  # type: ignore[arg-type]
    return MadeFilter(FilterConfig(name="f"), Filter(), [], make)


def test_a_bucket_of_the_parents_filter_is_the_workers_and_there_are_no_more() -> None:
    block = Block.create(2)
    host = Host(block)
    seats = host.seats([], {"main": [made(host, 0), made(host, 2)], "other": [made(host, 1)]})
    guests = [Guest(Block(os.dup(block.descriptor), 2), number) for number in range(2)]
    for guest in guests:
        guest.seats = seats
    one, two = (guest.buckets("main", 1) for guest in guests)
    first, second = one(**BUCKET), one(**BUCKET)  # type: ignore[arg-type]
    same = two(**BUCKET)  # type: ignore[arg-type]
    assert [first.take(1), same.take(1), first.take(1), second.take(1)] == [True, True, False, True]
    with pytest.raises(WorkerError, match="more token buckets here than in the parent"):
        one(**BUCKET)  # type: ignore[arg-type]


def test_a_cluster_has_one_place_in_all_workers_and_a_dead_one_leaves_nothing() -> None:
    block = Block.create(2)
    host = Host(block)
    config = ClusterConfig(name="c", circuit_breakers=CircuitBreakersConfig(max_requests=1))
    host.cluster(config, RNG, time.monotonic)
    seats = host.seats(["c"], {})
    guests = [Guest(block, number) for number in range(2)]
    for guest in guests:
        guest.seats = seats
    one, two = (guest.cluster(config, RNG, time.monotonic) for guest in guests)
    one.stats.upstream_rq_active += 1
    assert not two.breaker.allows_request()
    host.bury(0)
    assert two.breaker.allows_request()


def test_places_of_what_is_gone_are_free_those_that_are_kept_are_not() -> None:
    host = Host(Block.create(1))
    for name in ("a", "b"):
        host.cluster(ClusterConfig(name=name), RNG, time.monotonic)
    kept = made(host, 1)
    made(host, 3)
    seats = host.seats(["b"], {"main": [kept]})
    host.keep(seats)
    assert host._cluster_places._used == {2, 3}
    assert host._bucket_places._used == {0}
    host.cluster(ClusterConfig(name="b"), RNG, time.monotonic)  # of a reload that is abandoned
    host.keep(seats)
    assert host.seats(["b"], {"main": [kept]}) == seats


def test_the_parent_accepts_nobody() -> None:
    async def nobody(client: socket.socket) -> None:
        raise AssertionError(client)

    async def main() -> None:
        turns = Turns(asyncio.get_running_loop())
        with socket.socket() as sock:
            Host(Block.create(1)).accept(turns, sock, asyncio.Protocol, name="main", admit=nobody).close()
        await turns.close()

    run(main())
