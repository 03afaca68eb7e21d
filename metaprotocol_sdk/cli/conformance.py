"""``metaproto conformance``: holds a codec to the laws."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from metaprotocol_sdk.cli.codecs import complete_codec
from metaprotocol_sdk.cli.output import format_option, hanging, write_json

if TYPE_CHECKING:
    from metaprotocol_sdk.conformance import Outcome, Subject


@click.command()
@click.argument("target", required=False, shell_complete=complete_codec)
@click.option("--list", "only_list", is_flag=True, help="List the laws and end.")
@click.option("-k", "expression", metavar="EXPR", default="", help="Only laws whose names match, as in pytest.")
@click.option("--law", "laws", metavar="NAME", multiple=True, help="Only this law; may be repeated.")
@click.option("--skip", metavar="NAME", multiple=True, help="Leave this law out; may be repeated.")
@click.option(
    "--profile",
    type=click.Choice(["quick", "default", "thorough"]),
    default="default",
    show_default=True,
    help="How many cases each law is tried on.",
)
@click.option(
    "--replay", "saved", metavar="FILE", type=click.Path(path_type=Path), help="Judge one saved failure again."
)
@format_option
def command(
    *,
    target: str | None,
    only_list: bool,
    expression: str,
    laws: tuple[str, ...],
    skip: tuple[str, ...],
    profile: str,
    saved: Path | None,
    output_format: str,
) -> None:
    """Hold a codec to the laws every codec must keep.

    TARGET is a codec's registered name, whose `strategies` module says what its messages look like as `subject`, or
    module:subject. The working folder is importable.

    A law that fails prints the smallest bytes that show it, saves them under .metaproto/failures, and says how to see
    them again. Exit codes: 0 all laws hold, 1 a law is broken, 2 the run cannot start or cannot judge.
    """
    from metaprotocol_sdk.conformance.selection import select_laws

    selected = select_laws(expression=expression, laws=laws, skip=skip)
    if only_list:
        _list(selected, as_json=output_format == "json")
        return
    if target is None:
        raise click.UsageError("name a codec, or module:subject, to judge; --list lists the laws")
    sys.path[:0] = [] if os.getcwd() in sys.path else [os.getcwd()]
    from metaprotocol_sdk.conformance.target import find_subject

    _judge(find_subject(target), target, selected, profile, saved, as_json=output_format == "json")


def _list(selected: list[str], *, as_json: bool) -> None:
    from metaprotocol_sdk.conformance.checks import CHECKS

    checks = [CHECKS[name] for name in selected]
    if as_json:
        write_json({"laws": [{"name": each.name, "level": each.level.value, "law": each.law} for each in checks]})
        return
    for each in checks:
        click.echo(hanging(f"{each.name} ({each.level.value})", each.law, indent=40))


def _judge(
    subject: Subject, target: str, selected: list[str], profile: str, saved: Path | None, *, as_json: bool
) -> None:
    from metaprotocol_sdk.conformance import report as reports
    from metaprotocol_sdk.conformance.suite import PROFILES, keep_files_in, make_codec, replay, run

    keep_files_in(reports.FAILURES.parent)
    plain = not _speaks_utf8()
    progress = None if as_json else partial(_print_line, ascii_only=plain)
    if saved is not None:
        failure = reports.load_failure(saved)
        report = replay(subject, failure.law, failure.case, progress=progress)
        files = {failure.law: saved}
    else:
        report = run(subject, checks=selected, max_examples=PROFILES[profile], progress=progress)
        files = reports.save_failures(report, target=target)
    if as_json:
        write_json(reports.to_json(report, target=target, saved=files))
    else:
        color = click.get_current_context().color
        color = sys.stdout.isatty() if color is None else color
        told = reports.report_text(
            report, make_codec(subject), target=target, saved=files, color=color, ascii_only=plain
        )
        click.echo(f"\n{told}")
    sys.exit(report.exit_code)


def _print_line(outcome: Outcome, *, ascii_only: bool) -> None:
    from metaprotocol_sdk.conformance.report import law_line

    click.echo(law_line(outcome, ascii_only=ascii_only))


def _speaks_utf8() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
