"""A named set of servers: ``envoy.config.cluster.v3.Cluster``."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

from metaprotocol_sdk.proxy.cluster.circuit_breaker import CircuitBreaker
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.health import HealthFlag
from metaprotocol_sdk.proxy.cluster.load_balancer import balance
from metaprotocol_sdk.proxy.config.values import Address, CircuitBreakersConfig, ClusterConfig, EndpointConfig
from metaprotocol_sdk.proxy.metrics import ClusterStats


class Cluster:
    """A named set of servers, what is allowed there at once, and which of them is next.

    Args:
        config: What it is.
        rng: The source of chance; one of its own, if there is none.
        stats: What is counted about it; new ones, if there are none.
        breaker: What makes its circuit breaker, of the limits and ``stats``.

    Attributes:
        name: What routes call it.
        config: What it is now.
        servers: What its servers were made of, in that order.
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
        "_state_watchers",
        "_watchers",
        "breaker",
        "buffer_limit",
        "config",
        "connect_timeout",
        "connections",
        "endpoints",
        "maintenance",
        "name",
        "pick",
        "servers",
        "stats",
    )

    def __init__(
        self,
        config: ClusterConfig,
        rng: random.Random | None = None,
        *,
        stats: ClusterStats | None = None,
        breaker: Callable[[CircuitBreakersConfig, ClusterStats], CircuitBreaker] = CircuitBreaker,
    ) -> None:
        self.name = config.name
        self.config = config
        self.stats = ClusterStats() if stats is None else stats
        self.breaker = breaker(config.circuit_breakers, self.stats)
        self.servers: tuple[EndpointConfig, ...] = ()
        self.endpoints: tuple[Endpoint, ...] = ()
        self.pick: Callable[..., Endpoint | None]
        self._rng = rng or random.Random()  # noqa: S311 - it guards no secret
        self._watchers: list[Callable[[], None]] = []
        self._state_watchers: list[Callable[[], None]] = []
        self._configure(config)

    def update(self, config: ClusterConfig) -> None:
        """Is another from now on. Its counters go on, and an address it keeps is the same endpoint as before, with the
        connections there are to it."""
        if config != self.config:
            self.breaker.update(config.circuit_breakers)
            self._configure(config)

    def _configure(self, config: ClusterConfig) -> None:
        self.config = config
        self.connect_timeout = config.connect_timeout
        self.connections = config.connections
        self.buffer_limit = config.buffer_limit
        self.maintenance = config.maintenance
        self.set_endpoints(config.endpoints)

    def set_endpoints(self, configs: Iterable[EndpointConfig]) -> None:
        """Has these servers from now on; an address that it had before is the same endpoint as before."""
        known = {each.address: each for each in self.endpoints}
        were, self.servers = self.servers, tuple(configs)
        before, self.endpoints = self.endpoints, tuple(_endpoint(each, known) for each in self.servers)
        self.refresh()
        if before != self.endpoints:
            for watcher in self._watchers:
                watcher()
        if before != self.endpoints or were != self.servers:
            self._tell_state()

    def _tell_state(self) -> None:
        for watcher in self._state_watchers:
            watcher()

    def watch(self, watcher: Callable[[], None]) -> None:
        """Has ``watcher`` called whenever the servers are others."""
        self._watchers.append(watcher)

    def watch_state(self, watcher: Callable[[], None]) -> None:
        """Has ``watcher`` called whenever anything about its servers is other: which they are, what is configured of
        one, or what is known against it."""
        self._state_watchers.append(watcher)

    def mark(self, endpoint: Endpoint, flag: HealthFlag, *, is_set: bool) -> None:
        """Sets or clears what is known against one of its servers; the next pick sees it."""
        flags = endpoint.flags | flag if is_set else endpoint.flags & ~flag
        if flags != endpoint.flags:
            endpoint.flags = flags
            self.refresh()
            self._tell_state()

    def refresh(self) -> None:
        """What picks depend on has changed. The next pick works it out, however often this is called before."""
        self.pick = self._pick_anew

    def _pick_anew(self, hash_value: int | None = None, /) -> Endpoint | None:
        usable = tuple(each for each in self.endpoints if each.is_usable)
        self.pick = balance(usable, self.config, self._rng).pick
        return self.pick(hash_value)


def _endpoint(config: EndpointConfig, known: dict[Address, Endpoint]) -> Endpoint:
    """The endpoint of that address, each of ``known`` once: an address may be listed twice."""
    found = known.pop(config.address, None)
    if found is None:
        return Endpoint(config.address, config.weight)
    found.weight = config.weight
    return found
