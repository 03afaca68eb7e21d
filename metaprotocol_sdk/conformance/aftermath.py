"""What is known of a run whose process is gone: the case it was at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from metaprotocol_sdk.codec import Codec, Field
from metaprotocol_sdk.conformance.case import Case
from metaprotocol_sdk.conformance.outcome import Outcome, Report, Verdict
from metaprotocol_sdk.conformance.report import FAILURES, save_failures
from metaprotocol_sdk.conformance.session import Findings
from metaprotocol_sdk.conformance.subject import Subject
from metaprotocol_sdk.conformance.suite import find_check, make_codec
from metaprotocol_sdk.conformance.target import home_of


def about(subject: Subject, target: str) -> dict[str, str]:
    """What a saved failure says of a subject, for :func:`lost_in`."""
    return {"codec": make_codec(subject).name, "home": home_of(subject, target)}


def lost_in(note: Mapping[str, Any], detail: str, *, target: str, folder: Path = FAILURES) -> Findings:
    """What is known of a run whose process is gone, from what it noted last; the case is saved.

    Args:
        note: What :func:`about` said, and the ``law`` and ``case`` that had begun.
        detail: What became of the process.
        target: What the subject was to be found by.
        folder: Where failing cases are.
    """
    case = Case.from_json(note["case"])
    mistake = "a loop inside a call that cannot be interrupted, a call that ends the process, or a bug in a C extension"
    outcome = Outcome(
        check=find_check(note["law"]), verdict=Verdict.FAILED, detail=detail, case=case, examples=1, mistake=mistake
    )
    report = Report(codec=note["codec"], outcomes=(outcome,))
    return Findings(
        report=report,
        codec=cast("Codec", _Bytes()),  # a dump asks for the fields alone
        target=target,
        started=datetime.now(UTC),
        saved=save_failures(report, target=note["home"], folder=folder),
    )


class _Bytes:
    """Names no field: the codec itself is not to be asked again."""

    def fields(self, data: bytes) -> Iterable[Field]:
        yield Field("message", 0, len(data), data)
