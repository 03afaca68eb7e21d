"""A named set of servers: ``envoy.config.cluster.v3.Cluster``."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping

from metaprotocol_sdk.proxy.cluster.balancing import Balancing
from metaprotocol_sdk.proxy.cluster.circuit_breaker import CircuitBreaker
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.health import EXCLUDED, HealthFlag
from metaprotocol_sdk.proxy.cluster.load_balancer import Pick
from metaprotocol_sdk.proxy.cluster.subset import NO_SUBSETS, Subsets
from metaprotocol_sdk.proxy.cluster.tables import Tables
from metaprotocol_sdk.proxy.config.values import (
    AnyAddress,
    CircuitBreakersConfig,
    ClusterConfig,
    EndpointConfig,
    LbMetadata,
    RoutingPriority,
)
from metaprotocol_sdk.proxy.metrics import ClusterStats, Counters

_STARTS = 1000
"""Where in their turns servers go on when one of them comes, goes, or changes: anywhere, as in Envoy. If it were always
the first, health that changes often would bring that one more than its share."""


MakeBreaker = Callable[[RoutingPriority, CircuitBreakersConfig], CircuitBreaker]
"""Makes what a cluster allows at once to requests of one priority."""


def _breaker(_: RoutingPriority, config: CircuitBreakersConfig) -> CircuitBreaker:
    return CircuitBreaker(config, ClusterStats())


class Cluster:
    """A named set of servers, what is allowed there at once, and which of them is next.

    Args:
        config: What it is.
        rng: The source of chance; one of its own, if there is none.
        now: The clock that new servers' slow start goes by.
        breaker: What makes its circuit breaker for requests of one priority, and what they count.

    Attributes:
        name: What routes call it.
        config: What it is now.
        endpoints: Its servers, in configured order.
        connect_timeout: Seconds a connection to one of them may take.
        connections: How long its connections are used.
        buffer_limit: Bytes a server has not read above which its clients are not read.
        maintenance: The share of its requests, 0 to 1, that get an error instead of a server.
        breaker: What is going on there, and whether more is allowed, for requests of the default priority.
        breakers: The same by priority.
        security: How its servers' TLS is spoken, which ``net/`` keeps here; None: there is none.
        pick: Says the server that takes the next request, or None: there is none. It takes what the route's hash
            policy makes of the request; RING_HASH and MAGLEV give equal ones the same server, and pick at random for
            None. The balancer's own, so that a request costs one call less.
        stats: What is counted about it, whichever listener sends there; :attr:`counters` is all of it.
        uneject: Ends an ejection; called by an active health check that succeeds. None: such a check says nothing of
            it.
    """

    __slots__ = (
        "_has_picked",
        "_has_traffic",
        "_members",
        "_now",
        "_picks",
        "_rng",
        "_state_watchers",
        "_subsets",
        "_tables",
        "_watchers",
        "breaker",
        "breakers",
        "buffer_limit",
        "config",
        "connect_timeout",
        "connections",
        "endpoints",
        "maintenance",
        "name",
        "pick",
        "security",
        "stats",
        "uneject",
    )

    def __init__(
        self,
        config: ClusterConfig,
        rng: random.Random | None = None,
        now: Callable[[], float] = time.monotonic,
        *,
        breaker: MakeBreaker = _breaker,
    ) -> None:
        self.name = config.name
        self.config = config
        self.security: object | None = None
        self.breakers: Mapping[RoutingPriority, CircuitBreaker] = {
            RoutingPriority.DEFAULT: breaker(RoutingPriority.DEFAULT, config.circuit_breakers),
            RoutingPriority.HIGH: breaker(RoutingPriority.HIGH, config.high_circuit_breakers),
        }
        self.breaker = self.breakers[RoutingPriority.DEFAULT]
        self.stats = self.breaker.stats
        self.uneject: Callable[[Endpoint], None] | None = None
        self.endpoints: tuple[Endpoint, ...] = ()
        self.pick: Pick
        self._rng = rng or random.Random()  # noqa: S311 - it guards no secret
        self._now = now
        self._watchers: list[Callable[[], None]] = []
        self._has_picked = False
        self._has_traffic = False
        self._subsets: Subsets = NO_SUBSETS
        self._picks: dict[LbMetadata, Pick] = {}
        self._tables = Tables()
        self._state_watchers: list[Callable[[], None]] = []
        self._configure(config)

    def update(self, config: ClusterConfig) -> None:
        """Is another from now on. Its counters go on, and an address it keeps is the same endpoint as before, with the
        connections there are to it."""
        if config != self.config:
            self.breaker.update(config.circuit_breakers)
            self.breakers[RoutingPriority.HIGH].update(config.high_circuit_breakers)
            self._configure(config)

    def _configure(self, config: ClusterConfig) -> None:
        # Nothing goes on by connections that are secured otherwise, or not at all.
        known = self.endpoints if config.tls == self.config.tls else ()
        self.config = config
        self.connect_timeout = config.connect_timeout
        self.connections = config.connections
        self.buffer_limit = config.buffer_limit
        self.maintenance = config.maintenance
        # Whoever asks for names sets what they lead to; until then the servers stay.
        self._have(config.endpoints if config.dns is None else self.endpoint_configs, known)

    @property
    def endpoint_configs(self) -> tuple[EndpointConfig, ...]:
        """What its servers were made of, in their order."""
        return tuple(each.config for each in self.endpoints)

    def _state(self) -> list[tuple[EndpointConfig, HealthFlag]]:
        return [(each.config, each.flags) for each in self.endpoints]

    @property
    def counters(self) -> Iterator[tuple[str, Counters]]:
        """What is counted, by prefix; what stands behind one prefix adds up."""
        for priority, breaker in self.breakers.items():
            yield "", breaker.stats
            yield f"circuit_breakers.{priority.value.lower()}.", breaker

    def set_endpoints(self, configs: Iterable[EndpointConfig]) -> None:
        """Has these servers from now on; an address that it had before is the same endpoint as before.

        Their ``health_status`` counts from now on; what others have marked stays.
        """
        self._have(configs, self.endpoints)

    def _have(self, configs: Iterable[EndpointConfig], kept: Iterable[Endpoint]) -> None:
        """Has these servers; one of ``kept`` where there is one of that address, each once: an address may be listed
        twice, and stays the same two endpoints then."""
        before, were = self.endpoints, self._state()
        known: dict[AnyAddress, deque[Endpoint]] = {}
        for each in kept:
            known.setdefault(each.address, deque()).append(each)
        self.endpoints = tuple(self._endpoint(each, known.get(each.address)) for each in configs)
        self._subsets = self._subsets.update(self.config.subsets, self.endpoints, self.stats)
        self._tables.clear()
        self._count_members()
        self.refresh()
        is_other = before != self.endpoints
        if is_other:
            self.stats.membership_change += 1
            for watcher in self._watchers:
                watcher()
        if is_other or were != self._state():
            self._tell_state()

    def _endpoint(self, config: EndpointConfig, known: deque[Endpoint] | None) -> Endpoint:
        """The next endpoint of that address."""
        is_new = not known
        endpoint = known.popleft() if known else Endpoint(config.address)
        was_usable = endpoint.is_usable and not is_new
        endpoint.update(config)
        self._note_start(endpoint, was_usable=was_usable)
        return endpoint

    def _note_start(self, endpoint: Endpoint, *, was_usable: bool) -> None:
        if endpoint.is_usable and not was_usable:
            endpoint.since = self._now()

    def _count_members(self) -> None:
        stats = self.stats
        self._members = frozenset(self.endpoints)
        stats.membership_total = len(self.endpoints)
        stats.membership_healthy = stats.membership_degraded = stats.membership_excluded = 0
        for each in self.endpoints:
            self._count(each, 1)

    def _count(self, endpoint: Endpoint, one: int) -> None:
        """Adds a server to the gauges, or takes it away: counting all anew for each mark would take a cluster of a
        thousand servers seconds when they are new."""
        stats, flags = self.stats, endpoint.flags
        if not flags:
            stats.membership_healthy += one
            return
        stats.membership_degraded += one * endpoint.is_usable
        stats.membership_excluded += one * bool(flags & EXCLUDED)

    def watch(self, watcher: Callable[[], None]) -> None:
        """Has ``watcher`` called whenever the servers are others."""
        self._watchers.append(watcher)

    @property
    def has_traffic(self) -> bool:
        """Whether it has ever been asked for a server."""
        self._has_traffic = self._has_traffic or any(_is_asked(each.stats) for each in self.breakers.values())
        return self._has_traffic

    def note_traffic(self) -> None:
        """It has been asked for a server, in another process."""
        self._has_traffic = True

    def watch_state(self, watcher: Callable[[], None]) -> None:
        """Has ``watcher`` called whenever anything about its servers is other: which they are, what is configured of
        one, or what is known against it."""
        self._state_watchers.append(watcher)

    def _tell_state(self) -> None:
        for watcher in self._state_watchers:
            watcher()

    def mark(self, endpoint: Endpoint, flag: HealthFlag, *, is_set: bool) -> None:
        """Sets or clears what is known against one of its servers; the next pick sees it."""
        flags = endpoint.flags | flag if is_set else endpoint.flags & ~flag
        if flags != endpoint.flags:
            was_usable, one = endpoint.is_usable, int(endpoint in self._members)
            self._count(endpoint, -one)
            endpoint.flags = flags
            self._count(endpoint, one)
            self._note_start(endpoint, was_usable=was_usable)
            self.refresh()
            self._tell_state()

    def refresh(self) -> None:
        """What picks depend on has changed. The next pick works it out, however often this is called before."""
        self.pick = self._pick_anew
        self._picks.clear()
        self._tables.turn()

    def _pick_anew(self, hash_value: int | None = None, /) -> Endpoint | None:
        self.pick = self._made(None)
        return self.pick(hash_value)

    def subset(self, match: LbMetadata) -> Pick:
        """What picks, as ``pick`` does, for requests whose route has the ``metadata_match`` ``match``.

        It is good for one request: the next asks again, which costs a look into a dictionary. A cluster without
        ``lb_subset_config`` picks among all, as Envoy's do.
        """
        if self.config.subsets is None:
            return self.pick
        pick = self._picks.get(match)
        if pick is None:
            pick = self._picks[match] = self._made(match)
        return pick

    def _made(self, match: LbMetadata | None) -> Pick:
        balancing = Balancing(
            self.config,
            rng=self._rng,
            stats=self.stats,
            in_flight=[each.stats for each in self.breakers.values()],
            now=self._now,
            on_change=self.refresh,
            start=self._rng.randrange(_STARTS) if self._has_picked else 0,
            tables=self._tables,
        )
        self._has_picked = True
        if self.config.subsets is None:
            return balancing.over(self.endpoints).pick
        return self._subsets.balancer(match, balancing, self.stats).pick


def _is_asked(stats: ClusterStats) -> bool:
    tried = stats.upstream_cx_total + stats.upstream_cx_connect_fail + stats.upstream_cx_connect_timeout
    return tried + stats.upstream_cx_none_healthy > 0
