"""How a cluster picks: ``envoy.config.cluster.v3.Cluster.LbPolicy``."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.least_request import LeastRequest, LeastRequestOfMany, WeightedLeastRequest
from metaprotocol_sdk.proxy.cluster.maglev import Maglev
from metaprotocol_sdk.proxy.cluster.ring_hash import RingHash
from metaprotocol_sdk.proxy.cluster.round_robin import RoundRobin, WeightedRoundRobin
from metaprotocol_sdk.proxy.config.values import ClusterConfig, LbPolicy

Pick = Callable[..., Endpoint | None]
"""``pick`` of a balancer: says the server of a request, given its hash or nothing; None: there is none."""

HASHING = (LbPolicy.RING_HASH, LbPolicy.MAGLEV)
"""The policies that follow hashes."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """The servers that a balancer picks from, and how it begins.

    Args:
        endpoints: The servers.
        weights: The weight of each for MAGLEV, instead of its own.
        shares: The share of each for RING_HASH, instead of that of its weight.
        start: How many turns a balancer that takes turns passes over, which costs some time for each.
    """

    endpoints: Sequence[Endpoint]
    weights: Sequence[int] | None = None
    shares: Sequence[float] | None = None
    start: int = 0

    @property
    def are_equal(self) -> bool:
        """Whether all have the same weight."""
        return len({each.weight for each in self.endpoints}) == 1


def balance(members: Members, config: ClusterConfig, rng: random.Random) -> LoadBalancer:
    """What picks among ``members`` as ``config`` says; a set that changes wants another.

    Args:
        members: The servers.
        config: The policy and its parameters.
        rng: The source of chance.
    """
    endpoints = members.endpoints
    if len(endpoints) < 2:
        return Sole(endpoints[0] if endpoints else None)
    return LOAD_BALANCERS[config.lb_policy](members, config, rng)


def _round_robin(members: Members, _: ClusterConfig, _rng: random.Random) -> LoadBalancer:
    endpoints = members.endpoints
    if members.are_equal:
        return RoundRobin(endpoints, members.start)
    return WeightedRoundRobin(endpoints, [each.weight for each in endpoints], members.start)


def _least_request(members: Members, config: ClusterConfig, rng: random.Random) -> LoadBalancer:
    if not members.are_equal:
        return WeightedLeastRequest(members.endpoints, config.active_request_bias, members.start)
    if config.choice_count == 2:
        return LeastRequest(members.endpoints, rng)
    return LeastRequestOfMany(members.endpoints, config.choice_count, rng)


def _ring_hash(members: Members, config: ClusterConfig, rng: random.Random) -> LoadBalancer:
    minimum, maximum = config.minimum_ring_size, config.maximum_ring_size
    return RingHash(members.endpoints, minimum, maximum, rng, shares=members.shares)


def _maglev(members: Members, config: ClusterConfig, rng: random.Random) -> LoadBalancer:
    return Maglev(members.endpoints, config.table_size, rng, weights=members.weights)


LOAD_BALANCERS: dict[LbPolicy, Callable[[Members, ClusterConfig, random.Random], LoadBalancer]] = {
    LbPolicy.ROUND_ROBIN: _round_robin,
    LbPolicy.LEAST_REQUEST: _least_request,
    LbPolicy.RANDOM: lambda members, _, rng: Random(members.endpoints, rng),
    LbPolicy.RING_HASH: _ring_hash,
    LbPolicy.MAGLEV: _maglev,
}
"""What makes each policy's balancer, for two endpoints or more."""
