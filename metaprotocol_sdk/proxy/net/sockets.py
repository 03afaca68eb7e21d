"""Sockets that listen: made here, owned by whoever runs the proxy, and closed by nobody else.

A socket is bound before anything accepts from it and may be handed from one process to another, so that no client is
lost while what accepts changes.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Callable
from contextlib import suppress

from metaprotocol_sdk.exceptions import ConfigError, Finding
from metaprotocol_sdk.proxy.config.values import (
    Address,
    AnyAddress,
    Bound,
    ListenerConfig,
    PipeAddress,
    TcpKeepaliveConfig,
)

BACKLOG = 1024
"""Connections the kernel keeps until they are accepted; it caps this at ``net.core.somaxconn``."""

_ADVICE = {
    errno.EADDRINUSE: "stop what listens there, or give it another port",
    errno.EADDRNOTAVAIL: "give it an address of this machine, or 0.0.0.0 or :: for every one",
    errno.EACCES: "give it a port from 1024 up, or run the proxy with the right to use this one",
}
_PIPE_ADVICE = {
    errno.EADDRINUSE: "stop what listens there, or give it another path",
    errno.EACCES: "run the proxy with the right to write in that directory",
    errno.ENOENT: "make the directory of its socket first",
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
        raise cannot_listen(f"listener {config.name!r}", config.address, error) from error


def cannot_listen(who: str, address: AnyAddress, error: OSError) -> ConfigError:
    """Says why ``who`` cannot listen at ``address``, and what to do."""
    reason = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error)
    advices = _PIPE_ADVICE if isinstance(address, PipeAddress) else _ADVICE
    advice = advices.get(error.errno or 0, "give it another address")
    return ConfigError([Finding(message=f"{who} cannot listen on {address}: {reason}; {advice}")])


def bound_to(sock: socket.socket) -> Bound:
    """Where a socket listens."""
    name = sock.getsockname()
    return Bound(_text(name), 0) if sock.family == socket.AF_UNIX else Bound(*name[:2])


def peer_of(sock: socket.socket) -> str:
    """Who is at the other end of a socket, for the log."""
    try:
        return name_of(sock.getpeername())
    except OSError:  # it has gone again already
        return "unknown"


def name_of(name: object) -> str:
    """A socket's name, for the log; a client's of a Unix socket has none."""
    if isinstance(name, tuple):
        return str(Address(name[0], name[1]))
    return "unknown" if name is None else _text(name) or "on a Unix socket"


def _text(name: object) -> str:
    text = os.fsdecode(name) if isinstance(name, bytes) else str(name or "")
    return "@" + text[1:] if text.startswith("\0") else text


def keep_alive(sock: socket.socket, config: TcpKeepaliveConfig | None) -> None:
    """Has the system look after the connection, or after those that a listening socket takes from now on; None: not."""
    if sock.family == socket.AF_UNIX:  # nothing can vanish between the two
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, config is not None)
    if config is None:
        return
    for option, value in zip(_KEEPALIVE, (config.probes, config.time, config.interval), strict=True):
        if option is not None and value is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


def listening(address: AnyAddress) -> socket.socket:
    """A socket that listens at ``address``, without blocking. A Unix socket's file goes when the socket is closed.

    Raises:
        OSError: It cannot.
    """
    return _pipe(address) if isinstance(address, PipeAddress) else _tcp(address)


def take_over(sock: socket.socket) -> None:
    """Makes a duplicate of a Unix socket the one whose file it is, where it was the original's."""
    if isinstance(sock, _PipeSocket):
        sock.take_over()


def permit(address: AnyAddress) -> None:
    """Gives a Unix socket's file the permissions that its address says."""
    if isinstance(address, PipeAddress) and address.mode and not address.is_abstract:
        os.chmod(address.path, address.mode)


class _PipeSocket(socket.socket):
    """A Unix socket that listens. Closed by the process that made it, it takes its file along; its duplicates, and a
    process that was handed it, leave the file."""

    path = ""
    file: tuple[int, int] | None = None
    maker = 0
    original: _PipeSocket | None = None

    def dup(self) -> _PipeSocket:
        """Another one of it, which leaves the file unless it takes that over."""
        copy = super().dup()
        copy.original = self
        return copy

    def take_over(self) -> None:
        """Takes the file along instead of the socket it is a duplicate of."""
        original, self.original = self.original, None
        if original is not None:
            self.path, self.file, self.maker = original.path, original.file, original.maker
            original.file = None

    def own(self, path: str) -> None:
        """Takes the file along from now on."""
        self.path, self.file, self.maker = path, _inode(path), os.getpid()

    def close(self) -> None:
        """Closes it, and removes its file unless another's is there now."""
        if self.file is not None and self.maker == os.getpid():
            with suppress(OSError):
                if _inode(self.path) == self.file:
                    os.unlink(self.path)
        self.file = None
        super().close()


def _pipe(address: PipeAddress) -> socket.socket:
    sock = _PipeSocket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        try:
            sock.bind(address.name)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not _is_stale(address):
                raise
            os.unlink(address.path)
            sock.bind(address.name)
        if not address.is_abstract:
            sock.own(address.path)
            permit(address)
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def _inode(path: str) -> tuple[int, int]:
    found = os.lstat(path)
    return found.st_dev, found.st_ino


def _is_stale(address: PipeAddress) -> bool:
    """Whether the address is the file of a socket that nobody listens on any more, as a killed process leaves it."""
    if address.is_abstract or not stat.S_ISSOCK(os.lstat(address.path).st_mode):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        return probe.connect_ex(address.path) == errno.ECONNREFUSED


def _tcp(address: Address) -> socket.socket:
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
