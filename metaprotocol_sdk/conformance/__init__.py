"""The laws every codec keeps, and the suite that proves one keeps them.

A codec's ``strategies.py`` says what its messages look like, as :class:`Subject`; :func:`run` judges it by every law in
:data:`CHECKS`, :func:`verify` by one, for a test, and :class:`CodecConformance` is one test each for pytest.
``metaproto conformance`` is the command line of it.

Names load on first use (PEP 562): what does not draw messages does not load Hypothesis.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metaprotocol_sdk.conformance.case import Case
    from metaprotocol_sdk.conformance.check import Check, Draw, Level
    from metaprotocol_sdk.conformance.checks import CHECKS
    from metaprotocol_sdk.conformance.foreign.subject import foreign_codec
    from metaprotocol_sdk.conformance.frame_samples import samples, subject_of
    from metaprotocol_sdk.conformance.fuzz import FuzzTarget
    from metaprotocol_sdk.conformance.law_tests import CodecConformance
    from metaprotocol_sdk.conformance.outcome import Outcome, Report, Standing, Verdict
    from metaprotocol_sdk.conformance.subject import Sample, Subject
    from metaprotocol_sdk.conformance.suite import replay, run
    from metaprotocol_sdk.conformance.target import find_subject, target_of
    from metaprotocol_sdk.conformance.vectors import Vector, vectors_of, verify_vector
    from metaprotocol_sdk.conformance.verification import verify

_HOMES = {
    "case": ("Case",),
    "check": ("Check", "Draw", "Level"),
    "checks": ("CHECKS",),
    "foreign.subject": ("foreign_codec",),
    "fuzz": ("FuzzTarget",),
    "law_tests": ("CodecConformance",),
    "outcome": ("Outcome", "Report", "Standing", "Verdict"),
    "frame_samples": ("samples", "subject_of"),
    "subject": ("Sample", "Subject"),
    "suite": ("replay", "run"),
    "target": ("find_subject", "target_of"),
    "vectors": ("Vector", "vectors_of", "verify_vector"),
    "verification": ("verify",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "CHECKS",
    "Case",
    "Check",
    "CodecConformance",
    "Draw",
    "FuzzTarget",
    "Level",
    "Outcome",
    "Report",
    "Sample",
    "Standing",
    "Subject",
    "Vector",
    "Verdict",
    "find_subject",
    "foreign_codec",
    "replay",
    "run",
    "samples",
    "subject_of",
    "target_of",
    "vectors_of",
    "verify",
    "verify_vector",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
