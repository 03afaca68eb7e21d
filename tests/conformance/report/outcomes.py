"""What the tests of reports share: a run with an outcome of every kind."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from metaprotocol_sdk.conformance import CHECKS, Case, Check, Level, Outcome, Report, Verdict
from metaprotocol_sdk.metadata import MessageType
from metaprotocol_sdk.mutation import Mutation
from tests.helpers import tiny

CHECK = CHECKS["split_invariance"]
SHOULD: Check = next(check for check in CHECKS.values() if check.level is Level.SHOULD)
CASE = Case(side=MessageType.REQUEST, wire=tiny(b"xy"), cuts=(1,), requests=(b"\1\2",), mutation=Mutation(a=None))
FAILED = Outcome(
    check=CHECK, verdict=Verdict.FAILED, detail="it went wrong ✗ here", case=CASE, at=2, examples=3, seconds=1
)
SKIPPED = Outcome(check=CHECKS["carries_the_request_id"], verdict=Verdict.SKIPPED, detail="no ids")
PASSED = Outcome(check=CHECKS["decodes_one_message"], verdict=Verdict.PASSED, examples=1, seconds=0.25)
ERROR = Outcome(check=CHECKS["bounds_the_length"], verdict=Verdict.ERROR, detail="whose fault")
ADVISED = Outcome(check=SHOULD, verdict=Verdict.FAILED, detail="could be better", case=CASE)
KNOWN = Outcome(check=CHECKS["mutation_is_applied"], verdict=Verdict.FAILED, detail="as ever", case=CASE)
UNEXPECTED = Outcome(check=CHECKS["sizes_add_up"], verdict=Verdict.PASSED, examples=2)

REPORT = Report(codec="tiny", outcomes=(PASSED, FAILED, SKIPPED))
EVERY_KIND = Report(
    codec="tiny",
    outcomes=(PASSED, FAILED, SKIPPED, ERROR, ADVISED, KNOWN, UNEXPECTED),
    max_examples=200,
    seed=7,
    known_failing=frozenset({"mutation_is_applied", "sizes_add_up"}),
)
"""A run with an outcome of every standing."""
STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SAVED = {"split_invariance": Path("f/x.json")}
