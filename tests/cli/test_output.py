"""What commands share to print."""

from __future__ import annotations

import json

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.cli.output import SCHEMA_VERSION, WIDTH, Settings, format_option, hanging, settings, write_json


def test_json_is_one_document_with_its_schema_version_first() -> None:
    @click.command()
    @format_option
    def command(output_format: str) -> None:
        write_json({"format": output_format, "name": "café"})

    result = CliRunner().invoke(command, ["--format", "json"])
    assert list(json.loads(result.stdout).items()) == [
        ("schema_version", SCHEMA_VERSION),
        ("format", "json"),
        ("name", "café"),
    ]
    assert result.stdout.isascii()


def test_text_is_the_default_format_and_no_third_one_is_known() -> None:
    @click.command()
    @format_option
    def command(output_format: str) -> None:
        click.echo(output_format)

    assert CliRunner().invoke(command).stdout == "text\n"
    assert CliRunner().invoke(command, ["--format", "yaml"]).exit_code == 2


def test_outside_a_run_the_settings_are_the_usual_ones() -> None:
    assert settings() == Settings()
    assert not settings().is_quiet


WORDS = st.text("abcdef.:/-", min_size=1, max_size=30)


@given(st.lists(WORDS, max_size=30), st.integers(10, 20))
def test_wrapped_text_loses_nothing_and_keeps_to_the_width(words: list[str], indent: int) -> None:
    lines = hanging("label", " ".join(words), indent=indent).splitlines()
    assert " ".join(lines).split() == ["label", *words]
    assert all(len(line) <= WIDTH for line in lines)
    assert all(line.startswith(" " * indent) for line in lines[1:])


@pytest.mark.parametrize(("columns", "longest"), [("200", 79), ("60", 59), ("10", 32)])
def test_text_keeps_to_a_terminal_that_is_narrower(monkeypatch: pytest.MonkeyPatch, columns: str, longest: int) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    lines = hanging("label", "x " * 100, indent=12).splitlines()
    assert max(map(len, lines)) in (longest, longest - 1)


def test_a_word_longer_than_the_line_stays_whole() -> None:
    path = "package.module:" + "x" * 100
    assert path in hanging("class", f"see {path}", indent=12)


@pytest.mark.parametrize(("verbosity", "quiet"), [(-1, True), (0, False), (2, False)])
def test_quiet_is_a_verbosity(verbosity: int, quiet: bool) -> None:
    assert Settings(verbosity=verbosity).is_quiet is quiet
