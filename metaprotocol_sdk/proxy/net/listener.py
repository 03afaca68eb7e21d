"""An address clients connect to: ``envoy.config.listener.v3.Listener``."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Protocol

from metaprotocol_sdk.exceptions import CodecBug
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.config.values import Bound, ListenerConfig
from metaprotocol_sdk.proxy.filters.chain import FilterChain
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.metrics import Counters
from metaprotocol_sdk.proxy.net.context import Context
from metaprotocol_sdk.proxy.net.downstream import DownstreamConnection
from metaprotocol_sdk.proxy.net.entrance import Entrance
from metaprotocol_sdk.proxy.net.loop import Crowd
from metaprotocol_sdk.proxy.net.sharing import ALONE, Accepting, Sharing
from metaprotocol_sdk.proxy.net.sockets import Bind, bind, bound_to, keep_alive, permit, take_over
from metaprotocol_sdk.proxy.peer import Told
from metaprotocol_sdk.proxy.stream import Downstream

_log = logging.getLogger(LOGGER_NAME)


class Way(Protocol):
    """A way to servers, as its listener sees it."""

    @property
    def is_idle(self) -> bool:
        """Whether no request waits anywhere."""

    def retire(self, kept: Collection[Endpoint]) -> None:
        """Lets go of every server that is none of ``kept``, once its requests in flight have ended."""

    async def close(self, seconds: float) -> None:
        """Closes every connection within ``seconds``, or cuts it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the connections of one listener share.

    Args:
        context: The protocol, the counters and the limits.
        chain: What requests go through.
        ways: The ways to servers.
        on_lost: Called with each client's connection that has ended.
        entrance: What a client passes before it is one; None: nothing.
    """

    context: Context
    chain: FilterChain
    ways: tuple[Way, ...]
    on_lost: Callable[[Downstream], None] | None = None
    entrance: Entrance | None = None


class _Refusal(asyncio.Protocol):
    """A client that cannot be served. An event loop that is given no protocol for it may accept nobody after it."""

    def connection_made(self, transport: Any) -> None:
        """Called by the loop once the client has connected."""
        transport.abort()


class Listener:
    """One address, its clients, and their way to servers.

    Args:
        config: The address and what is spoken there.
        parts: What its connections share.
        sharing: What it has in common with other processes.
    """

    def __init__(self, config: ListenerConfig, parts: Parts, sharing: Sharing = ALONE) -> None:
        self.config = config
        self.connections: Crowd[DownstreamConnection] = sharing.crowd()
        self._sharing = sharing
        self._parts = parts
        self._old: list[Parts] = []
        self._socket: socket.socket | None = None
        self._bound: Bound | None = None
        self._acceptor: Accepting | None = None
        self._entering: set[asyncio.Task[Any] | None] = set()

    @property
    def context(self) -> Context:
        """What its connections share of the protocol, the counters and the limits."""
        return self._parts.context

    def update(self, config: ListenerConfig, parts: Parts) -> None:
        """Serves as ``config`` says from now on, at the same address.

        The clients that are there go on by it with their next request; where the protocol is another, they end what
        they have in flight, and are closed.
        """
        old, self._parts, self.config = self._parts, parts, config
        self._watch_entrance(old)
        self._permit()
        self._keep_alive()
        if parts.context.encoder is old.context.encoder:
            for connection in self.connections:
                connection.update(parts.context, parts.chain, idle_timeout=config.idle_timeout)
            return
        for connection in self.connections:
            connection.drain()
        self._old = [each for each in [*self._old, old] if self._is_needed(each)]
        for way in old.ways:
            way.retire(())

    def retire(self, kept: Collection[Endpoint]) -> None:
        """Lets go of every server that is none of ``kept``, once its requests in flight have ended."""
        for way in self._parts.ways:
            way.retire(kept)

    def _is_needed(self, old: Parts) -> bool:
        """Whether a client that still goes by ``old`` may send, or has something under way."""
        encoder = old.context.encoder
        is_spoken = any(connection.context.encoder is encoder for connection in self.connections)
        return is_spoken or not all(way.is_idle for way in old.ways)

    @property
    def _ways(self) -> list[Way]:
        return [way for parts in [self._parts, *self._old] for way in parts.ways]

    def bind(self, bind: Bind = bind) -> None:
        """Takes the listening socket it accepts from; clients wait there until it starts.

        Raises:
            ConfigError: There is none; says why.
        """
        self._socket = bind(self.config)
        self._bound = bound_to(self._socket)

    def hand_on(self) -> socket.socket:
        """Its socket, for a listener that is to follow it at its address: clients that wait there lose nothing."""
        assert self._socket is not None
        return self._socket.dup()

    def start(self) -> None:
        """Accepts clients from now on, unless it has been drained already; the socket must be there."""
        assert self._socket is not None, "bind comes first"
        if self.is_draining:
            return
        take_over(self._socket)
        self._keep_alive()
        accept, name = self._sharing.accept, self.config.name
        self._acceptor = accept(self.context.turns, self._socket, self._connection, name=name, admit=self._admit)
        self._watch_entrance(None)

    def _permit(self) -> None:
        try:
            permit(self.config.address)
        except OSError as error:  # such as a file that somebody has removed; nothing else shall depend on it
            reason = os.strerror(error.errno or 0).lower()
            _log.error("listener %s: its permissions cannot be set: %s", self.config.name, reason)

    def _keep_alive(self) -> None:
        """Has every client's connection from now on as it is configured: what is accepted inherits it."""
        assert self._socket is not None
        keep_alive(self._socket, self.config.tcp_keepalive)

    def _watch_entrance(self, old: Parts | None) -> None:
        """Looks after the certificates of the present entrance, and no more after those of another."""
        for parts in (old, self._parts):
            security = None if parts is None or parts.entrance is None else parts.entrance.security
            if security is not None:
                security.close()
                if parts is self._parts and self._acceptor is not None:
                    security.start()

    async def _admit(self, client: socket.socket) -> None:
        entrance, context = self._parts.entrance, self.context
        if entrance is None:
            await context.turns.loop.connect_accepted_socket(self._connection, client)
            return
        if len(self._entering) + len(self.connections) >= context.limits.clients:
            context.stats.downstream_cx_overflow += 1
            _log.warning("listener %s: over %d clients; one was refused", self.config.name, context.limits.clients)
            client.close()
            return
        task = asyncio.current_task()
        self._entering.add(task)
        try:
            await entrance.admit(client, self._connection)
        finally:
            self._entering.discard(task)

    def _connection(self, told: Told | None = None) -> asyncio.Protocol:
        try:
            return DownstreamConnection(
                self.context,
                self._parts.chain,
                crowd=self.connections,
                idle_timeout=self.config.idle_timeout,
                on_lost=self._parts.on_lost,
                told=told,
            )
        except CodecBug as bug:
            self.context.report(bug)
            return _Refusal()

    @property
    def socket(self) -> socket.socket:
        """The listening socket, once it is bound."""
        assert self._socket is not None, "bind comes first"
        return self._socket

    @property
    def bound(self) -> Bound:
        """The host and port it listens on; the port the kernel chose when the configuration says 0."""
        assert self._bound is not None, "bind comes first"
        return self._bound

    @property
    def is_bound(self) -> bool:
        """Whether it has had its listening socket."""
        return self._bound is not None

    @property
    def is_draining(self) -> bool:
        """Whether it takes no more clients."""
        return self.connections.is_draining

    def shed(self) -> None:
        """Has each connection of a client that is here now close as soon as it has no request in flight."""
        for connection in self.connections:
            connection.drain()

    @property
    def counters(self) -> list[tuple[str, Counters]]:
        """What is counted of those who come, each behind its prefix, while there is something to pass."""
        entrance = self._parts.entrance
        if entrance is None:
            return []
        prefix = f"listener.{str(self.config.address).replace(':', '_')}."
        return [(prefix + each, counters) for each, counters in entrance.counters()]

    def drain(self) -> None:
        """Stops accepting, and has each client's connection close as soon as it has no request in flight."""
        self.connections.is_draining = True
        if self._acceptor is not None:
            self._acceptor.close()
        if self._socket is not None:
            self._socket.close()
        if self._parts.entrance is not None and self._parts.entrance.security is not None:
            self._parts.entrance.security.close()
        self.shed()

    @property
    def is_idle(self) -> bool:
        """Whether every client has gone and every request, oneways included, is done."""
        return not len(self.connections) and all(way.is_idle for way in self._ways)

    async def stop(self, seconds: float) -> int:
        """Cuts the clients that are left and closes the connections to servers; returns how many were cut."""
        self.drain()
        entering = [task for task in self._entering if task is not None]
        for task in entering:
            task.cancel()
        await asyncio.gather(*entering, return_exceptions=True)  # one may just have become a connection
        cut = len(self.connections)
        for connection in self.connections:
            connection.abort()
        await self.connections.wait_gone(seconds)
        for way in self._ways:
            await way.close(seconds)
        return cut
