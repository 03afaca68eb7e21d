"""Each endpoint in its turn: ``envoy.config.cluster.v3.Cluster.LbPolicy.ROUND_ROBIN``."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from math import gcd
from typing import Generic, TypeVar

from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint

T = TypeVar("T")

LONGEST_ROUND = 4096
"""Turns of a round that is remembered: from its second time on it costs a look into a list."""


class RoundRobin:
    """Endpoints of equal weight: one after the other.

    Args:
        endpoints: At least one.
        start: Which comes first, counted on and on (Envoy starts anywhere).
    """

    __slots__ = ("_endpoints", "_turn")

    def __init__(self, endpoints: Sequence[Endpoint], start: int = 0) -> None:
        self._endpoints = endpoints
        self._turn = start % len(endpoints) - 1

    def pick(self, _hash_value: int | None = None, /) -> Endpoint:
        """The next one in turn."""
        self._turn = turn = (self._turn + 1) % len(self._endpoints)
        return self._endpoints[turn]


class WeightedRoundRobin(Generic[T]):
    """Endpoints, or whatever takes turns, of unequal weight, as smoothly mixed as whole turns allow.

    After any number of picks each endpoint has had its exact share of them, rounded up or down. Envoy's scheduler
    keeps the shares as well, but gives the heaviest endpoint its picks in a row.

    How: with a share of ``w`` in ``W`` the k-th pick of an endpoint (from 0) may come at turn ``k * W / w`` rounded
    down and must have come before turn ``(k + 1) * W / w`` rounded up. Of those that may, the one that must soonest
    is picked; that this meets every deadline is R. Tijdeman's theorem ("The chairman assignment problem", 1980). After
    ``W`` turns everything is as it was.

    Args:
        endpoints: At least one.
        weights: The weight of each, a whole number above 0.
        start: How many picks are passed over.
    """

    __slots__ = ("_early", "_endpoints", "_known", "_picks", "_ready", "_round", "_turn", "_weights")

    def __init__(self, endpoints: Sequence[T], weights: Sequence[int], start: int = 0) -> None:
        self._endpoints = endpoints
        common = gcd(*weights)
        self._weights = [each // common for each in weights]
        self._round = sum(self._weights)
        self._known: list[T] = []
        """The round as far as it has been worked out, from its first turn; of one that is too long, nothing."""
        self._turn = 0
        self._picks = [0] * len(self._endpoints)
        self._early: list[tuple[int, int]] = []
        """Those whose next pick may not come yet: the turn it may come at, and the index."""
        self._ready = sorted((self._deadline(index), index) for index in range(len(self._endpoints)))
        """Those whose next pick may come: the turn it must have come before, and the index."""
        for _ in range(start % self._round):
            self.pick()

    def _deadline(self, index: int) -> int:
        return -(-(self._picks[index] + 1) * self._round // self._weights[index])

    def pick(self, _hash_value: int | None = None, /) -> T:
        """The endpoint whose turn it is."""
        turn, known = self._turn, self._known
        if turn < len(known):
            self._turn = (turn + 1) % self._round
            return known[turn]
        endpoint = self._next()
        self._turn = turn + 1
        if self._round <= LONGEST_ROUND:
            known.append(endpoint)
            self._turn %= self._round
        return endpoint

    def _next(self) -> T:
        early, ready = self._early, self._ready
        while early and early[0][0] <= self._turn:
            index = heappop(early)[1]
            heappush(ready, (self._deadline(index), index))
        index = heappop(ready)[1]
        self._picks[index] = picks = self._picks[index] + 1
        heappush(early, (picks * self._round // self._weights[index], index))
        return self._endpoints[index]
