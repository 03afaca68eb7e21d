from __future__ import annotations

from metaprotocol_sdk.proxy.cluster.load_balancer import LOAD_BALANCERS
from metaprotocol_sdk.proxy.config.values import LbPolicy


def test_every_policy_of_the_configuration_has_its_balancer() -> None:
    assert set(LOAD_BALANCERS) == set(LbPolicy)
