"""What keeping a cluster up costs a request.

    python benchmarks/upkeep.py [--rounds 7] [--seconds 1]

Ours before Thrift servers, as ``benchmarks/proxy.py`` has it, against the same with priorities, localities, subsets,
slow start, outlier detection, health checks, counted thresholds, rules of access and a fault, in both modes. The two
run in turn in each round, and the ratio of their CPU times per request is taken inside the round.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.comparison.configurations import kept_up, ours
from benchmarks.comparison.figures import Figure, ratio
from benchmarks.comparison.machine import Machine, MissingError, describe, prepare
from benchmarks.comparison.processes import Load, RunError, in_turn, run, serving, started_ours
from benchmarks.comparison.report import table
from benchmarks.comparison.rounds import Series, cpu_us
from benchmarks.comparison.wire import WIRES

TARGET = 1.1
CONNECTIONS = (16, 64)
PLAIN, KEPT = "without", "with everything"


def measure(machine: Machine, *, rounds: int, seconds: float) -> dict[tuple[str, int], Series]:
    """The results of both configurations, by mode and connections."""
    found: dict[tuple[str, int], Series] = defaultdict(lambda: defaultdict(list))
    for turn in range(rounds):
        print(f"round {turn + 1} of {rounds}", file=sys.stderr, flush=True)
        for mode in ("default", "multiplexing"):
            is_shared = mode == "multiplexing"
            with serving(machine, WIRES["thrift"], 100) as target, ExitStack() as stack:
                configs: dict[str, Any] = {
                    PLAIN: ours(target.ports, multiplexing=is_shared),
                    KEPT: kept_up(target.ports, multiplexing=is_shared),
                }
                proxies = [stack.enter_context(started_ours(name, each, machine)) for name, each in configs.items()]
                for connections in CONNECTIONS:
                    load = Load(connections=connections, warmup=0.3, seconds=seconds)
                    for proxy in in_turn(proxies, turn):
                        found[mode, connections][proxy.name].append(run(target, proxy, load))
    return found


def report(found: dict[tuple[str, int], Series]) -> str:
    """A row for each mode and number of connections."""
    rows = []
    for (mode, connections), series in found.items():
        one, other = cpu_us(series[PLAIN]), cpu_us(series[KEPT])
        measured = ratio(other, one)
        judged = "met" if round(measured.middle, 2) <= TARGET else "missed"
        shown = [Figure.of(each).show() for each in (one, other)]
        rows.append((f"{mode}, {connections} connections", *shown, measured.show(2), judged))
    return table(("CPU time per request, µs", PLAIN, KEPT, f"ratio, at most {TARGET}", ""), rows)


def main() -> int:
    """Runs it; 2: it cannot run here."""
    parser = argparse.ArgumentParser(description="What keeping a cluster up costs a request")
    parser.add_argument("--rounds", type=int, default=7, help="how often everything is repeated; 7")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long one run is measured; 1")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends what was started, as Ctrl-C does
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as tools:
            found = measure(prepare(Path(tools)), rounds=arguments.rounds, seconds=arguments.seconds)
    except (MissingError, RunError) as problem:
        print(problem, file=sys.stderr)
        return 2
    print(f"On {describe()}; {arguments.rounds} rounds, a figure is their median, with the smallest and the largest.\n")
    print(report(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
