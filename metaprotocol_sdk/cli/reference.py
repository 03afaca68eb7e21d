"""Pages of ``docs/reference`` that code writes: ``python -m metaprotocol_sdk.cli.reference PAGE``.

``cli`` is made of the commands, ``configuration`` of the models that read it.
"""

from __future__ import annotations

import sys

import click

from metaprotocol_sdk.cli import COMMANDS, metaproto
from metaprotocol_sdk.cli.failure import BROKEN_PIPE, BUG, INTERRUPTED, USAGE
from metaprotocol_sdk.cli.output import SCHEMA_VERSION, WIDTH

_INTRODUCTION = f"""\
# The command line

Generated from the commands by `make docs`; a test compares.

Data go to stdout, diagnostics to stderr. `--format json` prints one document with `schema_version` {SCHEMA_VERSION},
which grows when a key changes its meaning or goes; new keys do not change it.

| exit code | means |
|---|---|
| 0 | it went well |
| 1 | it ran and found something: a law broken, a problem to mend |
| {USAGE} | wrong usage or configuration; the text says what to change |
| {BUG} | a bug in metaproto, or an installation that is not whole |
| {INTERRUPTED} | interrupted |
| {BROKEN_PIPE} | whoever read the output left |

| environment | does |
|---|---|
| `NO_COLOR` | no colour, when set to anything |
| `FORCE_COLOR` | colour even when the output is no terminal, when set to anything but 0; `NO_COLOR` wins |
| `METAPROTO_DEBUG` | shows the traceback of a bug, as `-vv` does, when set to anything but 0 |
"""


def render() -> str:
    """The page as Markdown."""
    root = click.Context(metaproto, info_name="metaproto", terminal_width=WIDTH, **metaproto.context_settings)
    sections = [_INTRODUCTION, _section("metaproto", root)]
    for name in COMMANDS:
        command = metaproto.get_command(root, name)
        assert command is not None
        context = click.Context(command, parent=root, info_name=name, terminal_width=WIDTH)
        sections.append(_section(f"metaproto {name}", context))
        for part, sub in getattr(command, "commands", {}).items():
            inner = click.Context(sub, parent=context, info_name=part, terminal_width=WIDTH)
            sections.append(_section(f"metaproto {name} {part}", inner, level=3))
    return "\n".join(sections)


def _section(title: str, context: click.Context, *, level: int = 2) -> str:
    text = "\n".join(line.rstrip() for line in context.get_help().splitlines())
    return f"{'#' * level} {title}\n\n```text\n{text}\n```\n"


def render_configuration() -> str:
    """The page about the configuration as Markdown, with the filters of this proxy itself."""
    from metaprotocol_sdk.proxy.config.reference import render as render_models
    from metaprotocol_sdk.proxy.filters.registry import BUILT_IN, filter_models

    models = filter_models()
    return render_models({name: models[name] for name in BUILT_IN})


PAGES = {"cli": render, "configuration": render_configuration}
"""What makes each page, by its name."""

if __name__ == "__main__":
    click.echo(PAGES[sys.argv[1]](), nl=False)
