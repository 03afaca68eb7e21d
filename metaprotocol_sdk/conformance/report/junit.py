"""A run as JUnit's XML, as Jenkins, GitLab and their like read it: a test case for each law.

::

    <testsuites>
      <testsuite name="conformance of CODEC" tests failures errors skipped time timestamp>
        <testcase classname="conformance.CODEC" name="LAW" time>
          <properties> law, level, and of a failure bytes, saved, replay </properties>
          <failure message type>the text of the failure</failure> | <error> | <skipped>

A broken law that does not fail the run (a SHOULD, a known failure) is skipped with its text as output: readers of this
format know no warnings.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.conformance.outcome import Outcome, Report, Standing
from metaprotocol_sdk.conformance.report.characters import document_text
from metaprotocol_sdk.conformance.report.failures import replay_command
from metaprotocol_sdk.conformance.report.text import failure_text

_ELEMENTS = {
    Standing.FAILED: "failure",
    Standing.UNEXPECTED: "failure",
    Standing.ERROR: "error",
    Standing.ADVISED: "skipped",
    Standing.KNOWN: "skipped",
    Standing.SKIPPED: "skipped",
}


def law_properties(outcome: Outcome, *, target: str, saved: Path | None) -> dict[str, str]:
    """What a test case says of its law besides the verdict: the law, and of a failure the bytes and where they are."""
    found = {"law": outcome.check.law, "level": outcome.check.level.value}
    if outcome.case is not None:
        found["bytes"] = outcome.case.wire.hex()
    if saved is not None:
        found |= {"saved": str(saved), "replay": replay_command(target, saved)}
    return found


def to_junit(report: Report, codec: Codec, *, target: str, saved: Mapping[str, Path], started: datetime) -> str:
    """The run as an XML document.

    Args:
        report: The run.
        codec: What names the bytes.
        target: What the subject was found by.
        saved: Where each failure was saved, by its law.
        started: When the run began.
    """
    elements = [_ELEMENTS.get(report.standing(outcome), "") for outcome in report.outcomes]
    totals = {
        "tests": str(len(elements)),
        "failures": str(elements.count("failure")),
        "errors": str(elements.count("error")),
        "skipped": str(elements.count("skipped")),
        "time": f"{report.seconds:.3f}",
    }
    root = ET.Element("testsuites", {"name": "metaproto conformance", **totals})
    stamp = started.isoformat(timespec="seconds")
    suite = ET.SubElement(
        root, "testsuite", {"name": document_text(f"conformance of {report.codec}"), **totals, "timestamp": stamp}
    )
    _add_properties(suite, {"target": target, "seed": str(report.seed), "max_examples": str(report.max_examples)})
    for outcome in report.outcomes:
        name, file = outcome.check.name, saved.get(outcome.check.name)
        attributes = {"classname": f"conformance.{report.codec}", "name": name, "time": f"{outcome.seconds:.3f}"}
        case = ET.SubElement(suite, "testcase", {key: document_text(text) for key, text in attributes.items()})
        _add_properties(case, law_properties(outcome, target=target, saved=file))
        if (standing := report.standing(outcome)) in _ELEMENTS:
            text = failure_text(outcome, codec, target=target, saved=file) if outcome.case is not None else ""
            _add_verdict(case, standing, outcome, text)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _add_verdict(case: ET.Element, standing: Standing, outcome: Outcome, text: str) -> None:
    about = {
        Standing.UNEXPECTED: "the law is listed as known to fail, and holds; take it off the list",
        Standing.ADVISED: f"a SHOULD is broken: {outcome.detail}",
        Standing.KNOWN: f"known failing: {outcome.detail}",
    }.get(standing, outcome.detail)
    element = ET.SubElement(case, _ELEMENTS[standing], {"message": document_text(about)})
    if element.tag == "skipped":
        if text:
            ET.SubElement(case, "system-out").text = document_text(text)
        return
    element.set("type", standing.value)
    element.text = document_text(text or about)


def _add_properties(parent: ET.Element, properties: Mapping[str, str]) -> None:
    home = ET.SubElement(parent, "properties")
    for name, value in properties.items():
        ET.SubElement(home, "property", {"name": name, "value": document_text(value)})
