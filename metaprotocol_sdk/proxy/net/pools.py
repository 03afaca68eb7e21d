"""The ways from one listener to all servers."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.metadata import MessageType
from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.config.values import RoutingPriority
from metaprotocol_sdk.proxy.net.context import Context
from metaprotocol_sdk.proxy.net.pool import Pool
from metaprotocol_sdk.proxy.net.stream_connection import StreamConnection
from metaprotocol_sdk.proxy.net.upstream import UpstreamConnection
from metaprotocol_sdk.proxy.stream import Downstream, Stream

_STREAM_INIT = MessageType.STREAM_INIT
_DEFAULT = RoutingPriority.DEFAULT
_GONE = Error(ErrorType.UNSPECIFIED, "meta protocol upstream request: its client has gone", "DC")


class StreamPool(Pool):
    """The connections to one endpoint that carry a stream of frames each."""

    __slots__ = ()

    connection_type = StreamConnection


class BoundPool(Pool):
    """The one connection to a server that belongs to one client's connection, and ends with it as that does with it.

    Requests wait for it in their order.
    """

    __slots__ = ("_downstream",)

    is_bound = True

    def __init__(
        self,
        context: Context,
        cluster: Cluster,
        endpoint: Endpoint,
        *,
        downstream: Downstream,
        priority: RoutingPriority = RoutingPriority.DEFAULT,
    ) -> None:
        super().__init__(context, cluster, endpoint, is_shared=context.is_shared, priority=priority)
        self._downstream = downstream

    @property
    def is_unused(self) -> bool:
        """Whether no server knows the client yet, or ever will by this pool."""
        return not self._open and not self._pending and not self._is_closed

    def _may_connect(self) -> bool:
        return not self._open and super()._may_connect()

    def _wait(self, stream: Stream) -> None:
        if self._is_closed:  # it is tried again, and there will be no other connection
            stream.chain.fail(stream, self._lost_error())
        elif not self._open and not self.breaker.allows_connection(self.endpoint):
            # Each of these pools has one connection, so that none of them may claim the first of a server's.
            self.breaker.stats.upstream_cx_overflow += 1
            self._overflow(stream, "connections")
        else:
            super()._wait(stream)

    def lost(self, connection: UpstreamConnection) -> None:
        """What the server knew of the client is gone with the connection, so the client's connection ends too."""
        self._is_closed = True
        self._downstream.finish()
        self._fail_pending(len(self._pending), self._lost_error())
        super().lost(connection)

    def _lost_error(self) -> Error:
        return self._failure(f"remote connection failure '{self.endpoint.name}'")


class Pools:
    """The way to every server by pooled connections: the router's ``Upstream``."""

    __slots__ = ("_context", "_kept", "_others", "_pools", "_retiring")

    def __init__(self, context: Context) -> None:
        self._context = context
        self._kept: Collection[Endpoint] | None = None
        self._pools: dict[Endpoint, Pool] = {}
        self._others: dict[tuple[Endpoint, bool, RoutingPriority], Pool] = {}
        """Those of streams of frames, and those of routes that have no default priority."""
        self._retiring: list[Pool] = []

    @property
    def _all(self) -> list[Pool]:
        return [*self._pools.values(), *self._others.values(), *self._retiring]

    @property
    def is_idle(self) -> bool:
        """Whether no request waits anywhere."""
        return all(pool.is_idle for pool in self._all)

    def retire(self, kept: Collection[Endpoint]) -> None:
        """Lets go of every server that is none of ``kept``, once its requests in flight have ended."""
        self._kept = kept
        self._retiring = [pool for pool in self._retiring if not pool.is_gone]
        for pool in [pool for pool in self._all if pool.endpoint not in kept and pool not in self._retiring]:
            pool.retire()
            self._retiring.append(pool)
        self._pools = {each: pool for each, pool in self._pools.items() if each in kept}
        self._others = {key: pool for key, pool in self._others.items() if key[0] in kept}

    def send(self, stream: Stream) -> None:
        """Sends a request to ``stream.endpoint``; see :class:`~metaprotocol_sdk.proxy.router.Upstream`."""
        endpoint, route = stream.endpoint, stream.route
        assert endpoint is not None
        if stream.request.message_type is _STREAM_INIT or (route is not None and route.priority is not _DEFAULT):
            pool = self._other(stream, endpoint)
        else:
            found = self._pools.get(endpoint)
            pool = self._add(endpoint, stream.cluster) if found is None else found
        pool.send(stream)

    def _add(self, endpoint: Endpoint, cluster: Cluster | None) -> Pool:
        assert cluster is not None
        pool = self._pools[endpoint] = Pool(self._context, cluster, endpoint, is_shared=self._context.is_shared)
        return self._added(pool)

    def _other(self, stream: Stream, endpoint: Endpoint) -> Pool:
        is_stream = stream.request.message_type is _STREAM_INIT
        priority = _priority_of(stream)
        if priority is _DEFAULT and not is_stream:  # a copy
            return self._pools.get(endpoint) or self._add(endpoint, stream.cluster)
        key = endpoint, is_stream, priority
        if key not in self._others:
            assert stream.cluster is not None
            make, is_shared = (StreamPool, False) if is_stream else (Pool, self._context.is_shared)
            pool = make(self._context, stream.cluster, endpoint, is_shared=is_shared, priority=priority)
            self._others[key] = self._added(pool)
        return self._others[key]

    def _added(self, pool: Pool) -> Pool:
        if self._kept is not None and pool.endpoint not in self._kept:
            pool.retire()  # what is under way by an earlier configuration may still go there, and no more
        return pool

    async def close(self, seconds: float) -> None:
        """Closes every connection within ``seconds``, or cuts it."""
        await asyncio.gather(*(pool.close(seconds) for pool in self._all))


class BoundPools:
    """The way to servers by one connection for each client: ``bind_upstream_connection``.

    The first request of a client's connection chooses the server; the later ones go to the same, and so do streams of
    frames, each by a connection of its own.

    Args:
        context: The listener's.
        streams: The way of streams of frames.
    """

    __slots__ = ("_context", "_ending", "_pools", "_streams")

    def __init__(self, context: Context, streams: Pools) -> None:
        self._context = context
        self._streams = streams
        self._pools: dict[Downstream, BoundPool] = {}
        self._ending: set[BoundPool] = set()

    @property
    def is_idle(self) -> bool:
        """Whether no request waits anywhere."""
        return all(pool.is_idle for pool in [*self._pools.values(), *self._ending])

    def send(self, stream: Stream) -> None:
        """Sends a request by its client's connection; see :class:`~metaprotocol_sdk.proxy.router.Upstream`."""
        endpoint, cluster, client = stream.endpoint, stream.cluster, stream.downstream
        assert endpoint is not None
        assert cluster is not None
        if client.is_lost:  # what its server knew of it is gone, and nobody would unbind it again
            stream.chain.fail(stream, _GONE)
            return
        pool = self._pools.get(client)
        is_stream = stream.request.message_type is _STREAM_INIT
        if not is_stream and (pool is None or pool.is_unused):
            priority = _priority_of(stream)
            pool = BoundPool(self._context, cluster, endpoint, downstream=client, priority=priority)
            self._pools[client] = pool
        if pool is not None:
            stream.cluster, stream.endpoint = pool.cluster, pool.endpoint
        (self._streams if is_stream or pool is None else pool).send(stream)

    def retire(self, kept: Collection[Endpoint]) -> None:
        """A client keeps its server, which knows it, until one of them ends the connection."""

    def unbind(self, downstream: Downstream) -> None:
        """A client's connection has ended."""
        pool = self._pools.pop(downstream, None)
        if pool is not None:
            self._ending.add(pool)
            self._context.turns.spawn(self._end(pool))

    async def _end(self, pool: BoundPool) -> None:
        await pool.close(self._context.limits.close_timeout)
        self._ending.discard(pool)

    async def close(self, seconds: float) -> None:
        """Closes every connection within ``seconds``, or cuts it."""
        await asyncio.gather(*(pool.close(seconds) for pool in [*self._pools.values(), *self._ending]))


def _priority_of(stream: Stream) -> RoutingPriority:
    """The route's; copies never have another than the default, as in Envoy."""
    return _DEFAULT if stream.route is None or stream.is_copy else stream.route.priority
