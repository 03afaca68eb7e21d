from __future__ import annotations

import pytest
from construct import Bytes, Const, Default, Flag, Int8ub, Int16sb, Int16ub, Int32ub, this

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.conformance import CHECKS, Verdict, run, samples, subject_of
from metaprotocol_sdk.errors import Error
from metaprotocol_sdk.exceptions import ConformanceError
from metaprotocol_sdk.framing import (
    DelimitedFrame,
    FixedFrame,
    Frame,
    FramedCodec,
    Frames,
    MessageFrame,
    StringMap,
    TextMap,
    VarintFrame,
)
from metaprotocol_sdk.metadata import Metadata

BINARY = Frame(
    "magic" / Const(b"AB"),
    "version" / Default(Int8ub, 1),
    "code" / Int16sb,
    "flag" / Flag,
    "tag" / Bytes(3),
    "id" / Int32ub,
    "head" / Int16ub,
    "size" / Int32ub,
    length=this.size,
    request_id=this.id,
    strings={"code": this.code},
    headers=StringMap(length=this.head),
)
FRAMES: dict[str, MessageFrame | Frames] = {
    "header": BINARY,
    "words of four bytes": Frame("words" / Int8ub, length=this.words * 4 + 1),
    "fixed": FixedFrame("kind" / Int8ub, "id" / Int16ub, size=9, request_id=this.id),
    "varint": VarintFrame("kind" / Int8ub, "id" / Int16ub, request_id=this.id),
    "text": DelimitedFrame("kind", "id", "method", request_id=this.id, headers=TextMap()),
    "one for each side": Frames(
        Frame("size" / Int8ub, "id" / Int16ub, length=this.size, request_id=this.id),
        Frame("id" / Int16ub, "size" / Int16ub, length=this.size, request_id=this.id),
    ),
}


# A frame does not say what a failure looks like: that is on_error's, and a codec's of its own.
OF_ON_ERROR = {"error_reply_answers_the_request", "tells_errors_apart"}


def codec_of(declared: MessageFrame | Frames) -> type[FramedCodec]:
    class Declared(FramedCodec):
        name = "declared"
        frame = declared

        def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
            buffer.append(self.frame.reply(metadata))

    return Declared


@pytest.mark.parametrize("name", FRAMES)
def test_a_codec_that_is_a_frame_alone_keeps_every_law(name: str) -> None:
    report = run(subject_of(codec_of(FRAMES[name])), checks=CHECKS.keys() - OF_ON_ERROR, max_examples=20)
    found = {each.check.name: (each.verdict, each.detail) for each in report.outcomes}
    assert {law: said for law, said in found.items() if said[0] in (Verdict.FAILED, Verdict.ERROR)} == {}
    assert found["decodes_one_message"][0] is Verdict.PASSED


def test_a_frame_that_does_not_tell_its_length_needs_strategies() -> None:
    with pytest.raises(ConformanceError, match=r"frame_length\(\) does.*write strategies"):
        samples(Frame("kind" / Int8ub))


def test_a_frame_that_nothing_can_be_built_from_needs_strategies() -> None:
    with pytest.raises(ConformanceError, match="no message can be built from the frame alone"):
        samples(Frame("size" / Int8ub, length=this.size * 4 + 1000))
