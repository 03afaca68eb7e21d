"""The pages about what the proxy does with messages work, word for word."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from metaprotocol_sdk.proxy.config.matcher import HeaderMatcher
from metaprotocol_sdk.proxy.config.values import MatchKind, RetryOn
from metaprotocol_sdk.registry import codec_names
from tests.docs.transcript import Transcript
from tests.proxy.config.reading import good

HOW_TO = Path(__file__).parents[2] / "docs/how-to"
PAGES = [
    "route-and-split",
    "balance-load",
    "change-messages",
    "time-out-and-retry",
    "carry-streams-and-sessions",
    "reload-and-drain",
    "check-health",
    "use-several-cores",
]
PRINTED = re.compile(r"<!-- printed by %(\d+) -->\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)

needs_no_project = pytest.mark.skipif("my_protocol" in codec_names(), reason="a my-protocol is installed already")


@needs_no_project
@pytest.mark.parametrize("page", PAGES)
def test_every_command_prints_what_the_page_shows(page: str, tmp_path: Path) -> None:
    with Transcript(HOW_TO / f"{page}.md", tmp_path) as transcript:
        assert transcript.run() > 5
    for number, text in PRINTED.findall(transcript.text):
        printed = transcript.printed[int(number)]
        for line in text.splitlines():
            assert re.search(re.escape(line).replace(r"\.\.\.", ".*"), printed), f"{line!r} is not in {printed!r}"


def rows_of(page: str, table: str) -> list[list[str]]:
    """The cells of a table of a page, its head left out."""
    found = re.search(rf"<!-- table: {table} -->\n(.*?)<!-- end -->", (HOW_TO / f"{page}.md").read_text(), re.DOTALL)
    assert found is not None
    rows = [re.split(r"(?<!\\)\|", line.strip("|")) for line in found[1].splitlines()[2:]]
    return [[cell.strip().replace("\\|", "|") for cell in row] for row in rows]


def test_every_kind_of_matcher_is_listed_with_an_example_that_is_one() -> None:
    rows = rows_of("route-and-split", "matchers")
    assert [kind.strip("`") for kind, _, _ in rows] == [*(each.value for each in MatchKind), "string_match"]
    for kind, _, example in rows:
        assert kind.strip("`") in example
        assert good(HeaderMatcher, example.strip("`")).value().kind.value in (kind.strip("`"), "prefix_match")


def test_every_word_of_retry_on_is_listed() -> None:
    rows = rows_of("time-out-and-retry", "retry_on")
    assert [row[0].strip("`") for row in rows] == [each.value for each in RetryOn]
