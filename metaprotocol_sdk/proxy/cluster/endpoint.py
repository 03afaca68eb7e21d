"""One server of a cluster: ``envoy.config.endpoint.v3.LbEndpoint``."""

from __future__ import annotations

from metaprotocol_sdk.proxy.config.values import Address


class Endpoint:
    """One server, equal only to itself: the same address in two clusters is two endpoints.

    Attributes:
        address: Where it listens.
        name: The address as text, made once because every reply carries it.
    """

    __slots__ = ("address", "name")

    def __init__(self, address: Address) -> None:
        self.address = address
        self.name = str(address)

    def __repr__(self) -> str:
        return f"<Endpoint {self.name}>"
