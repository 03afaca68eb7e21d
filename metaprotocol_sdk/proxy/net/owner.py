"""What a connection to a server knows of the pool it belongs to."""

from __future__ import annotations

from typing import Any, Protocol

from metaprotocol_sdk.proxy.cluster.circuit_breaker import CircuitBreaker
from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.net.context import Context
from metaprotocol_sdk.proxy.stream import Stream


class Owner(Protocol):
    """The pool a connection belongs to."""

    @property
    def context(self) -> Context:
        """The listener's."""

    @property
    def cluster(self) -> Cluster:
        """Whose server it is to."""

    @property
    def breaker(self) -> CircuitBreaker:
        """What its requests count against: the limits of their priority, and its counters."""

    @property
    def endpoint(self) -> Endpoint:
        """The server."""

    @property
    def is_shared(self) -> bool:
        """Whether its connections carry the requests of several clients at once."""

    @property
    def is_bound(self) -> bool:
        """Whether its connections belong to one client each, whose own a late answer would still be."""

    def hand_on(self, stream: Stream) -> None:
        """Sends a request that was given to a connection which has carried a oneway of its id by another one."""

    def update(self, connection: Any) -> None:
        """The connection's capacity may have changed."""

    def lost(self, connection: Any) -> None:
        """The connection takes no more requests."""
