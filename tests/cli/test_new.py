"""``metaproto new``: what it asks, what it refuses, and what it says at the end."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from metaprotocol_sdk.cli.new import next_commands
from metaprotocol_sdk.scaffold import questions
from tests.cli.helpers import run


def test_it_writes_the_project_and_says_what_to_do_next(tmp_path: Path) -> None:
    result = run("new", "my-parcel", "--no-input", "-o", str(tmp_path), "-d", "framing=text")
    assert result.exit_code == 0, result.output
    folder = tmp_path / "my-parcel"
    assert f"my-parcel is in {folder}" in result.stdout
    assert "DelimitedFrame" in (folder / "my_parcel" / "frame.py").read_text()
    closing = result.stdout.rstrip().splitlines()[-3:]
    assert [line.strip() for line in closing] == next_commands(folder, "my_parcel")
    assert closing[0].strip().startswith(f"cd {folder} && ")
    assert closing[2].endswith("metaproto conformance my_parcel")


def test_quietly_it_says_where_the_project_is_and_no_more(tmp_path: Path) -> None:
    result = run("-q", "new", "parcel", "--no-input", "-o", str(tmp_path))
    assert result.stdout.strip() == f"parcel is in {tmp_path / 'parcel'}"


def test_json_says_the_same_to_programs_and_asks_nothing(tmp_path: Path) -> None:
    result = run("new", "my-parcel", "-o", str(tmp_path), "--format", "json")
    assert result.exit_code == 0, result.output
    folder = tmp_path / "my-parcel"
    assert json.loads(result.stdout) == {
        "schema_version": 1,
        "project": "my-parcel",
        "package": "my_parcel",
        "folder": str(folder),
        "next": next_commands(folder, "my_parcel"),
    }


def test_short_names_are_said_where_the_shell_finds_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    assert next_commands(tmp_path / "a b", "x") == [
        f"cd '{tmp_path}/a b' && python -m pip install --editable '.[dev]'",
        "python -m pytest",
        "metaproto conformance x",
    ]
    monkeypatch.setenv("PATH", "")
    assert next_commands(tmp_path, "x")[1] == f"{sys.executable} -m pytest"


REFUSALS = [
    (["new", "class"], "'class' is a word of Python, so no package can have it; try class-rpc"),
    (["new", "awesomerpc"], "a codec named 'awesomerpc' is registered already"),
    (["new", "parcel", "-d", "framing"], "-d takes KEY=VALUE, not 'framing'"),
    (["new", "parcel", "-d", "framng=text"], "nothing is asked under 'framng'; did you mean framing?"),
    (["new", "parcel", "-d", "framing=json"], "framing is length or varint or text, not 'json'"),
    (["new"], "Missing argument 'NAME'"),
]


@pytest.mark.parametrize(("arguments", "sentence"), REFUSALS)
def test_a_refusal_is_a_sentence_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert result.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_needs_force(tmp_path: Path) -> None:
    arguments = ["new", "parcel", "--no-input", "-o", str(tmp_path)]
    assert run(*arguments).exit_code == 0
    again = run(*arguments)
    assert again.exit_code == 2
    assert "overwrite its files with --force" in again.stderr
    assert run(*arguments, "--force").exit_code == 0


def test_help_names_every_question_and_answer() -> None:
    help_text = run("new", "--help").stdout
    for question in questions():
        assert question.key in help_text
        assert " | ".join(question.choices) in help_text


def at_a_terminal(folder: Path, *arguments: str, typed: str) -> subprocess.CompletedProcess[str]:
    """``metaproto new ARGUMENTS`` with a terminal as its standard input, at which somebody typed ahead."""
    keyboard, terminal = pty.openpty()
    os.write(keyboard, typed.encode())
    try:
        return subprocess.run(
            [sys.executable, "-m", "metaprotocol_sdk", "new", *arguments, "-o", str(folder)],
            stdin=terminal,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        os.close(keyboard)
        os.close(terminal)


def test_at_a_terminal_it_asks_and_asks_again_after_a_bad_answer(tmp_path: Path) -> None:
    done = at_a_terminal(tmp_path, "parcel", typed="\nyaml\ntext\n\n")
    assert done.returncode == 0, done.stderr
    assert "How does a receiver know where a message ends?" in done.stderr
    assert "Error: framing is length or varint or text, not 'yaml'" in done.stderr
    assert "DelimitedFrame" in (tmp_path / "parcel" / "parcel" / "frame.py").read_text()
    assert "TextMap" in (tmp_path / "parcel" / "parcel" / "frame.py").read_text()
    assert "The parcel protocol" in (tmp_path / "parcel" / "README.md").read_text()


def test_at_a_terminal_what_is_answered_already_is_not_asked(tmp_path: Path) -> None:
    answers = ["-d", "framing=varint", "-d", "headers=no"]
    done = at_a_terminal(tmp_path, "parcel", *answers, typed="Parcels on their way\n")
    assert done.returncode == 0, done.stderr
    assert "How does a receiver" not in done.stderr
    assert "Parcels on their way" in (tmp_path / "parcel" / "README.md").read_text()


def test_the_end_of_input_at_a_question_writes_nothing(tmp_path: Path) -> None:
    done = at_a_terminal(tmp_path, "parcel", typed="\x04")
    assert done.returncode == 130
    assert list(tmp_path.iterdir()) == []
