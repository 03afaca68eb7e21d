from __future__ import annotations

import pytest

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.conformance import CHECKS, Case
from metaprotocol_sdk.conformance.check import Broken, NotJudged
from metaprotocol_sdk.metadata import MessageType
from tests.conformance import broken_codecs as broken
from tests.conformance import broken_proxies as proxies
from tests.conformance.right_codecs import MailCodec, RememberingCodec, mail
from tests.helpers import tiny

REQUEST, RESPONSE = MessageType.REQUEST, MessageType.RESPONSE
HELLO = mail(REQUEST, request_id=7, headers=[("a", "b")], body=b"hi")


def case(wire: bytes = HELLO, **parts: object) -> Case:
    return Case(side=REQUEST, wire=wire, **parts)  # type: ignore[arg-type]


def exchange(new_id: int, *others: Case, own_id: int = 1, kind: MessageType = REQUEST) -> Case:
    wire, reply = mail(kind, request_id=own_id), mail(RESPONSE, request_id=own_id, body=bytes([new_id]))
    return Case(side=RESPONSE, wire=reply, requests=(wire,), request_id=new_id, others=others)


OTHER = case(mail(REQUEST, request_id=9, headers=[("a", "c")]))


@pytest.mark.parametrize(
    ("law", "codec", "tried", "text"),
    [
        ("decodes_the_same_again", proxies.SharesItsStrings, case(HELLO + OTHER.wire), "changed when later ones came"),
        ("decodes_the_same_again", broken.RemembersThatItWaited, case(HELLO + b"M"), "gave 1 messages, and 0 when"),
        (
            "is_stateless",
            proxies.AnswersTheLastRequest,
            case(others=(OTHER,)),
            "error reply to message 0 is .* 09 .*; al",
        ),
        (
            "is_stateless",
            proxies.CachesStringsByTheId,
            case(others=(OTHER,)),
            "other connection's message reads otherwise",
        ),
        ("is_stateless", proxies.EncodesWhatItDecodedLast, case(others=(OTHER,)), "message 0, written on, is"),
        (
            "hint_changes_nothing",
            proxies.BelievesHalfAHeader,
            case(cuts=(10,)),
            "the hint kept .* is refused; with hint",
        ),
        (
            "keeps_request_ids",
            proxies.PairsRepliesInTheOrderOfRequests,
            exchange(9, exchange(8)),
            "id 9 decodes .* id 8$",
        ),
    ],
)
def test_a_failure_says_what_another_changed(law: str, codec: type[Codec], tried: Case, text: str) -> None:
    with pytest.raises(Broken, match=f"(?s){text}"):
        CHECKS[law].function(codec, tried)


def test_two_clients_may_use_one_id() -> None:
    CHECKS["keeps_request_ids"].function(MailCodec, exchange(9, exchange(8), exchange(0), own_id=3))


def test_what_is_not_answered_is_no_exchange() -> None:
    with pytest.raises(NotJudged, match="no request that waits for a reply"):
        CHECKS["keeps_request_ids"].function(MailCodec, exchange(9, kind=MessageType.ONEWAY))
    with pytest.raises(NotJudged, match="no request that waits for a reply"):
        CHECKS["keeps_request_ids"].function(MailCodec, case(request_id=1))


def test_a_codec_that_remembers_requests_keeps_their_ids() -> None:
    pairs = [
        Case(side=RESPONSE, wire=tiny(request_id=own), requests=(tiny(b"\7", request_id=own),), request_id=new)
        for own, new in ((1, 5), (2, 4))
    ]
    first = Case(side=RESPONSE, wire=pairs[0].wire, requests=pairs[0].requests, request_id=5, others=(pairs[1],))
    CHECKS["keeps_request_ids"].function(RememberingCodec, first)
