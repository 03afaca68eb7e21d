"""Endpoints for tests of what picks among them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

from metaprotocol_sdk.proxy.cluster import load_balancer
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.load_balancer import LoadBalancer, Members
from metaprotocol_sdk.proxy.cluster.round_robin import WeightedRoundRobin
from metaprotocol_sdk.proxy.config.values import Address, ClusterConfig


def servers(*weights: int) -> list[Endpoint]:
    """One endpoint of each weight: 10.0.0.1:80, 10.0.0.2:80 and so on."""
    return [Endpoint(Address(f"10.0.{i >> 8}.{i & 255}", 80), weight) for i, weight in enumerate(weights, 1)]


def equals(count: int) -> list[Endpoint]:
    """Endpoints of equal weight."""
    return servers(*[1] * count)


def picks(balancer: LoadBalancer, count: int) -> Counter[Endpoint | None]:
    """How often each endpoint is picked for requests without a hash."""
    return Counter(balancer.pick() for _ in range(count))


def owners(balancer: LoadBalancer, count: int = 2000) -> list[str]:
    """The endpoint of each of many hashes, spread evenly over all 64-bit numbers, by name."""
    found = [balancer.pick(i * 0x9E3779B97F4A7C15 & (1 << 64) - 1) for i in range(count)]
    return [each.name for each in found if each is not None]


def balance(endpoints: Sequence[Endpoint], config: ClusterConfig, rng: random.Random) -> LoadBalancer:
    """What picks among endpoints by the policy alone."""
    return load_balancer.balance(Members(endpoints=endpoints), config, rng)


def weighted_round_robin(endpoints: Sequence[Endpoint]) -> WeightedRoundRobin[Endpoint]:
    """Endpoints in turns by their weights."""
    return WeightedRoundRobin(endpoints, [each.weight for each in endpoints])
