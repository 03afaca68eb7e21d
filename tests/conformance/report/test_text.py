from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from metaprotocol_sdk.codec import Field
from metaprotocol_sdk.conformance import Case, Outcome, Verdict
from metaprotocol_sdk.conformance.report import failure_text, law_line, report_text, summary
from metaprotocol_sdk.conformance.report.text import case_dump
from metaprotocol_sdk.metadata import MessageType
from tests.conformance.report.outcomes import (
    ADVISED,
    CHECK,
    ERROR,
    EVERY_KIND,
    FAILED,
    KNOWN,
    PASSED,
    REPORT,
    SKIPPED,
    UNEXPECTED,
)
from tests.conformance.right_codecs import MailCodec, mail
from tests.helpers import TinyCodec


def test_a_law_takes_one_line() -> None:
    assert law_line(PASSED) == "✓ decodes_one_message                  1 case     0.25 s"
    assert law_line(FAILED) == "✗ split_invariance                     3 cases    1.00 s"
    assert law_line(SKIPPED) == "\u2013 carries_the_request_id           skipped: no ids"
    assert law_line(ERROR) == "! bounds_the_length                error: whose fault"
    for each in (PASSED, FAILED, SKIPPED, ERROR):
        assert law_line(each, ascii_only=True).isascii()
    assert law_line(FAILED, ascii_only=True).startswith("FAIL  split_invariance")


def test_a_line_without_times_is_the_same_in_every_run() -> None:
    assert law_line(FAILED, timed=False) == "✗ split_invariance                     3 cases"
    assert summary(REPORT, timed=False) == "tiny: 1 passed, 1 failed, 1 skipped"


def test_a_line_says_what_the_outcome_means_for_the_run() -> None:
    def line(outcome: Outcome) -> str:
        return law_line(outcome, standing=EVERY_KIND.standing(outcome), timed=False, ascii_only=True)

    assert line(ADVISED).startswith("warn ")
    assert line(ADVISED).endswith("a SHOULD is broken")
    assert line(KNOWN).startswith("known ")
    assert line(UNEXPECTED).startswith("XPASS ")
    assert "take it off the list of known failures" in line(UNEXPECTED)


def test_colour_is_only_escapes_around_the_same_line() -> None:
    colored = law_line(FAILED, color=True)
    assert "\x1b[31m✗" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == law_line(FAILED)


def test_the_summary_counts() -> None:
    assert summary(REPORT) == "tiny: 1 passed, 1 failed, 1 skipped in 1.2 s"
    assert summary(EVERY_KIND, timed=False) == (
        "tiny: 1 passed, 1 failed, 1 unexpectedly passed, 1 error, 1 advised, 1 known failing, 1 skipped"
    )


def test_a_failure_says_the_law_the_bytes_the_mistake_and_the_command() -> None:
    text = failure_text(FAILED, TinyCodec(), target="a b", saved=Path("f/x.json"))
    lines = text.splitlines()
    assert lines[0].startswith("split_invariance (MUST): However a stream is cut")
    assert "  it went wrong ✗ here" in lines
    assert "  the smallest REQUEST bytes that show it (8 bytes):" in lines
    assert any("00000000  ab 00" in line for line in lines)
    assert {"    cut at: 1", "    mutation: {'a': None}", "    answers: 01 02"} <= set(lines)
    assert any(line.startswith("  likely mistake: the codec keeps something") for line in lines)
    assert lines[-2:] == ["  saved as: f/x.json", "  replay:   metaproto conformance 'a b' --replay f/x.json"]
    assert failure_text(FAILED, TinyCodec(), target="t", saved=None, ascii_only=True).isascii()
    assert "replay" not in failure_text(FAILED, TinyCodec(), target="t", saved=None)
    assert "\x1b[" in failure_text(FAILED, TinyCodec(), target="t", saved=None, color=True)


def test_a_long_case_is_shown_in_part_with_the_mark_in_it() -> None:
    wire = b"".join(mail(MessageType.REQUEST, request_id=number) for number in range(40))
    case = Case(side=MessageType.REQUEST, wire=wire, cuts=tuple(range(1, 50)))

    class Names(MailCodec):
        def fields(self, data: bytes) -> Iterator[Field]:
            return (Field(f"b{at}", at, at + 1, None) for at in range(len(data)))

    lines = case_dump(case, Names(), mark=300)
    assert len(lines) < 80
    assert sum("lines more" in line for line in lines) == 2
    assert sum("<-- here" in line for line in lines) == 1
    assert lines[-1].endswith(f"b{len(wire) - 1}")
    text = failure_text(
        Outcome(check=CHECK, verdict=Verdict.FAILED, detail="x", case=case), Names(), target="t", saved=None
    )
    assert f"REQUEST bytes that show it ({len(wire)} bytes):" in text
    assert "11, 12, ..." in text


def test_a_known_failure_is_counted_and_not_told_again() -> None:
    text = report_text(EVERY_KIND, TinyCodec(), target="t", saved={})
    assert "could be better" in text
    assert "as ever" not in text


def test_a_report_ends_with_its_summary() -> None:
    text = report_text(REPORT, TinyCodec(), target="t", saved={})
    assert text.startswith("split_invariance (MUST)")
    assert text.endswith(summary(REPORT))
