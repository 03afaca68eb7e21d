from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from metaprotocol_sdk.conformance import Report, Verdict
from metaprotocol_sdk.conformance.report import load_failure, recollect, save_failure, save_failures, write_atomically
from metaprotocol_sdk.exceptions import ConformanceError
from tests.conformance.report.outcomes import CASE, ERROR, FAILED, REPORT


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


def test_a_codecs_name_never_leads_out_of_the_folder(tmp_path: Path) -> None:
    path = save_failure(FAILED, codec="../../a b", target="t", folder=tmp_path / "in")
    assert path is not None
    assert path.parent.parent == tmp_path / "in"


def test_what_was_saved_of_a_subject_is_recollected_and_nothing_else(tmp_path: Path) -> None:
    saved = save_failure(FAILED, codec="tiny", target="a:b", folder=tmp_path)
    save_failure(FAILED, codec="tiny", target="a:other", folder=tmp_path)
    save_failure(FAILED, codec="mail", target="a:b", folder=tmp_path)
    (tmp_path / "tiny" / "broken.json").write_text("{")
    found = recollect("tiny", ["split_invariance"], target="a:b", folder=tmp_path)
    assert found.cases == {"split_invariance": [CASE]}
    assert list(found.failures) == [saved]
    assert len(found.unreadable) == 1
    assert "broken.json is no saved failure: it is not JSON" in found.unreadable[0]
    assert recollect("tiny", ["bounds_the_length"], target="a:b", folder=tmp_path).cases == {}
    assert recollect("nobody", ["bounds_the_length"], target="a:b", folder=tmp_path).unreadable == ()


def test_a_mended_case_is_moved_and_not_judged_again(tmp_path: Path) -> None:
    saved = save_failure(FAILED, codec="tiny", target="a:b", folder=tmp_path)
    assert saved is not None
    found = recollect("tiny", ["split_invariance"], target="a:b", folder=tmp_path)
    assert found.retire(Report(codec="tiny", outcomes=(FAILED,))) == []
    mended = Report(codec="tiny", outcomes=(replace(FAILED, verdict=Verdict.PASSED, mended=(CASE,)),))
    assert found.retire(mended) == [saved.parent / "fixed" / saved.name]
    assert load_failure(saved.parent / "fixed" / saved.name).case == CASE
    assert recollect("tiny", ["split_invariance"], target="a:b", folder=tmp_path).failures == {}
    assert found.retire(mended) == [], "another process has moved it"


def test_what_was_written_can_be_read_by_others(tmp_path: Path) -> None:
    write_atomically(tmp_path / "new" / "report.html", "a\ud800")
    path = tmp_path / "new" / "report.html"
    assert path.read_text() == "a\\ud800"
    (tmp_path / "plain").touch()
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode
