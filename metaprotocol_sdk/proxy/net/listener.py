"""An address clients connect to: ``envoy.config.listener.v3.Listener``."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from metaprotocol_sdk.exceptions import CodecBug, ConfigError, Finding
from metaprotocol_sdk.proxy.config.values import ListenerConfig
from metaprotocol_sdk.proxy.filters.chain import FilterChain
from metaprotocol_sdk.proxy.net.context import Context
from metaprotocol_sdk.proxy.net.downstream import DownstreamConnection
from metaprotocol_sdk.proxy.net.loop import Crowd
from metaprotocol_sdk.proxy.stream import Downstream

BACKLOG = 1024
"""Connections the kernel keeps until they are accepted; it caps this at ``net.core.somaxconn``."""

_ADVICE = {
    errno.EADDRINUSE: "stop what listens there, or give the listener another port",
    errno.EADDRNOTAVAIL: "give the listener an address of this machine, or 0.0.0.0 or :: for every one",
    errno.EACCES: "give the listener a port from 1024 up, or run the proxy with the right to use this one",
}


class Way(Protocol):
    """A way to servers, as its listener sees it."""

    @property
    def is_idle(self) -> bool:
        """Whether no request waits anywhere."""

    async def close(self, seconds: float) -> None:
        """Closes every connection within ``seconds``, or cuts it."""


class _Refusal(asyncio.Protocol):
    """A client that cannot be served. An event loop that is given no protocol for it may accept nobody after it."""

    def connection_made(self, transport: Any) -> None:
        """Called by the loop once the client has connected."""
        transport.abort()


class Listener:
    """One address, its clients, and their way to servers.

    Args:
        config: The address and what is spoken there.
        context: What its connections share.
        chain: What requests go through.
        ways: The ways to servers.
        on_lost: Called with each client's connection that has ended.
    """

    def __init__(
        self,
        config: ListenerConfig,
        context: Context,
        chain: FilterChain,
        ways: Sequence[Way],
        *,
        on_lost: Callable[[Downstream], None] | None = None,
    ) -> None:
        self.config = config
        self.context = context
        self.connections: Crowd[DownstreamConnection] = Crowd()
        self._chain = chain
        self._ways = tuple(ways)
        self._on_lost = on_lost
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Binds the address and accepts clients.

        Raises:
            ConfigError: The address cannot be bound; says why.
        """
        address = self.config.address
        try:
            self._server = await self.context.turns.loop.create_server(
                self._connection, address.host, address.port, backlog=BACKLOG
            )
        except OSError as error:
            # Not error.strerror: event loops put their own words into it.
            reason = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error)
            advice = _ADVICE.get(error.errno or 0, "give the listener another address")
            text = f"listener {self.config.name!r} cannot listen on {address}: {reason}; {advice}"
            raise ConfigError([Finding(message=text)]) from error

    def _connection(self) -> asyncio.Protocol:
        try:
            return DownstreamConnection(
                self.context,
                self._chain,
                crowd=self.connections,
                idle_timeout=self.config.idle_timeout,
                on_lost=self._on_lost,
            )
        except CodecBug as bug:
            self.context.report(bug)
            return _Refusal()

    @property
    def bound(self) -> tuple[str, int]:
        """The host and port it listens on; the port the kernel chose when the configuration says 0."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    def drain(self) -> None:
        """Stops accepting, and has each client's connection close as soon as it has no request in flight."""
        if self._server is not None:
            self._server.close()
        self.connections.is_draining = True
        for connection in self.connections:
            connection.drain()

    @property
    def is_idle(self) -> bool:
        """Whether every client has gone and every request, oneways included, is done."""
        return not len(self.connections) and all(way.is_idle for way in self._ways)

    async def stop(self, seconds: float) -> int:
        """Cuts the clients that are left and closes the connections to servers; returns how many were cut."""
        self.drain()
        cut = len(self.connections)
        for connection in self.connections:
            connection.abort()
        await self.connections.wait_gone(seconds)
        for way in self._ways:
            await way.close(seconds)
        return cut
