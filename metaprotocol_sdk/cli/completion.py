"""``metaproto completion``: the script that lets a shell complete commands, options and codec names."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command(name="completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script of your shell.

    \b
    bash (4.4 or later), in ~/.bashrc:
        eval "$(metaproto completion bash)"
    zsh, in ~/.zshrc after compinit:
        eval "$(metaproto completion zsh)"
    fish, once:
        metaproto completion fish > ~/.config/fish/completions/metaproto.fish

    A new shell then completes commands, options and the names of installed codecs.
    """
    kind = get_completion_class(shell)
    assert kind is not None  # click brings these three
    root = ctx.find_root().command
    click.echo(kind(root, {}, "metaproto", "_METAPROTO_COMPLETE").source())
