"""The page of the laws has one section for each check, and shows failures as they are printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.conformance import CHECKS, Case, Sample, Subject, Verdict, replay
from metaprotocol_sdk.conformance.report import failure_text
from metaprotocol_sdk.metadata import MessageType
from metaprotocol_sdk.mutation import Mutation
from tests.conformance import broken_codecs as broken
from tests.conformance.right_codecs import REQUESTS, MailCodec, mail

PAGE = Path(__file__).parents[2] / "docs/reference/conformance-checks.md"
REQUEST = MessageType.REQUEST
HELLO = mail(REQUEST, request_id=7, headers=[("a", "b")], body=b"hi")


def case(wire: bytes = HELLO, **parts: object) -> Case:
    return Case(side=REQUEST, wire=wire, **parts)  # type: ignore[arg-type]


SHOWN: dict[str, tuple[type[MailCodec], Case]] = {
    "decodes_one_message": (broken.WaitsForOneByteMore, case(mail(REQUEST))),
    "waits_without_consuming": (broken.DrainsTheHeaderBeforeItWaits, case(cuts=(13,))),
    "leaves_trailing_bytes": (broken.TakesAllThatIsThere, case(trailing=b"M")),
    "split_invariance": (broken.RemembersThatItWaited, case(mail(REQUEST), cuts=(1,))),
    "passes_through_unchanged": (broken.WritesNothing, case()),
    "rejects_only_with_decode_error": (broken.TrustsTheText, case(HELLO[:12] + b"\xff" + HELLO[13:])),
    "bounds_the_length": (broken.HasNoLimit, case(mail(REQUEST, body=b"hi"))),
    "carries_the_request_id": (broken.KeepsTheOldId, case(request_id=9)),
    "describes_what_it_was_given": (
        broken.ReadsTheIdInTheOtherOrder,
        case(mail(REQUEST, request_id=7), sample=Sample(mail(REQUEST, request_id=7), request_id=7)),
    ),
    "mutation_is_applied": (broken.IgnoresTheMutation, case(mutation=Mutation(a="x"))),
}
"""A codec broken on purpose for each law, and a case that shows it."""


def shown(law: str) -> str:
    """The failure the page shows, as the command prints it."""
    codec, tried = SHOWN[law]
    outcome = replay(Subject(codec, REQUESTS, None), law, tried).outcomes[0]
    assert outcome.verdict is Verdict.FAILED
    made: Codec = codec()
    return failure_text(outcome, made, target="mail", saved=Path(f".metaproto/failures/mail/{law}-1f0c.json"))


def sections() -> dict[str, str]:
    """The text of each section by its heading."""
    parts = re.split(r"^## (\S+)\n", PAGE.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_page_has_one_section_for_each_law_in_the_order_of_checks() -> None:
    assert list(sections()) == list(CHECKS)


@pytest.mark.parametrize("law", CHECKS)
def test_a_section_says_the_law_shows_a_real_failure_and_how_to_leave_it_out(law: str) -> None:
    text = sections()[law]
    assert f"**{CHECKS[law].level.value}.** {CHECKS[law].law}" in text
    assert f"```text\n{shown(law)}\n```" in text
    assert f"--skip {law}" in text
