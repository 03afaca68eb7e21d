"""A named set of servers: ``envoy.config.cluster.v3.Cluster``."""

from __future__ import annotations

import random
from collections.abc import Callable

from metaprotocol_sdk.proxy.cluster.circuit_breaker import CircuitBreaker
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.load_balancer import balance
from metaprotocol_sdk.proxy.config.values import Address, ClusterConfig, EndpointConfig
from metaprotocol_sdk.proxy.metrics import ClusterStats


class Cluster:
    """A named set of servers, what is allowed there at once, and which of them is next.

    Args:
        config: What it is.
        rng: The source of chance; one of its own, if there is none.

    Attributes:
        name: What routes call it.
        config: What it is now.
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
        "_rng",
        "breaker",
        "buffer_limit",
        "config",
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
        self.config = config
        self.stats = ClusterStats()
        self.breaker = CircuitBreaker(config.circuit_breakers, self.stats)
        self.endpoints: tuple[Endpoint, ...] = ()
        self._rng = rng or random.Random()  # noqa: S311 - it guards no secret
        self._configure(config)

    def update(self, config: ClusterConfig) -> None:
        """Is another from now on. Its counters go on, and an address it keeps is the same endpoint as before, with the
        connections there are to it."""
        if config != self.config:
            self.breaker.update(config.circuit_breakers)
            self._configure(config)

    def _configure(self, config: ClusterConfig) -> None:
        known = {each.address: each for each in self.endpoints}
        self.config = config
        self.endpoints = tuple(_endpoint(each, known) for each in config.endpoints)
        self.connect_timeout = config.connect_timeout
        self.connections = config.connections
        self.buffer_limit = config.buffer_limit
        self.maintenance = config.maintenance
        balancer = balance(self.endpoints, config, self._rng)
        self.pick: Callable[..., Endpoint | None] = balancer.pick


def _endpoint(config: EndpointConfig, known: dict[Address, Endpoint]) -> Endpoint:
    """The endpoint of that address, each of ``known`` once: an address may be listed twice."""
    found = known.pop(config.address, None)
    if found is None:
        return Endpoint(config.address, config.weight)
    found.weight = config.weight
    return found
