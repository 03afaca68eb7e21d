"""The page about the command line is the one the commands make."""

from __future__ import annotations

from pathlib import Path

from metaprotocol_sdk.cli import COMMANDS
from metaprotocol_sdk.cli.reference import render

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == render(), "run `make docs`"


def test_every_command_has_its_section() -> None:
    assert [line for line in render().splitlines() if line.startswith("## ")] == [
        "## metaproto",
        *(f"## metaproto {name}" for name in COMMANDS),
    ]


def test_a_command_of_commands_has_theirs_below_its_own() -> None:
    lines = [line for line in render().splitlines() if line.startswith(("## metaproto vectors", "### "))]
    assert lines == ["## metaproto vectors", "### metaproto vectors add", "### metaproto vectors check"]
