from __future__ import annotations

import pytest

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.conformance import CHECKS, Case, Sample
from metaprotocol_sdk.conformance.check import Broken, NotJudged
from metaprotocol_sdk.metadata import MessageType
from tests.conformance import broken_proxies as proxies
from tests.conformance.right_codecs import MailCodec, mail

REQUEST, RESPONSE = MessageType.REQUEST, MessageType.RESPONSE
HELLO = mail(REQUEST, request_id=7, headers=[("timeout", "x")], body=b"hi")
REPLY = mail(RESPONSE, request_id=7, body=b"x")


def case(wire: bytes = HELLO, **parts: object) -> Case:
    return Case(side=REQUEST, wire=wire, **parts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("law", "codec", "tried", "text"),
    [
        ("sizes_add_up", proxies.CountsItsHeadersTwice, case(), "22 bytes of header and 12 of body, 34 together, of"),
        ("sizes_add_up", proxies.ForgetsItsSizes, case(), "0 together, of a message of 24 bytes"),
        (
            "describes_in_the_right_types",
            proxies.SetsPlainNumbers,
            case(),
            "stream_id to None, a NoneType; it is an int",
        ),
        (
            "describes_in_the_right_types",
            proxies.SetsTheStatusAsABool,
            case(),
            "status to 0, a int; it is a ResponseSta",
        ),
        ("sets_operation_name", proxies.NamesNoOperation, case(), "leaves operation_name empty in a REQUEST"),
        (
            "tells_requests_from_replies",
            proxies.TakesOddRepliesForRequests,
            Case(side=RESPONSE, wire=REPLY),
            "was told that a server speaks .* calls its message a REQUEST",
        ),
        (
            "recognises_its_own",
            proxies.RefusesAShortPrefix,
            case(cuts=(1,), sample=Sample(HELLO)),
            "refuses the first 1 bytes",
        ),
        ("recognises_its_own", proxies.IndexesAShortPrefix, case(cuts=(1,)), "match raised IndexError.* on 1 bytes"),
        (
            "recognises_its_own",
            proxies.IsNeverSure,
            case(sample=Sample(HELLO)),
            "match answers None for a whole message",
        ),
        ("tells_a_deadline_in_seconds", proxies.GivesTheTimeoutAsText, case(), "deadline returned 'x'; it is a number"),
        ("tells_a_deadline_in_seconds", proxies.GivesNoDeadlineAsMinusOne, case(), "deadline is -1 s"),
        ("tells_a_deadline_in_seconds", proxies.ExpectsATimeout, case(), "deadline raised ValueError"),
        ("names_every_byte", proxies.LeavesTheBodyUnnamed, case(), "the fields end at byte 22 of 24"),
        (
            "names_every_byte",
            proxies.NamesBytesThatAreNotThere,
            case(cuts=(4,)),
            "of the first 4 bytes goes from 2 to 6",
        ),
        ("names_every_byte", proxies.NamesOnlyWholeHeaders, case(cuts=(1,)), "of the first 1 bytes raised error"),
        (
            "compiles_its_frame",
            proxies.MixesItsByteOrders,
            case(),
            "the request and response frame's is_compiled is Fa",
        ),
    ],
)
def test_a_failure_says_what_was_said(law: str, codec: type[Codec], tried: Case, text: str) -> None:
    with pytest.raises(Broken, match=f"(?s){text}"):
        CHECKS[law].function(codec, tried)


@pytest.mark.parametrize("law", ["sets_operation_name", "recognises_its_own"])
def test_what_servers_send_is_not_judged(law: str) -> None:
    with pytest.raises(NotJudged):
        CHECKS[law].function(MailCodec, Case(side=RESPONSE, wire=REPLY, sample=Sample(REPLY)))
