"""A run as one HTML page that needs nothing else: no network, no file beside it."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from datetime import datetime
from html import escape
from importlib.metadata import version
from pathlib import Path

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.conformance.case import Case
from metaprotocol_sdk.conformance.outcome import Outcome, Report, Standing
from metaprotocol_sdk.conformance.report.characters import document_text
from metaprotocol_sdk.conformance.report.failures import replay_command
from metaprotocol_sdk.conformance.report.style import CSS, JS
from metaprotocol_sdk.conformance.report.text import case_dump, case_parts, case_title

_TONES = {
    Standing.PASSED: ("good", "✓"),
    Standing.FAILED: ("bad", "✗"),
    Standing.UNEXPECTED: ("bad", "✗"),
    Standing.ERROR: ("bad", "!"),
    Standing.ADVISED: ("warn", "▲"),
    Standing.KNOWN: ("warn", "▲"),
    Standing.SKIPPED: ("idle", "\u2013"),
}
"""The colour of each standing, and its mark: colour alone tells nobody anything."""

_TOLD_AT_LENGTH = {
    Standing.FAILED: "",
    Standing.UNEXPECTED: "The law is listed as known to fail, and holds. Take it off the list.",
    Standing.ERROR: "",
    Standing.ADVISED: "A SHOULD is broken: the codec works, and worse than it could. Only --strict fails a run for it.",
    Standing.KNOWN: "It is listed as known to fail, so it does not fail the run.",
}
"""The standings that get a card, and what the card adds."""

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>{title}</title>
<style>
{css}</style>
</head>
<body>
<main>
{body}
</main>
<script>
{js}</script>
</body>
</html>
"""

_ESCAPE = re.compile("\x1b\\[([0-9;]*)m")
_CLASSES = {"36": "f0", "33": "f1", "32": "f2", "35": "f3", "34": "f4", "31": "bad", "1;7;31": "mark", "2": "dim"}
"""The colours of a dump on a terminal (SGR parameters), as classes of the page."""


def to_html(report: Report, codec: Codec, *, target: str, saved: Mapping[str, Path], started: datetime) -> str:
    """The run as a page.

    Args:
        report: The run.
        codec: What names the bytes.
        target: What the subject was found by.
        saved: Where each failure was saved, by its law.
        started: When the run began.
    """
    cards = [
        _card(report, outcome, codec, target, saved.get(outcome.check.name))
        for outcome in report.outcomes
        if report.standing(outcome) in _TOLD_AT_LENGTH
    ]
    # What fails the run comes first, whatever the order of the laws.
    cards.sort(key=lambda card: 'class="card bad"' not in card)
    body = [_head(report, target, started), *cards, _table(report), _foot(report)]
    title = f"{report.codec}: {_verdict(report)}"
    page = _PAGE.format(title=escape(title), css=CSS, js=JS, body="\n".join(body))
    return document_text(page)


def _verdict(report: Report) -> str:
    if broken := report.counts.get(Standing.FAILED):
        return f"{broken} law{'s' if broken > 1 else ''} broken"
    if Standing.UNEXPECTED in report.counts:
        return "known failures out of date"
    return "cannot be judged" if report.exit_code else "conforms"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _head(report: Report, target: str, started: datetime) -> str:
    tone = "good" if report.is_ok else "bad"
    drawn = f"{report.max_examples} cases a law" if report.max_examples else "one saved case"
    about = [
        f"<code>{escape(target)}</code>",
        escape(f"{started:%Y-%m-%d %H:%M %Z}"),
        f"{report.seconds:.1f} s",
        f"{drawn}{f', seed {report.seed}' if report.seed else ''}",
        *(["SHOULD counts"] if report.strict else []),
    ]
    bar = "".join(
        f'<i class="{_TONES[standing][0]}" style="flex:{count}"></i>' for standing, count in report.counts.items()
    )
    legend = "".join(
        f'<li class="{_TONES[standing][0]}"><span class="mark">{_TONES[standing][1]}</span> <b>{count}</b> '
        f"{standing.value}</li>"
        for standing, count in report.counts.items()
    )
    return (
        f'<div class="head"><h1>{escape(report.codec)}</h1>'
        f'<span class="verdict {tone}">{escape(_verdict(report))}</span></div>\n'
        f'<p class="about">{" · ".join(about)}</p>\n'
        f'<div class="bar" aria-hidden="true">{bar}</div>\n<ul class="legend">{legend}</ul>\n'
        + ("<h2>What to look at</h2>" if _has_cards(report) else "")
    )


def _has_cards(report: Report) -> bool:
    return any(standing in _TOLD_AT_LENGTH for standing in report.counts)


def _card(report: Report, outcome: Outcome, codec: Codec, target: str, saved: Path | None) -> str:
    check, standing = outcome.check, report.standing(outcome)
    tone, mark = _TONES[standing]
    title = f'<h3><span class="mark">{mark}</span> {escape(check.name)}</h3>'
    lines = [
        f'<article class="card {tone}" id="{escape(check.name)}">',
        f'<header>{title}<span class="tag">{check.level.value} · {standing.value}</span></header>',
        f'<p class="law">{escape(check.law)}</p>',
    ]
    lines += [f'<p class="what">{escape(_capital(text))}</p>' for text in (outcome.detail,) if text]
    lines += [f"<p>{escape(text)}</p>" for text in (_TOLD_AT_LENGTH[standing],) if text]
    if outcome.case is not None:
        lines += [_figure(outcome.case, codec, outcome.at), f'<p class="mistake">{escape(outcome.likely_mistake)}</p>']
    if saved is not None:
        lines.append(_command(replay_command(target, saved)))
    return "\n".join([*lines, "</article>"])


def _figure(case: Case, codec: Codec, mark: int | None) -> str:
    dumped = "\n".join(_spans(line) for line in case_dump(case, codec, mark=mark, color=True))
    parts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in case_parts(case).items())
    return (
        f"<figure><figcaption>{escape(_capital(case_title(case)))}</figcaption>"
        f"<pre>{dumped}</pre></figure>{f'<dl>{parts}</dl>' if parts else ''}"
    )


def _spans(line: str) -> str:
    """A line of a dump with its terminal colours as spans."""
    told, is_open = [], False
    for index, part in enumerate(_ESCAPE.split(line)):
        if index % 2 == 0:
            told.append(escape(part))
            continue
        told.append("</span>" if is_open else "")
        is_open = part in _CLASSES
        told.append(f'<span class="{_CLASSES[part]}">' if is_open else "")
    return "".join(told) + ("</span>" if is_open else "")


def _command(command: str) -> str:
    quoted = escape(command)
    return f'<div class="run"><pre>{quoted}</pre><button type="button" data-copy="{quoted}" hidden>Copy</button></div>'


def _table(report: Report) -> str:
    rows = "\n".join(_row(report, outcome) for outcome in report.outcomes)
    return (
        '<h2>Every law</h2>\n<div class="wide"><table><thead><tr><th scope="col">Law</th><th scope="col">Level</th>'
        '<th scope="col">Verdict</th><th scope="col">Cases</th><th scope="col">Time</th></tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody></table></div>"
    )


def _row(report: Report, outcome: Outcome) -> str:
    check, standing = outcome.check, report.standing(outcome)
    tone, mark = _TONES[standing]
    name = f"<code>{escape(check.name)}</code>"
    if standing in _TOLD_AT_LENGTH:
        name = f'<a href="#{escape(check.name)}">{name}</a>'
    why = f'<span class="law">{escape(outcome.detail)}</span>' if standing is Standing.SKIPPED else ""
    return (
        f'<tr class="{tone}"><td><span class="mark">{mark}</span> {name}<span class="law">{escape(check.law)}</span>'
        f'</td><td>{check.level.value}</td><td><span class="state">{standing.value}</span>{why}</td>'
        f'<td class="n">{outcome.examples}</td><td class="n">{outcome.seconds:.2f} s</td></tr>'
    )


def _foot(report: Report) -> str:
    known = ", ".join(sorted(report.known_failing))
    listed = f"Listed as known to fail: {escape(known)}. " if known else ""
    made = f"metaprotocol-sdk {version('metaprotocol-sdk')}, Python {platform.python_version()}"
    return f"<footer>{listed}Made by {escape(made)}.</footer>"
