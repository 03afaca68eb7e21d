"""One of several priorities for each request, and a priority that panics."""

from __future__ import annotations

import random
from collections.abc import Iterable

from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.load_balancer import LoadBalancer, Pick
from metaprotocol_sdk.proxy.metrics import ClusterStats


class Levels:
    """Hands each request to one of several balancers, by percents.

    A hash keeps its balancer as long as the percents stay, as in Envoy.

    Args:
        loads: Each balancer with its percents; 100 in all.
        rng: What a request without a hash is given a balancer by.
        uses_hash: Whether the policy is one that follows hashes; else chance decides alone.
    """

    __slots__ = ("_draw", "_picks", "_uses_hash")

    def __init__(self, loads: Iterable[tuple[LoadBalancer, int]], rng: random.Random, *, uses_hash: bool) -> None:
        self._picks: list[Pick] = [each.pick for each, load in loads for _ in range(load)]
        self._draw = rng.random
        self._uses_hash = uses_hash

    def pick(self, hash_value: int | None = None, /) -> Endpoint | None:
        """What one of the balancers picks."""
        if hash_value is None or not self._uses_hash:
            return self._picks[int(self._draw() * 100)](hash_value)
        return self._picks[hash_value % 100](hash_value)


class Panic:
    """Counts the requests that go to a priority which uses all its servers, whatever their health.

    Args:
        inner: Picks among them; it fails them all where ``fail_traffic_on_panic`` is set.
        stats: The cluster's.
    """

    __slots__ = ("_pick", "_stats")

    def __init__(self, inner: LoadBalancer, stats: ClusterStats) -> None:
        self._pick: Pick = inner.pick
        self._stats = stats

    def pick(self, hash_value: int | None = None, /) -> Endpoint | None:
        """What the balancer picks."""
        self._stats.lb_healthy_panic += 1
        return self._pick(hash_value)
