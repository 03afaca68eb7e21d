"""The page of reports lists what the reports have."""

from __future__ import annotations

import re
from pathlib import Path

from metaprotocol_sdk.conformance import Report, Standing
from metaprotocol_sdk.conformance.report import to_json
from metaprotocol_sdk.conformance.session import REPORTS
from tests.conformance.report.outcomes import EVERY_KIND, SAVED

PAGE = (Path(__file__).parents[2] / "docs/reference/conformance-reports.md").read_text()


def keys(section: str) -> set[str]:
    """What the first columns of the tables of a section name."""
    text = PAGE.partition(f"## {section}\n")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def test_every_standing_is_listed_with_its_exit_code() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| (\d) \|", PAGE.partition("<!-- end -->")[0], re.MULTILINE)
    codes = {
        EVERY_KIND.standing(each).value: Report(
            codec="x", outcomes=(each,), known_failing=EVERY_KIND.known_failing
        ).exit_code
        for each in EVERY_KIND.outcomes
    }
    assert {name: int(code) for name, code in rows} == codes
    assert [name for name, _ in rows] == [standing.value for standing in Standing]


def test_every_key_of_the_json_is_listed_and_no_other() -> None:
    told = to_json(EVERY_KIND, target="t", saved=SAVED)
    assert keys("JSON") == {*told, *(key for law in told["laws"] for key in law)} | {"repeat"}


def test_every_kind_of_report_is_listed() -> None:
    table = PAGE.partition("| kind |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(REPORTS)
