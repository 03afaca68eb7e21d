"""What the servers of one proxy have in common. A proxy that is one process has all of it to itself."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.config.values import ClusterConfig
from metaprotocol_sdk.proxy.filters.bucket import Bucket, MakeBucket
from metaprotocol_sdk.proxy.net.acceptor import Acceptor
from metaprotocol_sdk.proxy.net.loop import Crowd, Turns

Admit = Callable[[socket.socket], Awaitable[object]]
"""Makes a client's socket a connection, or closes it."""


class Accepting(Protocol):
    """What takes clients from a listening socket."""

    def close(self) -> None:
        """Accepts no more."""


class Sharing:
    """What a server takes its shared things from: here, from itself."""

    def cluster(self, config: ClusterConfig, rng: random.Random, now: Callable[[], float]) -> Cluster:
        """A new cluster, whose circuit breaker counts what the whole proxy does."""
        return Cluster(config, rng, now)

    def buckets(self, listener: str, index: int) -> MakeBucket:  # noqa: ARG002  all are the same here
        """What makes the token buckets of a listener's new filter.

        Args:
            listener: The listener's name.
            index: Which of its filters, the router left out.
        """
        return Bucket

    def crowd(self) -> Crowd[Any]:
        """What a new listener keeps its clients' connections in."""
        return Crowd()

    def accept(
        self, turns: Turns, sock: socket.socket, factory: Callable[[], asyncio.Protocol], *, name: str, admit: Admit
    ) -> Accepting:
        """Takes clients from ``sock``; see :class:`~metaprotocol_sdk.proxy.net.acceptor.Acceptor`."""
        return Acceptor(turns, sock, factory, name=name, admit=admit)


ALONE = Sharing()
"""Of a proxy that is one process."""
