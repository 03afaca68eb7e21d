"""Every Python, TOML and YAML block of the docs runs or loads, and tables that list code match it."""

from __future__ import annotations

import enum
import re
import tomllib
import warnings
from pathlib import Path

import pytest
import yaml

from metaprotocol_sdk import ErrorType, MessageType
from metaprotocol_sdk.proxy.config import parse_config
from metaprotocol_sdk.proxy.filters.registry import filter_models
from metaprotocol_sdk.proxy.metrics import (
    ClusterStats,
    Counters,
    DnsStats,
    EntranceStats,
    HealthCheckStats,
    ListenerStats,
    SslStats,
)

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
_BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


FIELDS = {
    "response_mutation",
    "response_headers_to_remove",
    "response_rate_limit",
    "response_rate_limit_percent_runtime",
    "response_headers_to_add",
    "response_status",
    "response_type",
}
"""Names that begin as counters do and are none."""
_SAVED = " -->\n"
"""What stands before a block that the page's reader saves as a file: a transcript test runs those."""


def _blocks(page: Path, language: str) -> list[tuple[int, str]]:
    text = page.read_text()
    return [
        (text[: m.start()].count("\n") + 2, m[2])
        for m in _BLOCK.finditer(text)
        if m[1] == language and not text.endswith(_SAVED, 0, m.start())
    ]


def _pages_with(language: str) -> list[Path]:
    return [page for page in PAGES if _blocks(page, language)]


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", _pages_with("python"), ids=_name)
def test_python_blocks_run_in_order(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, object] = {"__name__": "docs"}
    for line, code in _blocks(page, "python"):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            # Blank lines in front make a traceback's line number the page's.
            exec(compile("\n" * (line - 1) + code, str(page), "exec", dont_inherit=True), namespace)
    printed = capsys.readouterr().out.strip()
    if printed:
        assert printed in page.read_text(), "what the page's code prints is not what the page shows"


@pytest.mark.parametrize("page", _pages_with("toml"), ids=_name)
def test_toml_blocks_load(page: Path) -> None:
    for _, text in _blocks(page, "toml"):
        assert tomllib.loads(text)


@pytest.mark.parametrize("page", _pages_with("yaml"), ids=_name)
def test_yaml_blocks_load(page: Path) -> None:
    for line, text in _blocks(page, "yaml"):
        documents = list(yaml.safe_load_all(text))
        assert documents
        if "static_resources" in documents[0]:
            config = parse_config(text, file=f"{_name(page)}:{line}", filters=filter_models())
            assert config.notes == ()


@pytest.mark.parametrize("kind", [MessageType, ErrorType], ids=lambda kind: kind.__name__)
def test_listed_enums_are_the_code_s(kind: type[enum.IntEnum]) -> None:
    text = (ROOT / "docs/reference/core.md").read_text()
    table = re.search(rf"<!-- table: {kind.__name__} -->\n(.*?)<!-- end -->", text, re.DOTALL)
    assert table is not None
    rows = [f"| `{member.name}` | {member.value} |" for member in kind]
    assert table[1].splitlines()[2:] == rows


@pytest.mark.parametrize("stats", [ListenerStats, ClusterStats, SslStats, EntranceStats, HealthCheckStats, DnsStats])
def test_every_counter_is_listed_and_no_other(stats: type[Counters]) -> None:
    text = (ROOT / "docs/reference/counters.md").read_text()
    table = re.search(rf"<!-- table: {stats.__name__} -->\n(.*?)<!-- end -->", text, re.DOTALL)
    assert table is not None
    assert re.findall(r"^\| `(\w+)`", table[1], re.MULTILINE) == list(stats().snapshot())


def test_pages_name_no_counter_that_there_is_not() -> None:
    known = {*ListenerStats().snapshot(), *ClusterStats().snapshot(), *EntranceStats().snapshot()}
    for page in PAGES:
        named = set(
            re.findall(r"`((?:upstream_(?:cx|rq)|downstream_cx|local_response|response)_\w+)`", page.read_text())
        )
        assert named - known <= FIELDS, _name(page)


def test_links_to_headings_lead_to_one() -> None:
    dead = []
    for page in PAGES:
        for target, anchor in re.findall(r"\]\(([^)#\s:]*)#([^)\s]+)\)", page.read_text()):
            there = (page.parent / target) if target else page
            if anchor not in _anchors(there):
                dead.append(f"{_name(page)}: {target}#{anchor}")
    assert not dead


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_between_pages_lead_somewhere() -> None:
    dead = []
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                dead.append(f"{_name(page)}: {target}")
    assert not dead
