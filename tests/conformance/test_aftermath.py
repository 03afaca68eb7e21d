from __future__ import annotations

from pathlib import Path

from metaprotocol_sdk.conformance import Case, Subject, Verdict
from metaprotocol_sdk.conformance.aftermath import about, lost_in
from metaprotocol_sdk.conformance.report import recollect
from metaprotocol_sdk.conformance.session import REPORTS
from metaprotocol_sdk.metadata import MessageType
from tests.conformance.right_codecs import REQUESTS
from tests.helpers import TinyCodec, tiny

CASE = Case(side=MessageType.REQUEST, wire=tiny(b"xy"))


def test_the_case_a_process_died_in_is_a_failure_that_is_saved_and_told_in_every_form(tmp_path: Path) -> None:
    noted = about(Subject(TinyCodec, REQUESTS, None), "a:b") | {"law": "split_invariance", "case": CASE.to_json()}
    found = lost_in(noted, "the codec crashed the whole process (SIGSEGV)", target="a:b", folder=tmp_path)
    (outcome,) = found.report.outcomes
    assert (outcome.verdict, outcome.case, found.report.exit_code) == (Verdict.FAILED, CASE, 1)
    for kind in REPORTS:
        assert "crashed the whole process (SIGSEGV)" in found.rendered(kind)
    again = recollect("tiny", ["split_invariance"], target="a:b", folder=tmp_path)
    assert list(again.failures) == [found.saved["split_invariance"]]
