"""What commands share to print: settings of the run, JSON, columns. Data on stdout, diagnostics on stderr."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, redirect_stdout
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import click

SCHEMA_VERSION = 1
"""In every JSON output; it grows when a key changes its meaning or goes. New keys do not change it."""

WIDTH = 80
"""Columns that text output keeps to at most."""

_NARROWEST = 20
"""Columns that text beside a label has on any terminal."""

_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the global options said, for the whole run.

    Args:
        verbosity: 0 as usual, 1 and more for each ``-v``, QUIET for ``-q``.
    """

    QUIET: ClassVar[int] = -1

    verbosity: int = 0

    @property
    def is_quiet(self) -> bool:
        """Whether only data and errors are wanted."""
        return self.verbosity < 0

    @property
    def wants_traceback(self) -> bool:
        """Whether a bug of ours shows its traceback: ``-vv``, or METAPROTO_DEBUG in the environment."""
        return self.verbosity > 1 or os.environ.get("METAPROTO_DEBUG", "0") not in ("", "0")


def settings(ctx: click.Context | None = None) -> Settings:
    """The settings of the run that ``ctx``, or else the current click context, belongs to."""
    ctx = ctx or click.get_current_context(silent=True)
    found = ctx.find_root().obj if ctx is not None else None
    return found if isinstance(found, Settings) else Settings()


def color_from_environment() -> bool | None:
    """False for NO_COLOR (https://no-color.org), True for FORCE_COLOR, None when the terminal decides."""
    if os.environ.get("NO_COLOR"):
        return False
    return True if os.environ.get("FORCE_COLOR", "0") not in ("", "0") else None


def format_option(command: _F) -> _F:
    """The option ``--format text|json``; the command gets it as ``output_format``."""
    return click.option(
        "--format",
        "output_format",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="For people, or for programs (with schema_version).",
    )(command)


def write_json(payload: Mapping[str, Any]) -> None:
    """Prints one JSON document on stdout, ``schema_version`` first."""
    click.echo(json.dumps({"schema_version": SCHEMA_VERSION, **payload}, indent=2))


def data_only() -> AbstractContextManager[Any]:
    """Sends to stderr what is printed inside: a plug-in that prints while it is imported spoils no JSON."""
    return redirect_stdout(sys.stderr)


def note(text: str, *, verbosity: int = 0) -> None:
    """Prints a diagnostic on stderr, unless the run is quieter than ``verbosity``."""
    if settings().verbosity >= verbosity:
        click.echo(text, err=True)


def hanging(label: str, text: str, *, indent: int) -> str:
    """``text`` wrapped to :data:`WIDTH` columns, or to a narrower terminal's, beside ``label``.

    Words are never cut: a path longer than the line stays whole, so that it can be copied.

    Args:
        label: What the first line begins with.
        text: What stands beside it.
        indent: Columns that the label fills.
    """
    width = min(WIDTH, shutil.get_terminal_size().columns)
    body = textwrap.wrap(text, max(width - indent, _NARROWEST), break_long_words=False, break_on_hyphens=False) or [""]
    lines = [label.ljust(indent) + body[0], *(" " * indent + line for line in body[1:])]
    return "\n".join(line.rstrip() for line in lines)
