from __future__ import annotations

from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.config.values import Address, ClusterConfig, EndpointConfig


def test_an_empty_cluster_has_nobody_to_pick() -> None:
    assert Cluster(ClusterConfig(name="c")).pick() is None


def test_picks_go_round_the_endpoints() -> None:
    addresses = tuple(Address("10.0.0.1", port) for port in (1, 2, 3))
    cluster = Cluster(ClusterConfig(name="c", endpoints=tuple(map(EndpointConfig, addresses)), connect_timeout=2.5))
    picked = [cluster.pick() for _ in range(6)]
    assert [each.address for each in picked if each] == [*addresses, *addresses]
    assert cluster.connect_timeout == 2.5
