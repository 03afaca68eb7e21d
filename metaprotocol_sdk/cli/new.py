"""``metaproto new``: a project for a protocol of your own."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import click

from metaprotocol_sdk.cli.output import format_option, settings, write_json
from metaprotocol_sdk.exceptions import ScaffoldError
from metaprotocol_sdk.scaffold import Question, check_answers, names_of, new_project, questions


@click.command(name="new")
@click.argument("name")
@click.option("--no-input", is_flag=True, help="Ask nothing: what -d does not answer gets its default.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path(),
    metavar="DIR",
    help="Where to write the project's folder. Default: here.",
)
@click.option("-d", "--define", "definitions", multiple=True, metavar="KEY=VALUE", help="Answer one question.")
@click.option("--force", is_flag=True, help="Overwrite the project's files in a folder that exists; delete nothing.")
@format_option
def command(
    *, name: str, no_input: bool, output: Path, definitions: tuple[str, ...], force: bool, output_format: str
) -> None:
    """Start a project for a protocol of your own.

    NAME is words joined by dashes, like my-protocol. The project has a codec that works, the conformance laws as
    tests, a server and a client to try it with, and configuration for the proxy and for Kubernetes.

    \b
    Questions and their answers, for -d:
      description  one line of text
      framing      length | varint | text    how messages are delimited
      headers      yes | no                  whether messages carry string headers
    """
    names = names_of(name, force=force)
    answers = check_answers(_parsed(definitions))
    if not no_input and output_format == "text" and sys.stdin.isatty():
        answers |= _asked(question for question in questions() if question.key not in answers)
    folder = new_project(name, output=output, answers=answers, force=force)
    then = next_commands(folder, names.package)
    if output_format == "json":
        write_json({"project": names.project, "package": names.package, "folder": str(folder), "next": then})
        return
    click.echo(f"\n{click.style(names.project, bold=True)} is in {folder}")
    if not settings().is_quiet:
        click.echo("\nTry it:\n" + "\n".join(f"  {line}" for line in then))


def next_commands(folder: Path, package: str) -> list[str]:
    """What to type next, as this installation is reached: by short names where the shell finds them."""
    here = Path(sys.executable).parent
    found = shutil.which("metaproto")
    is_active = found is not None and Path(found).parent == here
    python, metaproto = ("python", "metaproto") if is_active else (sys.executable, f"{here / 'metaproto'}")
    return [
        f"cd {shlex.quote(str(folder))} && {python} -m pip install --editable '.[dev]'",
        f"{python} -m pytest",
        f"{metaproto} conformance {package}",
    ]


def _parsed(definitions: Iterable[str]) -> dict[str, str]:
    answers = {}
    for definition in definitions:
        key, equals, value = definition.partition("=")
        if not equals:
            raise ScaffoldError(f"-d takes KEY=VALUE, not {definition!r}")
        answers[key.strip()] = value
    return answers


def _asked(asked: Iterable[Question]) -> dict[str, str]:
    answers = {question.key: _ask(question) for question in asked}
    return {key: answer for key, answer in answers.items() if answer}


def _ask(question: Question) -> str:
    """The answer, asked for until it is a good one; empty: none, where the default follows from the name."""

    def accept(answer: str) -> str:
        try:
            return question.accept(answer) if answer or question.choices else ""
        except ScaffoldError as error:
            raise click.BadParameter(str(error)) from error

    width = max(map(len, question.choices), default=0)
    click.echo(f"\n{question.text}", err=True)
    for choice, meaning in question.choices.items():
        click.echo(f"  {click.style(choice.ljust(width), bold=True)}  {meaning}", err=True)
    answer = click.prompt(
        question.key, default=question.default, show_default=bool(question.default), value_proc=accept, err=True
    )
    return str(answer)
