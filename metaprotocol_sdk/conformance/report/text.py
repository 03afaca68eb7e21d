"""A run as text, for a terminal or a log."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.conformance.case import Case
from metaprotocol_sdk.conformance.outcome import Outcome, Report, Standing, Verdict
from metaprotocol_sdk.conformance.report.failures import replay_command
from metaprotocol_sdk.dump import dump

_WIDTH = 100
"""Columns of a report's sentences; commands are never broken."""
_MOST_LINES = 64
"""Lines of a dump that a report shows; all bytes are in the saved file."""
_SHOWN_BYTES = 64
"""Bytes that a report shows of what only accompanies the case."""

_BOLD, _DIM, _RED, _RESET = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[0m"


@dataclass(frozen=True, slots=True)
class _Look:
    mark: str
    ascii_mark: str
    color: str


_LOOKS = {
    Standing.PASSED: _Look("✓", "ok", "\x1b[32m"),
    Standing.FAILED: _Look("✗", "FAIL", _RED),
    Standing.UNEXPECTED: _Look("✗", "XPASS", _RED),
    Standing.ERROR: _Look("!", "ERROR", _RED),
    Standing.ADVISED: _Look("▲", "warn", "\x1b[33m"),
    Standing.KNOWN: _Look("▲", "known", "\x1b[33m"),
    Standing.SKIPPED: _Look("\u2013", "skip", _DIM),
}

_NOTES = {
    Standing.UNEXPECTED: "unexpectedly passed: take it off the list of known failures",
    Standing.ADVISED: "a SHOULD is broken",
    Standing.KNOWN: "known failing",
}


def law_line(
    outcome: Outcome,
    *,
    standing: Standing | None = None,
    timed: bool = True,
    color: bool = False,
    ascii_only: bool = False,
) -> str:
    """A law's one line: how the codec stands, over how many cases, in what time, or why it was skipped.

    Args:
        outcome: How the codec stands under the law.
        standing: What that means for the run; None: what the verdict says.
        timed: Whether to say the time, which no two runs share.
        color: Whether the mark may use ANSI colours.
        ascii_only: Whether the line must be ASCII.
    """
    standing = standing or Standing(outcome.verdict.value)
    look = _LOOKS[standing]
    mark = f"{look.ascii_mark:<6}" if ascii_only else f"{look.mark} "
    line = f"{_painted(mark, look.color, color)}{outcome.check.name:<32}"
    if outcome.verdict in (Verdict.SKIPPED, Verdict.ERROR):
        return _spelled(f"{line} {outcome.verdict.value}: {outcome.detail}", ascii_only)
    line = f"{line} {outcome.examples:>5} case{'s' if outcome.examples != 1 else ' '}"
    if timed:
        line += f"  {outcome.seconds:6.2f} s"
    return f"{line}  {_NOTES.get(standing, '')}".rstrip()


def summary(report: Report, *, timed: bool = True) -> str:
    """The closing line."""
    told = ", ".join(f"{count} {standing.value}" for standing, count in report.counts.items())
    return f"{report.codec}: {told}" + (f" in {report.seconds:.1f} s" if timed else "")


def failure_text(
    outcome: Outcome, codec: Codec, *, target: str, saved: Path | None, color: bool = False, ascii_only: bool = False
) -> str:
    """All there is to say of one failure: the law, what happened, the bytes field by field, and how to see it again.

    Args:
        outcome: The failure.
        codec: What names the bytes.
        target: What the subject was found by, for the replay command.
        saved: Where the case was saved, if it could be.
        color: Whether the text may use ANSI colours.
        ascii_only: Whether the text must be ASCII.
    """
    check = outcome.check
    head, *more = _wrapped(f"{check.name} ({check.level.value}): {check.law}").splitlines()
    head = head.replace(check.name, _painted(check.name, _BOLD, color), 1)
    what = [_painted(line, _RED, color) for line in _wrapped(outcome.detail, "  ").splitlines()]
    lines = [head, *more, "", *what, ""]
    if outcome.case is not None:
        lines += [*_case_lines(outcome.case, codec, mark=outcome.at, color=color), ""]
    lines.append(_wrapped(f"likely mistake: {outcome.likely_mistake}", "  "))
    if saved is not None:
        command = _painted(replay_command(target, saved), _BOLD, color)
        lines += [f"  saved as: {saved}", f"  replay:   {command}"]
    return _spelled("\n".join(lines), ascii_only)


def report_text(
    report: Report,
    codec: Codec,
    *,
    target: str,
    saved: Mapping[str, Path],
    timed: bool = True,
    color: bool = False,
    ascii_only: bool = False,
) -> str:
    """What follows the laws' lines: each failure at length, and the closing line.

    Args:
        report: The run.
        codec: What names the bytes.
        target: What the subject was found by.
        saved: Where each failure was saved, by its law.
        timed: Whether to say how long it took.
        color: Whether the text may use ANSI colours.
        ascii_only: Whether the text must be ASCII.
    """
    blocks = [
        failure_text(each, codec, target=target, saved=saved.get(each.check.name), color=color, ascii_only=ascii_only)
        for each in report.of(Verdict.FAILED)
        if report.standing(each) is not Standing.KNOWN
    ]
    return "\n\n".join([*blocks, summary(report, timed=timed)])


def case_parts(case: Case) -> dict[str, str]:
    """What a case has besides its bytes, by what a report calls it; long ones cut."""
    cuts = ", ".join(map(str, case.cuts[:12])) + (", ..." if len(case.cuts) > 12 else "")
    parts = {
        "cut at": cuts,
        "then": _hex(case.trailing),
        "mutation": repr(dict(case.mutation)) if case.mutation else "",
        "new id": "" if case.request_id is None else str(case.request_id),
        "limit": "" if case.limit is None else str(case.limit),
        "answers": " | ".join(map(_hex, case.requests)),
    }
    return {name: text if len(text) <= 400 else f"{text[:397]}..." for name, text in parts.items() if text}


def case_title(case: Case) -> str:
    """What the bytes of a failing case are."""
    return f"the smallest {case.side.name} bytes that show it ({len(case.wire)} bytes)"


def case_dump(case: Case, codec: Codec, *, mark: int | None, color: bool = False) -> list[str]:
    """The bytes of a case field by field, the lines of a very long dump left out except its ends and the mark's."""
    lines = dump(codec, case.wire, color=color, mark=mark).splitlines()
    if len(lines) <= _MOST_LINES:
        return lines
    marked = {at for at, line in enumerate(lines) if "<-- " in line}
    kept = {*range(_MOST_LINES - 8), *range(len(lines) - 4, len(lines))}
    kept |= {near for at in marked for near in range(at - 2, at + 3) if 0 <= near < len(lines)}
    told, last = [], -1
    for at in sorted(kept):
        if at > last + 1:
            told.append(f"{'...':>8}  {at - last - 1} lines more")
        told.append(lines[at])
        last = at
    return told


def _case_lines(case: Case, codec: Codec, *, mark: int | None, color: bool) -> list[str]:
    return [
        f"  {case_title(case)}:",
        *(f"    {line}" for line in case_dump(case, codec, mark=mark, color=color)),
        *(f"    {name}: {text}" for name, text in case_parts(case).items()),
    ]


def _hex(data: bytes) -> str:
    return data[:_SHOWN_BYTES].hex(" ") + (" ..." if len(data) > _SHOWN_BYTES else "")


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(
        text, _WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _painted(text: str, color: str, wanted: bool) -> str:
    return f"{color}{text}{_RESET}" if wanted else text


def _spelled(text: str, ascii_only: bool) -> str:
    return text.encode("ascii", "backslashreplace").decode() if ascii_only else text
