"""A limit to what a hash brings one server: ``hash_balance_factor`` of ``ConsistentHashingLbConfig``.

"Consistent Hashing with Bounded Loads" (2016, arXiv:1608.01350), with the random jumps of arXiv:1908.08762: a hash
whose server has too much passes to others in an order that is its own, so that equal hashes go on to the same one.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.load_balancer import LoadBalancer, Pick
from metaprotocol_sdk.proxy.metrics import ClusterStats


class BoundedLoad:
    """Passes over servers that have more requests in flight than their share of all, times a factor.

    Where all have, the one that is least above it is picked.

    Args:
        inner: The ring or the table.
        endpoints: What it picks from, at least two.
        weights: The weight of each.
        factor: ``hash_balance_factor``, in percent, at least 100.
        in_flight: Where the cluster's requests in flight are counted, those of every priority.
        rng: What a request without a hash goes on by.
    """

    __slots__ = ("_endpoints", "_factor", "_in_flight", "_pick", "_rng", "_shares")

    def __init__(
        self,
        inner: LoadBalancer,
        endpoints: Sequence[Endpoint],
        weights: Sequence[int],
        *,
        factor: int,
        in_flight: Sequence[ClusterStats],
        rng: random.Random,
    ) -> None:
        self._pick: Pick = inner.pick
        self._endpoints = endpoints
        total = sum(weights)
        self._shares = {each: weight / total for each, weight in zip(endpoints, weights, strict=True)}
        self._factor = factor
        self._in_flight = in_flight
        self._rng = rng

    def pick(self, hash_value: int | None = None, /) -> Endpoint | None:
        """The hash's endpoint, or another that has not too much."""
        first = self._pick(hash_value)
        if first is None or self._overload(first) <= 1:
            return first
        order = random.Random(self._rng.random() if hash_value is None else hash_value)  # noqa: S311  not for secrets
        others = order.sample(self._endpoints, len(self._endpoints))
        free = next((each for each in others if self._overload(each) <= 1), None)
        return free or min((first, *others), key=self._overload)

    def _overload(self, endpoint: Endpoint) -> float:
        """Its requests in flight against those it should have at most; above 1 they are too many."""
        active = sum(each.upstream_rq_active for each in self._in_flight)
        slots = ((active + 1) * self._factor + 99) // 100
        return endpoint.active / max(1, math.ceil(slots * self._shares[endpoint]))
