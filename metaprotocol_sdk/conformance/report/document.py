"""A run as one JSON document: ``docs/reference/conformance-reports.md`` lists what is in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metaprotocol_sdk.conformance.outcome import Outcome, Report
from metaprotocol_sdk.conformance.report.failures import replay_command

SCHEMA_VERSION = 1
"""It grows when a key changes its meaning or goes; new keys do not change it."""


def to_json(report: Report, *, target: str, saved: Mapping[str, Path]) -> dict[str, Any]:
    """The run as JSON values, with a ``schema_version``.

    Args:
        report: The run.
        target: What the subject was found by.
        saved: Where each failure was saved, by its law.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "codec": report.codec,
        "target": target,
        "ok": report.is_ok,
        "exit_code": report.exit_code,
        "strict": report.strict,
        "max_examples": report.max_examples,
        "seed": report.seed,
        "seconds": round(report.seconds, 3),
        "counts": {standing.value: count for standing, count in report.counts.items()},
        "laws": [_outcome_to_json(report, each, saved.get(each.check.name), target) for each in report.outcomes],
    }


def _outcome_to_json(report: Report, outcome: Outcome, saved: Path | None, target: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": outcome.check.name,
        "law": outcome.check.law,
        "level": outcome.check.level.value,
        "verdict": outcome.verdict.value,
        "standing": report.standing(outcome).value,
        "detail": outcome.detail,
        "cases": outcome.examples,
        "seconds": round(outcome.seconds, 3),
    }
    if outcome.case is not None:
        told |= {"case": outcome.case.to_json(), "at": outcome.at, "likely_mistake": outcome.likely_mistake}
    if saved is not None:
        told |= {"saved": str(saved), "replay": replay_command(target, saved)}
    return told
