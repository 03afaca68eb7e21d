"""A running proxy that answers what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from metaprotocol_sdk.proxy.admin.handler import respond
from metaprotocol_sdk.proxy.admin.message import Request, Response
from metaprotocol_sdk.proxy.admin.operated import (
    ClusterStatus,
    EndpointStatus,
    HistogramValue,
    ListenerStatus,
    Operated,
    State,
)
from metaprotocol_sdk.proxy.config.values import Address, NodeConfig

NODOTS = EndpointStatus(address=Address("10.0.0.1", 80), weight=3, active=2)
LIMITS = {
    "DEFAULT": {"max_connections": 4, "max_pending_requests": 3, "max_requests": 2, "max_retries": 1},
    "HIGH": {"max_connections": 8, "max_pending_requests": 7, "max_requests": 6, "max_retries": 5},
}


class FakeOperated:
    """What was ordered is in ``orders``, in order."""

    def __init__(self) -> None:
        self.state = State.LIVE
        self.node = NodeConfig(id="one", cluster="shop")
        self.uptime = 3725.5
        self.log_level = "info"
        self.orders: list[object] = []
        self.numbers = {
            "cluster.a.b.c.upstream_rq_total": 7,
            "cluster.a.b.c.upstream_rq_active": 2,
            "meta_protocol.app.front.request": 0,
            "meta_protocol.front.local_rate_limit.ok": 5,
        }
        self.values = {
            "meta_protocol.app.front.request_time_ms": HistogramValue(bounds=(1, 10), counts=(1, 2, 1), total=21.5)
        }

    async def counters(self) -> dict[str, int]:
        return dict(self.numbers)

    async def histograms(self) -> dict[str, HistogramValue]:
        return dict(self.values)

    async def clusters(self) -> list[ClusterStatus]:
        return [ClusterStatus(name="a.b.c", endpoints=(NODOTS,), limits=LIMITS)]

    async def listeners(self) -> list[ListenerStatus]:
        address = Address("::1", 9000)
        return [ListenerStatus(name="orders", address=address, protocol="app", stat_prefix="front")]

    async def reset_counters(self) -> None:
        self.orders.append("reset")

    async def drain_listeners(self, *, graceful: bool, skip_exit: bool, inbound_only: bool) -> None:
        self.orders.append((graceful, skip_exit, inbound_only))

    def fail_health_checks(self, *, is_failed: bool) -> None:
        self.state = State.DRAINING if is_failed else State.LIVE

    async def set_log_level(self, level: str) -> None:
        self.log_level = level

    def stop(self) -> None:
        self.orders.append("stop")


def ask(
    target: str,
    operated: Operated | None = None,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> Response:
    """The response to one request."""
    request = Request.from_wire(method, target, headers or {}, body)
    return asyncio.run(respond(operated or FakeOperated(), request))
