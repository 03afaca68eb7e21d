"""The pages that code makes are the ones it makes now."""

from __future__ import annotations

from pathlib import Path

import pytest

from metaprotocol_sdk.cli import COMMANDS
from metaprotocol_sdk.cli.reference import PAGES, render

FOLDER = Path(__file__).parents[2] / "docs" / "reference"


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_up_to_date(page: str) -> None:
    assert (FOLDER / f"{page}.md").read_text() == PAGES[page](), "run `make docs`"


def test_every_command_has_its_section() -> None:
    assert [line for line in render().splitlines() if line.startswith("## ")] == [
        "## metaproto",
        *(f"## metaproto {name}" for name in COMMANDS),
    ]


def test_a_command_of_commands_has_theirs_below_its_own() -> None:
    lines = [line for line in render().splitlines() if line.startswith(("## metaproto vectors", "### "))]
    assert lines == ["## metaproto vectors", "### metaproto vectors add", "### metaproto vectors check"]
