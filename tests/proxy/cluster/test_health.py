from __future__ import annotations

import pytest

from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.health import HealthFlag
from metaprotocol_sdk.proxy.config.values import Address


@pytest.mark.parametrize("flag", HealthFlag)
def test_every_flag_but_degraded_takes_a_server_out(flag: HealthFlag) -> None:
    endpoint = Endpoint(Address("10.0.0.1", 1))
    assert endpoint.is_usable
    endpoint.flags = flag
    assert endpoint.is_usable is (flag is HealthFlag.DEGRADED_EDS_HEALTH)
