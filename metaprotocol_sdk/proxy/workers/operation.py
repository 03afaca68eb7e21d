"""What an operator asks and orders of a proxy of several processes: ``admin.operated.Operated`` over its parent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from metaprotocol_sdk.proxy.admin.operated import ClusterStatus, HistogramValue, State
from metaprotocol_sdk.proxy.metrics import Histogram
from metaprotocol_sdk.proxy.operation import Operation, value_of
from metaprotocol_sdk.proxy.server import Server


class Fleet(Protocol):
    """A parent, as its operator needs it."""

    @property
    def server(self) -> Server:
        """What knows its listeners and clusters."""

    @property
    def is_serving(self) -> bool:
        """Whether one of its workers is ready."""

    async def counters(self) -> dict[str, int]:
        """Every counter of the whole proxy."""

    async def histograms(self) -> dict[str, Histogram]:
        """Every histogram of the whole proxy."""

    async def active(self) -> dict[str, list[int]]:
        """Requests in flight at each server of each cluster."""

    def reset_counters(self) -> None:
        """Sets every counter to 0."""

    def drain_listeners(self, *, graceful: bool, skip_exit: bool, inbound_only: bool) -> None:
        """Has clients leave."""

    def set_log_level(self, level: str) -> None:
        """Has the workers write by another level."""


class FleetOperation(Operation):
    """A parent and its workers, operated. The arguments are :class:`~metaprotocol_sdk.proxy.operation.Operation`'s."""

    def __init__(self, fleet: Fleet, *, stop: Callable[[], None], now: Callable[[], float]) -> None:
        super().__init__(fleet.server, stop=stop, now=now)
        self._fleet = fleet

    @property
    def state(self) -> State:
        """What it is doing. While all workers have died and none serves again, it is as if it had not begun."""
        found = super().state
        return State.INITIALIZING if found is State.LIVE and not self._fleet.is_serving else found

    async def counters(self) -> dict[str, int]:
        """Every counter and gauge by its full name."""
        return await self._fleet.counters()

    async def histograms(self) -> dict[str, HistogramValue]:
        """Every histogram by its full name."""
        return {name: value_of(each) for name, each in (await self._fleet.histograms()).items()}

    async def clusters(self) -> list[ClusterStatus]:
        """The clusters, in configured order."""
        active = await self._fleet.active()
        return [_with_active(each, active.get(each.name, [])) for each in await super().clusters()]

    async def reset_counters(self) -> None:
        """Sets every counter to 0, and no gauge."""
        self._fleet.reset_counters()

    async def drain_listeners(self, *, graceful: bool, skip_exit: bool, inbound_only: bool) -> None:
        """As :meth:`Server.drain_listeners` has it."""
        self._fleet.drain_listeners(graceful=graceful, skip_exit=skip_exit, inbound_only=inbound_only)

    async def set_log_level(self, level: str) -> None:
        """Writes from now on what is as grave as ``level`` or graver."""
        await super().set_log_level(level)
        self._fleet.set_log_level(level)


def _with_active(cluster: ClusterStatus, active: list[int]) -> ClusterStatus:
    if len(active) != len(cluster.endpoints):  # its servers have changed meanwhile
        return cluster
    endpoints = [replace(each, active=count) for each, count in zip(cluster.endpoints, active, strict=True)]
    return replace(cluster, endpoints=tuple(endpoints))
