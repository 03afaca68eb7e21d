"""The laws seen from inside the proxy: gauges say what is there, what is there is bounded, in the end nothing is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from metaprotocol_sdk.proxy.assembly import endpoints_of
from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.health import HealthFlag
from metaprotocol_sdk.proxy.config.values import CircuitBreakersConfig
from metaprotocol_sdk.proxy.net.context import Limits
from metaprotocol_sdk.proxy.net.downstream import DownstreamConnection
from metaprotocol_sdk.proxy.net.listener import Listener
from metaprotocol_sdk.proxy.net.outlier_keeper import OutlierKeeper
from metaprotocol_sdk.proxy.net.pool import Pool
from metaprotocol_sdk.proxy.net.upstream import UpstreamConnection
from metaprotocol_sdk.proxy.router import Router
from metaprotocol_sdk.proxy.server import Server

READ = 256 * 1024
"""Bytes an event loop reads at once."""
MESSAGE = 65 * 1024
"""Bytes of the largest message."""


class Inside:
    """One proxy, opened: what it serves, and what it has served before and may still have something under way."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.wheel = server._turns.wheel
        self.listeners: list[Listener] = []
        self.clusters: dict[Cluster, CircuitBreakersConfig] = {}
        """With the most that each was ever allowed."""
        self.endpoints: dict[Endpoint, Cluster] = {}
        self.routers: list[Router] = []
        self.limits: list[Limits] = []
        self.buffer_limit = 0
        self.note()

    def note(self) -> None:
        """What there is now is looked at from now on, whatever becomes of it."""
        for listener in self.server.listeners:
            if listener not in self.listeners:
                self.listeners.append(listener)
            router = getattr(listener._parts.chain._route, "__self__")  # noqa: B009  it is a method of the router
            if router not in self.routers:
                self.routers.append(router)
            self.limits.append(listener.context.limits)
        for cluster in self.server.clusters.values():
            now = cluster.breaker._config
            self.clusters[cluster] = _most(self.clusters.get(cluster, now), now)
            self.endpoints.update(dict.fromkeys(cluster.endpoints, cluster))
            self.buffer_limit = max(self.buffer_limit, cluster.buffer_limit)

    @property
    def downs(self) -> list[DownstreamConnection]:
        return [down for listener in self.listeners for down in listener.connections]

    def pools(self) -> Iterator[Pool]:
        for way in [way for listener in self.listeners for way in listener._ways]:
            ways: Any = way
            for name in ("_pools", "_others"):
                yield from getattr(ways, name, {}).values()
            for name in ("_ending", "_retiring"):
                yield from getattr(ways, name, ())

    def ups(self, pool: Pool) -> list[UpstreamConnection]:
        return list(pool._open)

    @property
    def keepers(self) -> list[Any]:
        """What looks after the clusters."""
        return [keeper for kept in self.server._manager._kept.values() for keeper in kept.keepers]

    @property
    def is_connecting(self) -> bool:
        return any(pool._attempts for pool in self.pools())

    @property
    def is_clogged(self) -> bool:
        """Whether a server has not read what it was sent."""
        return any(up.is_clogged for pool in self.pools() for up in self.ups(pool))

    @property
    def kept_ids(self) -> int:
        """Ids of requests that were given up, and whose answers are still to come."""
        there = [up for pool in self.pools() for up in self.ups(pool) if up._ids is not None and not up.is_closing]
        return sum(len(up._ids._quarantined) for up in there if up._ids is not None)

    @property
    def active(self) -> int:
        """Requests of clients."""
        return sum(each.context.stats.request_active for each in self.listeners)

    def check(self) -> None:
        """What holds at any time between two turns of the loop."""
        self._check_clusters()
        self._check_streams()
        for listener in self.listeners:
            for down in listener.connections:
                self._check_down(down)
        for pool in self.pools():
            for up in self.ups(pool):
                self._check_up(up, len(self.downs))

    def _check_clusters(self) -> None:
        for cluster in self.server.clusters.values():
            assert cluster.breaker._config == cluster.config.circuit_breakers
        for keeper in self.keepers:
            if isinstance(keeper, OutlierKeeper):
                out = [each.flags & HealthFlag.FAILED_OUTLIER_CHECK for each in keeper._cluster.endpoints]
                assert keeper._stats.ejections_active == sum(map(bool, out))
        for cluster, most in self.clusters.items():
            pools = [pool for pool in self.pools() if pool.cluster is cluster]
            stats, breaker = cluster.stats, cluster.breaker
            assert stats.upstream_rq_pending_active == sum(len(pool._pending) for pool in pools)
            assert stats.upstream_rq_active == sum(len(up._streams) for pool in pools for up in self.ups(pool))
            assert breaker.connections == sum(len(pool._open) for pool in pools)
            assert stats.upstream_rq_active + stats.upstream_rq_pending_active <= most.max_requests
            assert stats.upstream_rq_pending_active <= most.max_pending_requests
            assert breaker.connections <= most.max_connections + len(pools)
            assert breaker.retries >= 0
        for endpoint in self.endpoints:
            there = [up for pool in self.pools() if pool.endpoint is endpoint for up in self.ups(pool)]
            assert endpoint.active == sum(len(up._streams) for up in there)
            assert endpoint.connections == len(there)

    def _check_streams(self) -> None:
        waiting = [stream for pool in self.pools() for stream in pool._pending if stream.is_oneway]
        left = {id(stream) for stream in waiting if getattr(stream.downstream, "is_lost", False)}
        here = sum(not stream.is_over for down in self.downs for stream in down._replies)
        here += sum(len(down._flows) + down._oneways for down in self.downs)
        assert self.active == here + len(left)

    def _check_down(self, down: DownstreamConnection) -> None:
        limits = down.context.limits
        most = max(each.in_flight for each in self.limits)
        assert down._replies.count + down._oneways <= most
        assert len(down._flows) <= most
        assert down._decoder.buffered <= READ + MESSAGE
        assert down._request_bytes <= limits.buffered_bytes + MESSAGE
        watermark = max(each.watermark for each in self.limits)
        if not down.is_closing:
            assert down.unwritten + down._replies.held <= max(limits.buffered_bytes, watermark) + MESSAGE
        held = sum(down in up._pressure._held for pool in self.pools() for up in self.ups(pool))
        assert down._holds == held + sum(flow._is_holding for flow in down._flows.values())
        assert down._replies.held >= 0
        assert down._request_bytes >= 0

    def _check_up(self, up: UpstreamConnection, clients: int) -> None:
        assert up._decoder.buffered <= READ + MESSAGE
        if up._transport is not None and not up.is_closing:
            assert up.unwritten <= self.buffer_limit + clients * READ + MESSAGE
        if up._ids is not None:
            assert len(up._ids._taken) <= up._ids._limit
            assert len(up._streams) + len(up._ids._quarantined) == len(up._ids._taken)

    def check_rest(self) -> None:
        """What holds when every request is answered and nobody stops reading."""
        assert self.active == 0, f"{self.active} requests are left"
        for cluster in self.clusters:
            assert cluster.breaker.retries == 0
            assert cluster.stats.upstream_rq_active == cluster.stats.upstream_rq_pending_active == 0
        assert all(endpoint.active == 0 for endpoint in self.endpoints)
        for down in self.downs:
            left = [down._replies._firsts, down._replies.held, down._replies.abandoned, down._flows]
            assert not any(left), left
            assert down._request_bytes == down._oneways == down._holds == 0
            assert not down._is_paused, "a client is not read although nothing is under way"
        assert not self.kept_ids, "an id is never freed"
        for pool in self.pools():
            assert not pool._pending
            assert not pool._attempts
            for up in self.ups(pool):
                assert not up._streams
            is_kept = pool.is_bound or pool.endpoint in endpoints_of(self.server.clusters)
            assert is_kept or all(up.is_closing for up in self.ups(pool)), "a server that is gone is still connected to"
        assert all(router._shadow._held == 0 for router in self.routers)
        ups = [up for pool in self.pools() for up in self.ups(pool)]
        keepers = self.keepers
        entrances = [each._parts.entrance for each in self.server.listeners]
        tls = [each.security for each in entrances if each is not None]
        tls += [getattr(keeper, "_security", None) for keeper in keepers]
        there = {id(each) for each in [*self.downs, *ups, *keepers, *tls]}
        for slot in self.wheel._slots.values():
            assert all(id(getattr(item, "_sender", item)) in there for item in slot), f"left on the wheel: {list(slot)}"

    def check_end(self) -> None:
        """What holds when the proxy has stopped."""
        assert not self.downs
        assert not [pool for pool in self.pools() if pool._open or pool._pending or pool._attempts]
        assert len(self.wheel) == 0, f"left on the wheel: {self.wheel._slots}"
        for name, count in self.server.snapshot().items():
            is_gauge = name.endswith("_active") and not name.endswith("ejections_active")  # who is out may stay so
            assert not is_gauge or count == 0, f"{name} is {count}"
        for cluster in self.clusters:
            counts = cluster.stats.snapshot()
            assert not any(count for name, count in counts.items() if name.endswith("_active")), counts
            assert cluster.breaker.connections == cluster.breaker.retries == 0
        assert not self.server._turns._tasks


def _most(one: CircuitBreakersConfig, other: CircuitBreakersConfig) -> CircuitBreakersConfig:
    """What is allowed by either: what is under way stays when less is allowed."""
    return CircuitBreakersConfig(
        max_connections=max(one.max_connections, other.max_connections),
        max_pending_requests=max(one.max_pending_requests, other.max_pending_requests),
        max_requests=max(one.max_requests, other.max_requests),
    )
