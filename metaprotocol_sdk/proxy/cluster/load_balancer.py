"""How a cluster picks: ``envoy.config.cluster.v3.Cluster.LbPolicy``."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Protocol

from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.least_request import LeastRequest, LeastRequestOfMany, WeightedLeastRequest
from metaprotocol_sdk.proxy.cluster.maglev import Maglev
from metaprotocol_sdk.proxy.cluster.ring_hash import RingHash
from metaprotocol_sdk.proxy.cluster.round_robin import RoundRobin, WeightedRoundRobin
from metaprotocol_sdk.proxy.config.values import ClusterConfig, LbPolicy


class LoadBalancer(Protocol):
    """Chooses one endpoint for each request, of those it was made for."""

    def pick(self, hash_value: int | None = None, /) -> Endpoint | None:
        """The endpoint of the next request.

        Args:
            hash_value: 64 bits; RING_HASH and MAGLEV give equal ones the same endpoint, the others do not look.
        """


class Sole:
    """Where there is nothing to choose: the only endpoint, or None."""

    __slots__ = ("_endpoint",)

    def __init__(self, endpoint: Endpoint | None) -> None:
        self._endpoint = endpoint

    def pick(self, _hash_value: int | None = None, /) -> Endpoint | None:
        """The only one."""
        return self._endpoint


class Random:
    """Any endpoint. Weights do not count, as they do not in Envoy."""

    __slots__ = ("_draw", "_endpoints")

    def __init__(self, endpoints: Sequence[Endpoint], rng: random.Random) -> None:
        self._endpoints = endpoints
        self._draw = rng.random

    def pick(self, _hash_value: int | None = None, /) -> Endpoint:
        """One at random."""
        return self._endpoints[int(self._draw() * len(self._endpoints))]


def balance(endpoints: Sequence[Endpoint], config: ClusterConfig, rng: random.Random) -> LoadBalancer:
    """What picks among ``endpoints`` as ``config`` says; a set that changes wants another.

    Args:
        endpoints: The servers.
        config: The policy and its parameters.
        rng: The source of chance.
    """
    if len(endpoints) < 2:
        return Sole(endpoints[0] if endpoints else None)
    return LOAD_BALANCERS[config.lb_policy](endpoints, config, rng)


def _round_robin(endpoints: Sequence[Endpoint], _: ClusterConfig, _rng: random.Random) -> LoadBalancer:
    return RoundRobin(endpoints) if _are_equal(endpoints) else WeightedRoundRobin(endpoints)


def _least_request(endpoints: Sequence[Endpoint], config: ClusterConfig, rng: random.Random) -> LoadBalancer:
    if not _are_equal(endpoints):
        return WeightedLeastRequest(endpoints)
    if config.choice_count == 2:
        return LeastRequest(endpoints, rng)
    return LeastRequestOfMany(endpoints, config.choice_count, rng)


def _are_equal(endpoints: Sequence[Endpoint]) -> bool:
    return len({each.weight for each in endpoints}) == 1


LOAD_BALANCERS: dict[LbPolicy, Callable[[Sequence[Endpoint], ClusterConfig, random.Random], LoadBalancer]] = {
    LbPolicy.ROUND_ROBIN: _round_robin,
    LbPolicy.LEAST_REQUEST: _least_request,
    LbPolicy.RANDOM: lambda endpoints, _, rng: Random(endpoints, rng),
    LbPolicy.RING_HASH: lambda endpoints, config, rng: RingHash(
        endpoints, config.minimum_ring_size, config.maximum_ring_size, rng
    ),
    LbPolicy.MAGLEV: lambda endpoints, config, rng: Maglev(endpoints, config.table_size, rng),
}
"""What makes each policy's balancer, for two endpoints or more."""
