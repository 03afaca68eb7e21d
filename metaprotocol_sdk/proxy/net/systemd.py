"""What systemd and a service tell each other: sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3).

::

    NOTIFY_SOCKET   where datagrams of lines KEY=value go: a path, or @ and an abstract name
    WATCHDOG_USEC   how often WATCHDOG=1 must come at least, for the process WATCHDOG_PID, or any
    LISTEN_FDS      how many sockets were handed over, from descriptor 3 on, to the process LISTEN_PID
    LISTEN_FDNAMES  what the units call them, between colons
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Iterator, MutableMapping
from ipaddress import ip_address

from metaprotocol_sdk.proxy.config.values import AnyAddress, ListenerConfig, PipeAddress
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.net.sockets import bind, bound_to

_log = logging.getLogger(LOGGER_NAME)

FIRST_DESCRIPTOR = 3
"""``SD_LISTEN_FDS_START``."""


class Notifier:
    """Tells systemd what the service does, if systemd wants to know; tells nobody else.

    Args:
        path: ``NOTIFY_SOCKET``; empty: nobody wants to know.
        watchdog: Seconds in which ``WATCHDOG=1`` must come at least; None: it is not expected.
    """

    def __init__(self, path: str = "", watchdog: float | None = None) -> None:
        self._path = "\0" + path[1:] if path.startswith("@") else path
        self._watchdog = watchdog

    @classmethod
    def from_environment(cls, environment: MutableMapping[str, str]) -> Notifier:
        """What ``environment`` says, which is taken out of it: it is for this process, not for its children."""
        path = environment.pop("NOTIFY_SOCKET", "")
        microseconds = _number(environment.pop("WATCHDOG_USEC", ""))
        is_ours = _number(environment.pop("WATCHDOG_PID", "")) in (None, os.getpid())
        return cls(path, microseconds / 1e6 if microseconds and is_ours else None)

    def ready(self, status: str) -> None:
        """Every listener accepts; a reload is over, or was for nothing."""
        self._send("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """A reload begins."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self, status: str) -> None:
        """The service ends."""
        self._send("STOPPING=1", f"STATUS={status}")

    async def keep_alive(self) -> None:
        """Says that the event loop turns, twice in the time in which that must be said, for ever."""
        while self._watchdog is not None:
            self._send("WATCHDOG=1")
            await asyncio.sleep(self._watchdog / 2)

    def _send(self, *lines: str) -> None:
        if not self._path:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.setblocking(False)  # a manager that does not read must not stop who tells it
                sock.sendto("\n".join(lines).encode(), self._path)
        except OSError as error:
            _log.warning("systemd cannot be told %s: %s", lines[0], os.strerror(error.errno or 0).lower())


class Inherited:
    """Sockets that the process was given, each for the listener with its address.

    Args:
        sockets: The sockets, by what their units call them; they are this object's from now on.
    """

    def __init__(self, sockets: list[tuple[str, socket.socket]]) -> None:
        self._sockets = sockets
        self._taken: set[socket.socket] = set()

    @classmethod
    def from_environment(cls, environment: MutableMapping[str, str]) -> Inherited:
        """What ``environment`` says, which is taken out of it: it is for this process, not for its children."""
        count = _number(environment.pop("LISTEN_FDS", "")) or 0
        names = environment.pop("LISTEN_FDNAMES", "").split(":")
        if _number(environment.pop("LISTEN_PID", "")) != os.getpid():
            return cls([])
        found = []
        for index in range(count):
            descriptor = FIRST_DESCRIPTOR + index
            name = names[index] if index < len(names) and names[index] else "unknown"
            try:
                os.set_inheritable(descriptor, False)
                found.append((name, socket.socket(fileno=descriptor)))
            except OSError as error:
                reason = os.strerror(error.errno or 0).lower()
                _log.warning("descriptor %d of systemd, %s, is not taken: %s", descriptor, name, reason)
        return cls(found)

    def bind(self, config: ListenerConfig) -> socket.socket:
        """The listener's socket: one that was given, or a new one.

        A given one is copied, so that it goes on listening while its listener changes or is gone.

        Raises:
            ConfigError: The address cannot be bound; says why.
        """
        return self.take(config.address) or bind(config)

    def take(self, address: AnyAddress) -> socket.socket | None:
        """A copy of the socket that was given for ``address``, ready to accept from; None: there is none."""
        for _, sock in self._sockets:
            if _is_at(sock, address):
                self._taken.add(sock)
                copy = sock.dup()
                copy.setblocking(False)
                # What is accepted inherits it: a reply must not wait for the client's acknowledgement of another.
                if sock.family != socket.AF_UNIX:
                    copy.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return copy
        return None

    def unused(self) -> Iterator[str]:
        """What those are that nothing has taken, for the log."""
        for name, sock in self._sockets:
            if sock not in self._taken:
                yield f"{name} ({bound_to(sock)})"

    def close(self) -> None:
        """Closes them all."""
        for _, sock in self._sockets:
            sock.close()


def _is_at(sock: socket.socket, address: AnyAddress) -> bool:
    if sock.type != socket.SOCK_STREAM or not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return False
    bound = bound_to(sock).address
    if isinstance(bound, PipeAddress) or isinstance(address, PipeAddress):
        return bound == address
    return bound.port == address.port and ip_address(bound.host) == ip_address(address.host)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None
