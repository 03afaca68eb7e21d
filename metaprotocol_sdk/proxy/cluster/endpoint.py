"""One server of a cluster: ``envoy.config.endpoint.v3.LbEndpoint``."""

from __future__ import annotations

import math

from metaprotocol_sdk.proxy.cluster.health import EDS_FLAGS, STATUS_FLAGS, UNUSABLE, HealthFlag
from metaprotocol_sdk.proxy.cluster.outlier_monitor import Monitor
from metaprotocol_sdk.proxy.config.values import AnyAddress, EndpointConfig


class Endpoint:
    """One server, equal only to itself: the same address in two clusters is two endpoints.

    Attributes:
        address: Where it listens.
        name: The address as text, made once because every reply carries it.
        config: What it was made of: its priority, its place, its metadata.
        weight: Its share of the requests, against the others' (``load_balancing_weight``).
        active: Requests in flight there; whoever sends one raises it, and lowers it when the request has ended.
        connections: Connections there, those being made included; whoever makes one raises it, and lowers it again.
        monitor: Told what becomes of each request there; None: the cluster has no outlier detection.
        flags: What is known against it; set by :meth:`Cluster.mark`, which picks accordingly.
        since: When it became usable, on the cluster's clock.
    """

    __slots__ = ("active", "address", "config", "connections", "flags", "monitor", "name", "since", "weight")

    def __init__(self, address: AnyAddress, weight: int = 1) -> None:
        self.address = address
        self.name = str(address)
        self.config = EndpointConfig(address, weight)
        self.weight = weight
        self.active = 0
        self.connections = 0
        self.monitor: Monitor | None = None
        self.flags = HealthFlag(0)
        self.since = -math.inf

    def update(self, config: EndpointConfig) -> None:
        """Is another from now on, at the same address. Of its flags ``health_status`` says its own, and no other."""
        self.config = config
        self.weight = config.weight
        self.flags = self.flags & ~EDS_FLAGS | STATUS_FLAGS.get(config.health_status, HealthFlag(0))

    @property
    def health_address(self) -> AnyAddress | None:
        """Where it is asked whether it is well; None: nowhere."""
        return self.config.health_address

    @property
    def is_usable(self) -> bool:
        """Whether it is healthy, or only degraded."""
        return not self.flags & UNUSABLE

    def __repr__(self) -> str:
        return f"<Endpoint {self.name}>"
