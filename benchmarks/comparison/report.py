"""A comparison as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from benchmarks.comparison.figures import Figure, ratio
from benchmarks.comparison.plan import JUDGED, PEERS, TARGET_CELLS, Cell, Plan, proxies_of
from benchmarks.comparison.processes import Result
from benchmarks.comparison.rounds import Outcome, Series, cpu_us, requests_per_second

CPU_TARGET, P99_TARGET, ROUTES_TARGET = 1.0, 1.2, 2.0
MARK = "<!-- written by benchmarks/proxy.py -->"

Row = tuple[str, ...]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; every column but the first is of figures."""
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join(["---", *["--:"] * (len(head) - 1)]) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def p99_ms(results: Sequence[Result]) -> list[float]:
    """The 99th percentile of latency, in milliseconds."""
    return [each["p99_ns"] / 1e6 for each in results]


def markdown(outcome: Outcome, plan: Plan, machine: str) -> str:
    """The whole report."""
    parts = [f"On {machine}. {plan.rounds} rounds; a figure is their median, with the smallest and the largest."]
    if plan.without:
        parts.append(f"Left out of ours: {', '.join(plan.without)}.")
    parts += ["### Targets", targets(outcome)]
    for protocol in PEERS:
        if any(cell.protocol == protocol for cell in outcome.closed):
            parts += _of_protocol(outcome, protocol)
    parts += ["### Many routes", many_routes(outcome, plan), "### Idle connections", idle(outcome, plan)]
    parts += ["### What else the machine did", noise(outcome)]
    return "\n\n".join(parts)


def _of_protocol(outcome: Outcome, protocol: str) -> Iterator[str]:
    name = protocol.capitalize()
    yield f"### {name}: CPU time per request, µs"
    yield matrix(outcome, protocol, lambda results: Figure.of(cpu_us(results)).show())
    yield f"### {name}: requests per second"
    yield matrix(outcome, protocol, lambda results: Figure.of(requests_per_second(results)).show(0))
    yield f"### {name}: latency at one rate"
    yield latencies(outcome, protocol)


def targets(outcome: Outcome) -> str:
    """Every target, beside what was measured."""
    rows = [
        row
        for name in JUDGED
        for found, what, limit, figures in (
            (outcome.closed, "CPU time", CPU_TARGET, cpu_us),
            (outcome.paced, "p99", P99_TARGET, p99_ms),
        )
        for row in _judged_cells(name, found, what, limit, figures)
    ]
    few, many = outcome.routes.values()
    rows.append(_judged("ours: CPU time with many routes / with one", ratio(cpu_us(many), cpu_us(few)), ROUTES_TARGET))
    return table(("target", "at most", "measured", ""), rows)


def _judged_cells(
    name: str, found: dict[Cell, Series], what: str, limit: float, figures: Callable[[list[Result]], list[float]]
) -> Iterator[Row]:
    for cell in TARGET_CELLS:
        if cell in found:
            series, peer = found[cell], PEERS[cell.protocol][0]
            measured = ratio(figures(series[name]), figures(series[peer]))
            yield _judged(f"{name}: {what} / {peer}, {cell}", measured, limit)


def _judged(name: str, found: Figure, target: float) -> Row:
    return name, f"{target:.1f}", found.show(2), "met" if round(found.middle, 2) <= target else "missed"


def matrix(outcome: Outcome, protocol: str, show: Callable[[list[Result]], str]) -> str:
    """A row for each load in closed loop, a column for each proxy."""
    names = proxies_of(protocol)
    rows = [
        (str(cell), *(show(series[name]) for name in names))
        for cell, series in sorted(outcome.closed.items())
        if cell.protocol == protocol
    ]
    return table(("load", *names), rows)


def latencies(outcome: Outcome, protocol: str) -> str:
    """Percentiles in open loop."""
    rows = []
    for cell, series in sorted(outcome.paced.items()):
        if cell.protocol != protocol:
            continue
        for name in proxies_of(protocol):
            columns = ("p50_ns", "p90_ns", "p99_ns", "p999_ns")
            shown = [Figure.of(each[column] / 1e6 for each in series[name]).show(2) for column in columns]
            rows.append((f"{cell}, {outcome.rates[cell]:,.0f}/s: {name}", *shown))
    return table(("load", "p50, ms", "p90, ms", "p99, ms", "p99.9, ms"), rows)


def many_routes(outcome: Outcome, plan: Plan) -> str:
    """Ours with routes before the one that matches."""
    rows = [(name, Figure.of(cpu_us(results)).show()) for name, results in outcome.routes.items()]
    return f"{plan.routes} exact matches that do not hold, before the route that does.\n\n" + table(
        ("ours", "CPU time per request, µs"), rows
    )


def idle(outcome: Outcome, plan: Plan) -> str:
    """What connections cost that had one reply and say nothing more."""
    rows = []
    for name, each in outcome.idle_bytes.items():
        without, held = (outcome.idle[f"{name}, {what} idle"] for what in ("none", f"{plan.idle:,}"))
        shown = [Figure.of(cpu_us(results)).show() for results in (without, held)]
        rows.append((name, *shown, ratio(cpu_us(held), cpu_us(without)).show(2), Figure.of(each).show(0)))
    return table(("proxy", "µs with none", f"µs with {plan.idle:,}", "ratio", "bytes each"), rows)


def noise(outcome: Outcome) -> str:
    """How busy the machine was with other work."""
    series = [*outcome.closed.values(), *outcome.paced.values(), outcome.routes, outcome.idle]
    shares = [each["foreign"] for found in series for results in found.values() for each in results]
    return (
        "Cores' worth of work that was neither proxy, load client nor server, over all runs: "
        f"{Figure.of(shares).show(2)}."
    )


def put_into(page: str, text: str) -> str:
    """The page with ``text`` in place of what is between its two marks.

    Raises:
        ValueError: The page has not two marks.
    """
    before, first, rest = page.partition(MARK)
    _, second, after = rest.partition(MARK)
    if not first or not second:
        raise ValueError(f"the page has no two lines {MARK}")
    return f"{before}{MARK}\n\n{text}\n\n{MARK}{after}"
