"""A circuit breaker of several workers decides as one of one process does that has all their gauges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.cluster.circuit_breaker import CircuitBreaker
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.config.values import Address, CircuitBreakersConfig
from metaprotocol_sdk.proxy.metrics import ClusterStats
from metaprotocol_sdk.proxy.workers.gauges import SharedCircuitBreaker, SharedClusterStats, WholeCircuitBreaker
from metaprotocol_sdk.proxy.workers.memory import Block

small = st.integers(0, 4)
configs = st.builds(
    CircuitBreakersConfig,
    max_connections=small,
    max_pending_requests=small,
    max_requests=small,
    max_retries=small,
    retry_budget_percent=st.none() | st.floats(0, 100, allow_nan=False),
    min_retry_concurrency=small,
)
SERVER = Endpoint(Address("10.0.0.1", 1))

steps = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.sampled_from([1, -1])), max_size=40)


@given(configs, steps)
def test_every_worker_decides_by_what_all_have(
    config: CircuitBreakersConfig, steps: list[tuple[int, int, int]]
) -> None:
    block = Block.create(3)
    stats = [SharedClusterStats(block, 2, worker) for worker in range(3)]
    breakers = [SharedCircuitBreaker(config, each) for each in stats]
    whole = ClusterStats()
    alone = CircuitBreaker(config, whole)
    for worker, gauge, change in steps:
        for each, breaker in ((stats[worker], breakers[worker]), (whole, alone)):
            if gauge == 0:
                each.upstream_rq_active += change
            elif gauge == 1:
                each.upstream_rq_pending_active += change
            elif gauge == 2:
                breaker.connections += change
            else:
                breaker.retries += change
        for breaker in breakers:
            assert breaker.allows_request() == alone.allows_request()
            assert breaker.allows_pending() == alone.allows_pending()
            assert breaker.allows_connection(SERVER) == alone.allows_connection(SERVER)
            assert breaker.allows_retry() == alone.allows_retry()
            assert breaker.allows_connection(SERVER, is_first=True)
    told = WholeCircuitBreaker(config, block, 2).snapshot()
    if min(alone.in_use) >= 0:
        assert told == alone.snapshot()
    assert [each.snapshot() for each in breakers] == [{}] * 3
    assert sum(each.upstream_rq_active for each in stats) == whole.upstream_rq_active
    assert sum(each.connections for each in breakers) == alone.connections
    assert sum(each.retries for each in breakers) == alone.retries
    block.close()


def test_what_a_worker_counts_has_the_names_of_one_process() -> None:
    block = Block.create(2)
    stats = SharedClusterStats(block, 0, 1)
    stats.upstream_rq_active += 3
    stats.upstream_rq_total += 4
    found = stats.snapshot("cluster.c.")
    assert found.keys() == ClusterStats().snapshot("cluster.c.").keys()
    assert (found["cluster.c.upstream_rq_active"], found["cluster.c.upstream_rq_total"]) == (3, 4)
    block.close()


@pytest.mark.parametrize("worker", [0, 1])
def test_a_worker_that_starts_has_nothing_under_way(worker: int) -> None:
    block = Block.create(2)
    block.gauges(0)[worker] = 7
    SharedCircuitBreaker(CircuitBreakersConfig(), SharedClusterStats(block, 0, worker))
    assert list(block.gauges(0)) == [0] * 8
    block.close()
