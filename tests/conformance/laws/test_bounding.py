from __future__ import annotations

import pytest

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import Codec, DecodeStatus
from metaprotocol_sdk.conformance import Case
from metaprotocol_sdk.conformance.check import Broken, NotJudged
from metaprotocol_sdk.conformance.laws.bounding import bounds_the_length
from metaprotocol_sdk.exceptions import ConformanceError, MessageTooLarge
from metaprotocol_sdk.metadata import MessageType, Metadata
from tests.conformance import broken_codecs as broken
from tests.conformance.right_codecs import LineCodec, MailCodec, mail
from tests.helpers import TinyCodec, tiny

REQUEST = MessageType.REQUEST


class KnowsAndWaits(TinyCodec):
    """It declares its length and looks at the limit only at the end; it never sets ``needed``."""

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        limit, self.max_message_size = self.max_message_size, 1 << 30
        try:
            status = super().decode(buffer, metadata)
        finally:
            self.max_message_size = limit
        buffer.needed = 0
        if len(buffer) > limit or len(metadata.origin_message) > limit:
            raise MessageTooLarge(len(buffer), limit)
        return status


TEXTS = [
    (broken.HasNoLimit, mail(REQUEST, body=b"xyz"), None, "=14 decode waits for 15 bytes .* raises MessageTooLarge"),
    (broken.LimitsTheBodyAlone, mail(REQUEST, body=b"xyz"), None, "=14 decode waits for 15 bytes"),
    (broken.LimitsTheBodyAlone, mail(REQUEST), None, "=11 decode took a message of 12 bytes"),
    (
        KnowsAndWaits,
        tiny(b"xyz"),
        None,
        "=8 decode still waits after 6 bytes of a message whose first 6 bytes declare 9",
    ),
    (broken.IgnoresItsConfiguration, mail(REQUEST), None, "made with max_message_size=11 and has 16777216"),
    (broken.HasNoLimit, mail(REQUEST, body=b"x" * 80), 64, "=64 decode took a message of 92 bytes"),
    (broken.HasNoLimit, mail(REQUEST, body=b"x" * 80)[:70], 64, "=64 decode waits for more although 70 bytes"),
]


@pytest.mark.parametrize(("codec", "wire", "limit", "text"), TEXTS)
def test_a_failure_says_what_the_limit_was_and_what_came(
    codec: type[Codec], wire: bytes, limit: int | None, text: str
) -> None:
    with pytest.raises(Broken, match=text):
        bounds_the_length(codec, Case(side=REQUEST, wire=wire, limit=limit))


@pytest.mark.parametrize(
    ("codec", "wire"), [(MailCodec, mail(REQUEST)), (TinyCodec, tiny()), (LineCodec, b"GET abc\n")]
)
def test_a_header_that_alone_is_over_the_limit_may_be_waited_for(codec: type[Codec], wire: bytes) -> None:
    bounds_the_length(codec, Case(side=REQUEST, wire=wire))


def test_a_message_of_one_byte_has_no_limit_below_it() -> None:
    class Byte(LineCodec):
        def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
            metadata.origin_message = buffer.drain(1)
            return DecodeStatus.DONE

    with pytest.raises(NotJudged, match="one byte"):
        bounds_the_length(Byte, Case(side=REQUEST, wire=b"x"))


def _fixed() -> Codec:
    return TinyCodec()


def test_a_factory_that_takes_no_limit_is_the_subjects_fault() -> None:
    with pytest.raises(ConformanceError, match="does not take max_message_size"):
        bounds_the_length(_fixed, Case(side=REQUEST, wire=tiny(b"x")))
