from __future__ import annotations

from metaprotocol_sdk.proxy.config.values import HealthCheckConfig, HeartbeatCheckConfig, TcpCheckConfig


def test_checks_are_equal_by_what_they_say() -> None:
    def check(by: TcpCheckConfig | HeartbeatCheckConfig) -> HealthCheckConfig:
        return HealthCheckConfig(
            timeout=1.0,
            interval=1.0,
            unhealthy_threshold=1,
            healthy_threshold=1,
            by=by,
            unhealthy_interval=1.0,
            unhealthy_edge_interval=1.0,
            healthy_edge_interval=1.0,
        )

    one, other = (check(HeartbeatCheckConfig("dubbo", {"deadlines": True})) for _ in range(2))
    assert one == other != check(TcpCheckConfig())
    assert (one.no_traffic_interval, one.reuse_connection) == (60.0, True)
