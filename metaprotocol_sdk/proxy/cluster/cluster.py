"""A named set of servers: ``envoy.config.cluster.v3.Cluster``."""

from __future__ import annotations

import random
from collections.abc import Callable

from metaprotocol_sdk.proxy.cluster.circuit_breaker import CircuitBreaker
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.load_balancer import balance
from metaprotocol_sdk.proxy.config.values import ClusterConfig
from metaprotocol_sdk.proxy.metrics import ClusterStats


class Cluster:
    """A named set of servers, what is allowed there at once, and which of them is next.

    Args:
        config: What it is.
        rng: The source of chance; one of its own, if there is none.

    Attributes:
        name: What routes call it.
        endpoints: Its servers, in configured order.
        connect_timeout: Seconds a connection to one of them may take.
        connections: How long its connections are used.
        buffer_limit: Bytes a server has not read above which its clients are not read.
        maintenance: The share of its requests, 0 to 1, that get an error instead of a server.
        breaker: What is going on there, and whether more is allowed.
        pick: Says the server that takes the next request, or None: there is none. It takes what the route's hash
            policy makes of the request; RING_HASH and MAGLEV give equal ones the same server, and pick at random for
            None. The balancer's own, so that a request costs one call less.
        stats: What is counted about it, whichever listener sends there.
    """

    __slots__ = (
        "breaker",
        "buffer_limit",
        "connect_timeout",
        "connections",
        "endpoints",
        "maintenance",
        "name",
        "pick",
        "stats",
    )

    def __init__(self, config: ClusterConfig, rng: random.Random | None = None) -> None:
        self.name = config.name
        self.endpoints = tuple(Endpoint(each.address, each.weight) for each in config.endpoints)
        self.connect_timeout = config.connect_timeout
        self.connections = config.connections
        self.buffer_limit = config.buffer_limit
        self.maintenance = config.maintenance
        self.stats = ClusterStats()
        self.breaker = CircuitBreaker(config.circuit_breakers, self.stats)
        balancer = balance(self.endpoints, config, rng or random.Random())  # noqa: S311 - it guards no secret
        self.pick: Callable[..., Endpoint | None] = balancer.pick
