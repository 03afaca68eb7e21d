from __future__ import annotations

import re
from dataclasses import replace
from html import escape
from html.parser import HTMLParser

import pytest

from metaprotocol_sdk.conformance import Outcome, Report, Verdict
from metaprotocol_sdk.conformance.report import to_html
from tests.conformance.report.outcomes import (
    EVERY_KIND,
    FAILED,
    KNOWN,
    PASSED,
    SAVED,
    SKIPPED,
    STARTED,
    UNEXPECTED,
)
from tests.helpers import TinyCodec

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """Reads a page and holds it to being well formed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.links += [str(found[name]) for name in ("href", "src") if name in found]
        self.ids += [str(found["id"])] if "id" in found else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)


def page(report: Report = EVERY_KIND) -> str:
    return to_html(report, TinyCodec(), target="a:b", saved=SAVED, started=STARTED)


def test_the_page_is_well_formed_and_names_every_law() -> None:
    read = Page(page())
    for outcome in EVERY_KIND.outcomes:
        assert outcome.check.name in read.text
        assert outcome.check.law in read.text
    assert len(set(read.ids)) == len(read.ids)


def test_the_page_needs_nothing_else() -> None:
    text = page()
    read = Page(text)
    assert all(link.startswith("#") and link[1:] in read.ids for link in read.links)
    assert not re.search(r"https?:|url\(|@import", text)
    assert "default-src 'none'" in text


def test_it_is_for_light_and_dark() -> None:
    assert "prefers-color-scheme: dark" in page()


def test_a_failure_is_shown_with_its_bytes_named_and_the_byte_marked() -> None:
    text = page()
    assert '<span class="mark">00</span>' in text
    read = Page(text)
    assert "ab 00 00 00 00 02 78 79" in read.text
    assert "It went wrong ✗ here" in read.text
    assert FAILED.check.mistake in read.text
    assert "metaproto conformance a:b --replay f/x.json" in read.text


def test_what_fails_the_run_comes_first() -> None:
    report = Report(codec="tiny", outcomes=(KNOWN, FAILED), known_failing=frozenset({KNOWN.check.name}))
    text = page(report)
    assert text.index(f'id="{FAILED.check.name}"') < text.index(f'id="{KNOWN.check.name}"')


@pytest.mark.parametrize(
    ("outcomes", "told"),
    [
        ((PASSED, SKIPPED), "tiny: conforms"),
        ((PASSED, FAILED), "tiny: 1 law broken"),
        ((UNEXPECTED,), "tiny: known failures out of date"),
        ((replace(PASSED, verdict=Verdict.ERROR),), "tiny: cannot be judged"),
    ],
)
def test_the_title_says_how_it_ended(outcomes: tuple[Outcome, ...], told: str) -> None:
    text = page(Report(codec="tiny", outcomes=outcomes, known_failing=frozenset({UNEXPECTED.check.name})))
    assert f"<title>{told}</title>" in text


def test_nothing_a_codec_says_becomes_markup() -> None:
    evil = "<script>alert(1)</script>\0\ud800\"'"
    text = page(Report(codec=evil, outcomes=(replace(FAILED, detail=evil), replace(SKIPPED, detail=evil))))
    assert "<script>alert" not in text
    assert escape("<script>alert(1)</script>") in text
    Page(text)
    text.encode()
