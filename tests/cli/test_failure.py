"""Every way a command can end, and what the user sees of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from metaprotocol_sdk.cli.group import LazyGroup
from metaprotocol_sdk.exceptions import CodecNotFound, ConfigError, Finding, MetaProtocolError


def ending(error: BaseException) -> Callable[[], None]:
    def call() -> None:
        raise error

    return call


def outcome(error: BaseException, *args: str, env: dict[str, str | None] | None = None) -> Result:
    """What is left when a command raises ``error``."""
    group = LazyGroup({}, name="metaproto")
    group.get_command = lambda *_: click.Command("go", callback=ending(error))  # type: ignore[method-assign]
    group.table = {"go": ("", "")}
    environment: dict[str, str | None] = {"METAPROTO_DEBUG": None, "FORCE_COLOR": None, **(env or {})}
    return CliRunner().invoke(group, [*args, "go"], env=environment)


NOT_FOUND = FileNotFoundError(2, "No such file or directory", "proxy.yaml")
TWO_FINDINGS = ConfigError([Finding(message="wrong", file="p.yaml", line=1, column=2), Finding(message="also wrong")])


@pytest.mark.parametrize(
    ("error", "exit_code", "text"),
    [
        (MetaProtocolError("a finding"), 1, "Error: a finding\n"),
        (
            CodecNotFound("dubo", nearest="dubbo"),
            2,
            "Error: no codec is named 'dubo'; did you mean 'dubbo'?\n",
        ),
        (TWO_FINDINGS, 2, "Error:\np.yaml:1:2: error: wrong\nerror: also wrong\n"),
        (ConfigError([Finding(message="of no file")]), 2, "Error: of no file\n"),
        (click.ClickException("of click"), 1, "Error: of click\n"),
        (NOT_FOUND, 2, "Error: proxy.yaml: No such file or directory\n"),
        (OSError(28, "No space left on device"), 2, "Error: writing fails: No space left on device\n"),
        (KeyboardInterrupt(), 130, "\ninterrupted\n"),
        (click.Abort(), 130, "\ninterrupted\n"),
        (EOFError(), 130, "\ninterrupted\n"),
        (BrokenPipeError(), 141, ""),
        (click.exceptions.Exit(7), 7, ""),
        (SystemExit(5), 5, ""),
        (
            KeyError("x"),
            3,
            (
                "This is a bug in metaproto: KeyError: 'x'\n"
                "Please report it with the output of the same command under METAPROTO_DEBUG=1.\n"
            ),
        ),
        (
            OSError("no file in it"),
            3,
            (
                "This is a bug in metaproto: OSError: no file in it\n"
                "Please report it with the output of the same command under METAPROTO_DEBUG=1.\n"
            ),
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_each_end_has_its_text_and_its_exit_code(error: BaseException, exit_code: int, text: str) -> None:
    result = outcome(error)
    assert (result.exit_code, result.stderr) == (exit_code, text)
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("args", "env"), [(["-vv"], {}), (["-v", "-v"], {}), ([], {"METAPROTO_DEBUG": "1"})], ids=["-vv", "-v -v", "env"]
)
def test_a_bug_shows_its_traceback_on_request(args: list[str], env: dict[str, str | None]) -> None:
    result = outcome(KeyError("x"), *args, env=env)
    assert result.exit_code == 3
    assert "Traceback (most recent call last)" in result.stderr
    assert result.stderr.endswith("KeyError: 'x'\nThis is a bug in metaproto; please report it.\n")


@pytest.mark.parametrize(("args", "env"), [(["-v"], {}), ([], {"METAPROTO_DEBUG": "0"}), ([], {"METAPROTO_DEBUG": ""})])
def test_and_else_it_does_not(args: list[str], env: dict[str, str | None]) -> None:
    assert "Traceback" not in outcome(KeyError("x"), *args, env=env).stderr


def test_a_user_error_never_shows_a_traceback() -> None:
    assert "Traceback" not in outcome(MetaProtocolError("a finding"), "-vv").stderr


def test_errors_are_coloured_where_colour_is_wanted() -> None:
    group = LazyGroup({"go": ("no.such.module", "")}, name="metaproto")
    result = CliRunner().invoke(group, ["--color", "go"], color=True)
    assert "\x1b[31m" in result.stderr
    assert "\x1b[" not in CliRunner().invoke(group, ["--no-color", "go"], color=True).stderr


def test_a_command_that_cannot_be_loaded_says_so_and_the_others_work() -> None:
    table = {"gone": ("no_such_package.gone", "It is gone."), "codecs": ("metaprotocol_sdk.cli.codecs", "It is here.")}
    group = LazyGroup(table, name="metaproto")
    gone = CliRunner().invoke(group, ["gone"])
    assert gone.exit_code == 3
    assert "`metaproto gone` cannot be loaded: No module named 'no_such_package'" in gone.stderr
    assert "`metaproto doctor` says what is missing" in gone.stderr
    assert "It is gone." in CliRunner().invoke(group, ["-h"]).stdout
    assert CliRunner().invoke(group, ["codecs"]).exit_code == 0


def test_a_working_folder_that_is_gone_is_no_bug(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    program = "import os, sys; os.rmdir(os.getcwd()); from metaprotocol_sdk.cli import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", program, "new", "parcel"],
        cwd=gone,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert result.stderr == "Error: the working folder is there no more; change to one that exists\n"


def test_a_process_started_without_a_standard_output_has_one_that_goes_nowhere() -> None:
    program = (
        "import sys; from metaprotocol_sdk.cli import main\n"
        "sys.stdout = None; sys.argv = ['metaproto', '--version']\n"
        "try: main()\n"
        "except SystemExit: sys.exit(sys.stdout.isatty())"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("args", [["--help"], ["codecs", "--format", "json"]])
def test_a_reader_that_leaves_is_met_with_silence(args: list[str]) -> None:
    # The read end is closed before anything is written, so that no timing decides.
    program = (
        "import os, sys; from metaprotocol_sdk.cli import main\n"
        "read, write = os.pipe(); os.close(read); os.dup2(write, 1)\n"
        f"sys.argv = ['metaproto', *{args!r}]; main()"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (141, "")
