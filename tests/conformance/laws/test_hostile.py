from __future__ import annotations

import tracemalloc

import pytest

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.conformance import CHECKS, Case
from metaprotocol_sdk.conformance.check import Broken
from metaprotocol_sdk.conformance.laws import hostile
from metaprotocol_sdk.metadata import MessageType
from tests.conformance import broken_codecs as broken
from tests.conformance import broken_proxies as proxies
from tests.conformance.right_codecs import JsonCodec, MailCodec, mail

LAW = CHECKS["survives_hostile_input"].function
BARE = Case(side=MessageType.REQUEST, wire=mail(MessageType.REQUEST, request_id=7, body=b"hello"))


@pytest.mark.parametrize(
    ("codec", "text", "at"),
    [
        (proxies.CallsItselfForEachLevel, r"with a body of b'\[' 30000 times: decode raised RecursionError", 12),
        (proxies.MakesRoomForWhatIsDeclared, r"with 7f ff ff ff at byte 3: decode took \d+ MiB of memory at once", 3),
        (proxies.TakesNothingForEver, "at byte 1: decode returned DONE without taking a byte", 1),
        (broken.HasNoLimit, r"over its limit of 16777216: it raises MessageTooLarge", None),
        (broken.UnpacksWhatIsNotThere, "cut off after 1 bytes: decode raised error: unpack requires", 1),
        (broken.TrustsTheKindOfAStream, "with 04 at byte 1: decode raised KeyError", 1),
    ],
)
def test_a_failure_says_what_was_done_to_which_byte(codec: type[Codec], text: str, at: int | None) -> None:
    with pytest.raises(Broken, match=text) as caught:
        LAW(codec, BARE)
    assert at is None or caught.value.at == at


def test_time_is_measured_for_each_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostile, "_SECONDS", -1.0)
    with pytest.raises(Broken, match=r"cut off after 1 bytes: decode took 0\.0 s of CPU for 1 bytes"):
        LAW(MailCodec, BARE)


def test_a_right_codec_survives_and_memory_is_no_longer_traced_after_it() -> None:
    LAW(MailCodec, BARE)
    LAW(JsonCodec, Case(side=MessageType.REQUEST, wire=b'{"id": 1}\n'))
    assert not tracemalloc.is_tracing()
