"""Our proxy beside Envoy's: CPU time per request, requests per second, latency.

    python benchmarks/proxy.py [--quick] [--rounds 5] [--json] [--without FEATURE ...] [--update-docs]

Ours speaks Thrift and Dubbo in both of its connection modes, with routing, counters, local rate limit, least-request
balancing, circuit breakers and timeouts. Envoy's are thrift_proxy, thrift_proxy with ``payload_passthrough``,
tcp_proxy and dubbo_proxy, with one worker.

Each proxy has a core for itself; the load client and the servers share another. In a round every proxy runs under
every load, in turn, and a ratio is taken inside its round: what else the machine does disturbs both sides alike.
CPU time is that of the proxy's process, all of its threads, from the kernel's accounting.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.comparison.configurations import FEATURES
from benchmarks.comparison.machine import MissingError, describe, prepare, raise_descriptor_limit
from benchmarks.comparison.plan import PEERS, Plan, full, proxies_of, quick
from benchmarks.comparison.plot import plot
from benchmarks.comparison.processes import RunError
from benchmarks.comparison.report import markdown, put_into
from benchmarks.comparison.rounds import Outcome, measure

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "performance.md"
_SPARE_DESCRIPTORS = 1000


def raw(outcome: Outcome, plan: Plan) -> dict[str, Any]:
    """Every run's figures, for another program."""

    def by_cell(found: dict[Any, Any]) -> list[Any]:
        return [{**dataclasses.asdict(cell), "results": series} for cell, series in found.items()]

    return {
        "machine": describe(),
        "plan": dataclasses.asdict(plan),
        "closed": by_cell(outcome.closed),
        "paced": by_cell(outcome.paced),
        "rates": [{**dataclasses.asdict(cell), "rate": rate} for cell, rate in outcome.rates.items()],
        "routes": outcome.routes,
        "idle": outcome.idle,
        "idle_bytes": outcome.idle_bytes,
    }


def _rounds(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"a number from 1 up, not {text!r}")
    return int(text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Our proxy beside Envoy's")
    parser.add_argument("--quick", action="store_true", help="the loads the targets are for, shorter: about a minute")
    parser.add_argument("--rounds", type=_rounds, help="how often everything is repeated; 5, with --quick 3")
    parser.add_argument("--json", action="store_true", help="print every run's figures instead of tables")
    parser.add_argument(
        "--without", action="append", default=[], choices=FEATURES, help="leave this out of ours, to see its cost"
    )
    parser.add_argument("--update-docs", action="store_true", help=f"write the tables and the plots into {PAGE.name}")
    return parser.parse_args()


def _plan(arguments: argparse.Namespace) -> Plan:
    rounds = arguments.rounds or (3 if arguments.quick else 5)
    plan = (quick if arguments.quick else full)(rounds, arguments.without)
    allowed = raise_descriptor_limit() - _SPARE_DESCRIPTORS
    if allowed >= plan.idle:
        return plan
    print(f"only {allowed} idle connections: no more files may be open", file=sys.stderr)
    return dataclasses.replace(plan, idle=allowed)


def main() -> int:
    """Runs the comparison; 2: it cannot run here."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends what was started, as Ctrl-C does
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as tools:
            plan = _plan(arguments)
            outcome = measure(plan, prepare(Path(tools)))
    except (MissingError, RunError) as problem:
        print(problem, file=sys.stderr)
        return 2
    if arguments.json:
        print(json.dumps(raw(outcome, plan)))
        return 0
    text = markdown(outcome, plan, describe())
    print(text)
    if arguments.update_docs:
        _update_docs(outcome, text)
    return 0


def _update_docs(outcome: Outcome, text: str) -> None:
    PAGE.write_text(put_into(PAGE.read_text(encoding="utf-8"), text), encoding="utf-8")
    for protocol in PEERS:
        closed = {cell: series for cell, series in outcome.closed.items() if cell.protocol == protocol}
        if closed:
            title = f"CPU time per request, {protocol.capitalize()}"
            path = PAGE.with_name(f"performance-{protocol}.svg")
            path.write_text(plot(closed, proxies_of(protocol), title), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
