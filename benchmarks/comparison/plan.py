"""What is compared, and under which loads."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass

from benchmarks.comparison.configurations import envoy_dubbo, envoy_tcp, envoy_thrift, ours
from benchmarks.comparison.processes import Proxy, Target, started_envoy, started_ours

OURS, SHARED = "ours", "ours, multiplexing"
THRIFT, PASSTHROUGH, TCP, DUBBO = "thrift_proxy", "payload_passthrough", "tcp_proxy", "dubbo_proxy"
JUDGED = (OURS, SHARED)
"""Those the targets are for."""
PEERS = {"thrift": (THRIFT, PASSTHROUGH, TCP), "dubbo": (DUBBO,)}
"""Envoy's by protocol; the first is what ours are measured against."""

RATE_SHARE = 0.7
"""The open loop's rate, of what the slowest of JUDGED and the first peer reaches."""


def proxies_of(protocol: str) -> tuple[str, ...]:
    """Every proxy that is compared for a protocol."""
    return (*JUDGED, *PEERS[protocol])


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """One load: the protocol, the size of bodies, requests in flight on each connection, connections."""

    protocol: str
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
        warmup: Seconds before one run is measured.
        seconds: How long one run is measured.
        paced_seconds: How long one run in open loop is measured.
        idle: Connections held in the comparison of idle ones.
        routes: Routes that do not match in the comparison of many.
        without: Features of ours that are left out.
    """

    cells: tuple[Cell, ...]
    paced: tuple[Cell, ...]
    rounds: int
    warmup: float
    seconds: float
    paced_seconds: float
    idle: int = 10_000
    routes: int = 999
    without: tuple[str, ...] = ()


BODIES = {"thrift": (100, 4096, 65536), "dubbo": (100, 4096)}
DEPTHS, CONNECTIONS = (1, 8), (1, 16, 64, 256)
TARGET_CELLS = tuple(Cell(protocol, 100, 1, count) for protocol in PEERS for count in (16, 64))
"""Where ours shall cost no more than Envoy's, and its p99 be no more than 1.2 times as long."""


def full(rounds: int, without: Collection[str]) -> Plan:
    """Every load."""
    cells = [
        Cell(protocol, body, depth, count)
        for protocol, bodies in BODIES.items()
        for body in bodies
        for depth in DEPTHS
        for count in CONNECTIONS
    ]
    return Plan(
        cells=tuple(cells),
        paced=TARGET_CELLS,
        rounds=rounds,
        warmup=0.5,
        seconds=2.0,
        paced_seconds=5.0,
        without=tuple(without),
    )


def quick(rounds: int, without: Collection[str]) -> Plan:
    """The loads the targets are for, for Thrift."""
    cells = tuple(cell for cell in TARGET_CELLS if cell.protocol == "thrift")
    return Plan(
        cells=cells,
        paced=cells[:1],
        rounds=rounds,
        warmup=0.3,
        seconds=0.7,
        paced_seconds=1.0,
        idle=1_000,
        without=tuple(without),
    )


def start(name: str, protocol: str, target: Target, plan: Plan) -> AbstractContextManager[Proxy]:
    """Starts the proxy of that name in front of a target."""
    machine, ports = target.machine, target.ports
    if name in JUDGED:
        config = ours(ports, protocol=protocol, multiplexing=name == SHARED, without=plan.without)
        return started_ours(name, config, machine)
    configs = {
        THRIFT: lambda: envoy_thrift(ports),
        PASSTHROUGH: lambda: envoy_thrift(ports, passthrough=True),
        TCP: lambda: envoy_tcp(ports),
        DUBBO: lambda: envoy_dubbo(ports),
    }
    return started_envoy(name, configs[name](), machine)
