"""What is compared, and under which loads."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass

from benchmarks.comparison.configurations import envoy_tcp, envoy_thrift, ours
from benchmarks.comparison.processes import Proxy, Target, started_envoy, started_ours

OURS, SHARED = "ours", "ours, multiplexing"
THRIFT, PASSTHROUGH, TCP = "thrift_proxy", "payload_passthrough", "tcp_proxy"
PROXIES = (OURS, SHARED, THRIFT, PASSTHROUGH, TCP)
JUDGED = (OURS, SHARED)
"""Those the targets are for; what they are measured against is THRIFT."""

RATE_SHARE = 0.7
"""The open loop's rate, of what the slowest of JUDGED and THRIFT reaches."""


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """One load: the size of bodies, requests in flight on each connection, connections."""

    body: int
    depth: int
    connections: int

    def __str__(self) -> str:
        return f"{self.body} B, depth {self.depth}, {self.connections} connections"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one comparison runs.

    Args:
        cells: The loads, in closed loop.
        paced: The loads that are run in open loop, too.
        rounds: How often everything is repeated.
        seconds: How long one run is measured.
        paced_seconds: How long one run in open loop is measured.
        idle: Connections held in the comparison of idle ones.
        routes: Routes that do not match in the comparison of many.
        without: Features of ours that are left out.
    """

    cells: tuple[Cell, ...]
    paced: tuple[Cell, ...]
    rounds: int
    seconds: float
    paced_seconds: float
    idle: int = 10_000
    routes: int = 999
    without: tuple[str, ...] = ()


BODIES, DEPTHS, CONNECTIONS = (100, 4096, 65536), (1, 8), (1, 16, 64, 256)
TARGET_CELLS = (Cell(100, 1, 16), Cell(100, 1, 64))
"""Where ours shall cost no more than thrift_proxy, and its p99 be no more than 1.2 times as long."""


def full(rounds: int, without: Collection[str]) -> Plan:
    """Every load."""
    cells = [Cell(body, depth, count) for body in BODIES for depth in DEPTHS for count in CONNECTIONS]
    return Plan(
        cells=tuple(cells),
        paced=TARGET_CELLS,
        rounds=rounds,
        seconds=2.0,
        paced_seconds=5.0,
        without=tuple(without),
    )


def quick(rounds: int, without: Collection[str]) -> Plan:
    """The loads the targets are for."""
    return Plan(
        cells=TARGET_CELLS,
        paced=TARGET_CELLS[:1],
        rounds=rounds,
        seconds=1.0,
        paced_seconds=1.5,
        idle=2_000,
        without=tuple(without),
    )


def start(name: str, target: Target, plan: Plan) -> AbstractContextManager[Proxy]:
    """Starts the proxy of that name in front of a target."""
    machine, ports = target.machine, target.ports
    if name in JUDGED:
        return started_ours(name, ours(ports, multiplexing=name == SHARED, without=plan.without), machine)
    config = envoy_tcp(ports) if name == TCP else envoy_thrift(ports, passthrough=name == PASSTHROUGH)
    return started_envoy(name, config, machine)
