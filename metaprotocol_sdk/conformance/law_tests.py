"""The laws as pytest's tests, one for each: subclass :class:`CodecConformance`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pytest

from metaprotocol_sdk.conformance.check import Level
from metaprotocol_sdk.conformance.checks import CHECKS
from metaprotocol_sdk.conformance.outcome import Verdict
from metaprotocol_sdk.conformance.pytest_plugin import profile_of
from metaprotocol_sdk.conformance.session import hold
from metaprotocol_sdk.conformance.subject import Subject
from metaprotocol_sdk.conformance.suite import PROFILES, make_codec
from metaprotocol_sdk.conformance.target import find_subject, target_of
from metaprotocol_sdk.conformance.vectors import Vector, vectors_of
from metaprotocol_sdk.exceptions import ConformanceError, MetaProtocolError

_NOTHING: Mapping[str, str] = {}
_VECTORS = "golden vectors"
"""The test that stands for vectors that cannot be read."""


class CodecConformance:
    """A codec under every law, one test each, named ``TestMine::test_law[split_invariance]``::

        from metaprotocol_sdk.conformance import CodecConformance
        from my_protocol.strategies import subject

        class TestMine(CodecConformance):
            subject = subject

    Golden vectors of the subject are tests too, named ``file::name``. A law that does not apply is a skipped test with
    the reason, a broken SHOULD an expected failure, and a subject at fault fails with a sentence that says so. A
    failing case is saved and judged first the next time, as by ``metaproto conformance``; the law, the bytes and the
    file are properties of the test in JUnit's XML.

    Attributes:
        subject: The codec and its messages, or what ``metaproto conformance`` finds them by.
        target: What ``metaproto conformance`` finds the subject by, for the replay command; default: found.
        profile: ``quick``, ``default`` or ``thorough``; default what ``--conformance-profile`` says.
        seed: What cases are drawn from. The same in every run, so that a failure stays.
        strict: Whether a broken SHOULD law fails its test.
        skip: Laws and vectors to leave out, each with the reason.
        known_failing: Laws and vectors that are known to fail, each with the reason. One that holds fails its test.
    """

    subject: ClassVar[Subject | str]
    target: ClassVar[str | None] = None
    profile: ClassVar[str | None] = None
    seed: ClassVar[int] = 0
    strict: ClassVar[bool] = False
    skip: ClassVar[Mapping[str, str]] = _NOTHING
    known_failing: ClassVar[Mapping[str, str]] = _NOTHING

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Makes one test of each law and of each golden vector of the subject."""
        if "law" in metafunc.fixturenames:
            try:
                vectors = list(self._vectors())
            except MetaProtocolError:
                vectors = [_VECTORS]  # whose test says what is wrong with them
            metafunc.parametrize("law", [*CHECKS, *vectors])

    @pytest.mark.conformance
    def test_law(self, law: str, request: pytest.FixtureRequest) -> None:
        """The codec keeps the law, or agrees with the golden vector."""
        __tracebackhide__ = True
        if law in self.skip:
            pytest.skip(f"{law}: {self.skip[law]}")
        try:
            text, level = self._broken(law, request)
        except MetaProtocolError as fault:
            pytest.fail(f"{law} cannot be judged: {fault}", pytrace=False)
        if law in self.known_failing:
            if not text:
                pytest.fail(f"{law} is listed in known_failing, and holds; take it off the list", pytrace=False)
            pytest.xfail(f"{law} is known to fail: {self.known_failing[law]}")
        if text and level is Level.SHOULD and not self.strict:
            pytest.xfail(text)
        if text:
            pytest.fail(text, pytrace=False)

    def _broken(self, law: str, request: pytest.FixtureRequest) -> tuple[str, Level]:
        """What to say of the broken law, empty when it holds; and how binding it is."""
        subject, vectors = self._subject(), self._vectors()
        for name in (*self.skip, *self.known_failing):
            if name not in CHECKS and name not in vectors:
                raise ConformanceError(f"{type(self).__name__} names {name!r}, which is no law")
        profile = self.profile or profile_of(request.config)
        if profile not in PROFILES:
            raise ConformanceError(f"no profile is named {profile!r}; there are {', '.join(PROFILES)}")
        found = hold(
            subject,
            [law] if law in CHECKS else [],
            vectors=[vectors[law]] if law in vectors else [],
            target=self.target or (self.subject if isinstance(self.subject, str) else target_of(subject)),
            max_examples=PROFILES[profile],
            seed=self.seed,
        )
        (outcome,) = found.report.outcomes
        # What record_property does; that one warns where the XML is of the kind pytest writes by default.
        request.node.user_properties.extend(found.properties_of(outcome).items())
        if outcome.verdict is Verdict.SKIPPED:
            pytest.skip(f"{law}: {outcome.detail}")
        if outcome.verdict is Verdict.ERROR:
            raise ConformanceError(outcome.detail)
        return found.text_of(outcome) if outcome.verdict is Verdict.FAILED else "", outcome.check.level

    def _subject(self) -> Subject:
        if not hasattr(self, "subject"):
            raise ConformanceError(f"{type(self).__name__} says no subject; write `subject = subject` in it")
        subject = find_subject(self.subject) if isinstance(self.subject, str) else self.subject
        make_codec(subject)
        return subject

    def _vectors(self) -> dict[str, Vector]:
        return vectors_of(self._subject())
