"""Health checks: ``envoy.config.core.v3.HealthCheck``."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Literal

from pydantic import PlainValidator, ValidationInfo

from metaprotocol_sdk.codec import Codec as CodecClass
from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.extension import TYPE_PREFIX, open_any
from metaprotocol_sdk.proxy.config.fields import Count, Duration, Kind, Period, Positive, Repeated, Switch, word
from metaprotocol_sdk.proxy.config.message import Message, OneOf, context_of, not_yet
from metaprotocol_sdk.proxy.config.protocol import Codec
from metaprotocol_sdk.proxy.config.sentences import expected, shown
from metaprotocol_sdk.proxy.config.tree import Entries
from metaprotocol_sdk.proxy.config.values import HealthCheckConfig, HeartbeatCheckConfig, TcpCheckConfig

HEARTBEAT = "aeraki.meta_protocol.health_checkers.heartbeat"
"""The ``custom_health_check`` that there is."""

HEARTBEAT_TYPE = TYPE_PREFIX + "aeraki.meta_protocol_proxy.health_checkers.heartbeat.v1alpha.Heartbeat"
"""What ``'@type'`` of its ``typed_config`` says."""

_CHECKERS = ("tcp_health_check", "http_health_check", "grpc_health_check", "custom_health_check")
_HEARTBEATS: dict[str, Literal["aeraki.meta_protocol.health_checkers.heartbeat"]] = {
    HEARTBEAT: "aeraki.meta_protocol.health_checkers.heartbeat"
}


def _read_hex(value: object) -> bytes:
    try:
        data = bytes.fromhex(value) if isinstance(value, str) and not set(value) & set(" \t\n") else b""
    except ValueError:
        data = b""
    if not data:
        raise expected("pairs of hexadecimal digits, such as 000000ff", value)
    return data


def _read_base64(value: object) -> bytes:
    try:
        data = base64.b64decode(value, validate=True) if isinstance(value, str) else b""
    except binascii.Error:
        data = b""
    if not data:
        raise expected("bytes in base64, such as AAAA/w==", value)
    return data


class Payload(Message):
    """``envoy.config.core.v3.HealthCheck.Payload``: bytes."""

    one_of = (OneOf(("text", "binary"), "required, and not there: text has bytes in hexadecimal digits"),)

    text: Annotated[bytes, PlainValidator(_read_hex), Kind("hexadecimal digits")] = b""
    """The bytes in hexadecimal digits."""

    binary: Annotated[bytes, PlainValidator(_read_base64), Kind("base64")] = b""
    """The bytes in base64."""

    def value(self) -> bytes:
        """The bytes."""
        return self.text or self.binary


class TcpHealthCheck(Message):
    """``envoy.config.core.v3.HealthCheck.TcpHealthCheck``: a server that accepts a connection, and says what is
    expected, is well."""

    refused = not_yet("proxy_protocol_config")

    send: Payload | None = None
    """What is sent; it needs a ``receive``."""

    receive: Repeated[Payload] = ()
    """What has to come, each after the other, whatever is between. Not given: a connection that is made is enough."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Warns of bytes that are never sent."""
        if fields.get("send") is not None and not fields.get("receive"):
            problem = "without effect, as in Envoy: without receive nothing is sent, a connection is enough"
            context.report.warning(fields.key_place("send"), problem)

    def value(self) -> TcpCheckConfig:
        """What the runtime reads."""
        sent = b"" if self.send is None else self.send.value()
        return TcpCheckConfig(sent, tuple(each.value() for each in self.receive))


class Heartbeat(Message):
    """``aeraki.meta_protocol_proxy.health_checkers.heartbeat.v1alpha.Heartbeat``: a server that answers a heartbeat of
    its own protocol is well. This proxy's own; Envoy has such checks for Redis and Thrift."""

    codec: Codec
    """What writes the heartbeat and reads its answer: the codec of the listeners that send here."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Reports a codec that has no heartbeat."""
        codec = fields.child("codec")
        name = codec.get("name")
        found = context.codec(name) if isinstance(name, str) and name else ""
        if not isinstance(found, str) and found.heartbeat is CodecClass.heartbeat:
            problem = f"codec {shown(name)} has no heartbeat to send; a tcp_health_check needs none"
            context.report.error(codec.value_place("name"), problem)

    def value(self) -> HeartbeatCheckConfig:
        """What the runtime reads."""
        return HeartbeatCheckConfig(self.codec.name, self.codec.keyword_arguments())


def _read_heartbeat(value: Any, info: ValidationInfo) -> Heartbeat | None:
    if not isinstance(value, Entries):
        raise expected("a mapping", value)
    context = context_of(info)
    extension = open_any(value, context.report, wanted=HEARTBEAT_TYPE)
    if extension is None or not extension.is_a(HEARTBEAT_TYPE, context.report):
        return None
    return context.validate(Heartbeat, extension.fields)


class CustomHealthCheck(Message):
    """``envoy.config.core.v3.HealthCheck.CustomHealthCheck``."""

    name: Annotated[Literal["aeraki.meta_protocol.health_checkers.heartbeat"], PlainValidator(word(_HEARTBEATS))]
    """The check that there is."""

    typed_config: Annotated[Heartbeat | None, PlainValidator(_read_heartbeat), Kind("mapping", Heartbeat)]
    """Its configuration."""


class HealthCheck(Message):
    """``envoy.config.core.v3.HealthCheck``: how a cluster's servers are asked whether they are well."""

    refused = not_yet(
        "http_health_check", "grpc_health_check", "alt_port", "event_service", "event_logger", "tls_options",
        "transport_socket_match_criteria",
    )  # fmt: skip
    one_of = (OneOf(_CHECKERS, "required, and not there: what is asked, such as tcp_health_check: {}"),)

    timeout: Period
    """What a check may take, its connection included; that one has ``connect_timeout`` of the cluster, too."""

    interval: Period
    """From one check of a server to its next. The first of these waits is shorter, so that the checks of many servers
    do not stay together."""

    unhealthy_threshold: Positive
    """Checks in a row that find no answer before a healthy server is unhealthy. One that answers as a server that is
    not well is unhealthy at once. 0 is refused."""

    healthy_threshold: Positive
    """Checks in a row that an unhealthy server passes before it is healthy; the first check of all decides alone. 0
    is refused."""

    tcp_health_check: TcpHealthCheck | None = None
    """A connection, and bytes on it."""

    custom_health_check: CustomHealthCheck | None = None
    """A heartbeat of the servers' protocol."""

    initial_jitter: Duration = 0.0
    """The first check waits a random time below this."""

    interval_jitter: Duration = 0.0
    """A random time below this is added to every wait."""

    interval_jitter_percent: Count = 0
    """A random share of the wait, in percent below this, is added to it."""

    no_traffic_interval: Period = 60.0
    """The wait, whatever is found, while the cluster has never been asked for a server."""

    no_traffic_healthy_interval: Period | None = None
    """The same for healthy servers; not given: ``no_traffic_interval``."""

    unhealthy_interval: Period | None = None
    """The wait of unhealthy servers; not given: ``interval``."""

    unhealthy_edge_interval: Period | None = None
    """The wait after a failure that is not enough of them; not given: ``unhealthy_interval``."""

    healthy_edge_interval: Period | None = None
    """The wait after a pass that is not enough of them; not given: ``interval``."""

    reuse_connection: Switch = True
    """Whether the next check uses the connection of the last, if it is still there. A check that is a connection, and
    no more, makes one each time."""

    event_log_path: str = ""
    """A file that gets one line of JSON, a ``HealthCheckEvent``, whenever a server becomes healthy or unhealthy."""

    always_log_health_check_failures: Switch = False
    """Whether every check that fails is an event, too, not only the first."""

    always_log_health_check_success: Switch = False
    """Whether every check that passes is."""

    def value(self) -> HealthCheckConfig:
        """What the runtime reads."""
        unhealthy = self.unhealthy_interval or self.interval
        return HealthCheckConfig(
            timeout=self.timeout,
            interval=self.interval,
            unhealthy_threshold=self.unhealthy_threshold,
            healthy_threshold=self.healthy_threshold,
            by=self._by(),
            initial_jitter=self.initial_jitter,
            interval_jitter=self.interval_jitter,
            interval_jitter_percent=self.interval_jitter_percent,
            no_traffic_interval=self.no_traffic_interval,
            no_traffic_healthy_interval=self.no_traffic_healthy_interval or self.no_traffic_interval,
            unhealthy_interval=unhealthy,
            unhealthy_edge_interval=self.unhealthy_edge_interval or unhealthy,
            healthy_edge_interval=self.healthy_edge_interval or self.interval,
            reuse_connection=self.reuse_connection,
            event_log_path=self.event_log_path,
            always_log_health_check_failures=self.always_log_health_check_failures,
            always_log_health_check_success=self.always_log_health_check_success,
        )

    def _by(self) -> TcpCheckConfig | HeartbeatCheckConfig:
        if self.tcp_health_check is not None:
            return self.tcp_health_check.value()
        assert self.custom_health_check is not None, "one_of has reported it"
        assert self.custom_health_check.typed_config is not None, "what is wrong with it has been reported"
        return self.custom_health_check.typed_config.value()


def expect_one(cluster: Entries, context: Context) -> None:
    """Reports a second health check of a cluster: Envoy takes one, too.

    Args:
        cluster: Its fields, as they are written.
        context: Gets the error.
    """
    for second in cluster.children("health_checks")[1:]:
        context.report.error(second.place, "a cluster has one health check, as in Envoy; this one is too many")
