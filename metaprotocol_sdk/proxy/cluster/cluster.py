"""A named set of servers: ``envoy.config.cluster.v3.Cluster``."""

from __future__ import annotations

from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.load_balancer import LOAD_BALANCERS
from metaprotocol_sdk.proxy.config.values import ClusterConfig
from metaprotocol_sdk.proxy.metrics import ClusterStats


class Cluster:
    """A named set of servers, and the turn of each.

    Attributes:
        name: What routes call it.
        endpoints: Its servers, in configured order.
        connect_timeout: Seconds a connection to one of them may take.
        stats: What is counted about it, whichever listener sends there.
    """

    __slots__ = ("_balancer", "connect_timeout", "endpoints", "name", "stats")

    def __init__(self, config: ClusterConfig) -> None:
        self.name = config.name
        self.endpoints = tuple(Endpoint(each.address) for each in config.endpoints)
        self.connect_timeout = config.connect_timeout
        self.stats = ClusterStats()
        self._balancer = LOAD_BALANCERS[config.lb_policy]()

    def pick(self) -> Endpoint | None:
        """The server that takes the next request, or None: there is none."""
        return self._balancer.pick(self.endpoints) if self.endpoints else None
