from __future__ import annotations

import json
from pathlib import Path

import pytest

from metaprotocol_sdk.conformance import CHECKS, Case, Outcome, Report, Verdict
from metaprotocol_sdk.conformance.report import (
    failure_text,
    law_line,
    load_failure,
    report_text,
    save_failure,
    save_failures,
    summary,
    to_json,
)
from metaprotocol_sdk.exceptions import ConformanceError
from metaprotocol_sdk.metadata import MessageType
from metaprotocol_sdk.mutation import Mutation
from tests.helpers import TinyCodec, tiny

CHECK = CHECKS["split_invariance"]
CASE = Case(side=MessageType.REQUEST, wire=tiny(b"xy"), cuts=(1,), requests=(b"\1\2",), mutation=Mutation(a=None))
FAILED = Outcome(
    check=CHECK, verdict=Verdict.FAILED, detail="it went wrong ✗ here", case=CASE, at=2, examples=3, seconds=1
)
SKIPPED = Outcome(check=CHECKS["carries_the_request_id"], verdict=Verdict.SKIPPED, detail="no ids")
PASSED = Outcome(check=CHECKS["decodes_one_message"], verdict=Verdict.PASSED, examples=1, seconds=0.25)
ERROR = Outcome(check=CHECK, verdict=Verdict.ERROR, detail="whose fault")
REPORT = Report(codec="tiny", outcomes=(PASSED, FAILED, SKIPPED))


def test_a_saved_failure_is_the_same_file_each_time_and_comes_back(tmp_path: Path) -> None:
    path = save_failure(FAILED, codec="tiny", target="a.b:c", folder=tmp_path)
    assert path is not None
    assert path == save_failure(FAILED, codec="tiny", target="a.b:c", folder=tmp_path)
    assert list(tmp_path.rglob("*.*")) == [path]
    assert path.parent == tmp_path / "tiny"
    assert path.name.startswith("split_invariance-")
    saved = load_failure(path)
    assert (saved.codec, saved.target, saved.law, saved.case) == ("tiny", "a.b:c", "split_invariance", CASE)
    assert json.loads(path.read_text())["failure"] == FAILED.detail


def test_a_folder_that_cannot_be_written_does_not_hide_the_failure(tmp_path: Path) -> None:
    (tmp_path / "tiny").write_text("a file")
    assert save_failure(FAILED, codec="tiny", target="t", folder=tmp_path) is None
    assert save_failures(REPORT, target="t", folder=tmp_path) == {}


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path) -> Path:
        raise OSError("the disk is full")

    monkeypatch.setattr(Path, "replace", refuse)
    assert save_failure(FAILED, codec="tiny", target="t", folder=tmp_path) is None
    assert list((tmp_path / "tiny").iterdir()) == []


def test_only_failures_with_a_case_are_saved(tmp_path: Path) -> None:
    assert list(save_failures(REPORT, target="t", folder=tmp_path)) == ["split_invariance"]
    assert save_failure(ERROR, codec="tiny", target="t", folder=tmp_path) is None


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "cannot be read: No such file"),
        (b"no json", "it is not JSON"),
        (b"\xff", "it is not JSON"),
        (b"[]", "it has no law and case"),
        (b'{"law": "x"}', "it has no law and case"),
        (b'{"law": "x", "case": {}}', "schema_version None"),
    ],
)
def test_a_file_that_is_no_saved_failure_is_a_sentence(tmp_path: Path, content: bytes | None, text: str) -> None:
    path = tmp_path / "failure.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConformanceError, match=text):
        load_failure(path)


def test_a_law_takes_one_line() -> None:
    assert law_line(PASSED) == "✓ decodes_one_message                  1 case     0.25 s"
    assert law_line(FAILED) == "✗ split_invariance                     3 cases    1.00 s"
    assert law_line(SKIPPED) == "\u2013 carries_the_request_id           skipped: no ids"
    assert law_line(ERROR) == "! split_invariance                 error: whose fault"
    for each in (PASSED, FAILED, SKIPPED, ERROR):
        assert law_line(each, ascii_only=True).isascii()
    assert law_line(FAILED, ascii_only=True).startswith("FAIL  split_invariance")


def test_the_summary_counts() -> None:
    assert summary(REPORT) == "tiny: 1 passed, 1 failed, 1 skipped in 1.2 s"


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


def test_only_the_front_of_a_long_case_is_shown() -> None:
    case = Case(side=MessageType.RESPONSE, wire=tiny(b"x" * 2000), cuts=tuple(range(1, 50)))
    outcome = Outcome(check=CHECK, verdict=Verdict.FAILED, detail="x", case=case)
    text = failure_text(outcome, TinyCodec(), target="t", saved=None)
    assert "RESPONSE bytes that show it (2006 bytes, the first 512 shown)" in text
    assert "11, 12, ..." in text


def test_a_report_ends_with_its_summary() -> None:
    text = report_text(REPORT, TinyCodec(), target="t", saved={})
    assert text.startswith("split_invariance (MUST)")
    assert text.endswith(summary(REPORT))


def test_json_has_every_law_and_what_replays_a_failure() -> None:
    told = to_json(REPORT, target="t", saved={"split_invariance": Path("f.json")})
    assert json.loads(json.dumps(told)) == told
    assert (told["schema_version"], told["codec"], told["ok"]) == (1, "tiny", False)
    passed, failed, skipped = told["laws"]
    assert (passed["name"], passed["verdict"], passed["cases"]) == ("decodes_one_message", "passed", 1)
    assert (skipped["verdict"], skipped["detail"]) == ("skipped", "no ids")
    assert Case.from_json(failed["case"]) == CASE
    assert failed["replay"] == "metaproto conformance t --replay f.json"
