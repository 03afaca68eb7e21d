"""Connects to a server."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from typing import Any

from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.config.values import AnyAddress, PipeAddress, UpstreamTlsConfig
from metaprotocol_sdk.proxy.net.sockets import keep_alive
from metaprotocol_sdk.proxy.net.tls import Gate, Security

CLOSE_TIME = 5.0
"""Seconds a TLS connection that is closed waits for the other side to say so, too."""

Factory = Callable[[], asyncio.Protocol]
"""Makes the protocol of a connection."""


class HandshakeError(ConnectionError):
    """A server was reached, and TLS with it could not be begun."""


async def dial(loop: asyncio.AbstractEventLoop, cluster: Cluster, endpoint: Endpoint, factory: Factory) -> None:
    """Makes a connection to ``endpoint``, as its cluster says connections are made, within ``connect_timeout``: the
    handshake of TLS included, where there is one, and the server's certificate looked at.

    Raises:
        TimeoutError: It took longer.
        HandshakeError: The server was reached, and its TLS is not what it must be.
        OSError: It cannot be made; :func:`reason_of` says why.
    """
    async with asyncio.timeout(cluster.connect_timeout):
        if cluster.config.tls is None:
            made = await _connect(loop, endpoint.address, factory)
        else:
            made = await _connect_secured(loop, cluster, endpoint.address, factory)
    if cluster.config.tcp_keepalive is not None:
        keep_alive(made.get_extra_info("socket"), cluster.config.tcp_keepalive)


def reason_of(error: OSError) -> str:
    """Why :func:`dial` has failed, in a few words."""
    if isinstance(error, HandshakeError) or not error.errno:
        return str(error)
    return os.strerror(error.errno).lower()


async def _connect_secured(
    loop: asyncio.AbstractEventLoop, cluster: Cluster, address: AnyAddress, factory: Factory
) -> asyncio.BaseTransport:
    security, config = cluster.security, cluster.config.tls
    assert isinstance(security, Security), "the cluster manager has every cluster's kept"
    assert isinstance(config, UpstreamTlsConfig)
    if security.context is None:
        raise HandshakeError("its cluster's certificates cannot be used")
    gate = Gate(factory, security)
    try:
        made = await _connect(
            loop,
            address,
            lambda: gate,
            ssl=security.context,
            server_hostname=config.sni,
            ssl_handshake_timeout=cluster.connect_timeout + 1,  # ours ends it
            ssl_shutdown_timeout=CLOSE_TIME,
        )
    except OSError as error:
        if isinstance(error, ssl.SSLError) or error.errno is None:  # the system's own have a number
            raise HandshakeError(f"TLS handshake failed: {security.failed(error)}") from error
        raise
    if gate.problem:
        raise HandshakeError(f"TLS handshake failed: {gate.problem}")
    return made


async def _connect(
    loop: asyncio.AbstractEventLoop, address: AnyAddress, factory: Factory, **tls: Any
) -> asyncio.BaseTransport:
    if not isinstance(address, PipeAddress):
        return (await loop.create_connection(factory, address.host, address.port, **tls))[0]
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)  # a loop of its own need not know abstract names
    try:
        sock.setblocking(False)
        await loop.sock_connect(sock, address.name)
        sock.getpeername()  # raises where the queue is full, which the loop takes for connected
        return (await loop.create_unix_connection(factory, sock=sock, **tls))[0]
    except BaseException:
        sock.close()
        raise
