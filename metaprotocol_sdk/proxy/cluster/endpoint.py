"""One server of a cluster: ``envoy.config.endpoint.v3.LbEndpoint``."""

from __future__ import annotations

from metaprotocol_sdk.proxy.cluster.health import UNUSABLE, HealthFlag
from metaprotocol_sdk.proxy.config.values import Address


class Endpoint:
    """One server, equal only to itself: the same address in two clusters is two endpoints.

    Attributes:
        address: Where it listens.
        name: The address as text, made once because every reply carries it.
        weight: Its share of the requests, against the others' (``load_balancing_weight``).
        active: Requests in flight there; whoever sends one raises it, and lowers it when the request has ended.
        flags: What is known against it; set by :meth:`Cluster.mark`, which picks accordingly.
        health_address: Where it is asked whether it is well; None: nowhere.
    """

    __slots__ = ("active", "address", "flags", "health_address", "name", "weight")

    def __init__(self, address: Address, weight: int = 1) -> None:
        self.address = address
        self.name = str(address)
        self.weight = weight
        self.active = 0
        self.flags = HealthFlag(0)
        self.health_address: Address | None = address

    @property
    def is_usable(self) -> bool:
        """Whether it is healthy, or only degraded."""
        return not self.flags & UNUSABLE

    def __repr__(self) -> str:
        return f"<Endpoint {self.name}>"
