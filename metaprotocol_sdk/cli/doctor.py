"""``metaproto doctor``: what is wrong here, and what to do about it."""

from __future__ import annotations

import click

from metaprotocol_sdk.cli.output import data_only, format_option, hanging, settings, write_json
from metaprotocol_sdk.doctor import Diagnosis, Status, examine

_INDENT = 9
_COLORS = {Status.OK: "green", Status.NOTE: "yellow", Status.PROBLEM: "red"}


@click.command(name="doctor")
@click.option(
    "-c",
    "--config-path",
    "config",
    type=click.Path(),
    metavar="FILE",
    help="Check a proxy's configuration file too, and whether its ports are free.",
)
@format_option
@click.pass_context
def command(ctx: click.Context, config: str | None, output_format: str) -> None:
    """Check this installation and say what to mend.

    Looks at Python, every dependency and its version, local files that hide a library, the project template and
    the registered codecs. Exit code 0: all is well, 1: there are problems.
    """
    with data_only():
        found = list(examine(config))
    problems = sum(each.status is Status.PROBLEM for each in found)
    if output_format == "json":
        write_json({"ok": not problems, "checks": [_as_json(each) for each in found]})
    else:
        _write_text(found, problems)
    ctx.exit(1 if problems else 0)


def _write_text(found: list[Diagnosis], problems: int) -> None:
    for each in found:
        if each.status is Status.OK and settings().is_quiet:
            continue
        text = hanging(each.status.value, f"{each.check}: {each.detail}", indent=_INDENT)
        status = click.style(each.status.value, fg=_COLORS[each.status])
        click.echo(status + text.removeprefix(each.status.value))
        if each.remedy:
            click.echo(hanging("", each.remedy, indent=_INDENT))
    if not problems:
        click.echo("All is well.")
    else:
        click.echo(f"{problems} problem{'s' if problems > 1 else ''} to mend.")


def _as_json(each: Diagnosis) -> dict[str, str | None]:
    return {
        "check": each.check,
        "status": each.status.value,
        "detail": each.detail,
        "remedy": each.remedy or None,
    }
