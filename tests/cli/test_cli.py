"""The command line as a whole: its table, its global options, and what a user sees when it goes wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version

import pytest

from metaprotocol_sdk.cli import COMMANDS
from tests.cli.helpers import run, run_process


def test_the_console_script_and_the_module_are_one() -> None:
    result = run_process("--version")
    assert result.stdout == f"metaproto {version('metaprotocol-sdk')} (Python {sys.version.split()[0]})\n"
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_lists_every_command_with_what_it_is_for(flag: str) -> None:
    result = run(flag)
    assert result.exit_code == 0
    for name, (_, short_help) in COMMANDS.items():
        assert f"  {name.ljust(12)} {short_help}" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_of_its_own(name: str) -> None:
    result = run(name, "-h")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"Usage: metaproto {name} ")


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        ("codec", "Did you mean 'codecs'?"),
        ("Doctr", "Did you mean 'doctor'?"),
        ("conform", "Did you mean 'conformance'?"),
        ("xyzzy", "Commands are new, conformance, vectors, codecs, proxy, ready, demo, doctor, completion."),
    ],
)
def test_an_unknown_command_answers_with_the_nearest(typed: str, advice: str) -> None:
    result = run(typed)
    assert result.exit_code == 2
    assert f"Error: No such command {typed!r}. {advice}" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    "args", [["--nonsense"], ["codecs", "--nonsense"], ["codecs", "--format", "xml"], ["-q", "-Z"]]
)
def test_a_wrong_option_is_a_usage_error(args: list[str]) -> None:
    result = run(*args)
    assert result.exit_code == 2
    assert "Error: " in result.stderr
    assert result.stdout == ""


def test_no_command_shows_the_help() -> None:
    assert "Commands:" in run().output


def test_characters_a_terminal_cannot_show_are_escaped() -> None:
    program = (
        "import sys, click; from metaprotocol_sdk.cli import COMMANDS, main\n"
        "COMMANDS['codecs'] = ('metaprotocol_sdk.cli.codecs', 'A check mark: \u2713.')\n"
        "sys.argv = ['metaproto', '--help']; main()"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
    )
    assert "A check mark: \\u2713." in result.stdout
