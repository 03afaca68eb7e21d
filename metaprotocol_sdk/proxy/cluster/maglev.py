"""A table of hashes: ``envoy.config.cluster.v3.Cluster.LbPolicy.MAGLEV``.

The algorithm is that of "Maglev: A Fast and Reliable Software Network Load Balancer" (2016), section 3.4, with Envoy's
weights: each endpoint claims the entries of the table in an order of its own, all take turns, and each takes the first
of its order that is still free.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from heapq import heapreplace
from typing import Any

from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.xxhash64 import xxhash64


class Maglev:
    """A request goes to the endpoint at its hash, modulo the table's size.

    Entries are Envoy's, so that the two agree on every hash.

    Args:
        endpoints: At least one.
        table_size: ``table_size``, a prime, or an endpoint's order would not reach every entry.
        rng: What a request without a hash is given an entry by.
        weights: The weight of each, instead of its own.
    """

    __slots__ = ("_rng", "_table")

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        table_size: int,
        rng: random.Random,
        *,
        weights: Sequence[int] | None = None,
    ) -> None:
        self._table = _filled(
            endpoints, [each.weight for each in endpoints] if weights is None else weights, table_size
        )
        self._rng = rng

    def pick(self, hash_value: int | None = None, /) -> Endpoint:
        """The endpoint of ``hash_value``, or of any entry."""
        if hash_value is None:
            hash_value = self._rng.getrandbits(64)
        return self._table[hash_value % len(self._table)]


class _Claim:
    """One endpoint's order: where it is, how far it steps, and how many entries it has taken."""

    __slots__ = ("at", "endpoint", "step", "taken", "weight")

    def __init__(self, endpoint: Endpoint, weight: int, size: int) -> None:
        name = endpoint.name.encode()
        self.endpoint = endpoint
        self.weight = weight
        self.at = xxhash64(name) % size
        self.step = xxhash64(name, 1) % (size - 1) + 1
        self.taken = 0


def _filled(endpoints: Sequence[Endpoint], weights: Sequence[int], size: int) -> list[Endpoint]:
    table: list[Any] = [None] * size
    claims = [_Claim(each, weight, size) for each, weight in zip(endpoints, weights, strict=True)]
    heaviest = max(weights)
    turns = [(1, index) for index in range(len(claims))]  # equal, and so a heap
    for _ in range(size):
        turn, index = turns[0]
        claim = claims[index]
        at, step = claim.at, claim.step
        while table[at] is not None:
            at = (at + step) % size
        table[at] = claim.endpoint
        claim.at = (at + step) % size
        claim.taken += 1
        # The heaviest has every turn, one of half its weight every second.
        heapreplace(turns, (max(turn + 1, -(-claim.taken * heaviest // claim.weight)), index))
    return table
