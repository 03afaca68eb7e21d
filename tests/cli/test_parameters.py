from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import click
import pytest

from metaprotocol_sdk.cli.parameters import (
    MOST_WORKERS,
    REPORT_KINDS,
    duration,
    duration_or_zero,
    report_files,
    worker_count,
)
from metaprotocol_sdk.conformance.session import REPORTS

NOTHING = cast("Any", None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30", 30), ("30s", 30), ("1.5m", 90), ("2h", 7200), ("250ms", 0.25), (" 5 m ", 300), (None, None)],
)
def test_a_duration_is_seconds(text: str | None, seconds: float | None) -> None:
    assert duration(NOTHING, NOTHING, text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0s", "-1", "5d", "m", "1e3", "1 2"])
def test_what_is_no_duration_is_a_sentence(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no time; write a number and its unit, such as 30s, 5m or 1h"):
        duration(NOTHING, NOTHING, text)


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("0s", 0), ("5s", 5), ("10.0", 10)])
def test_a_duration_may_be_zero_where_that_means_something(text: str, seconds: float) -> None:
    assert duration_or_zero(NOTHING, NOTHING, text) == seconds


@pytest.mark.parametrize("text", ["", "-1", "5d", "soon"])
def test_where_zero_means_something_other_text_is_a_sentence_too(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no time; write a number and its unit, such as 30s, 5m or 1h"):
        duration_or_zero(NOTHING, NOTHING, text)


def test_a_report_has_a_kind_and_a_file() -> None:
    assert report_files(NOTHING, NOTHING, ("html=a=b.html", "json=x")) == [
        ("html", Path("a=b.html")),
        ("json", Path("x")),
    ]
    assert set(REPORT_KINDS) == set(REPORTS)


@pytest.mark.parametrize("text", ["html", "html=", "pdf=x", "=x", ""])
def test_what_is_no_report_is_a_sentence(text: str) -> None:
    with pytest.raises(click.BadParameter, match="names no kind and file; write one of html=FILE, json=FILE"):
        report_files(NOTHING, NOTHING, (text,))


def test_a_report_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(click.BadParameter, match="is a folder; name a file in it"):
        report_files(NOTHING, NOTHING, (f"html={tmp_path}",))


def test_workers_are_a_number_or_one_for_each_cpu() -> None:
    assert worker_count(NOTHING, NOTHING, "3") == 3
    assert 1 <= worker_count(NOTHING, NOTHING, "auto") <= MOST_WORKERS


@pytest.mark.parametrize("text", ["0", "-1", "257", "two", "", "1.5"])
def test_what_is_no_number_of_workers_is_a_sentence(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no number of processes; write 1 to 256, or auto"):
        worker_count(NOTHING, NOTHING, text)
