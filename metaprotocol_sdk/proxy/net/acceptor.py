"""Takes clients from a listening socket.

A connection that is not accepted stays with the kernel: while descriptors are out, while the acceptor changes, and
while another process that has the same socket is the quicker one.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
from collections.abc import Awaitable, Callable

from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.net.loop import Turns
from metaprotocol_sdk.proxy.timers import Slot

_log = logging.getLogger(LOGGER_NAME)

PAUSE = 0.2
"""Seconds until it is tried again when the system has no descriptor, or no memory, for a client."""

_OUT_OF_RESOURCES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Acceptor:
    """Makes each client that connects to one socket a connection.

    Args:
        turns: The event loop.
        sock: A socket that listens; it stays open when the acceptor is closed.
        factory: Makes the protocol of a connection.
        name: The listener's, for the log.
        batch: Clients taken in one turn of the loop: one lets another process with the same socket have the next.
        admit: Makes a client's socket a connection, or closes it, instead of ``factory``.
    """

    __slots__ = ("_admit", "_batch", "_factory", "_is_open", "_name", "_pause", "_sock", "_turns")

    def __init__(
        self,
        turns: Turns,
        sock: socket.socket,
        factory: Callable[[], asyncio.Protocol],
        *,
        name: str,
        batch: int = 16,
        admit: Callable[[socket.socket], Awaitable[object]] | None = None,
    ) -> None:
        self._turns = turns
        self._sock = sock
        self._factory = factory
        self._name = name
        self._batch = batch
        self._admit = admit or self._connect
        self._is_open = True
        self._pause: Slot | None = None
        self._read()

    def _read(self) -> None:
        self._turns.loop.add_reader(self._sock.fileno(), self._accept)

    def _accept(self) -> None:
        for _ in range(self._batch):
            try:
                client, _ = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._on_error(error)
                return
            client.setblocking(False)
            self._turns.spawn(self._welcome(client))

    def _on_error(self, error: OSError) -> None:
        reason = os.strerror(error.errno or 0).lower()
        _log.error("listener %s: a client cannot be accepted: %s", self._name, reason)
        if error.errno in _OUT_OF_RESOURCES:  # the client waits in the kernel; asking at once would ask for ever
            self._turns.loop.remove_reader(self._sock.fileno())
            self._pause = self._turns.wheel.add(self, PAUSE)

    def on_timer(self, now: float) -> None:  # noqa: ARG002
        """A pause is over."""
        self._pause = None
        self._read()

    async def _welcome(self, client: socket.socket) -> None:
        try:
            await self._admit(client)
        except OSError as error:  # it has gone again already
            _log.debug("listener %s: a client was lost at once: %s", self._name, error)
            client.close()

    async def _connect(self, client: socket.socket) -> None:
        await self._turns.loop.connect_accepted_socket(self._factory, client)

    def close(self) -> None:
        """Accepts no more. Who is in the kernel's queue stays there."""
        if not self._is_open:
            return
        self._is_open = False
        if self._pause is not None:
            self._pause.pop(self, None)
            self._pause = None
        else:
            self._turns.loop.remove_reader(self._sock.fileno())
