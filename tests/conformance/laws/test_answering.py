from __future__ import annotations

import pytest

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.conformance import CHECKS, Case
from metaprotocol_sdk.conformance.check import Broken, NotJudged
from metaprotocol_sdk.metadata import MessageType
from tests.conformance import broken_proxies as proxies
from tests.conformance.right_codecs import LineCodec, MailCodec, RememberingCodec, mail
from tests.helpers import TinyCodec, tiny

REQUEST = MessageType.REQUEST
ASKED = Case(side=REQUEST, wire=mail(REQUEST, request_id=7))
ONEWAY = Case(side=REQUEST, wire=mail(MessageType.ONEWAY, request_id=7))
BEAT = Case(side=REQUEST, wire=mail(MessageType.HEARTBEAT, request_id=7), request_id=9)
ERROR, BEATS = "error_reply_answers_the_request", "heartbeats_end"


@pytest.mark.parametrize(
    ("law", "codec", "tried", "text"),
    [
        (ERROR, proxies.WritesNoErrors, ASKED, "writes nothing for ROUTE_NOT_FOUND 'no healthy upstream': the client"),
        (ERROR, proxies.AnswersErrorsWithSuccess, ASKED, "decodes with response_status OK: it would count as a suc"),
        (ERROR, proxies.EchoesTheRequest, ASKED, "decodes as REQUEST, not as RESPONSE or ERROR"),
        (ERROR, proxies.ForgetsTheIdInErrors, ASKED, "the request has the id 7, and the reply to .* 0$"),
        (ERROR, proxies.CountsTheTextInOneByte, ASKED, r"OverflowError: .* 'long long long l… \(1024 characters\)"),
        (ERROR, proxies.RefusesLongTexts, ASKED, "Shorten what the protocol cannot hold"),
        (ERROR, proxies.CutsTextsInTheMiddleOfACharacter, ASKED, "does not decode as one message .*not UTF-8"),
        (ERROR, proxies.SpoilsTheRequestItAnswers, ASKED, "changed the request's metadata: response_status is ERROR"),
        ("tells_errors_apart", proxies.TellsNoErrorApart, ASKED, "the same .* for each of the 6 ErrorTypes"),
        ("answers_no_oneway", proxies.AnswersOneways, ONEWAY, "for a oneway: the client takes it for the reply to"),
        (BEATS, proxies.AnswersEveryHeartbeat, BEAT, "two proxies would answer each other for ever"),
        (BEATS, proxies.ForgetsTheIdOfAHeartbeat, BEAT, "heartbeat has the id 9, and the answer to it 0"),
        (BEATS, proxies.SaysThatItBeat, BEAT, r"heartbeat\(9\) returned True and wrote 0 bytes"),
        (BEATS, proxies.BeatsLikeARequest, BEAT, "decodes as REQUEST, not as HEARTBEAT"),
    ],
)
def test_a_failure_says_what_was_written(law: str, codec: type[Codec], tried: Case, text: str) -> None:
    with pytest.raises(Broken, match=f"(?s){text}"):
        CHECKS[law].function(codec, tried)


@pytest.mark.parametrize(
    ("law", "codec", "tried", "text"),
    [
        (ERROR, MailCodec, ONEWAY, "no REQUEST that waits for a reply"),
        ("tells_errors_apart", proxies.WritesNoErrors, ASKED, "see error_reply_answers_the_request"),
        ("answers_no_oneway", MailCodec, ASKED, "send no ONEWAY"),
        (BEATS, TinyCodec, Case(side=REQUEST, wire=tiny()), "no heartbeat to send, and its samples have none"),
    ],
)
def test_what_a_protocol_does_not_have_is_not_judged(law: str, codec: type[Codec], tried: Case, text: str) -> None:
    with pytest.raises(NotJudged, match=text):
        CHECKS[law].function(codec, tried)


def test_a_reply_without_an_id_and_one_that_only_its_connection_can_read_are_right() -> None:
    CHECKS[ERROR].function(LineCodec, Case(side=REQUEST, wire=b"GET x\n"))
    CHECKS[ERROR].function(RememberingCodec, Case(side=REQUEST, wire=tiny(b"\7", request_id=4), request_id=65_535))
