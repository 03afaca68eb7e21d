from __future__ import annotations

import pytest

from metaprotocol_sdk.exceptions import ConfigError, Severity
from metaprotocol_sdk.proxy.config.report import Report
from metaprotocol_sdk.proxy.config.tree import Place


def test_findings_come_in_the_files_order_with_their_severity() -> None:
    report = Report("f.yaml")
    report.note(Place(9, 1, "c"), "third")
    report.error(Place(2, 5, "b"), "second")
    report.warning(Place(2, 1, "a"), "first")
    assert [str(each) for each in report.findings] == [
        "f.yaml:2:1: warning: a: first",
        "f.yaml:2:5: error: b: second",
        "f.yaml:9:1: note: c: third",
    ]


def test_only_errors_raise_and_bring_everything_along() -> None:
    report = Report("f.yaml")
    report.warning(Place(1, 1, ""), "careful")
    report.raise_errors()
    report.error(Place(2, 1, ""), "wrong")
    with pytest.raises(ConfigError) as caught:
        report.raise_errors()
    assert [each.severity for each in caught.value.findings] == [Severity.WARNING, Severity.ERROR]


def test_one_mistake_is_told_once_however_often_it_is_repeated() -> None:
    report = Report("f.yaml")
    report.error(Place(1, 1, "a"), "wrong")
    report.error(Place(1, 1, "b"), "wrong")
    report.error(Place(1, 1, "a"), "also wrong")
    assert [each.path for each in report.findings] == ["a", "a"]


def test_a_finding_is_one_line() -> None:
    report = Report("f.yaml")
    report.error(Place(1, 1, "a\nb"), "two\r\nlines\x1b[31m")
    assert str(report.findings[0]) == "f.yaml:1:1: error: a b: two lines [31m"
