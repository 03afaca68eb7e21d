"""Results as a load client prints them."""

from __future__ import annotations

from benchmarks.comparison.processes import Result


def run_of(cpu_us: float, p99_ms: float = 1.0) -> Result:
    """One run that cost ``cpu_us`` a request."""
    result = dict.fromkeys(("p50_ns", "p90_ns", "p99_ns", "p999_ns"), p99_ms * 1e6)
    return {**result, "cpu_ns": cpu_us * 1e3 * 1000, "replies": 1000, "seconds": 2.0, "foreign": 0.25}
