"""Why a server may get no requests: ``HealthFlag`` of Envoy's hosts, each set and cleared by whoever knows.

A server is healthy while no flag of its is set.
"""

from __future__ import annotations

import enum

from metaprotocol_sdk.proxy.config.values import HealthStatus


class HealthFlag(enum.IntFlag):
    """What is known against one server."""

    FAILED_ACTIVE_HC = 1
    """It fails its active health checks."""
    FAILED_OUTLIER_CHECK = 2
    """Outlier detection has ejected it."""
    FAILED_EDS_HEALTH = 4
    """Its ``health_status`` is UNHEALTHY or TIMEOUT."""
    DEGRADED_EDS_HEALTH = 8
    """Its ``health_status`` is DEGRADED: it gets requests that the healthy cannot take."""
    PENDING_ACTIVE_HC = 16
    """It has not been checked yet, and waits for that."""
    EDS_STATUS_DRAINING = 64
    """Its ``health_status`` is DRAINING: it leaves, and is missed by nobody."""


UNUSABLE = (
    HealthFlag.FAILED_ACTIVE_HC
    | HealthFlag.FAILED_OUTLIER_CHECK
    | HealthFlag.FAILED_EDS_HEALTH
    | HealthFlag.PENDING_ACTIVE_HC
    | HealthFlag.EDS_STATUS_DRAINING
)
"""What takes a server out; the other flags only put it behind the healthy ones."""

EXCLUDED = HealthFlag.PENDING_ACTIVE_HC | HealthFlag.EDS_STATUS_DRAINING
"""What takes a server out of the count as well: its priority is as available as the others of it are."""

EDS_FLAGS = HealthFlag.FAILED_EDS_HEALTH | HealthFlag.DEGRADED_EDS_HEALTH | HealthFlag.EDS_STATUS_DRAINING
"""What a server's ``health_status`` says of it."""

STATUS_FLAGS = {
    HealthStatus.UNHEALTHY: HealthFlag.FAILED_EDS_HEALTH,
    HealthStatus.DRAINING: HealthFlag.EDS_STATUS_DRAINING,
    HealthStatus.TIMEOUT: HealthFlag.FAILED_EDS_HEALTH,
    HealthStatus.DEGRADED: HealthFlag.DEGRADED_EDS_HEALTH,
}
"""The flag of each ``health_status`` that has one."""
