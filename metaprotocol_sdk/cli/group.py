"""A click group that knows its commands by a table and imports one when it is asked for."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import click
from click.shell_completion import CompletionItem

from metaprotocol_sdk.cli.failure import CommandUnavailable, adapted
from metaprotocol_sdk.cli.output import Settings, color_from_environment, settings

DISTRIBUTION = "metaprotocol-sdk"


class LazyGroup(click.Group):
    """The commands of a table.

    Listing, helping, suggesting and completing them imports none: a command's module is imported when it runs or
    is asked for its own help.

    Args:
        table: Name to (module, short help); the module exports the command as ``command``.
        attrs: As :class:`click.Group` takes them.
    """

    def __init__(self, table: Mapping[str, tuple[str, str]], **attrs: Any) -> None:
        super().__init__(
            params=[_version_option(), *global_options()],
            context_settings={"help_option_names": ["-h", "--help"]},
            **attrs,
        )
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every name, in the table's order."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, loaded, or None.

        Raises:
            CommandUnavailable: Its module, or something that imports, is not installed.
        """
        if cmd_name not in self.table:
            return None
        module = self.table[cmd_name][0]
        try:
            command = importlib.import_module(module).command
        except ImportError as error:
            raise CommandUnavailable(cmd_name, error) from error
        assert isinstance(command, click.Command)
        command.name = cmd_name
        _accept_global_options(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it; an unknown command answers with the nearest known one."""
        name = args[0]
        if name not in self.table and not name.startswith("-") and not ctx.resilient_parsing:
            close = difflib.get_close_matches(name.lower(), self.table, n=1, cutoff=0.5)
            advice = f"Did you mean {close[0]!r}?" if close else f"Commands are {', '.join(self.table)}."
            raise click.UsageError(f"No such command {name!r}. {advice}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table, for ``--help``."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_line) for name, (_, help_line) in self.table.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The names that start with ``incomplete``, and the global options."""
        names = [name for name in self.table if name.startswith(incomplete)]
        items = [CompletionItem(name, help=self.table[name][1]) for name in names]
        return items + click.Command.shell_complete(self, ctx, incomplete)

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """As click does it, with every failure a sentence."""
        with adapted():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """As click does it, with every failure a sentence and an exit code."""
        with adapted():
            return super().invoke(ctx)


def global_options(*, hidden: bool = False) -> list[click.Option]:
    """New ``-v``, ``-q`` and ``--color`` options, which act on the settings of the whole run."""
    return [
        click.Option(
            ["-v", "--verbose"],
            count=True,
            expose_value=False,
            callback=_louder,
            hidden=hidden,
            help="Say more; -vv shows the traceback of a bug.",
        ),
        click.Option(
            ["-q", "--quiet"],
            is_flag=True,
            expose_value=False,
            callback=_quieter,
            hidden=hidden,
            help="Say only what was asked for, and errors.",
        ),
        click.Option(
            ["--color/--no-color"],
            default=None,
            expose_value=False,
            callback=_set_color,
            hidden=hidden,
            help="Colour the output or not. Default: on a terminal; NO_COLOR and FORCE_COLOR are honoured.",
        ),
    ]


def _version_option() -> click.Option:
    return click.Option(
        ["-V", "--version"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_show_version,
        help="Show the version and exit.",
    )


def _show_version(ctx: click.Context, _param: click.Parameter, asked: bool) -> None:
    if not asked or ctx.resilient_parsing:
        return
    import platform
    from importlib.metadata import version

    click.echo(f"metaproto {version(DISTRIBUTION)} (Python {platform.python_version()})")
    ctx.exit()


def _update(ctx: click.Context, **changes: Any) -> None:
    ctx.find_root().obj = replace(settings(ctx), **changes)


def _louder(ctx: click.Context, _param: click.Parameter, count: int) -> None:
    if count:
        _update(ctx, verbosity=settings(ctx).verbosity + count)


def _quieter(ctx: click.Context, _param: click.Parameter, asked: bool) -> None:
    if asked:
        _update(ctx, verbosity=Settings.QUIET)


def _set_color(ctx: click.Context, _param: click.Parameter, value: bool | None) -> None:
    if value is None and ctx.parent is None:
        value = color_from_environment()
    if value is not None:
        ctx.color = value


def _accept_global_options(command: click.Command) -> None:
    """Lets ``metaproto codecs -v`` mean ``metaproto -v codecs``, unless the command has such an option itself."""
    known = {flag for param in command.params for flag in (*param.opts, *param.secondary_opts)}
    for option in global_options(hidden=True):
        flags: Sequence[str] = [*option.opts, *option.secondary_opts]
        if known.isdisjoint(flags):
            command.params.append(option)
