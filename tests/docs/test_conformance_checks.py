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
from tests.conformance import broken_proxies as proxies
from tests.conformance.right_codecs import REQUESTS, mail

PAGE = Path(__file__).parents[2] / "docs/reference/conformance-checks.md"
REQUEST = MessageType.REQUEST
HELLO = mail(REQUEST, request_id=7, headers=[("a", "b")], body=b"hi")


def case(wire: bytes = HELLO, **parts: object) -> Case:
    return Case(side=REQUEST, wire=wire, **parts)  # type: ignore[arg-type]


def asked(request_id: int, **parts: object) -> Case:
    """One request of an exchange, its reply, and the id it leaves with."""
    wire, reply = mail(REQUEST, request_id=1), mail(MessageType.RESPONSE, request_id=1)
    return Case(side=MessageType.RESPONSE, wire=reply, requests=(wire,), request_id=request_id, **parts)  # type: ignore[arg-type]


BARE = mail(REQUEST, request_id=7)
ONEWAY = mail(MessageType.ONEWAY, request_id=7)
MIXED = bytes.fromhex("01 00 00 07 08 00 00 00")
HEADERS = mail(REQUEST, request_id=7, headers=[("b", "1"), ("a", "2")])

SHOWN: dict[str, tuple[type[Codec], Case]] = {
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
    "decodes_the_same_again": (proxies.SharesItsStrings, case(HELLO + BARE)),
    "hint_changes_nothing": (proxies.BelievesHalfAHeader, case(cuts=(10,))),
    "survives_hostile_input": (proxies.CallsItselfForEachLevel, case(BARE)),
    "sizes_add_up": (proxies.CountsItsHeadersTwice, case()),
    "describes_in_the_right_types": (proxies.SetsPlainNumbers, case(BARE)),
    "tells_requests_from_replies": (
        proxies.TakesOddRepliesForRequests,
        Case(side=MessageType.RESPONSE, wire=mail(MessageType.RESPONSE, request_id=7, body=b"x")),
    ),
    "sets_operation_name": (proxies.NamesNoOperation, case(BARE)),
    "recognises_its_own": (proxies.RefusesAShortPrefix, case(BARE, cuts=(1,), sample=Sample(BARE))),
    "tells_a_deadline_in_seconds": (proxies.GivesNoDeadlineAsMinusOne, case(BARE)),
    "keeps_request_ids": (proxies.PairsRepliesInTheOrderOfRequests, asked(9, others=(asked(8),))),
    "is_stateless": (proxies.AnswersTheLastRequest, case(BARE, others=(case(mail(REQUEST, request_id=9)),))),
    "encode_changes_nothing_else": (proxies.MutatesTheMetadataToo, case(mutation=Mutation(a="x"))),
    "mutation_is_idempotent": (proxies.AddsHeadersBesideThoseThere, case(mutation=Mutation(a="x"))),
    "changes_compose": (proxies.ForgetsTheIdWhenItMutates, case(request_id=9, mutation=Mutation(a="x"))),
    "mutation_is_reversible": (proxies.SortsItsHeadersWhenOneChanges, case(HEADERS, mutation=Mutation(z="x"))),
    "error_reply_answers_the_request": (proxies.WritesNoErrors, case(BARE)),
    "tells_errors_apart": (proxies.TellsNoErrorApart, case(BARE)),
    "answers_no_oneway": (proxies.AnswersOneways, case(ONEWAY)),
    "heartbeats_end": (proxies.AnswersEveryHeartbeat, case(mail(MessageType.HEARTBEAT, request_id=7))),
    "names_every_byte": (proxies.LeavesTheBodyUnnamed, case()),
    "compiles_its_frame": (proxies.MixesItsByteOrders, case(MIXED)),
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
