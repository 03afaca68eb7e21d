"""The endpoint with the fewest requests in flight: ``envoy.config.cluster.v3.Cluster.LbPolicy.LEAST_REQUEST``."""

from __future__ import annotations

import random
from collections.abc import Sequence
from heapq import heapreplace
from operator import attrgetter

from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint

MOST_BIAS = 30.0
"""Above it ``active_request_bias`` counts as this, since a float has no room for the power. One request in flight makes
a server wait a billion turns then."""


class LeastRequest:
    """Endpoints of equal weight: of two at random, the one with fewer requests in flight; of equals, either.

    Envoy draws each of the two from all endpoints, so that it may compare one with itself; here they are different.

    Args:
        endpoints: At least two.
        rng: The source of chance.
    """

    __slots__ = ("_draw", "_endpoints", "_others", "_pairs")

    def __init__(self, endpoints: Sequence[Endpoint], rng: random.Random) -> None:
        self._endpoints = endpoints
        self._others = len(endpoints) - 1
        self._pairs = len(endpoints) * self._others
        self._draw = rng.random

    def pick(self, _hash_value: int | None = None, /) -> Endpoint:
        """The less loaded of two."""
        first, second = divmod(int(self._draw() * self._pairs), self._others)  # one draw for both: it is half the cost
        if second >= first:
            second += 1
        one, other = self._endpoints[first], self._endpoints[second]
        return other if other.active < one.active else one


class LeastRequestOfMany:
    """As :class:`LeastRequest`, with ``choice_count`` endpoints compared instead of two.

    Args:
        endpoints: Those it picks from.
        choices: How many are compared; all, where there are not as many.
        rng: The source of chance.
    """

    __slots__ = ("_choices", "_endpoints", "_rng")

    def __init__(self, endpoints: Sequence[Endpoint], choices: int, rng: random.Random) -> None:
        self._endpoints = endpoints
        self._choices = min(choices, len(endpoints))
        self._rng = rng

    def pick(self, _hash_value: int | None = None, /) -> Endpoint:
        """The least loaded of those drawn."""
        return min(self._rng.sample(self._endpoints, self._choices), key=attrgetter("active"))


class WeightedLeastRequest:
    """Endpoints of unequal weight: in turns, whose lengths are as Envoy's.

    An endpoint's next turn comes ``(requests in flight + 1) ** bias / weight`` after this one, the requests counted
    when it is picked. So an idle cluster is shared by weight, and an endpoint that is slow to answer waits longer for
    its turn.

    Args:
        endpoints: At least two.
        bias: ``active_request_bias``; 0: the requests in flight do not count.
        start: How many picks are passed over.
    """

    __slots__ = ("_bias", "_count", "_turns")

    def __init__(self, endpoints: Sequence[Endpoint], bias: float = 1.0, start: int = 0) -> None:
        self._bias = min(bias, MOST_BIAS)
        self._turns = sorted((1 / each.weight, index, each) for index, each in enumerate(endpoints))
        self._count = len(endpoints)
        for _ in range(start):
            self.pick()

    def pick(self, _hash_value: int | None = None, /) -> Endpoint:
        """The endpoint whose turn it is."""
        time, _, endpoint = self._turns[0]
        self._count = count = self._count + 1  # of turns at one time, the one that was set first
        heapreplace(self._turns, (time + (endpoint.active + 1) ** self._bias / endpoint.weight, count, endpoint))
        return endpoint
