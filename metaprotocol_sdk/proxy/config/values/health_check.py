"""How servers are asked whether they are well: ``envoy.config.core.v3.HealthCheck``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class TcpCheckConfig:
    """``tcp_health_check``: a connection, and what is said on it.

    Args:
        send: What is sent.
        receive: What has to come, in this order, whatever is between; empty: a connection that is made is enough, and
            nothing is sent.
    """

    send: bytes = b""
    receive: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class HeartbeatCheckConfig:
    """A heartbeat of the servers' protocol: ``custom_health_check`` of the name
    ``aeraki.meta_protocol.health_checkers.heartbeat``.

    Args:
        codec: The codec that writes it and reads its answer.
        codec_config: The codec's keyword arguments.
    """

    codec: str
    codec_config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheckConfig:
    """``envoy.config.core.v3.HealthCheck``; times are seconds.

    Args:
        timeout: What a check may take.
        interval: From the end of a check to the next one.
        unhealthy_threshold: Checks in a row that fail before a healthy server is unhealthy.
        healthy_threshold: Checks in a row that pass before an unhealthy server is healthy.
        by: What is asked.
        initial_jitter: The first check waits for less than this.
        interval_jitter: Every later one waits for up to this longer.
        interval_jitter_percent: And for up to this share, in percent, of its interval longer.
        no_traffic_interval: The interval while the cluster has had no request.
        no_traffic_healthy_interval: That of its healthy servers.
        unhealthy_interval: That of unhealthy servers.
        unhealthy_edge_interval: That between failures of a server which is still healthy.
        healthy_edge_interval: That between passes of a server which is still unhealthy.
        reuse_connection: Whether checks of one server use one connection, as far as it lasts.
        event_log_path: A file that gets a line of JSON for every event; empty: none does.
        always_log_health_check_failures: Whether every failure is an event.
        always_log_health_check_success: Whether every pass is.
    """

    timeout: float
    interval: float
    unhealthy_threshold: int
    healthy_threshold: int
    by: TcpCheckConfig | HeartbeatCheckConfig
    initial_jitter: float = 0.0
    interval_jitter: float = 0.0
    interval_jitter_percent: int = 0
    no_traffic_interval: float = 60.0
    no_traffic_healthy_interval: float = 60.0
    unhealthy_interval: float
    unhealthy_edge_interval: float
    healthy_edge_interval: float
    reuse_connection: bool = True
    event_log_path: str = ""
    always_log_health_check_failures: bool = False
    always_log_health_check_success: bool = False
