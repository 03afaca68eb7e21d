"""``metaproto demo``: see a new protocol go through the proxy, in a minute."""

from __future__ import annotations

import signal
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

import click

from metaprotocol_sdk.cli.output import WIDTH

_INDENT = "    "


@click.command(name="demo")
@click.pass_context
def command(ctx: click.Context) -> None:
    """See a new protocol go through the proxy, in a minute.

    Makes a project in a temporary folder, holds its codec to the laws, starts two versions of its server and a proxy
    in front of them, sends requests and tells what happened. It listens on free ports of the loopback interface, and
    leaves nothing running and no file behind. Exit code 0: it went well, 1: it did not.
    """
    from metaprotocol_sdk.demo.story import perform

    terminal = Terminal()
    with _ended_by_signals(terminal):
        went_well = perform(terminal)
    if went_well:
        click.echo("\nNow your own protocol:\n\n    metaproto new my-protocol\n")
    ctx.exit(0 if went_well else 1)


@contextmanager
def _ended_by_signals(terminal: Terminal) -> Iterator[None]:
    """A request to end, and a closed terminal, end what was started in order, as Ctrl-C does."""
    # One that is ignored stays so: nohup, and shells for jobs in the background, ask for that.
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    handlers = {each: handler for each, handler in handlers.items() if handler is not signal.SIG_IGN}
    for each in handlers:
        signal.signal(each, terminal.interrupt)
    try:
        yield
    finally:
        for each, handler in handlers.items():
            signal.signal(each, handler)


class Terminal:
    """Tells the story on standard output: one empty line between things of different kinds."""

    def __init__(self) -> None:
        self._scenes = 0
        self._last = ""
        self._is_interrupted = False

    def interrupt(self, _number: int, _frame: FrameType | None) -> NoReturn:
        """A signal's handler: ends the story now, or where the exception is swallowed, at its next word."""
        self._is_interrupted = True
        raise KeyboardInterrupt

    def _begin(self, kind: str) -> None:
        if self._is_interrupted:  # raised within a callback of the garbage collector, it was only printed
            raise KeyboardInterrupt
        if kind == "say" or kind != self._last:
            click.echo()
        self._last = kind

    def scene(self, title: str) -> None:
        """A numbered heading."""
        self._scenes += 1
        self._begin("scene")
        click.secho(f"{self._scenes}  {title}", bold=True, fg="cyan")

    def command(self, line: str, result: str = "") -> None:
        """A line as at a prompt, and what came of it."""
        self._begin("command")
        end = click.style(result, dim=True) if result else ""
        click.echo(f"{_INDENT}{click.style('$', dim=True)} {line:<{WIDTH - 20}}{end}".rstrip())

    def say(self, text: str) -> None:
        """A paragraph, wrapped."""
        self._begin("say")
        for line in textwrap.wrap(text, WIDTH - len(_INDENT), break_on_hyphens=False):
            click.echo(_INDENT + line)

    def show(self, lines: Iterable[str]) -> None:
        """Lines as they are, indented."""
        self._begin("show")
        for line in lines:
            click.echo(f"{_INDENT}  {line}".rstrip())

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """Aligned columns, the first of them bold."""
        self._begin("table")
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            first, *others = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
            click.echo(f"{_INDENT}  {'  '.join([click.style(first, bold=True), *others])}".rstrip())
