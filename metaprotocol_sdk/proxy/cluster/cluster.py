"""A named set of servers: ``envoy.config.cluster.v3.Cluster``."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

from metaprotocol_sdk.proxy.cluster.circuit_breaker import CircuitBreaker
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.health import HealthFlag
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
        endpoint_configs: What they were made of, in the same order.
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
        "_check_watchers",
        "_rng",
        "_watchers",
        "breaker",
        "buffer_limit",
        "config",
        "connect_timeout",
        "connections",
        "endpoint_configs",
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
        self.endpoint_configs: tuple[EndpointConfig, ...] = ()
        self.pick: Callable[..., Endpoint | None]
        self._rng = rng or random.Random()  # noqa: S311 - it guards no secret
        self._watchers: list[Callable[[], None]] = []
        self._check_watchers: list[Callable[[Endpoint], None]] = []
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
        if config.dns is None:
            self.set_endpoints(config.endpoints)
        else:  # whoever asks for the names sets what they lead to; until then the servers stay
            self.refresh()

    def set_endpoints(self, configs: Iterable[EndpointConfig]) -> None:
        """Has these servers from now on; an address that it had before is the same endpoint as before."""
        known = {each.address: each for each in self.endpoints}
        self.endpoint_configs = tuple(configs)
        before, self.endpoints = self.endpoints, tuple(_endpoint(each, known) for each in self.endpoint_configs)
        self.refresh()
        if before != self.endpoints:
            for watcher in self._watchers:
                watcher()

    def watch(self, watcher: Callable[[], None]) -> None:
        """Has ``watcher`` called whenever the servers are others."""
        self._watchers.append(watcher)

    def watch_checks(self, watcher: Callable[[Endpoint], None]) -> None:
        """Has ``watcher`` called with every server that passes a health check and is healthy by its checks, each time.

        Outlier detection takes one back then that it had ejected (``successful_active_health_check_uneject_host``).
        """
        self._check_watchers.append(watcher)

    def passed_check(self, endpoint: Endpoint) -> None:
        """One of its servers has passed a health check, and is healthy by its checks."""
        for watcher in self._check_watchers:
            watcher(endpoint)

    @property
    def has_traffic(self) -> bool:
        """Whether it has ever been asked for a server."""
        stats = self.stats
        tried = stats.upstream_cx_total + stats.upstream_cx_connect_fail + stats.upstream_cx_connect_timeout
        return tried + stats.upstream_cx_none_healthy > 0

    def mark(self, endpoint: Endpoint, flag: HealthFlag, *, is_set: bool) -> None:
        """Sets or clears what is known against one of its servers; the next pick sees it."""
        flags = endpoint.flags | flag if is_set else endpoint.flags & ~flag
        if flags != endpoint.flags:
            endpoint.flags = flags
            self.refresh()

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
        found = Endpoint(config.address)
    found.weight = config.weight
    found.health_address = config.health_address
    return found
