"""Whether a peer that says nothing is still there: ``envoy.config.core.v3.TcpKeepalive``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpKeepaliveConfig:
    """``envoy.config.core.v3.TcpKeepalive``: probes of the system's on a connection that carries nothing.

    Args:
        probes: ``keepalive_probes``: unanswered ones until the connection is lost; None: the system's number.
        time: ``keepalive_time``: whole seconds without a byte until the first; None: the system's.
        interval: ``keepalive_interval``: whole seconds from one to the next; None: the system's.
    """

    probes: int | None = None
    time: int | None = None
    interval: int | None = None
