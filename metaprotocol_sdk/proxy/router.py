"""The end of every chain: route, cluster, endpoint, upstream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.mutation import Mutation
from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.route import RouteTable
from metaprotocol_sdk.proxy.stream import Stream
from metaprotocol_sdk.proxy.timers import TimerWheel

ROUTER_NAME = "aeraki.meta_protocol.filters.router"
"""The name of its configuration."""


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
    """

    __slots__ = ("_clusters", "_table", "_upstream", "_wheel")

    def __init__(
        self, table: RouteTable, clusters: Mapping[str, Cluster], *, upstream: Upstream, wheel: TimerWheel
    ) -> None:
        self._table = table
        self._clusters = clusters
        self._upstream = upstream
        self._wheel = wheel

    def route(self, stream: Stream) -> Error | None:
        """Sends a request on its way; an Error says why there is none. Texts are MetaProtocol Proxy's.

        Raises:
            CodecError: Strings the message's codec had put off are malformed.
        """
        request = stream.request
        route = self._table.match(request)
        if route is None:
            text = f"meta protocol router: no matched route for request '{request.request_id}'"
            return Error(ErrorType.ROUTE_NOT_FOUND, text, "NR")
        stream.route = route
        stream.mutation = _both(stream.mutation, route.request_mutation)
        stream.response_mutation = _both(stream.response_mutation, route.response_mutation)
        cluster = self._clusters.get(route.cluster)
        if cluster is None:
            text = f"meta protocol router: unknown cluster '{route.cluster}'"
            return Error(ErrorType.CLUSTER_NOT_FOUND, text, "NC")
        stream.cluster = cluster
        stream.endpoint = cluster.pick()
        if stream.endpoint is None:
            cluster.stats.upstream_cx_none_healthy += 1
            text = f"meta protocol router: no healthy upstream for '{cluster.name}'"
            return Error(ErrorType.NO_HEALTHY_UPSTREAM, text, "UH")
        if route.timeout is not None and not stream.is_oneway:
            stream.timer = self._wheel.add(stream, route.timeout)
        self._upstream.send(stream)
        return None


def _both(earlier: Mutation, later: Mutation) -> Mutation:
    return earlier | later if earlier and later else later or earlier
