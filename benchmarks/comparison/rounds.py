"""Runs a plan: proxies interleaved, everything repeated."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from benchmarks.comparison.configurations import ours
from benchmarks.comparison.figures import common_rate
from benchmarks.comparison.machine import Machine, resident_bytes
from benchmarks.comparison.plan import (
    JUDGED,
    OURS,
    PEERS,
    RATE_SHARE,
    TARGET_CELLS,
    THRIFT,
    Cell,
    Plan,
    proxies_of,
    start,
)
from benchmarks.comparison.processes import Load, Proxy, Result, Target, holding, in_turn, run, serving, started_ours
from benchmarks.comparison.wire import WIRES

Series = dict[str, list[Result]]
"""Results by proxy, one a round."""


@dataclass(slots=True)
class Outcome:
    """What a plan came to.

    Attributes:
        closed: In closed loop, by load.
        paced: In open loop, by load.
        rates: The open loop's requests a second, by load.
        routes: Ours with one route and with many.
        idle: Without and with idle connections.
        idle_bytes: Memory of one idle connection, by proxy, one a round.
    """

    closed: dict[Cell, Series] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    paced: dict[Cell, Series] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    rates: dict[Cell, float] = field(default_factory=dict)
    routes: Series = field(default_factory=lambda: defaultdict(list))
    idle: Series = field(default_factory=lambda: defaultdict(list))
    idle_bytes: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


def measure(plan: Plan, machine: Machine) -> Outcome:
    """Runs everything; says on standard error how far it is."""
    outcome = Outcome()
    for turn in range(plan.rounds):
        _say(f"round {turn + 1} of {plan.rounds}: closed loop")
        for target, proxies, cells in _started(plan.cells, plan, machine):
            for cell in cells:
                load = Load(connections=cell.connections, depth=cell.depth, warmup=plan.warmup, seconds=plan.seconds)
                _run_all(outcome.closed[cell], load, target, in_turn(proxies, turn))
    for cell in plan.paced:
        judged = [requests_per_second(outcome.closed[cell][name]) for name in (*JUDGED, PEERS[cell.protocol][0])]
        outcome.rates[cell] = common_rate(judged, RATE_SHARE)
    for turn in range(plan.rounds):
        _say(f"round {turn + 1} of {plan.rounds}: open loop, many routes, idle connections")
        for target, proxies, cells in _started(plan.paced, plan, machine):
            for cell in cells:
                load = Load(
                    connections=cell.connections,
                    depth=cell.depth,
                    rate=outcome.rates[cell],
                    warmup=2 * plan.warmup,
                    seconds=plan.paced_seconds,
                )
                _run_all(outcome.paced[cell], load, target, in_turn(proxies, turn))
        _run_routes(outcome, plan, machine, turn)
        _run_idle(outcome, plan, machine, turn)
    return outcome


def cpu_us(results: list[Result]) -> list[float]:
    """CPU time per request, in microseconds."""
    return [each["cpu_ns"] / each["replies"] / 1e3 for each in results]


def requests_per_second(results: list[Result]) -> list[float]:
    """Replies a second."""
    return [each["replies"] / each["seconds"] for each in results]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _started(cells: tuple[Cell, ...], plan: Plan, machine: Machine) -> Iterator[tuple[Target, list[Proxy], list[Cell]]]:
    """For each protocol and size of bodies: servers, every proxy before them, and the loads they are for."""
    for protocol, body in dict.fromkeys((cell.protocol, cell.body) for cell in cells):
        own = [cell for cell in cells if (cell.protocol, cell.body) == (protocol, body)]
        with serving(machine, WIRES[protocol], body) as target, _all_started(protocol, target, plan) as proxies:
            yield target, proxies, own


@contextmanager
def _all_started(protocol: str, target: Target, plan: Plan) -> Iterator[list[Proxy]]:
    with ExitStack() as stack:
        yield [stack.enter_context(start(name, protocol, target, plan)) for name in proxies_of(protocol)]


def _run_all(series: Series, load: Load, target: Target, proxies: list[Proxy]) -> None:
    for proxy in proxies:
        series[proxy.name].append(run(target, proxy, load))


def _first_load(plan: Plan) -> tuple[Cell, Load]:
    cell = TARGET_CELLS[0]
    return cell, Load(connections=cell.connections, warmup=plan.warmup, seconds=plan.seconds)


def _run_routes(outcome: Outcome, plan: Plan, machine: Machine, turn: int) -> None:
    cell, load = _first_load(plan)
    with serving(machine, WIRES[cell.protocol], cell.body) as target, ExitStack() as stack:
        proxies = []
        for name, before in (("1 route", 0), (f"{plan.routes + 1:,} routes", plan.routes)):
            config = ours(target.ports, routes_before=before, without=plan.without)
            proxies.append(stack.enter_context(started_ours(name, config, machine)))
        _run_all(outcome.routes, load, target, in_turn(proxies, turn))


def _run_idle(outcome: Outcome, plan: Plan, machine: Machine, turn: int) -> None:
    cell, load = _first_load(plan)
    with serving(machine, WIRES[cell.protocol], cell.body) as target:
        for name in in_turn((OURS, THRIFT), turn):
            with start(name, cell.protocol, target, plan) as proxy:
                outcome.idle[f"{name}, none idle"].append(run(target, proxy, load))
                before = resident_bytes(proxy.pid)
                with holding(target, proxy, plan.idle):
                    outcome.idle_bytes[name].append((resident_bytes(proxy.pid) - before) / plan.idle)
                    outcome.idle[f"{name}, {plan.idle:,} idle"].append(run(target, proxy, load))
