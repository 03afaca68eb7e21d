"""Clients that several processes accept from one socket come to each of them alike.

The kernel wakes every process that waits, and the first one takes the client; without more, an idle proxy's first
process may take most. So a process that has more clients than another one lets it go first.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from metaprotocol_sdk.proxy.net.acceptor import Acceptor
from metaprotocol_sdk.proxy.net.loop import Crowd, Turns
from metaprotocol_sdk.proxy.net.sharing import Admit

COURTESY = 0.001
"""Seconds after which a process that has let others go first looks again whether it may take a client."""
COURTESIES = 10
"""How often it does before it takes what is there: clients wait in the kernel's one queue, so nobody is lost when the
others are slow, or dead."""


class Throng(Crowd[Any]):
    """The clients of one listener of one worker, counted where the other workers see it.

    Args:
        clients: How many each worker has, of all its listeners.
        worker: Which worker this is.
    """

    __slots__ = ("_clients", "_worker")

    def __init__(self, clients: memoryview[int], worker: int) -> None:
        super().__init__()
        self._clients = clients
        self._worker = worker

    def add(self, member: Any) -> None:
        """Takes one in."""
        self._clients[self._worker] += member not in self
        super().add(member)

    def discard(self, member: Any) -> None:
        """Lets one go, if it is there."""
        self._clients[self._worker] -= member in self
        super().discard(member)


class EvenAcceptor(Acceptor):
    """Takes one client in a turn of the loop, and lets workers that have fewer go first.

    Args:
        turns: The event loop.
        sock: A socket that listens, in every worker.
        factory: Makes the protocol of a connection.
        name: The listener's, for the log.
        admit: Makes a client's socket a connection, or closes it.
        clients: How many clients each worker has.
        worker: Which worker this is.
    """

    __slots__ = ("_clients", "_courtesies", "_courtesy", "_worker")

    def __init__(
        self,
        turns: Turns,
        sock: socket.socket,
        factory: Callable[[], asyncio.Protocol],
        *,
        name: str,
        admit: Admit,
        clients: memoryview[int],
        worker: int,
    ) -> None:
        self._clients = clients
        self._worker = worker
        self._courtesy: asyncio.TimerHandle | None = None
        self._courtesies = 0
        super().__init__(turns, sock, factory, name=name, batch=1, admit=admit)

    @property
    def _has_its_share(self) -> bool:
        """Whether it has more than another one; a sixteenth more is alike enough."""
        mine = self._clients[self._worker]
        return mine - mine // 16 > min(self._clients)

    def _accept(self) -> None:
        if self._has_its_share:
            self._turns.loop.remove_reader(self._sock.fileno())
            self._courtesies = COURTESIES
            self._wait()
        else:
            super()._accept()

    def _wait(self) -> None:
        self._courtesy = self._turns.loop.call_later(COURTESY, self._look_again)

    def _look_again(self) -> None:
        self._courtesies -= 1
        if self._courtesies and self._has_its_share:
            self._wait()
            return
        self._courtesy = None
        self._read()
        # What the others have left for so long is more than they can take: not each client shall wait as long.
        for _ in range(1 if self._courtesies else 4):
            if self._pause is None:  # else there is no descriptor for another
                super()._accept()

    def close(self) -> None:
        """Accepts no more. Who is in the kernel's queue stays there."""
        if self._courtesy is not None:
            self._courtesy.cancel()
            self._courtesy = None
        super().close()
