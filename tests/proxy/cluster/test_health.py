from __future__ import annotations

import pytest

from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.cluster.health import EDS_FLAGS, EXCLUDED, UNUSABLE, HealthFlag
from metaprotocol_sdk.proxy.config.values import Address, EndpointConfig, HealthStatus


@pytest.mark.parametrize("flag", HealthFlag)
def test_every_flag_but_degraded_takes_a_server_out(flag: HealthFlag) -> None:
    endpoint = Endpoint(Address("10.0.0.1", 1))
    assert endpoint.is_usable
    endpoint.flags = flag
    assert endpoint.is_usable is (flag is HealthFlag.DEGRADED_EDS_HEALTH)


@pytest.mark.parametrize(
    ("status", "flag"),
    [
        (HealthStatus.UNKNOWN, HealthFlag(0)),
        (HealthStatus.HEALTHY, HealthFlag(0)),
        (HealthStatus.UNHEALTHY, HealthFlag.FAILED_EDS_HEALTH),
        (HealthStatus.TIMEOUT, HealthFlag.FAILED_EDS_HEALTH),
        (HealthStatus.DRAINING, HealthFlag.EDS_STATUS_DRAINING),
        (HealthStatus.DEGRADED, HealthFlag.DEGRADED_EDS_HEALTH),
    ],
)
def test_every_status_has_its_flag_and_takes_the_others_away(status: HealthStatus, flag: HealthFlag) -> None:
    endpoint = Endpoint(Address("10.0.0.1", 1))
    endpoint.flags = EDS_FLAGS | HealthFlag.FAILED_ACTIVE_HC
    endpoint.update(EndpointConfig(endpoint.address, health_status=status))
    assert endpoint.flags == flag | HealthFlag.FAILED_ACTIVE_HC


def test_who_does_not_count_cannot_be_used_either() -> None:
    assert EXCLUDED & UNUSABLE == EXCLUDED
