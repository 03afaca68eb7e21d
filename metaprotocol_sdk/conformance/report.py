"""A run as text and as JSON, and failing cases as files.

A failure is saved as ``.metaproto/failures/<codec>/<law>-<hash>.json``, where the hash is of the case, so the same
failure is the same file::

    {"schema_version": 1, "codec": "...", "target": "...", "law": "...", "failure": "...", "case": {...}}
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import tempfile
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.conformance.case import SCHEMA_VERSION, Case
from metaprotocol_sdk.conformance.outcome import Outcome, Report, Verdict
from metaprotocol_sdk.dump import dump
from metaprotocol_sdk.exceptions import ConformanceError

FAILURES = Path(".metaproto/failures")
"""Where failing cases are saved, from the working folder."""

_SHOWN_BYTES = 512
"""Bytes of a case that a text report shows; all of them are in the saved file."""
_WIDTH = 100
"""Columns of a report's sentences; commands are never broken."""
_MARKS = {Verdict.PASSED: "✓", Verdict.FAILED: "✗", Verdict.SKIPPED: "\u2013", Verdict.ERROR: "!"}
_ASCII_MARKS = {Verdict.PASSED: "ok", Verdict.FAILED: "FAIL", Verdict.SKIPPED: "skip", Verdict.ERROR: "ERROR"}


@dataclass(frozen=True, slots=True)
class SavedFailure:
    """A failing case that was saved.

    Args:
        codec: The codec's name.
        target: What the subject was found by.
        law: The name of the check.
        case: The case.
    """

    codec: str
    target: str
    law: str
    case: Case


def save_failure(outcome: Outcome, *, codec: str, target: str, folder: Path = FAILURES) -> Path | None:
    """Writes a failure's case into a file of its own, whole or not at all; None: it has none, or the disk refuses.

    A folder that cannot be written must not hide the failure itself.
    """
    if outcome.case is None:
        return None
    case = outcome.case.to_json()
    digest = hashlib.sha256(json.dumps(case, sort_keys=True).encode()).hexdigest()[:12]
    path = folder / codec / f"{outcome.check.name}-{digest}.json"
    content = {
        "schema_version": SCHEMA_VERSION,
        "codec": codec,
        "target": target,
        "law": outcome.check.name,
        "failure": outcome.detail,
        "case": case,
    }
    try:
        _write_atomically(path, json.dumps(content, indent=2) + "\n")
    except OSError:
        return None
    return path


def save_failures(report: Report, *, target: str, folder: Path = FAILURES) -> dict[str, Path]:
    """Saves every failure of a run; the files by their laws, those that could be written."""
    files = {
        outcome.check.name: save_failure(outcome, codec=report.codec, target=target, folder=folder)
        for outcome in report.of(Verdict.FAILED)
    }
    return {law: path for law, path in files.items() if path is not None}


def _write_atomically(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def load_failure(path: Path) -> SavedFailure:
    """The failure that :func:`save_failure` wrote.

    Raises:
        ConformanceError: The file cannot be read, or holds no saved failure.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConformanceError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise ConformanceError(f"{path} is no saved failure: it is not JSON ({error})") from error
    if not isinstance(content, Mapping) or not isinstance(content.get("case"), Mapping) or "law" not in content:
        raise ConformanceError(f"{path} is no saved failure: it has no law and case")
    codec, target, law = (str(content.get(name, "")) for name in ("codec", "target", "law"))
    return SavedFailure(codec, target, law, Case.from_json(content["case"]))


def replay_command(target: str, saved: Path) -> str:
    """What to type to judge the saved case again; nothing is drawn."""
    return f"metaproto conformance {shlex.quote(target)} --replay {shlex.quote(str(saved))}"


def law_line(outcome: Outcome, *, ascii_only: bool = False) -> str:
    """A law's one line: how the codec stands, over how many cases, in what time, or why it was skipped."""
    mark = (_ASCII_MARKS if ascii_only else _MARKS)[outcome.verdict]
    line = f"{mark:<6}" if ascii_only else f"{mark} "
    line += f"{outcome.check.name:<32}"
    if outcome.verdict in (Verdict.SKIPPED, Verdict.ERROR):
        return f"{line} {outcome.verdict.value}: {outcome.detail}"
    return f"{line} {outcome.examples:>5} case{'s' if outcome.examples != 1 else ' '}  {outcome.seconds:6.2f} s"


def summary(report: Report) -> str:
    """The closing line."""
    counts = ((verdict, len(report.of(verdict))) for verdict in Verdict)
    told = ", ".join(f"{count} {verdict.value}" for verdict, count in counts if count)
    return f"{report.codec}: {told} in {report.seconds:.1f} s"


def failure_text(
    outcome: Outcome, codec: Codec, *, target: str, saved: Path | None, color: bool = False, ascii_only: bool = False
) -> str:
    """All there is to say of one failure: the law, what happened, the bytes field by field, and how to see it again.

    Args:
        outcome: The failure.
        codec: What names the bytes.
        target: What the subject was found by, for the replay command.
        saved: Where the case was saved, if it could be.
        color: Whether the dump may use ANSI colours.
        ascii_only: Whether the text must be ASCII.
    """
    check = outcome.check
    lines = [_wrapped(f"{check.name} ({check.level.value}): {check.law}"), "", _wrapped(outcome.detail, "  "), ""]
    if outcome.case is not None:
        lines += _case_lines(outcome.case, codec, mark=outcome.at, color=color)
    lines.append(_wrapped(f"likely mistake: {check.mistake}", "  "))
    if saved is not None:
        lines += [f"  saved as: {saved}", f"  replay:   {replay_command(target, saved)}"]
    text = "\n".join(lines)
    return text.encode("ascii", "backslashreplace").decode() if ascii_only else text


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(
        text, _WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _case_lines(case: Case, codec: Codec, *, mark: int | None, color: bool) -> list[str]:
    shown = case.wire[:_SHOWN_BYTES]
    more = f", the first {_SHOWN_BYTES} shown" if len(shown) < len(case.wire) else ""
    cuts = ", ".join(map(str, case.cuts[:12])) + (", ..." if len(case.cuts) > 12 else "")
    parts = {
        "cut at": cuts,
        "then": case.trailing.hex(" "),
        "mutation": repr(dict(case.mutation)) if case.mutation else "",
        "new id": "" if case.request_id is None else str(case.request_id),
        "limit": "" if case.limit is None else str(case.limit),
        "answers": " | ".join(request[:64].hex(" ") for request in case.requests),
    }
    lines = [f"  the smallest {case.side.name} bytes that show it ({len(case.wire)} bytes{more}):"]
    lines += [f"    {line}" for line in dump(codec, shown, color=color, mark=mark).splitlines()]
    lines += [f"    {name}: {text[:400]}" for name, text in parts.items() if text]
    return [*lines, ""]


def report_text(
    report: Report,
    codec: Codec,
    *,
    target: str,
    saved: Mapping[str, Path],
    color: bool = False,
    ascii_only: bool = False,
) -> str:
    """What follows the laws' lines: each failure at length, and the closing line.

    Args:
        report: The run.
        codec: What names the bytes.
        target: What the subject was found by.
        saved: Where each failure was saved, by its law.
        color: Whether dumps may use ANSI colours.
        ascii_only: Whether the text must be ASCII.
    """
    blocks = [
        failure_text(each, codec, target=target, saved=saved.get(each.check.name), color=color, ascii_only=ascii_only)
        for each in report.of(Verdict.FAILED)
    ]
    return "\n\n".join([*blocks, summary(report)])


def to_json(report: Report, *, target: str, saved: Mapping[str, Path]) -> dict[str, Any]:
    """The run as JSON values, with a ``schema_version``."""
    return {
        "schema_version": SCHEMA_VERSION,
        "codec": report.codec,
        "target": target,
        "ok": report.is_ok,
        "seconds": round(report.seconds, 3),
        "laws": [_outcome_to_json(outcome, saved.get(outcome.check.name), target) for outcome in report.outcomes],
    }


def _outcome_to_json(outcome: Outcome, saved: Path | None, target: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": outcome.check.name,
        "law": outcome.check.law,
        "level": outcome.check.level.value,
        "verdict": outcome.verdict.value,
        "detail": outcome.detail,
        "cases": outcome.examples,
        "seconds": round(outcome.seconds, 3),
    }
    if outcome.case is not None:
        told |= {"case": outcome.case.to_json(), "at": outcome.at, "likely_mistake": outcome.check.mistake}
    if saved is not None:
        told |= {"saved": str(saved), "replay": replay_command(target, saved)}
    return told
