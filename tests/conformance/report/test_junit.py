from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

from metaprotocol_sdk.conformance import Report
from metaprotocol_sdk.conformance.report import to_junit
from tests.conformance.report.outcomes import CASE, EVERY_KIND, FAILED, SAVED, STARTED
from tests.helpers import TinyCodec


def parsed(report: Report = EVERY_KIND) -> ET.Element:
    text = to_junit(report, TinyCodec(), target="a:b", saved=SAVED, started=STARTED)
    return ET.fromstring(text.encode())


def case_of(root: ET.Element, law: str) -> ET.Element:
    (found,) = [case for case in root.iter("testcase") if case.get("name") == law]
    return found


def test_each_law_is_a_test_case_and_the_totals_are_theirs() -> None:
    root = parsed()
    (suite,) = root
    cases = list(suite.iter("testcase"))
    assert [case.get("name") for case in cases] == [each.check.name for each in EVERY_KIND.outcomes]
    assert {case.get("classname") for case in cases} == {"conformance.tiny"}
    for element in (root, suite):
        for kind, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert element.get(kind) == str(len(list(suite.iter(tag))))
        assert element.get("tests") == str(len(cases))
    assert suite.get("timestamp") == "2026-01-02T03:04:05+00:00"
    assert float(suite.get("time", "")) == EVERY_KIND.seconds


def test_what_fails_the_run_is_a_failure_and_what_does_not_is_skipped_with_its_text() -> None:
    root = parsed()
    told = {
        case.get("name", ""): [child.tag for child in case if child.tag != "properties"]
        for case in root.iter("testcase")
    }
    assert list(told.values()) == [
        [],
        ["failure"],
        ["skipped"],
        ["error"],
        ["skipped", "system-out"],
        ["skipped", "system-out"],
        ["failure"],
    ]


def test_a_failure_has_its_text_its_law_its_bytes_and_where_they_are() -> None:
    case = case_of(parsed(), "split_invariance")
    properties = {each.get("name"): each.get("value") for each in case.iter("property")}
    assert properties["law"] == FAILED.check.law
    assert (properties["level"], properties["bytes"], properties["saved"]) == ("MUST", CASE.wire.hex(), "f/x.json")
    assert properties["replay"] == "metaproto conformance a:b --replay f/x.json"
    (failure,) = case.iter("failure")
    assert failure.get("message") == FAILED.detail
    assert "00000000  ab 00" in (failure.text or "")


def test_text_that_xml_cannot_hold_does_not_break_it() -> None:
    odd = replace(FAILED, detail="a\0b <c> & \ud800 \x1b[31m")
    (failure,) = parsed(Report(codec="ti<n>y\0", outcomes=(odd,))).iter("failure")
    assert failure.get("message") == "a\\x00b <c> & \\ud800 \\x1b[31m"
