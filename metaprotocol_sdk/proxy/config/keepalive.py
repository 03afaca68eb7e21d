"""Keepalive of TCP: ``envoy.config.core.v3.TcpKeepalive``, and where a cluster has it."""

from __future__ import annotations

from typing import Annotated

from pydantic import PlainValidator

from metaprotocol_sdk.proxy.config.fields import Whole
from metaprotocol_sdk.proxy.config.message import Message, not_yet
from metaprotocol_sdk.proxy.config.values import TcpKeepaliveConfig

MAX_PROBES = 127
MAX_SECONDS = 32767
"""What Linux takes for these options of a socket; more cannot be set, and Envoy fails each connection with it."""

Probes = Annotated[int, PlainValidator(Whole(1, MAX_PROBES))]
Seconds = Annotated[int, PlainValidator(Whole(1, MAX_SECONDS))]


class TcpKeepalive(Message):
    """``envoy.config.core.v3.TcpKeepalive``: finds a peer that vanished without a word, on a connection that carries
    nothing. Numbers of 0 are refused, as the system refuses them."""

    keepalive_probes: Probes | None = None
    """Unanswered ones until the connection is lost; not given: the system's number, 9 on Linux."""

    keepalive_time: Seconds | None = None
    """Seconds without a byte until the first; not given: the system's, 2 hours on Linux."""

    keepalive_interval: Seconds | None = None
    """Seconds from one to the next; not given: the system's, 75 on Linux."""

    def value(self) -> TcpKeepaliveConfig:
        """What the runtime reads."""
        return TcpKeepaliveConfig(
            probes=self.keepalive_probes, time=self.keepalive_time, interval=self.keepalive_interval
        )


class UpstreamConnectionOptions(Message):
    """``envoy.config.cluster.v3.UpstreamConnectionOptions``."""

    refused = not_yet("set_local_interface_name_on_upstream_connections", "happy_eyeballs_config")

    tcp_keepalive: TcpKeepalive | None = None
    """Of connections to the cluster's servers; not given: none. An empty mapping is one with the system's numbers."""
