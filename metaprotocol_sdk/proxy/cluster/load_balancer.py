"""How a cluster picks: ``envoy.config.cluster.v3.Cluster.LbPolicy``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.config.values import LbPolicy


class LoadBalancer(Protocol):
    """Chooses one endpoint for each request."""

    def pick(self, endpoints: Sequence[Endpoint]) -> Endpoint:
        """One of ``endpoints``, of which there is at least one."""


class RoundRobin:
    """Each endpoint in turn, starting with the first."""

    __slots__ = ("_turn",)

    def __init__(self) -> None:
        self._turn = 0

    def pick(self, endpoints: Sequence[Endpoint]) -> Endpoint:
        """The next one in turn; a list that has shrunk starts again where it must."""
        turn = self._turn % len(endpoints)
        self._turn = turn + 1
        return endpoints[turn]


LOAD_BALANCERS: dict[LbPolicy, Callable[[], LoadBalancer]] = {LbPolicy.ROUND_ROBIN: RoundRobin}
