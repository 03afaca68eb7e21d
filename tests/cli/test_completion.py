"""Shell completion, driven as a shell drives it: by environment variables."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from metaprotocol_sdk.cli import COMMANDS
from tests.cli.helpers import run, run_process


def complete(words: str, index: int) -> list[str]:
    """The values bash would offer for the word at ``index``."""
    result = run(env={"_METAPROTO_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(index)})
    assert result.exit_code == 0, result.output
    return [line.partition(",")[2] for line in result.stdout.splitlines() if line]


def test_command_names_complete_in_their_order() -> None:
    assert complete("metaproto ", 1) == list(COMMANDS)
    assert complete("metaproto co", 1) == ["conformance", "codecs", "completion"]


def test_global_options_complete() -> None:
    assert {"--version", "--verbose", "--quiet", "--no-color"} <= set(complete("metaproto -", 1))


def test_options_of_a_lazy_command_complete() -> None:
    assert complete("metaproto codecs --f", 2) == ["--format"]
    assert complete("metaproto codecs --format j", 3) == ["json"]
    assert complete("metaproto completion ", 2) == ["bash", "zsh", "fish"]


def test_names_of_registered_codecs_complete_in_any_spelling() -> None:
    assert complete("metaproto conformance awe", 2) == ["awesomerpc"]
    assert complete("metaproto conformance Awesome-", 2) == ["awesomerpc"]
    assert complete("metaproto conformance zzz", 2) == []


def test_names_of_laws_complete() -> None:
    assert complete("metaproto conformance --law wai", 3) == ["waits_without_consuming"]
    assert complete("metaproto conformance --skip wai", 3) == ["waits_without_consuming"]


def test_a_mistyped_command_completes_to_nothing_and_says_nothing() -> None:
    assert complete("metaproto codex x", 2) == []


def test_completing_command_names_imports_no_command() -> None:
    environment = {**os.environ, "_METAPROTO_COMPLETE": "zsh_complete", "COMP_WORDS": "metaproto ", "COMP_CWORD": "1"}
    result = run_process(env={**environment, "PYTHONPROFILEIMPORTTIME": "1"})
    assert "codecs" in result.stdout
    assert "List the codecs that are installed." in result.stdout
    assert "metaprotocol_sdk.cli.group" in result.stderr
    assert "metaprotocol_sdk.cli.codecs" not in result.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(shell: str) -> None:
    result = run("completion", shell)
    assert result.exit_code == 0
    assert f"_METAPROTO_COMPLETE={shell}_complete" in result.stdout
    assert "metaproto" in result.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_that_is_installed_accepts_its_script(shell: str) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    script = run("completion", shell).stdout
    checked = subprocess.run([program, "-n"], input=script, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_another_shell_is_a_usage_error_that_names_the_three() -> None:
    result = run("completion", "tcsh")
    assert result.exit_code == 2
    assert "'bash', 'zsh', 'fish'" in result.stderr


def test_help_says_how_to_install_it() -> None:
    text = run("completion", "--help").stdout
    assert 'eval "$(metaproto completion bash)"' in text
    assert "~/.config/fish/completions/metaproto.fish" in text
