"""The command line: ``metaproto``.

One file per command, loaded when it is asked for: a command parses, calls one library function and prints. Data go to
stdout, diagnostics to stderr. Exit codes: 0 ok, 1 findings, 2 usage or configuration, 3 a bug of ours, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from typing import TextIO

from metaprotocol_sdk.cli.group import LazyGroup

COMMANDS = {
    "new": ("metaprotocol_sdk.cli.new", "Start a project for a protocol of your own."),
    "conformance": ("metaprotocol_sdk.cli.conformance", "Hold a codec to the laws every codec must keep."),
    "vectors": ("metaprotocol_sdk.cli.vectors", "Record golden vectors, and check codecs against them."),
    "codecs": ("metaprotocol_sdk.cli.codecs", "List the codecs that are installed."),
    "proxy": ("metaprotocol_sdk.cli.proxy", "Route real traffic of any registered protocol."),
    "ready": ("metaprotocol_sdk.cli.ready", "Ask a proxy's admin port whether it takes clients."),
    "demo": ("metaprotocol_sdk.cli.demo", "See a new protocol go through the proxy, in a minute."),
    "doctor": ("metaprotocol_sdk.cli.doctor", "Check this installation and say what to mend."),
    "completion": ("metaprotocol_sdk.cli.completion", "Print the completion script of your shell."),
}
"""Every command: its module, which exports it as ``command``, and its line in ``metaproto --help``."""

metaproto = LazyGroup(
    COMMANDS,
    name="metaproto",
    help="Give your own RPC protocol what a service mesh gives HTTP, with one small Python codec.",
    epilog=(
        "-v, -q and --color work before and after the command. Exit codes: 0 ok, 1 findings, 2 usage or configuration, "
        "3 a bug in metaproto, 130 interrupted."
    ),
)


def main() -> None:
    """The console script."""
    if sys.stdout is None:  # closed by whoever started this process
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for as long as the process lives
    for stream in (sys.stdout, sys.stderr):
        _never_fail_on_a_letter(stream)
    try:
        metaproto(prog_name="metaproto")
    except KeyboardInterrupt:  # one that came before or after a command ran
        sys.exit(130)


def _never_fail_on_a_letter(stream: TextIO) -> None:
    # A terminal that cannot show a character gets its escape instead of a UnicodeEncodeError.
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
