"""The end of every chain: route, cluster, endpoint, upstream."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Protocol

from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.mutation import Mutation
from metaprotocol_sdk.proxy.attempts import Attempts
from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.load_balancer import HASHING
from metaprotocol_sdk.proxy.config.values import ClusterConfig, LbMetadata
from metaprotocol_sdk.proxy.metrics import ListenerStats
from metaprotocol_sdk.proxy.route import Route, RouteTable
from metaprotocol_sdk.proxy.shadow import Shadow
from metaprotocol_sdk.proxy.stream import Stream
from metaprotocol_sdk.proxy.timers import TimerWheel

ROUTER_NAME = "aeraki.meta_protocol.filters.router"
"""The name of its configuration."""

SHADOW_TIMEOUT = 15.0
"""Seconds a mirrored request waits for its reply when its route would wait for ever."""


RETRY_PICKS = 5
"""How often a retry picks again to find another server than the one that failed, before it takes any other."""


class Upstream(Protocol):
    """The way to servers; sockets in production, a list in tests."""

    def send(self, stream: Stream) -> None:
        """Sends the request to ``stream.endpoint``, now or when a connection is there.

        At once or later it calls exactly one of ``stream.chain``'s ``respond``, ``fail`` and (for a oneway)
        ``sent``, or ``stream.downstream.reject``; none after ``stream.carrier.cancel(stream)``.
        """


class Router:
    """Chooses a server for each request of one listener.

    Args:
        table: The listener's routes.
        clusters: Every cluster by name.
        upstream: The way to their servers.
        wheel: What timeouts wait on.
        stats: The listener's counters.
        rng: What weighted clusters, mirrors and back-off are drawn from.
        deadline: Seconds a request itself gives its server, or None; None: the protocol's requests say none.
        mirrors: The way of mirrored requests to their servers, when it is another.
    """

    __slots__ = (
        "_clusters",
        "_deadline",
        "_mirrors",
        "_rng",
        "_shadow",
        "_stats",
        "_table",
        "_upstream",
        "_wheel",
    )

    def __init__(
        self,
        table: RouteTable,
        clusters: Mapping[str, Cluster],
        *,
        upstream: Upstream,
        wheel: TimerWheel,
        stats: ListenerStats,
        rng: random.Random,
        deadline: Callable[[Metadata], float | None] | None = None,
        mirrors: Upstream | None = None,
    ) -> None:
        self._table = table
        self._clusters = clusters
        self._upstream = upstream
        self._wheel = wheel
        self._stats = stats
        self._rng = rng
        self._deadline = deadline
        self._mirrors = mirrors or upstream
        self._shadow = Shadow()

    def route(self, stream: Stream) -> Error | None:
        """Sends a request on its way; an Error says why there is none. Texts are MetaProtocol Proxy's.

        Raises:
            CodecError: Strings the message's codec had put off are malformed, or the codec is broken.
        """
        request = stream.request
        route = self._table.match(request)
        if route is None:
            text = f"meta protocol router: no matched route for request '{request.request_id}'"
            return Error(ErrorType.ROUTE_NOT_FOUND, text, "NR")
        stream.route = route = route if route.weighted_clusters is None else route.choose(self._rng)
        if route.has_mutations:
            stream.mutation = _both(stream.mutation, route.request_mutation)
            stream.response_mutation = _both(stream.response_mutation, route.response_mutation)
        cluster = self._clusters.get(route.cluster)
        if cluster is None:
            text = f"meta protocol router: unknown cluster '{route.cluster}'"
            return Error(ErrorType.CLUSTER_NOT_FOUND, text, "NC")
        stream.cluster = cluster
        if cluster.maintenance and self._is_closed(cluster):  # asked first here: a request costs no call
            text = f"meta protocol router: maintenance mode for cluster '{route.cluster}'"
            return Error(ErrorType.UNSPECIFIED, text, "UO")
        if not stream.is_oneway:
            stream.arm(self._wheel, route.timeout if self._deadline is None else self._timeout(route, request))
        error = self._send(stream) if route.retry is None else self._start(stream, route)
        if error is not None:
            stream.disarm()
        elif route.mirrors:
            self._mirror(stream, route)
        return error

    def _is_closed(self, cluster: Cluster) -> bool:
        """Whether the cluster refuses one request because it is in maintenance mode."""
        if not cluster.maintenance or self._rng.random() >= cluster.maintenance:
            return False
        cluster.stats.upstream_rq_maintenance_mode += 1
        return True

    def _timeout(self, route: Route, request: Metadata) -> float | None:
        if self._deadline is None:
            return route.timeout
        deadline = self._deadline(request)
        if deadline is None:
            return route.timeout
        return deadline if route.timeout is None else min(deadline, route.timeout)

    def _start(self, stream: Stream, route: Route) -> Error | None:
        if route.retry is None or not stream.can_retry:
            return self._send(stream)
        return Attempts(stream, route.retry, send=self._send, wheel=self._wheel, rng=self._rng).begin()

    def _send(self, stream: Stream) -> Error | None:
        """Picks a server and sends the request there; says why it cannot."""
        cluster, route = stream.cluster, stream.route
        assert cluster is not None
        assert route is not None
        match = route.metadata_match
        pick = cluster.pick if match is None else cluster.subset(match)
        hash_value = route.hash_of(stream.request) if route.hash_keys else None
        endpoint = pick(hash_value)
        if endpoint is stream.endpoint and endpoint is not None:
            endpoint = self._another(cluster, endpoint, match, hash_value)
        stream.endpoint = endpoint
        if endpoint is None:
            cluster.stats.upstream_cx_none_healthy += 1
            text = f"meta protocol router: no healthy upstream for '{cluster.name}'"
            return Error(ErrorType.NO_HEALTHY_UPSTREAM, text, "UH")
        self._upstream.send(stream)
        return None

    def _another(
        self, cluster: Cluster, failed: Endpoint, match: LbMetadata | None, hash_value: int | None
    ) -> Endpoint | None:
        """A server for a retry, another than the one that has just failed if there is one: Envoy's ``previous_hosts``.

        The policy's picks are asked first. One that looks at requests in flight likes a dead server best, which has
        none, and would give it again and again. A hash that the policy follows has one server, and keeps it.
        """
        config = cluster.config
        if len(cluster.endpoints) == 1 or (hash_value is not None and config.lb_policy in HASHING):
            return failed
        pick = cluster.pick if match is None else cluster.subset(match)
        for _ in range(RETRY_PICKS):
            endpoint = pick(hash_value)
            if endpoint is not failed:
                return endpoint
        if config.subsets is not None:  # any other may be none of the subset
            return failed
        others = [each for each in cluster.endpoints if each is not failed and _can_replace(each, failed, config)]
        return self._rng.choice(others) if others else failed

    def _mirror(self, stream: Stream, route: Route) -> None:
        """Sends the copies a route asks for; one that has nowhere to go is left out, as upstream does."""
        for policy in route.mirrors:
            if policy.fraction < 1 and self._rng.random() >= policy.fraction:
                continue
            cluster = self._clusters.get(policy.cluster)
            is_open = cluster is not None and not self._is_closed(cluster)
            endpoint = cluster.pick(route.hash_of(stream.request)) if cluster is not None and is_open else None
            copy = self._shadow.copy(stream, stream.mutation) if endpoint is not None else None
            if copy is None:
                self._stats.request_mirror_skipped += 1
                continue
            self._stats.request_mirrored += 1
            copy.cluster, copy.endpoint = cluster, endpoint
            if not copy.is_oneway:
                copy.arm(self._wheel, route.timeout or SHADOW_TIMEOUT)
            self._mirrors.send(copy)


def _can_replace(endpoint: Endpoint, failed: Endpoint, config: ClusterConfig) -> bool:
    """Whether a request may go to ``endpoint`` that went to ``failed``: in a place without weight no request does."""
    here, there = endpoint.config, failed.config
    is_placed = not config.is_locality_weighted or here.locality_weight > 0 or there.locality_weight == 0
    return endpoint.is_usable and here.priority == there.priority and is_placed


def _both(earlier: Mutation, later: Mutation) -> Mutation:
    return earlier | later if earlier and later else later or earlier
