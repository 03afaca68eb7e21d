"""Frames of a length field, of fixed size and of a varint; what they cost; that their documentation runs."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import Any

import construct
import pytest
from construct import Bytes, Int8ub, Int16ub, Int32ub, this
from hypothesis import given
from hypothesis import strategies as st

import metaprotocol_sdk.framing
from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import DecodeStatus
from metaprotocol_sdk.decoder import Decoder
from metaprotocol_sdk.exceptions import DecodeError, EncodeError, MessageTooLarge
from metaprotocol_sdk.framing import DelimitedFrame, FixedFrame, Frame, MessageFrame, StringMap, VarintFrame
from metaprotocol_sdk.framing.contract import Duties
from metaprotocol_sdk.framing.frame import _read_varint, _varint
from metaprotocol_sdk.metadata import MessageType, Metadata
from metaprotocol_sdk.mutation import Mutation
from tests.framing.counting import CountingBuffer
from tests.framing.messages import codec_for, encoded

DONE, WAIT = DecodeStatus.DONE, DecodeStatus.WAIT_FOR_DATA


def decode(frame: MessageFrame, data: bytes, *, limit: int = 1 << 24) -> tuple[DecodeStatus, Buffer, Metadata]:
    buffer, metadata = Buffer(data), Metadata()
    return frame.bind(Duties(limit=limit))(buffer, metadata), buffer, metadata


# -- a length field --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("length", "data"),
    [
        (this.n, b"\6\0abcd"),
        (this.n + 2, b"\4\0abcd"),
        (this.n * 2, b"\3\0abcd"),
        (this.n * 4 - 2, b"\2\0abcd"),
        (this.n + this.m + 2, b"\3\1abcd"),
        (this.n * 2 + this.m * 3, b"\0\2abcd"),
    ],
)
def test_a_length_is_a_sum_of_fields(length: Any, data: bytes) -> None:
    frame = Frame("n" / Int8ub, "m" / Int8ub, length=length)
    status, buffer, metadata = decode(frame, data + b"NEXT")
    assert status is DONE
    assert (metadata.origin_message, bytes(buffer)) == (data, b"NEXT")
    assert frame.build(b"abcd", m=data[1]) == data
    status, buffer, _ = decode(frame, data[:-1])
    assert (status, buffer.needed) == (WAIT, len(data))


def test_a_length_in_steps_refuses_what_lies_between() -> None:
    frame = Frame("n" / Int8ub, length=this.n * 4)
    assert frame.build(b"abc") == b"\1abc"
    with pytest.raises(EncodeError) as caught:
        frame.build(b"abcd")
    assert str(caught.value) == "cannot encode 'length': 5 cannot be said by n, which counts in steps of 4"


def test_a_length_field_may_hold_less_than_nothing() -> None:
    """A body's length counted from the 16th byte, of a message that ends before it."""
    frame = Frame("n" / construct.Int8sb, length=this.n + 16)
    assert frame.build(b"xy") == b"\xf3xy"
    assert decode(frame, b"\xf3xy")[0] is DONE
    with pytest.raises(EncodeError, match="-13 does not fit"):
        Frame("n" / Int8ub, length=this.n + 16).build(b"xy")


@pytest.mark.parametrize("limit", [1, 3, 4, 5, 6])
def test_the_header_and_the_message_are_bounded_before_anything_waits(limit: int) -> None:
    frame = Frame("n" / Int32ub, length=this.n)
    if limit < 4:
        with pytest.raises(MessageTooLarge):
            decode(frame, b"\0", limit=limit)
        return
    with pytest.raises(MessageTooLarge) as caught:
        decode(frame, b"\xff" * 4, limit=limit)
    assert (caught.value.path, caught.value.offset, caught.value.size) == ("n", 0, (1 << 32) - 1)
    assert decode(frame, limit.to_bytes(4, "big"), limit=limit)[0] is (DONE if limit == 4 else WAIT)
    with pytest.raises(MessageTooLarge):
        decode(frame, (limit + 1).to_bytes(4, "big"), limit=limit)


def test_messages_at_any_place_of_a_buffer_are_read() -> None:
    frame = Frame("n" / Int8ub, length=this.n, strings={"n": this.n})
    stream = b"".join(frame.build(b"x" * size) for size in range(9))
    for buffer in (Buffer(stream), Buffer(bytearray(stream)), Buffer(b"")):
        for byte in stream if not buffer else b"":
            buffer.append(bytes([byte]))
        for size in range(9):
            metadata = Metadata()
            assert frame.bind(Duties(limit=99))(buffer, metadata) is DONE
            assert dict(metadata) == {"n": str(size + 1)}


# -- a fixed size ----------------------------------------------------------------------------------------------------


def test_a_fixed_frame_is_a_header_and_a_body_that_fills_the_rest() -> None:
    frame = FixedFrame("id" / Int16ub, size=5, request_id=this.id)
    status, buffer, metadata = decode(frame, b"\0\7abcNEXT")
    assert status is DONE
    assert (metadata.request_id, metadata.header_size, metadata.body_size) == (7, 2, 3)
    assert bytes(buffer) == b"NEXT"
    assert frame.build(b"abc", request_id=7) == b"\0\7abc"
    assert frame.reply(metadata, b"xyz") == b"\0\7xyz"
    with pytest.raises(EncodeError) as caught:
        frame.reply(metadata, b"xy")
    assert str(caught.value) == "cannot encode 'body': a body of 2 bytes was given and every message has 3"


def test_a_fixed_frame_is_its_header_unless_it_says_more() -> None:
    assert FixedFrame("a" / Int16ub).size == 2
    assert FixedFrame(size=3).build(b"abc") == b"abc"
    assert decode(FixedFrame(size=3), b"ab")[1].needed == 3


@pytest.mark.parametrize(("fields", "size"), [((), None), ((), 0), (("a" / Int16ub,), 1), ((), -3)])
def test_a_fixed_size_that_cannot_be_is_refused(fields: tuple[Any, ...], size: int | None) -> None:
    with pytest.raises(ValueError, match=r"size=-?\d is less than the header's \d bytes, or no message at all"):
        FixedFrame(*fields, size=size)


def test_a_fixed_size_over_the_limit_is_refused_by_the_headers_end() -> None:
    assert decode(FixedFrame("a" / Int16ub, size=5), b"a", limit=4)[0] is WAIT
    with pytest.raises(MessageTooLarge):
        decode(FixedFrame("a" / Int16ub, size=5), b"ab", limit=4)


# -- a varint --------------------------------------------------------------------------------------------------------


@given(st.integers(0, (1 << 64) - 1))
def test_varints_round_trip(number: int) -> None:
    data = _varint(number)
    assert _read_varint(data + b"\xff") == (number, len(data))
    assert len(data) == max(1, -(-number.bit_length() // 7))
    for cut in range(len(data)):
        assert _read_varint(data[:cut]) == (0, 0)


@pytest.mark.parametrize(
    ("data", "number"),
    [
        (b"\0", 0),
        (b"\x7f", 127),
        (b"\x80\x01", 128),
        (b"\xac\x02", 300),
        (b"\x80\x00", 0),
        (b"\x83\x80\x80\x00", 3),
        (b"\xff" * 9 + b"\x01", (1 << 64) - 1),
        (b"\x80" * 9 + b"\x01", 1 << 63),
    ],
)
def test_varints_are_those_of_protocol_buffers(data: bytes, number: int) -> None:
    assert _read_varint(data) == (number, len(data))


@pytest.mark.parametrize("data", [b"\xff" * 9 + b"\x02", b"\x80" * 10, b"\xff" * 10, b"\x80" * 9 + b"\x7f"])
def test_a_varint_of_more_than_64_bits_is_malformed_at_once(data: bytes) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(VarintFrame(), data)
    assert str(caught.value) == "malformed message at byte 0 in length: the varint has more than 64 bits"


def test_a_varint_counts_what_follows_it() -> None:
    frame = VarintFrame("id" / Int16ub, request_id=this.id)
    data = frame.build(b"x" * 298, request_id=7)
    assert data == b"\xac\x02\0\7" + b"x" * 298
    status, _, metadata = decode(frame, data)
    assert status is DONE
    assert (metadata.request_id, metadata.header_size, metadata.body_size) == (7, 4, 298)
    metadata.request_id = 0x102
    assert frame.encode(metadata, Mutation()) == b"\xac\x02\1\2" + b"x" * 298


def test_an_overlong_varint_is_read_and_kept_while_the_length_stays() -> None:
    frame = VarintFrame("n" / Int8ub, headers=StringMap(length=this.n, prefix=Int8ub))
    codec = codec_for(frame)
    status, _, metadata = decode(frame, b"\x86\x00\4\1a\1bz")
    assert status is DONE
    assert encoded(codec, metadata, Mutation({"a": "c"})) == b"\x86\x00\4\1a\1cz"
    assert encoded(codec, metadata, Mutation({"a": "cc"})) == b"\x07\5\1a\2ccz"


@pytest.mark.parametrize(("growth", "data"), [(123, b"\x7f"), (124, b"\x80\x01")])
def test_a_varint_grows_when_the_message_does(growth: int, data: bytes) -> None:
    frame = VarintFrame("n" / Int8ub, headers=StringMap(length=this.n, prefix=Int8ub))
    _, _, metadata = decode(frame, b"\x01\x00")
    written = encoded(codec_for(frame), metadata, Mutation({"k": "v" * growth}))
    assert written[: len(data)] == data
    assert decode(frame, written)[2]["k"] == "v" * growth


@pytest.mark.parametrize(
    ("data", "limit", "error", "sentence"),
    [
        (
            b"\1",
            99,
            DecodeError,
            "malformed message at byte 0 in length: it says 1 bytes follow, fewer than the header's 2",
        ),
        (b"\x0a", 10, MessageTooLarge, "malformed message at byte 0 in length: 11 bytes are over the limit of 10"),
        (
            b"\xff" * 9 + b"\x01",
            99,
            MessageTooLarge,
            "malformed message at byte 0 in length: 18446744073709551625 bytes",
        ),
        (b"\x80\x80", 2, MessageTooLarge, "malformed message at byte 0 in length: 3 bytes are over the limit of 2"),
    ],
)
def test_a_varint_is_bounded(data: bytes, limit: int, error: type[DecodeError], sentence: str) -> None:
    with pytest.raises(error) as caught:
        decode(VarintFrame("a" / Int16ub), data, limit=limit)
    assert str(caught.value).startswith(sentence)


# -- what it costs, counted --------------------------------------------------------------------------------------------

BODY = b"b" * (1 << 20)
SIZED = Frame("len" / Int32ub, "head" / Int16ub, length=this.len, headers=StringMap(length=this.head))
LARGE: dict[str, tuple[MessageFrame, bytes]] = {
    "frame": (SIZED, SIZED.build(BODY, headers={"k": "v"})),
    "construct": (Frame("len" / Int32ub, "x" / construct.Hex(Int8ub), length=this.len), b"\0\x10\0\5x" + BODY),
    "varint": (VarintFrame(), VarintFrame().build(BODY)),
    "fixed": (FixedFrame("a" / Int16ub, size=len(BODY)), BODY),
}


def pieces(data: bytes, size: int = 1000) -> Iterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


@pytest.mark.parametrize("kind", LARGE)
def test_a_large_message_in_small_pieces_is_copied_once(kind: str) -> None:
    frame, data = LARGE[kind]
    take, buffer, calls = frame.bind(Duties(limit=1 << 24)), CountingBuffer(), 0
    metadata = Metadata()
    for piece in pieces(data):
        buffer.append(piece)
        if len(buffer) >= buffer.needed:
            calls += 1
            status = take(buffer, metadata)
    assert status is DONE
    assert calls <= 3
    assert buffer.copied <= len(data) + 4000


@pytest.mark.parametrize("kind", LARGE)
def test_a_caller_that_ignores_needed_pays_no_more_than_a_few_copies(kind: str) -> None:
    frame, data = LARGE[kind]
    take, buffer = frame.bind(Duties(limit=1 << 24)), CountingBuffer()
    for piece in pieces(data):
        buffer.append(piece)
        status = take(buffer, Metadata())
    assert status is DONE
    assert buffer.copied <= 2 * len(data)


def test_a_decoder_asks_the_codec_only_when_needed_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    codec, asked = codec_for(SIZED), []
    original = codec.decode

    def counted(buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        asked.append(len(buffer))
        return original(buffer, metadata)

    monkeypatch.setattr(codec, "decode", counted)
    decoder = Decoder(codec, MessageType.REQUEST)
    for piece in pieces(LARGE["frame"][1], 1):
        decoder.receive_data(piece)
        found = decoder.next_message()
    assert found is not None
    assert asked == [1, 6, len(LARGE["frame"][1])]


def test_a_piece_that_is_one_message_is_not_copied() -> None:
    frame, data = LARGE["frame"]
    buffer, metadata = Buffer(data), Metadata()
    frame.bind(Duties(limit=1 << 24))(buffer, metadata)
    assert metadata.origin_message is data


# -- documentation ---------------------------------------------------------------------------------------------------


def examples(documented: Any) -> list[str]:
    """The literal blocks of Python in a docstring."""
    blocks = re.findall(r"::\n\n((?:    .*\n|\n)+)", f"{inspect.getdoc(documented)}\n")
    return [textwrap.dedent(block) for block in blocks if "frame = " in block]


@pytest.mark.parametrize("documented", [Frame, DelimitedFrame])
def test_the_examples_in_docstrings_run(documented: type[MessageFrame]) -> None:
    (example,) = examples(documented)
    names = {
        **vars(construct),
        **{name: getattr(metaprotocol_sdk.framing, name) for name in metaprotocol_sdk.framing.__all__},
    }
    exec(example, names)
    assert type(names["frame"]) is documented


def test_the_example_of_frame_means_what_it_says() -> None:
    names = dict(vars(construct), Frame=Frame)
    exec(examples(Frame)[0], names)
    frame = names["frame"]
    assert frame.is_compiled
    assert frame.build(b"body", request_id=2) == b"\1\0\0\0\2\0\0\0\x0dbody"


def test_a_frame_says_what_it_is() -> None:
    frame = Frame("len" / Int8ub, "raw" / Bytes(2), length=this.len)
    assert (frame.names, frame.is_compiled, frame.tells_length, frame.carries_headers) == (
        ("len", "raw"),
        True,
        True,
        False,
    )
    assert not Frame("len" / construct.Hex(Int8ub)).is_compiled
    assert not Frame("len" / Int8ub).tells_length
    assert LARGE["frame"][0].carries_headers
