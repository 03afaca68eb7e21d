"""Time that passes when a test says so, for a proxy on a real event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

SMALL_BUFFER = 4096
"""Bytes asked of the kernel for the sockets, so that a peer that does not read is felt after a few messages."""


class Alarm:
    """One call that is due at a time; stands in for ``asyncio.TimerHandle``."""

    def __init__(self, due: float, callback: Callable[[], None]) -> None:
        self.due = due
        self.callback = callback
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class ClockedLoop:
    """An event loop whose ``time`` and ``call_at`` are a test's, and whose connections have small buffers.

    What the loop's own classes wait for (``asyncio.timeout``: connecting, and closing within a time) is real.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._alarms: list[Alarm] = []
        self.now = 1000.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    def time(self) -> float:
        return self.now

    def call_at(self, due: float, callback: Callable[[], None]) -> Alarm:
        alarm = Alarm(due, callback)
        self._alarms.append(alarm)
        return alarm

    def next_alarm(self, end: float) -> Alarm | None:
        """The first alarm that is due by ``end``, off the list; the clock then says its time."""
        self._alarms = [each for each in self._alarms if not each.is_cancelled]
        alarm = min(self._alarms, key=lambda each: each.due, default=None)
        if alarm is None or alarm.due > end:
            self.now = max(self.now, end)
            return None
        self._alarms.remove(alarm)
        self.now = max(self.now, alarm.due)
        return alarm

    async def create_connection(self, factory: Callable[[], asyncio.Protocol], host: str, port: int, **tls: Any) -> Any:
        found = await self._loop.create_connection(factory, host, port, **tls)
        shrink(found[0].get_extra_info("socket"))
        return found


def shrink(sock: Any) -> None:
    """Gives a socket small buffers."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BUFFER)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
