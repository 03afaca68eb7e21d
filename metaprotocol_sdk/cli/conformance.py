"""``metaproto conformance``: holds a codec to the laws."""

from __future__ import annotations

import os
import secrets
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from metaprotocol_sdk.cli.codecs import complete_codec
from metaprotocol_sdk.cli.output import format_option, hanging, note, write_json
from metaprotocol_sdk.cli.parameters import complete_law, duration, report_files
from metaprotocol_sdk.cli.screen import Screen
from metaprotocol_sdk.cli.supervisor import Lost, supervised

if TYPE_CHECKING:
    from metaprotocol_sdk.conformance import Outcome
    from metaprotocol_sdk.conformance.session import Findings
    from metaprotocol_sdk.conformance.vectors import Vector


@click.command()
@click.argument("target", required=False, shell_complete=complete_codec)
@click.option("--list", "only_list", is_flag=True, help="List the laws and end.")
@click.option("-k", "expression", metavar="EXPR", default="", help="Only laws whose names match, as in pytest.")
@click.option(
    "--law",
    "laws",
    metavar="NAME",
    multiple=True,
    shell_complete=complete_law,
    help="Only this law; may be repeated.",
)
@click.option(
    "--skip", metavar="NAME", multiple=True, shell_complete=complete_law, help="Leave this law out; may be repeated."
)
@click.option(
    "--vectors",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Golden vectors, a file or a folder. Default: the folder `vectors` beside the codec.",
)
@click.option("--strict", is_flag=True, help="A broken SHOULD law fails the run too.")
@click.option(
    "--profile",
    type=click.Choice(["quick", "default", "thorough"]),
    default="default",
    show_default=True,
    help="How many cases each law is tried on; thorough draws new ones in every run.",
)
@click.option("--seed", type=click.IntRange(0), help="Draw what the run with this seed drew.")
@click.option(
    "--max-time",
    "max_seconds",
    metavar="TIME",
    callback=duration,
    help="End after this time, such as 30s, 5m or 1h; each law gets its share.",
)
@click.option(
    "--known-failing",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Laws expected to fail, one a line. One that holds fails the run.",
)
@click.option(
    "--replay", "saved", metavar="FILE", type=click.Path(path_type=Path), help="Judge one saved failure again."
)
@click.option(
    "--report",
    "reports",
    metavar="KIND=FILE",
    multiple=True,
    callback=report_files,
    help="Also write html=FILE, junit=FILE, json=FILE or text=FILE; may be repeated.",
)
@format_option
def command(
    *,
    target: str | None,
    only_list: bool,
    expression: str,
    laws: tuple[str, ...],
    skip: tuple[str, ...],
    vectors: Path | None,
    strict: bool,
    profile: str,
    seed: int | None,
    max_seconds: float | None,
    known_failing: Path | None,
    saved: Path | None,
    reports: list[tuple[str, Path]],
    output_format: str,
) -> None:
    """Hold a codec to the laws every codec must keep.

    TARGET is a codec's registered name, whose `strategies` module says what its messages look like as `subject`, or
    module:subject. The working folder is importable. With @ and a command after it, as in awesomerpc@./my-codec, a
    program in any language is judged in the place of the codec. Golden vectors are judged too, under file::name; -k,
    --law and --skip select them as they select laws.

    A law that fails prints the smallest bytes that show it, saves them under .metaproto/failures, and says how to see
    them again; the next run judges what is saved there first. Exit codes: 0 all laws hold, 1 a law is broken (or
    holds, and is listed as known to fail), 2 the run cannot start or cannot judge.
    """
    from metaprotocol_sdk.conformance.selection import select_laws, select_vectors

    selected = select_laws(expression=expression, laws=laws, skip=skip, or_vectors=target is not None)
    if only_list:
        _list(selected, as_json=output_format == "json")
        return
    if target is None:
        raise click.UsageError("name a codec, or module:subject, to judge; --list lists the laws")
    plan = _Plan(
        target=target,
        laws=selected,
        vectors=vectors,
        picks_vectors=partial(select_vectors, expression=expression, laws=laws, skip=skip, others=selected),
        profile=profile,
        seed=_fresh_seed(profile) if seed is None else seed,
        max_seconds=max_seconds,
        strict=strict,
        known_failing=known_failing,
        saved=saved,
        selection=[*(["-k", expression] if expression else []), *_flags("--law", laws), *_flags("--skip", skip)],
    )
    for _, path in reports:
        path.parent.mkdir(parents=True, exist_ok=True)
    screen = Screen(sys.stdout, as_json=output_format == "json")
    try:
        screen.board = supervised()
        found = _findings(plan, screen)
    except Lost as lost:
        found = _findings_of(lost, plan, screen)
    _tell(found, plan, screen)
    _write(found, reports)
    sys.exit(found.report.exit_code)


def _list(selected: list[str], *, as_json: bool) -> None:
    from metaprotocol_sdk.conformance.checks import CHECKS

    checks = [CHECKS[name] for name in selected]
    if as_json:
        write_json({"laws": [{"name": each.name, "level": each.level.value, "law": each.law} for each in checks]})
        return
    for each in checks:
        click.echo(hanging(f"{each.name} ({each.level.value})", each.law, indent=42))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What was asked for."""

    target: str
    laws: list[str]
    vectors: Path | None
    picks_vectors: Callable[[dict[str, Vector]], dict[str, Vector]]
    profile: str
    seed: int
    max_seconds: float | None
    strict: bool
    known_failing: Path | None
    saved: Path | None
    selection: list[str]

    @property
    def repeats_by(self) -> str:
        """The command that draws the same cases again; empty: every run does."""
        if not self.seed or self.saved is not None:
            return ""
        profile = [] if self.profile == "default" else ["--profile", self.profile]
        return shlex.join(
            ["metaproto", "conformance", self.target, *self.selection, *profile, "--seed", str(self.seed)]
        )


def _flags(name: str, values: Sequence[str]) -> list[str]:
    return [part for value in values for part in (name, value)]


def _fresh_seed(profile: str) -> int:
    """A nightly looks elsewhere every night; other runs find the same each time."""
    return 1 + secrets.randbelow(2**32 - 1) if profile == "thorough" else 0


def _tell(found: Findings, plan: _Plan, screen: Screen) -> None:
    """Prints what follows the laws' lines, or the document that stands for all of it."""
    from metaprotocol_sdk.conformance.report import report_text, to_json

    for sentence in found.unreadable:
        note(f"{sentence}. It is not judged; delete it")
    for path in found.retired:
        note(f"a saved failure is none any more: {path}")
    if screen.as_json:
        repeat = {"repeat": plan.repeats_by} if plan.repeats_by else {}
        write_json(to_json(found.report, target=plan.target, saved=found.saved) | repeat)
        return
    told = report_text(
        found.report,
        found.codec,
        target=plan.target,
        saved=found.saved,
        timed=screen.timed,
        color=screen.color,
        ascii_only=screen.ascii_only,
    )
    screen.print(f"\n{told}")


def _known_failing(plan: _Plan, names: Sequence[str]) -> frozenset[str]:
    from metaprotocol_sdk.conformance.known_failing import load_known_failing

    return frozenset(load_known_failing(plan.known_failing, names)) if plan.known_failing else frozenset()


def _findings(plan: _Plan, screen: Screen) -> Findings:
    """Runs the plan, its lines printed as they are known."""
    from metaprotocol_sdk.conformance.aftermath import about
    from metaprotocol_sdk.conformance.checks import CHECKS
    from metaprotocol_sdk.conformance.report import FAILURES, load_failure
    from metaprotocol_sdk.conformance.session import hold, hold_again
    from metaprotocol_sdk.conformance.suite import PROFILES, keep_files_in
    from metaprotocol_sdk.conformance.target import find_subject
    from metaprotocol_sdk.conformance.vectors import vectors_of

    if plan.repeats_by and not screen.as_json:
        screen.print(f"drawn from seed {plan.seed}; the same again: {plan.repeats_by}")
    failure = load_failure(plan.saved) if plan.saved else None
    sys.path[:0] = [] if os.getcwd() in sys.path else [os.getcwd()]
    keep_files_in(FAILURES.parent)
    # What a codec prints is no part of what the command prints.
    with redirect_stdout(sys.stderr):
        subject = find_subject(plan.target)
        screen.about = about(subject, plan.target)
    vectors = vectors_of(subject, plan.vectors)
    known = _known_failing(plan, [*CHECKS, *vectors])

    def progress(outcome: Outcome) -> None:
        screen.outcome(outcome, strict=plan.strict, known_failing=known)

    with redirect_stdout(sys.stderr):
        if failure is not None and plan.saved is not None:
            return hold_again(
                subject,
                failure,
                plan.saved,
                target=plan.target,
                strict=plan.strict,
                known_failing=known,
                progress=progress,
                watch=screen.case,
            )
        return hold(
            subject,
            plan.laws,
            vectors=plan.picks_vectors(vectors).values(),
            target=plan.target,
            max_examples=PROFILES[plan.profile],
            seed=plan.seed,
            max_seconds=plan.max_seconds,
            strict=plan.strict,
            known_failing=known,
            progress=progress,
            watch=screen.case,
        )


def _findings_of(lost: Lost, plan: _Plan, screen: Screen) -> Findings:
    """What is known of a run whose process is gone: the case it was at."""
    from metaprotocol_sdk.conformance.aftermath import lost_in
    from metaprotocol_sdk.exceptions import ConformanceError

    if not lost.note:
        raise ConformanceError(f"{plan.target} {lost.how}, and no case had begun")
    found = lost_in(lost.note, f"the codec {lost.how}", target=plan.target)
    for outcome in found.report.outcomes:
        screen.outcome(outcome, strict=plan.strict, known_failing=frozenset())
    note("the run ended there; laws that come after it were not judged")
    return found


def _write(found: Findings, reports: Sequence[tuple[str, Path]]) -> None:
    from metaprotocol_sdk.conformance.report import write_atomically

    for kind, path in reports:
        write_atomically(path, found.rendered(kind))
        note(f"{kind} report: {path}", verbosity=1)
