from __future__ import annotations

import pytest

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.conformance import CHECKS, Case, Sample
from metaprotocol_sdk.conformance.check import Broken, Draw, NotJudged
from metaprotocol_sdk.metadata import MessageType
from tests.conformance import broken_codecs as broken
from tests.conformance.right_codecs import MailCodec, SkippingCodec, mail
from tests.helpers import tiny

REQUEST = MessageType.REQUEST
HELLO = mail(REQUEST, request_id=7, headers=[("a", "b")], body=b"hello")


def case(wire: bytes = HELLO, **parts: object) -> Case:
    return Case(side=REQUEST, wire=wire, **parts)  # type: ignore[arg-type]


TEXTS = [
    ("decodes_one_message", broken.WaitsForOneByteMore, case(mail(REQUEST)), "waits for more .* 12 bytes is there"),
    ("decodes_one_message", MailCodec, case(b"N" + HELLO[1:]), "refuses a whole message of 21 bytes.*0x4e.*sample"),
    ("decodes_one_message", MailCodec, case(HELLO + b"x"), "took 21 of the message's 22 bytes and left 1"),
    ("decodes_one_message", broken.TakesHeartbeatsForNothing, case(mail(MessageType.HEARTBEAT)), "skipped all 12"),
    ("decodes_one_message", broken.TakesItsHeaderOffTheMessage, case(), "origin_message is .*9 bytes.*21 bytes"),
    ("waits_without_consuming", broken.RefusesAPartialHeader, case(cuts=(3,)), "refuses the first 3 of .*21 bytes"),
    ("waits_without_consuming", broken.UnpacksWhatIsNotThere, case(cuts=(3,)), "decode raised error: .* on 3 bytes"),
    (
        "waits_without_consuming",
        broken.DrainsTheHeaderBeforeItWaits,
        case(cuts=(13,)),
        "took 12 bytes off the first 13",
    ),
    ("waits_without_consuming", broken.NeedsMoreThanTheMessageHas, case(cuts=(13,)), r"asks for 25 \(buffer.needed\)"),
    ("waits_without_consuming", broken.DescribesBeforeItWaits, case(cuts=(9,)), "written in metadata: request_id is"),
    ("leaves_trailing_bytes", broken.TakesAllThatIsThere, case(trailing=b"xyz"), "3 bytes follow .* 0 are left"),
    ("leaves_trailing_bytes", broken.TakesTheReadForTheBody, case(trailing=b"xyz"), "body_size is 8, not 5"),
    ("leaves_trailing_bytes", broken.RefusesASecondMessageInTheRead, case(trailing=b"x"), "because 1 bytes follow"),
    (
        "split_invariance",
        broken.RemembersThatItWaited,
        case(HELLO * 2, cuts=(1, 2)),
        r"in one read the 42 bytes give 2 messages, then open \(0 bytes wait\); in 3 reads \(cut at 1, 2\) .* refused",
    ),
    (
        "split_invariance",
        broken.CountsItsMessages,
        case(HELLO * 4, cuts=(1,)),
        "message 0 reads otherwise .* 'message 5'",
    ),
    ("rejects_only_with_decode_error", broken.TrustsTheText, case(HELLO[:12] + b"\xff" + HELLO[13:]), "UnicodeDecode"),
    ("rejects_only_with_decode_error", broken.AssertsTheMagic, case(b"x" * 12), "decode raised AssertionError"),
    (
        "rejects_only_with_decode_error",
        broken.PutsOffItsStringsCarelessly,
        case(HELLO[:15] + b"!" + HELLO[16:]),
        "deferred strings raised TypeError",
    ),
    (
        "rejects_only_with_decode_error",
        broken.DrainsTheHeaderBeforeItWaits,
        case(HELLO[:-1]),
        "took 12 bytes and then wai",
    ),
    (
        "describes_what_it_was_given",
        broken.LosesItsLastHeader,
        case(sample=Sample(HELLO, strings={"A": "b"})),
        "states the string 'A' as 'b' and decode finds None",
    ),
    (
        "describes_what_it_was_given",
        broken.ReadsTheIdInTheOtherOrder,
        case(sample=Sample(HELLO, request_id=7)),
        "states request_id 7 and decode finds 117440512",
    ),
]


@pytest.mark.parametrize(("law", "codec", "tried", "text"), TEXTS, ids=lambda value: getattr(value, "__name__", None))
def test_a_failure_says_what_was_done_and_what_came(law: str, codec: type[Codec], tried: Case, text: str) -> None:
    with pytest.raises(Broken, match=f"(?s){text}"):
        CHECKS[law].function(codec, tried)


ALONE = [law for law in CHECKS if not CHECKS[law].draws & (Draw.CORRUPTION | Draw.STREAM | Draw.EXCHANGES)]


@pytest.mark.parametrize("law", [law for law in ALONE if law not in ("decodes_one_message", "compiles_its_frame")])
def test_other_laws_say_nothing_of_a_message_that_does_not_decode_alone(law: str) -> None:
    tried = case(HELLO[:-1], cuts=(2,), trailing=b"x", request_id=5, sample=Sample(HELLO[:-1], request_id=7))
    with pytest.raises(NotJudged, match="decodes_one_message"):
        CHECKS[law].function(MailCodec, tried)


@pytest.mark.parametrize("law", ["split_invariance", "rejects_only_with_decode_error", "names_every_byte"])
def test_laws_of_any_bytes_hold_of_half_a_message(law: str) -> None:
    CHECKS[law].function(MailCodec, case(HELLO[:-1], cuts=(2,)))


def test_a_sample_that_states_nothing_is_not_compared() -> None:
    with pytest.raises(NotJudged, match="no sample states"):
        CHECKS["describes_what_it_was_given"].function(MailCodec, case(sample=Sample(HELLO)))


def test_a_string_stated_as_none_must_be_absent() -> None:
    check = CHECKS["describes_what_it_was_given"].function
    check(MailCodec, case(sample=Sample(HELLO, strings={"b": None})))
    with pytest.raises(Broken, match="'a' as None and decode finds 'b'"):
        check(MailCodec, case(sample=Sample(HELLO, strings={"a": None})))


@pytest.mark.parametrize("law", ["decodes_one_message", "waits_without_consuming", "leaves_trailing_bytes"])
def test_skipped_bytes_may_stand_before_a_message(law: str) -> None:
    CHECKS[law].function(SkippingCodec, case(b"\0\0" + tiny(b"xy"), cuts=(1, 2, 3, 9), trailing=b"\0"))
