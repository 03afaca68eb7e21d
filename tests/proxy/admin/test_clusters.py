from __future__ import annotations

import json

import pytest

from metaprotocol_sdk.proxy.admin.clusters import document, health_flags, text
from metaprotocol_sdk.proxy.admin.operated import ClusterStatus, EndpointStatus
from metaprotocol_sdk.proxy.cluster.health import HealthFlag
from metaprotocol_sdk.proxy.config.values import Address
from tests.proxy.admin.fakes import LIMITS, ask

SICK = EndpointStatus(
    address=Address("::1", 80),
    flags=HealthFlag.FAILED_ACTIVE_HC | HealthFlag.FAILED_OUTLIER_CHECK | HealthFlag.FAILED_EDS_HEALTH,
    priority=1,
)


def test_text_is_envoys_lines() -> None:
    assert ask("/clusters").body.splitlines() == [
        "a.b.c::default_priority::max_connections::4",
        "a.b.c::default_priority::max_pending_requests::3",
        "a.b.c::default_priority::max_requests::2",
        "a.b.c::default_priority::max_retries::1",
        "a.b.c::high_priority::max_connections::8",
        "a.b.c::high_priority::max_pending_requests::7",
        "a.b.c::high_priority::max_requests::6",
        "a.b.c::high_priority::max_retries::5",
        "a.b.c::added_via_api::false",
        "a.b.c::10.0.0.1:80::rq_active::2",
        "a.b.c::10.0.0.1:80::health_flags::healthy",
        "a.b.c::10.0.0.1:80::weight::3",
        "a.b.c::10.0.0.1:80::priority::0",
    ]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (HealthFlag(0), "healthy"),
        (HealthFlag.FAILED_ACTIVE_HC, "/failed_active_hc"),
        (HealthFlag.FAILED_OUTLIER_CHECK, "/failed_outlier_check"),
        (HealthFlag.FAILED_EDS_HEALTH, "/failed_eds_health"),
        (HealthFlag.DEGRADED_EDS_HEALTH, "/degraded_eds_health"),
        (HealthFlag.PENDING_ACTIVE_HC, "/pending_active_hc"),
        (HealthFlag.FAILED_ACTIVE_HC | HealthFlag.FAILED_EDS_HEALTH, "/failed_active_hc/failed_eds_health"),
    ],
)
def test_flags_are_envoys_words(flags: HealthFlag, words: str) -> None:
    assert health_flags(int(flags)) == words


def test_json_is_envoys() -> None:
    (cluster,) = json.loads(ask("/clusters?format=json").body)["cluster_statuses"]
    assert cluster["name"] == "a.b.c"
    assert cluster["circuit_breakers"] == {"thresholds": [LIMITS["DEFAULT"], {"priority": "HIGH", **LIMITS["HIGH"]}]}
    (host,) = cluster["host_statuses"]
    assert host["address"] == {"socket_address": {"address": "10.0.0.1", "port_value": 80}}
    assert host["health_status"] == {"eds_health_status": "HEALTHY"}
    assert (host["weight"], host["stats"]) == (3, [{"name": "rq_active", "value": "2", "type": "GAUGE"}])


def test_what_is_known_against_a_server_is_in_both() -> None:
    cluster = ClusterStatus(name="c", endpoints=(SICK,), limits={})
    assert "c::[::1]:80::health_flags::/failed_active_hc/failed_outlier_check/failed_eds_health\n" in text([cluster])
    (host,) = document([cluster])["cluster_statuses"][0]["host_statuses"]
    assert host["priority"] == 1
    assert host["health_status"] == {
        "failed_active_health_check": True,
        "failed_outlier_check": True,
        "eds_health_status": "UNHEALTHY",
    }
