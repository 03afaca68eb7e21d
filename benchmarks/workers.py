"""What a second worker brings: requests per second and CPU time per request of one process, and of several.

    python -m benchmarks.workers [--workers 2] [--rounds 5] [--connections 64] [--seconds 3]

The load client and the servers have one core, which the proxy's processes may use as well, beside all others. CPU time
is that of every process of the proxy. A ratio is taken inside its round.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.comparison.configurations import ours
from benchmarks.comparison.machine import cpu_seconds, describe, prepare
from benchmarks.comparison.processes import Load, Proxy, Target, in_turn, run, serving, started_ours
from benchmarks.comparison.wire import WIRES

PROTOCOL = "thrift"


def processes_of(proxy: Proxy) -> list[int]:
    """The proxy's processes: the one that was started, and its workers."""
    children = Path(f"/proc/{proxy.pid}/task/{proxy.pid}/children").read_text(encoding="ascii")
    return [proxy.pid, *map(int, children.split())]


@contextmanager
def started(target: Target, counts: list[int]) -> Iterator[list[Proxy]]:
    """A proxy of each number of workers, none pinned."""
    cores = sorted(os.sched_getaffinity(0))
    with ExitStack() as stack:
        config = ours(target.ports, protocol=PROTOCOL, multiplexing=False, without=())
        yield [
            stack.enter_context(
                started_ours(f"workers: {count}", config, target.machine, "--workers", str(count), cores=cores)
            )
            for count in counts
        ]


def one(target: Target, proxy: Proxy, load: Load) -> tuple[float, float, float]:
    """Requests per second, and microseconds of CPU time per request, of one run; and what else used the machine."""
    pids = processes_of(proxy)
    before = sum(map(cpu_seconds, pids))
    result = run(target, proxy, load)
    used = sum(map(cpu_seconds, pids)) - before
    share = load.seconds / (load.seconds + load.warmup)  # the warm-up is in the CPU time, and not in the replies
    rate = result["replies"] / load.seconds
    return rate, used * share / result["replies"] * 1e6, result["foreign"]


def main() -> None:
    """Prints what came of it."""
    parser = argparse.ArgumentParser(description="What a second worker brings")
    for name, default in (("workers", 2), ("rounds", 5), ("connections", 64)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--seconds", type=float, default=3.0)
    arguments = parser.parse_args()
    load = Load(connections=arguments.connections, seconds=arguments.seconds)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        machine = prepare(Path(folder))
        target = stack.enter_context(serving(machine, WIRES[PROTOCOL], 100))
        proxies = stack.enter_context(started(target, [1, arguments.workers]))
        found: dict[str, list[tuple[float, float, float]]] = {each.name: [] for each in proxies}
        for turn in range(arguments.rounds):
            for proxy in in_turn(proxies, turn):
                found[proxy.name].append(one(target, proxy, load))
    print(describe())
    for name, runs in found.items():
        rates, costs, _ = zip(*runs, strict=True)
        print(f"{name}: {statistics.median(rates):,.0f} requests/s ({min(rates):,.0f}-{max(rates):,.0f}), ", end="")
        print(f"{statistics.median(costs):.1f} us of CPU each ({min(costs):.1f}-{max(costs):.1f})")
    single, several = found.values()
    gains = [more[0] / less[0] for less, more in zip(single, several, strict=True)]
    print(f"gain: {statistics.median(gains):.2f} ({min(gains):.2f}-{max(gains):.2f})")


if __name__ == "__main__":
    main()
