"""Values of options that click has no type for, as callbacks of :func:`click.option`, and their completion."""

from __future__ import annotations

import os
import re
from pathlib import Path

import click

MOST_WORKERS = 256
REPORT_KINDS = ("html", "json", "junit", "text")

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}


def duration(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    """A time such as ``30``, ``30s``, ``1.5m`` or ``2h``, as seconds."""
    if value is None:
        return None
    if not (seconds := _seconds(value)):
        raise _no_time(value)
    return seconds


def duration_or_zero(_ctx: click.Context, _param: click.Parameter, value: str) -> float:
    """A time as :func:`duration` reads it, where 0 means something."""
    if (seconds := _seconds(value)) is None:
        raise _no_time(value)
    return seconds


def _seconds(value: str) -> float | None:
    found = _DURATION.fullmatch(value.strip())
    return float(found[1]) * _SECONDS[found[2]] if found else None


def _no_time(value: str) -> click.BadParameter:
    return click.BadParameter(f"{value!r} is no time; write a number and its unit, such as 30s, 5m or 1h")


def worker_count(_ctx: click.Context, _param: click.Parameter, value: str) -> int:
    """A number of processes; ``auto`` is one for each CPU this process may use."""
    if value == "auto":
        return min(
            len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, MOST_WORKERS
        )
    if not value.isdecimal() or not 1 <= int(value) <= MOST_WORKERS:
        raise click.BadParameter(f"{value!r} is no number of processes; write 1 to {MOST_WORKERS}, or auto")
    return int(value)


def report_files(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> list[tuple[str, Path]]:
    """Kinds of reports and the files they go to, such as ``html=report.html``."""
    return [_report_file(value) for value in values]


def _report_file(value: str) -> tuple[str, Path]:
    kind, _, file = value.partition("=")
    if kind not in REPORT_KINDS or not file:
        kinds = ", ".join(f"{each}=FILE" for each in REPORT_KINDS)
        raise click.BadParameter(f"{value!r} names no kind and file; write one of {kinds}")
    if Path(file).is_dir():
        raise click.BadParameter(f"{file} is a folder; name a file in it")
    return kind, Path(file)


def complete_law(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Laws whose names start with what is typed, for shell completion."""
    from metaprotocol_sdk.conformance.checks import CHECKS

    return [name for name in CHECKS if name.startswith(incomplete)]
