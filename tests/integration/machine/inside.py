"""The laws seen from inside the proxy: gauges say what is there, what is there is bounded, in the end nothing is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from metaprotocol_sdk.proxy.net.downstream import DownstreamConnection
from metaprotocol_sdk.proxy.net.pool import Pool
from metaprotocol_sdk.proxy.net.upstream import UpstreamConnection
from metaprotocol_sdk.proxy.server import Server
from tests.integration.machine.setup import Setup

READ = 256 * 1024
"""Bytes an event loop reads at once."""
MESSAGE = 65 * 1024
"""Bytes of the largest message."""


class Inside:
    """One proxy with one listener, opened."""

    def __init__(self, server: Server, setup: Setup) -> None:
        self.server = server
        self.setup = setup
        [self.listener] = server.listeners
        self.wheel = server._turns.wheel

    @property
    def downs(self) -> list[DownstreamConnection]:
        return list(self.listener.connections)

    def pools(self) -> Iterator[Pool]:
        for way in self.listener._ways:
            ways: Any = way
            for name in ("_pools", "_stream_pools"):
                yield from getattr(ways, name, {}).values()
            yield from getattr(ways, "_ending", ())

    def ups(self, pool: Pool) -> list[UpstreamConnection]:
        return list(pool._open)

    @property
    def is_connecting(self) -> bool:
        return any(pool._attempts for pool in self.pools())

    def check(self) -> None:
        """What holds at any time between two turns of the loop."""
        self._check_clusters()
        self._check_streams()
        for down in self.downs:
            self._check_down(down)
        for pool in self.pools():
            for up in self.ups(pool):
                self._check_up(up, len(self.downs))

    def _check_clusters(self) -> None:
        for cluster in self.server.clusters.values():
            pools = [pool for pool in self.pools() if pool.cluster is cluster]
            stats, breaker, config = cluster.stats, cluster.breaker, cluster.breaker._config
            assert stats.upstream_rq_pending_active == sum(len(pool._pending) for pool in pools)
            assert stats.upstream_rq_active == sum(len(up._streams) for pool in pools for up in self.ups(pool))
            assert breaker.connections == sum(len(pool._open) for pool in pools)
            assert stats.upstream_rq_active + stats.upstream_rq_pending_active <= config.max_requests
            assert stats.upstream_rq_pending_active <= config.max_pending_requests
            assert breaker.connections <= config.max_connections + len(pools)
            assert breaker.retries >= 0
            for endpoint in cluster.endpoints:
                there = [up for pool in pools if pool.endpoint is endpoint for up in self.ups(pool)]
                assert endpoint.active == sum(len(up._streams) for up in there)

    def _check_streams(self) -> None:
        waiting = [stream for pool in self.pools() for stream in pool._pending if stream.is_oneway]
        left = {id(stream) for stream in waiting if getattr(stream.downstream, "is_lost", False)}
        here = sum(not stream.is_over for down in self.downs for stream in down._replies)
        here += sum(len(down._flows) + down._oneways for down in self.downs)
        assert self.listener.context.stats.request_active == here + len(left)

    def _check_down(self, down: DownstreamConnection) -> None:
        limits = self.listener.context.limits
        assert down._replies.count + down._oneways <= limits.in_flight
        assert len(down._flows) <= limits.in_flight
        assert down._decoder.buffered <= READ + MESSAGE
        assert down._request_bytes <= limits.buffered_bytes + MESSAGE
        if not down.is_closing:
            assert down.unwritten + down._replies.held <= max(limits.buffered_bytes, limits.watermark) + MESSAGE
        held = sum(down in up._pressure._held for pool in self.pools() for up in self.ups(pool))
        assert down._holds == held + sum(flow._is_holding for flow in down._flows.values())
        assert down._replies.held >= 0
        assert down._request_bytes >= 0

    def _check_up(self, up: UpstreamConnection, clients: int) -> None:
        assert up._decoder.buffered <= READ + MESSAGE
        if up._transport is not None and not up.is_closing:
            assert up.unwritten <= up._pool.cluster.buffer_limit + clients * READ + MESSAGE
        if up._ids is not None:
            assert len(up._ids._taken) <= up._ids._limit
            assert len(up._streams) + len(up._ids._quarantined) == len(up._ids._taken)

    def check_rest(self) -> None:
        """What holds when every request is answered and nobody stops reading."""
        stats = self.listener.context.stats
        assert stats.request_active == 0, f"{stats.request_active} requests are left"
        for cluster in self.server.clusters.values():
            assert cluster.breaker.retries == 0
            assert cluster.stats.upstream_rq_active == cluster.stats.upstream_rq_pending_active == 0
            assert all(endpoint.active == 0 for endpoint in cluster.endpoints)
        for down in self.downs:
            left = [down._replies._firsts, down._replies.held, down._replies.abandoned, down._flows]
            assert not any(left), left
            assert down._request_bytes == down._oneways == down._holds == 0
            assert not down._is_paused, "a client is not read although nothing is under way"
        for pool in self.pools():
            assert not pool._pending
            assert not pool._attempts
            for up in self.ups(pool):
                assert not up._streams
                is_kept = up._ids is not None and bool(up._ids._quarantined)
                assert up.is_closing or not is_kept, "an id is never freed"
        router: Any = self.listener._parts.chain._route
        assert router.__self__._shadow._held == 0
        connections = {id(each) for each in [*self.downs, *(up for pool in self.pools() for up in self.ups(pool))]}
        for slot in self.wheel._slots.values():
            assert all(id(item) in connections for item in slot), f"left on the wheel: {list(slot)}"

    def check_end(self) -> None:
        """What holds when the proxy has stopped."""
        assert not self.downs
        assert not [pool for pool in self.pools() if pool._open or pool._pending or pool._attempts]
        assert len(self.wheel) == 0, f"left on the wheel: {self.wheel._slots}"
        for name, count in self.server.snapshot().items():
            assert not name.endswith("_active") or count == 0, f"{name} is {count}"
        assert all(cluster.breaker.connections == 0 for cluster in self.server.clusters.values())
        assert all(cluster.breaker.retries == 0 for cluster in self.server.clusters.values())
        assert not self.server._turns._tasks
