"""Sockets that listen: made here, owned by whoever runs the proxy, and closed by nobody else.

A socket is bound before anything accepts from it and may be handed from one process to another, so that no client is
lost while what accepts changes.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from contextlib import suppress

from metaprotocol_sdk.exceptions import ConfigError, Finding
from metaprotocol_sdk.proxy.config.values import Address, ListenerConfig, TcpKeepaliveConfig

BACKLOG = 1024
"""Connections the kernel keeps until they are accepted; it caps this at ``net.core.somaxconn``."""

_ADVICE = {
    errno.EADDRINUSE: "stop what listens there, or give the listener another port",
    errno.EADDRNOTAVAIL: "give the listener an address of this machine, or 0.0.0.0 or :: for every one",
    errno.EACCES: "give the listener a port from 1024 up, or run the proxy with the right to use this one",
}

# macOS has the time under another name.
_KEEPALIVE = (
    getattr(socket, "TCP_KEEPCNT", None),
    getattr(socket, "TCP_KEEPIDLE", getattr(socket, "TCP_KEEPALIVE", None)),
    getattr(socket, "TCP_KEEPINTVL", None),
)

Bind = Callable[[ListenerConfig], socket.socket]
"""Gives the listening socket of a listener; raises ConfigError when there is none."""


def bind(config: ListenerConfig) -> socket.socket:
    """A socket that listens at the listener's address.

    Raises:
        ConfigError: The address cannot be bound; says why.
    """
    try:
        return listening(config.address)
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error)
        advice = _ADVICE.get(error.errno or 0, "give the listener another address")
        text = f"listener {config.name!r} cannot listen on {config.address}: {reason}; {advice}"
        raise ConfigError([Finding(message=text)]) from error


def keep_alive(sock: socket.socket, config: TcpKeepaliveConfig | None) -> None:
    """Has the system look after the connection, or after those that a listening socket takes from now on; None: not."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, config is not None)
    if config is None:
        return
    for option, value in zip(_KEEPALIVE, (config.probes, config.time, config.interval), strict=True):
        if option is not None and value is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


def listening(address: Address) -> socket.socket:
    """A socket that listens at ``address``, without blocking.

    Raises:
        OSError: It cannot.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # What is accepted inherits it: a reply must not wait for the client's acknowledgement of another.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if family == socket.AF_INET6:
            with suppress(OSError):  # 0.0.0.0 and :: may both be listened on
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address.host, address.port))
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock
