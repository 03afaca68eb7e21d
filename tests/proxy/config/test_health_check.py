from __future__ import annotations

import pytest

from metaprotocol_sdk.proxy.config.cluster import Cluster
from metaprotocol_sdk.proxy.config.health_check import HealthCheck, TcpHealthCheck
from metaprotocol_sdk.proxy.config.values import HealthCheckConfig, HeartbeatCheckConfig, TcpCheckConfig
from tests.proxy.config.reading import bad, errors, good

MUST = "timeout: 1s, interval: 2s, unhealthy_threshold: 3, healthy_threshold: 4"
NAME = "aeraki.meta_protocol.health_checkers.heartbeat"
TYPE = "type.googleapis.com/aeraki.meta_protocol_proxy.health_checkers.heartbeat.v1alpha.Heartbeat"

WHOLE = """\
timeout: 1s
interval: 2s
unhealthyThreshold: 3
healthy_threshold: 4
initial_jitter: 0.1s
interval_jitter: 0.2s
interval_jitter_percent: 10
no_traffic_interval: 5s
no_traffic_healthy_interval: 6s
unhealthy_interval: 7s
unhealthy_edge_interval: 8s
healthy_edge_interval: 9s
reuse_connection: false
event_log_path: events.log
always_log_health_check_failures: true
always_log_health_check_success: true
tcp_health_check:
  send: {text: 000000ff}
  receive: [{text: FF}, {binary: AAE=}]
"""


def heartbeat(codec: str, name: str = NAME, kind: str = TYPE) -> str:
    check = f"{{name: {name}, typed_config: {{'@type': {kind}, codec: {codec}}}}}"
    return f"{{{MUST}, custom_health_check: {check}}}"


def test_every_field_is_read() -> None:
    assert good(HealthCheck, WHOLE).value() == HealthCheckConfig(
        timeout=1.0,
        interval=2.0,
        unhealthy_threshold=3,
        healthy_threshold=4,
        by=TcpCheckConfig(b"\0\0\0\xff", (b"\xff", b"\0\1")),
        initial_jitter=0.1,
        interval_jitter=0.2,
        interval_jitter_percent=10,
        no_traffic_interval=5.0,
        no_traffic_healthy_interval=6.0,
        unhealthy_interval=7.0,
        unhealthy_edge_interval=8.0,
        healthy_edge_interval=9.0,
        reuse_connection=False,
        event_log_path="events.log",
        always_log_health_check_failures=True,
        always_log_health_check_success=True,
    )


def test_intervals_that_are_not_given_are_envoy_s() -> None:
    value = good(HealthCheck, f"{{{MUST}, tcp_health_check: {{}}}}").value()
    assert value.by == TcpCheckConfig()
    assert (value.unhealthy_interval, value.unhealthy_edge_interval, value.healthy_edge_interval) == (2.0, 2.0, 2.0)
    assert (value.no_traffic_interval, value.no_traffic_healthy_interval) == (60.0, 60.0)
    assert value.reuse_connection
    more = "unhealthy_interval: 5s, no_traffic_interval: 6s"
    value = good(HealthCheck, f"{{{MUST}, {more}, tcp_health_check: {{}}}}").value()
    assert (value.unhealthy_edge_interval, value.no_traffic_healthy_interval) == (5.0, 6.0)


def test_a_heartbeat_is_read_with_its_codec() -> None:
    codec = "{name: dubbo, config: {deadlines: true}}"
    assert good(HealthCheck, heartbeat(codec)).value().by == HeartbeatCheckConfig("dubbo", {"deadlines": True})


def test_a_codec_without_a_heartbeat_is_an_error_at_its_place() -> None:
    (finding,) = bad(HealthCheck, heartbeat("{name: 'tests.proxy.codecs:LineCodec'}"))
    assert finding.endswith(
        "error custom_health_check.typed_config.codec.name: codec 'tests.proxy.codecs:LineCodec' has no heartbeat to "
        "send; a tcp_health_check needs none"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "{}",
            [
                "tcp_health_check: required, and not there: what is asked, such as tcp_health_check: {}",
                "timeout: required, and not there",
            ],
        ),
        (
            f"{{{MUST}, http_health_check: {{path: /}}}}",
            ["http_health_check: not supported yet by this proxy"],
        ),
        (
            f"{{{MUST}, grpc_health_check: {{}}}}",
            ["grpc_health_check: not supported yet by this proxy"],
        ),
        (
            heartbeat("{name: dubbo}")[:-1] + ", tcp_health_check: {}}",
            ["tcp_health_check: only one of custom_health_check and tcp_health_check can be given"],
        ),
        (
            "{timeout: 0s, interval: 0s, unhealthy_threshold: 0, healthy_threshold: 0, tcp_health_check: {}}",
            [
                "timeout: expected more than 0s, found '0s'",
                "interval: expected more than 0s, found '0s'",
                "unhealthy_threshold: expected a whole number from 1 to 4294967295, found 0",
                "healthy_threshold: expected a whole number from 1 to 4294967295, found 0",
            ],
        ),
        (
            heartbeat("{name: dubbo}", name="envoy.health_checkers.redis"),
            [f"custom_health_check.name: expected {NAME}, found 'envoy.health_checkers.redis'"],
        ),
        (
            heartbeat("{name: dubbo}", kind="type.googleapis.com/x"),
            [f"custom_health_check.typed_config.@type: expected {TYPE}, found 'type.googleapis.com/x'"],
        ),
        (
            f"{{{MUST}, custom_health_check: {{name: {NAME}, typed_config: {{codec: {{name: dubbo}}}}}}}}",
            [f"custom_health_check.typed_config.@type: required, and not there: it says the type, {TYPE}"],
        ),
        (
            f"{{{MUST}, custom_health_check: {{name: {NAME}, typed_config: 3}}}}",
            ["custom_health_check.typed_config: expected a mapping, found 3"],
        ),
        (
            f"{{{MUST}, tcp_health_check: {{receive: [{{text: xyz}}, {{}}, {{text: ''}}, {{binary: '!'}}]}}}}",
            [
                "tcp_health_check.receive[0].text: expected pairs of hexadecimal digits, such as 000000ff, found 'xyz'",
                "tcp_health_check.receive[1].text: required, and not there: text has bytes in hexadecimal digits",
                "tcp_health_check.receive[2].text: expected pairs of hexadecimal digits, such as 000000ff, found ''",
                "tcp_health_check.receive[3].binary: expected bytes in base64, such as AAAA/w==, found '!'",
            ],
        ),
    ],
)
def test_what_is_wrong_is_said(text: str, said: list[str]) -> None:
    assert sorted(errors(bad(HealthCheck, text))) == sorted(said)


def test_bytes_that_nobody_would_send_are_a_warning() -> None:
    assert bad(TcpHealthCheck, "{send: {text: ff}}") == [
        "1:2 warning send: without effect, as in Envoy: without receive nothing is sent, a connection is enough"
    ]


def test_a_cluster_has_one_check() -> None:
    one = f"{{{MUST}, tcp_health_check: {{}}}}"
    assert good(Cluster, f"{{name: c, health_checks: [{one}]}}").value().health_check is not None
    assert good(Cluster, f"{{name: c, health_checks: {one}}}").value().health_check is not None
    assert good(Cluster, "{name: c, health_checks: []}").value().health_check is None
    (finding,) = bad(Cluster, f"{{name: c, health_checks: [{one}, {one}]}}")
    assert finding.endswith("error health_checks[1]: a cluster has one health check, as in Envoy; this one is too many")
