"""The connections of one listener to each server, and the requests that wait for one."""

from __future__ import annotations

import asyncio
import errno
import logging

from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.exceptions import CodecBug
from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.config.values import RoutingPriority
from metaprotocol_sdk.proxy.ids import capacity
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.net.context import Context
from metaprotocol_sdk.proxy.net.dialer import HandshakeError, dial, reason_of
from metaprotocol_sdk.proxy.net.loop import Crowd
from metaprotocol_sdk.proxy.net.upstream import UpstreamConnection
from metaprotocol_sdk.proxy.stream import Stream

_log = logging.getLogger(LOGGER_NAME)

_REMOTE = frozenset(
    {
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.ECONNABORTED,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
        errno.EPIPE,
        errno.ENOENT,  # a Unix socket
    }
)
"""Connect errors that are the other side's; any other, such as too many open files, is ours."""


_STOPPED = Error(ErrorType.UNSPECIFIED, "meta protocol upstream request: the proxy stops", "LR")


class Pool:
    """The connections to one endpoint.

    A request takes a free connection, else waits for the first that becomes free or is made. One that is made and
    finds nobody waiting stays for the next request. What may be there at once is for the cluster's circuit breaker to
    say, which counts over all its endpoints and all listeners.

    Args:
        context: The listener's.
        cluster: Whose endpoint it is.
        endpoint: The server.
        is_shared: Whether its connections carry the requests of several clients at once.
        priority: Of the routes whose requests come here.

    Attributes:
        breaker: What they count against.
    """

    is_bound = False
    connection_type: type[UpstreamConnection] = UpstreamConnection

    __slots__ = (
        "_attempts",
        "_free",
        "_is_closed",
        "_is_retiring",
        "_open",
        "_pending",
        "_per_connection",
        "breaker",
        "cluster",
        "context",
        "endpoint",
        "is_shared",
    )

    def __init__(
        self,
        context: Context,
        cluster: Cluster,
        endpoint: Endpoint,
        *,
        is_shared: bool,
        priority: RoutingPriority = RoutingPriority.DEFAULT,
    ) -> None:
        self.context = context
        self.is_shared = is_shared
        self.cluster = cluster
        self.breaker = cluster.breakers[priority]
        self.endpoint = endpoint
        self._open: Crowd[UpstreamConnection] = Crowd()
        self._free: dict[UpstreamConnection, None] = {}
        self._pending: dict[Stream, None] = {}
        self._attempts: dict[UpstreamConnection, asyncio.Future[None]] = {}
        self._is_closed = False
        self._is_retiring = False
        ids = context.encoder.codec.request_ids
        most = capacity(ids, context.limits.shared_in_flight) if is_shared else 1
        self._per_connection = min(most, cluster.connections.max_requests or most)

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits for a request, here or at the server."""
        return all(stream.is_copy for stream in self._pending) and all(each.is_idle for each in self._open)

    def send(self, stream: Stream) -> None:
        """Sends a request now, or as soon as there is a connection for it."""
        if not self.breaker.allows_request():
            self._overflow(stream, "requests")
        elif self._free:
            connection, _ = self._free.popitem()  # the one used last: the others may go idle
            connection.start(stream)
            if connection.has_capacity:
                self._free[connection] = None
                if self._pending:  # what the request's end has let in, while nothing was free
                    self.update(connection)
        elif not self.breaker.allows_pending():
            self._overflow(stream, "connections")
        else:
            self._wait(stream)

    def hand_on(self, stream: Stream) -> None:
        """Sends a request that was given to a connection which has carried a oneway of its id by another one."""
        request_id = stream.request.request_id
        fit = next((each for each in self._free if not each.has_told(request_id)), None)
        if fit is not None:
            del self._free[fit]
            self._free[fit] = None  # the last one is taken next
            self.send(stream)
        elif not self.breaker.allows_pending():
            self._overflow(stream, "connections")
        else:
            self._wait(stream)

    def _overflow(self, stream: Stream, what: str) -> None:
        self.breaker.stats.upstream_rq_pending_overflow += 1
        error = Error(ErrorType.UNSPECIFIED, f"meta protocol upstream request: too many {what}", "UO")
        stream.chain.fail(stream, error)

    def _wait(self, stream: Stream) -> None:
        stats = self.breaker.stats
        stats.upstream_rq_pending_total += 1
        stats.upstream_rq_pending_active += 1
        stream.carrier = self
        self._pending[stream] = None
        self._connect_more()

    def expire(self, stream: Stream) -> None:
        """Gives up a request that has waited too long; what the server would have done with it nobody knows."""
        self.cancel(stream)

    def cancel(self, stream: Stream) -> None:
        """Gives up a request that waits for a connection."""
        if stream in self._pending:
            del self._pending[stream]
            self.breaker.stats.upstream_rq_pending_active -= 1
            self.breaker.stats.upstream_rq_cancelled += 1

    def throttle(self, stream: Stream) -> None:
        """A request that waits reads nothing yet."""

    def update(self, connection: UpstreamConnection) -> None:
        """A connection's capacity may have changed; the requests that wait come first."""
        has_capacity = connection.has_capacity
        while has_capacity and self._pending:
            connection.start(self._next_pending())
            has_capacity = connection.has_capacity
        if not has_capacity:
            self._free.pop(connection, None)
        elif self._is_retiring:
            connection.retire()
        else:
            self._free[connection] = None

    def lost(self, connection: UpstreamConnection) -> None:
        """A connection takes no more requests."""
        self._free.pop(connection, None)
        self._discard(connection)
        self._connect_more()

    def _next_pending(self) -> Stream:
        stream = next(iter(self._pending))
        del self._pending[stream]
        self.breaker.stats.upstream_rq_pending_active -= 1
        stream.carrier = None
        return stream

    def _connect_more(self) -> None:
        while not self._is_closed and self._excess > 0 and self._may_connect():
            try:
                connection = self.connection_type(self)
            except CodecBug as bug:
                self.context.report(bug)
                self._fail_pending(
                    len(self._pending), self._failure(f"the codec failed to connect to '{self.endpoint.name}'")
                )
                return
            self._open.add(connection)
            self.breaker.connections += 1
            self.endpoint.connections += 1
            self._attempts[connection] = self.context.turns.spawn(self._connect(connection))

    def _may_connect(self) -> bool:
        """Whether the cluster may have one more connection."""
        if self.breaker.allows_connection(self.endpoint, is_first=not self._open):
            return True
        self.breaker.stats.upstream_cx_overflow += 1
        return False

    def _discard(self, connection: UpstreamConnection) -> None:
        if connection in self._open:
            self._open.discard(connection)
            self.breaker.connections -= 1
            self.endpoint.connections -= 1

    @property
    def _excess(self) -> int:
        """How many requests wait that no attempt to connect is for."""
        return len(self._pending) - len(self._attempts) * self._per_connection

    async def _connect(self, connection: UpstreamConnection) -> None:
        error: Error | None = _STOPPED
        try:
            error = await self._attempt(connection)
        except Exception as bug:  # whatever it is, nobody may wait for a connection that will not come
            self.breaker.stats.upstream_cx_connect_fail += 1
            _log.error("cluster %s: connecting to %s failed", self.cluster.name, self.endpoint.name, exc_info=bug)
            error = self._failure(f"local connection failure '{self.endpoint.name}'")
        finally:
            if error is not None:
                self._give_up(connection)
        if error is None:
            del self._attempts[connection]
            connection.adopt()
            if self.endpoint.monitor is not None:
                self.endpoint.monitor.connected()
            self.update(connection)
        else:
            self._connect_failed(error)

    def _give_up(self, connection: UpstreamConnection) -> None:
        self._attempts.pop(connection, None)
        self._discard(connection)
        connection.abort()  # a loop that was cancelled half-way need not have closed it

    async def _attempt(self, connection: UpstreamConnection) -> Error | None:
        """Connects; says why not."""
        try:
            await dial(self.context.turns.loop, self.cluster, self.endpoint, lambda: connection)
        except TimeoutError:
            self.breaker.stats.upstream_cx_connect_timeout += 1
            self._tell_monitor()
            self._warn(f"not accepted in {self.cluster.connect_timeout:g} s")
            return self._failure(f"connection failure '{self.endpoint.name}' due to timeout")
        except OSError as problem:
            self.breaker.stats.upstream_cx_connect_fail += 1
            self._warn(reason_of(problem))
            side = "remote" if problem.errno in _REMOTE or isinstance(problem, HandshakeError) else "local"
            if side == "remote":  # a local one says nothing of the server
                self._tell_monitor()
            return self._failure(f"{side} connection failure '{self.endpoint.name}'")
        if not connection.has_capacity:  # the server has ended it again already, or sent what nobody asked for
            self._tell_monitor()
            self._warn("accepted, and of no use at once")
            return self._failure(f"remote connection failure '{self.endpoint.name}'")
        return None

    def _tell_monitor(self) -> None:
        """Tells that an attempt has failed, for each request it is made for; once at least, for they may all have had
        less time than ``connect_timeout``."""
        monitor = self.endpoint.monitor
        if monitor is not None:
            for _ in range(max(1, min(self._excess + self._per_connection, self._per_connection))):
                monitor.connect_failed()

    def _warn(self, reason: str) -> None:
        """Logs why no connection is made; in a text of its own, so that one server's failures hide no other's."""
        text = f"cluster {self.cluster.name}: no connection to {self.endpoint.name}: {reason}"
        _log.warning(text)

    def _failure(self, text: str) -> Error:
        return Error(ErrorType.UNSPECIFIED, f"meta protocol upstream request: {text}", "UF")

    def _connect_failed(self, error: Error) -> None:
        """Fails the requests the attempt was made for; those that came later have their own attempts."""
        self._fail_pending(min(self._excess, self._per_connection), error)
        self._connect_more()

    def _fail_pending(self, count: int, error: Error) -> None:
        """Fails the first ``count`` requests that wait; one may take others that wait with it."""
        while count > 0 and self._pending:
            stream = self._next_pending()
            stream.chain.fail(stream, error)
            count -= 1

    def retire(self) -> None:
        """Closes every connection as soon as it has no request in flight; its endpoint gets no more."""
        self._is_retiring = True
        for connection in self._open:
            if connection not in self._attempts:
                connection.retire()

    @property
    def is_gone(self) -> bool:
        """Whether nothing is left of it."""
        return not self._pending and not len(self._open)

    async def close(self, seconds: float) -> None:
        """Ends every request that still waits, and closes every connection within ``seconds``, or cuts it."""
        self._is_closed = True
        self._fail_pending(len(self._pending), _STOPPED)
        for connection, attempt in list(self._attempts.items()):
            attempt.cancel()
            self._give_up(connection)  # an attempt that has not begun to run never will
        for connection in self._open:
            if connection not in self._attempts:
                connection.close()
        if not await self._open.wait_gone(seconds):
            for connection in self._open:
                connection.abort()
