"""One direction of one connection; one broken codec per rule it holds them to."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import Codec, DecodeStatus
from metaprotocol_sdk.decoder import Decoder
from metaprotocol_sdk.exceptions import CodecBug, CodecError, DecodeError, MessageTooLarge
from metaprotocol_sdk.metadata import MessageType, Metadata
from tests.helpers import TinyCodec, tiny

WAIT, DONE, SKIPPED = DecodeStatus.WAIT_FOR_DATA, DecodeStatus.DONE, DecodeStatus.SKIPPED


def decoder_of(codec: Codec, data: bytes = b"") -> Decoder:
    decoder = Decoder(codec, MessageType.REQUEST)
    decoder.receive_data(data)
    return decoder


def messages(decoder: Decoder) -> list[bytes]:
    """Every message there is, as its bytes."""
    return [each.origin_message for each in iter(decoder.next_message, None)]


BODIES = st.lists(st.binary(max_size=20), max_size=6)


@given(BODIES, st.data())
def test_any_chunking_gives_the_same_messages(bodies: list[bytes], data: st.DataObject) -> None:
    wire = b"".join(tiny(body, request_id=index) for index, body in enumerate(bodies))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    decoder = decoder_of(TinyCodec())
    seen = []
    for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        decoder.receive_data(wire[start:end])
        seen += messages(decoder)
    assert seen == [tiny(body, request_id=index) for index, body in enumerate(bodies)]
    assert decoder.buffered == 0


def test_what_is_left_over_is_buffered() -> None:
    decoder = decoder_of(TinyCodec(), tiny(b"whole") + tiny(b"half")[:7])
    assert messages(decoder) == [tiny(b"whole")]
    assert decoder.buffered == 7
    assert decoder.pending() == tiny(b"half")[:7]
    assert not decoder.is_broken


@pytest.mark.parametrize("side", [MessageType.REQUEST, MessageType.RESPONSE])
def test_a_message_knows_its_side_and_its_codec(side: MessageType) -> None:
    decoder = Decoder(TinyCodec(), side)
    decoder.receive_data(tiny())
    message = decoder.next_message()
    assert message is not None
    assert (message.message_type, message.side, message.codec) == (side, side, "tiny")


@pytest.mark.parametrize("side", [MessageType.ONEWAY, MessageType.ERROR, 17])
def test_it_reads_requests_or_responses(side: Any) -> None:
    with pytest.raises(ValueError, match="a Decoder reads REQUEST or RESPONSE, not "):
        Decoder(TinyCodec(), side)


class Counting(TinyCodec):
    def __init__(self, **config: int) -> None:
        super().__init__(**config)
        self.calls = 0

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        self.calls += 1
        return super().decode(buffer, metadata)


def test_a_codec_is_not_asked_before_the_bytes_it_needs_are_there() -> None:
    codec = Counting()
    decoder = decoder_of(codec)
    for byte in tiny(b"x" * 100):
        decoder.receive_data(bytes([byte]))
        decoder.next_message()
    # The first byte, the whole header, the whole message.
    assert codec.calls == 3


def test_an_empty_connection_asks_nobody() -> None:
    codec = Counting()
    assert decoder_of(codec).next_message() is None
    assert codec.calls == 0


def test_messages_before_a_malformed_one_are_delivered_and_it_stays_broken() -> None:
    decoder = decoder_of(TinyCodec(), tiny(b"1") + tiny(b"2") + b"GET / HTTP/1.1\r\n")
    assert decoder.next_message() is not None
    assert decoder.next_message() is not None
    errors = []
    for _ in range(2):
        with pytest.raises(DecodeError) as caught:
            decoder.next_message()
        errors.append(caught.value)
    assert errors[0] is errors[1]
    assert decoder.is_broken


def test_bytes_after_an_error_are_dropped() -> None:
    decoder = decoder_of(TinyCodec(), b"GET")
    decoder.receive_data(b" / HTTP/1.1")
    with pytest.raises(DecodeError):
        decoder.next_message()
    before = decoder.buffered
    decoder.receive_data(tiny())
    assert decoder.buffered == before


class Skipping(TinyCodec):
    """A zero byte is an empty frame that says nothing."""

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        if buffer.peek(1) == b"\0":
            buffer.drain(1)
            return SKIPPED
        return super().decode(buffer, metadata)


@pytest.mark.parametrize("wire", [b"\0" + tiny(b"a"), tiny(b"a") + b"\0\0", b"\0\0" + tiny(b"a") + b"\0"])
def test_skipped_bytes_are_no_messages(wire: bytes) -> None:
    decoder = decoder_of(Skipping(), wire)
    assert messages(decoder) == [tiny(b"a")]
    assert decoder.buffered == 0


class InTwoDrains(TinyCodec):
    """Allowed: the message leaves the buffer in several drains."""

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        metadata.origin_message = buffer.drain(2) + buffer.drain(len(buffer))
        return DONE


def test_a_message_may_be_drained_in_parts() -> None:
    assert messages(decoder_of(InTwoDrains(), b"abcdef")) == [b"abcdef"]


class WaitsForever(TinyCodec):
    """No declared length: the end of a message never comes."""

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        return WAIT


def test_waiting_at_the_limit_is_refused_whoever_wrote_the_codec() -> None:
    decoder = decoder_of(WaitsForever(max_message_size=8), b"1234567")
    assert decoder.next_message() is None
    decoder.receive_data(b"8")
    with pytest.raises(MessageTooLarge) as caught:
        decoder.next_message()
    assert (caught.value.size, caught.value.limit) == (9, 8)


def test_a_message_over_the_limit_is_refused_even_when_the_codec_takes_it() -> None:
    decoder = decoder_of(InTwoDrains(max_message_size=4), b"12345")
    with pytest.raises(MessageTooLarge, match="5 bytes are over the limit of 4"):
        decoder.next_message()


def breaking(body: str) -> type[Codec]:
    """A codec whose decode has this body."""
    names: dict[str, Any] = {**globals()}
    indented = "\n    ".join(body.splitlines())
    exec(f"def decode(self, buffer, metadata):\n    {indented}", names)
    return type("Broken", (TinyCodec,), {"name": "broken", "decode": names["decode"]})


BUGS = {
    "message_type that is none": (
        "metadata.origin_message = buffer.drain(3)\nmetadata.message_type = 2\nreturn DONE",
        "set message_type to int; it takes a MessageType",
    ),
    "request_id that is none": (
        "metadata.origin_message = buffer.drain(3)\nmetadata.request_id = '7'\nreturn DONE",
        "set request_id to str; it takes an int",
    ),
    "exit": ("raise SystemExit(3)", "raised SystemExit: 3"),
    "done, nothing taken": ("metadata.origin_message = b''\nreturn DONE", "returned DONE without taking a byte"),
    "done, origin not set": (
        "buffer.drain(3)\nreturn DONE",
        "drained 3 bytes and set origin_message to 0 other ones",
    ),
    "done, origin of other bytes": (
        "buffer.drain(3)\nmetadata.origin_message = b'xyz'\nreturn DONE",
        "drained 3 bytes and set origin_message to 3 other ones",
    ),
    "done, origin peeked and not drained": (
        "metadata.origin_message = buffer.peek(3)\nreturn DONE",
        "drained 0 bytes and set origin_message to 3 other ones",
    ),
    "done, origin is no bytes": (
        "metadata.origin_message = bytearray(buffer.drain(3))\nreturn DONE",
        r"set origin_message to bytearray; it takes the bytes buffer.drain\(\) returned",
    ),
    "done, bytes put back": (
        "metadata.origin_message = buffer.drain(3)\nbuffer.append(b'x')\nreturn DONE",
        "put bytes into the buffer: 6 were there, 4 are after a message",
    ),
    "wait, bytes taken": ("buffer.drain(2)\nreturn WAIT", "returned WAIT_FOR_DATA and moved 2 bytes; it may move none"),
    "wait, bytes taken and others put": (
        "buffer.append(buffer.drain(2))\nreturn WAIT",
        "returned WAIT_FOR_DATA and moved 0 bytes; it may move none",
    ),
    "wait for more than the limit": (
        "buffer.needed = 65\nreturn WAIT",
        "waits for 65 bytes, which is over its limit of 64; it must refuse them",
    ),
    "skipped nothing": ("return SKIPPED", "returned SKIPPED without draining a byte"),
    "no status": ("buffer.drain(6)", "returned None; decode returns a DecodeStatus"),
    "a truth for a status": ("buffer.drain(6)\nreturn True", "returned True; decode returns a DecodeStatus"),
    "another exception": ("return {}['x']", "raised KeyError: 'x'"),
    "another error of ours": ("raise CodecError('no')", "raised CodecError: no"),
    "recursion": ("return self.decode(buffer, metadata)", "raised RecursionError: "),
}


@pytest.mark.parametrize(("body", "what"), BUGS.values(), ids=list(BUGS))
def test_a_codec_that_breaks_its_contract_is_named(body: str, what: str) -> None:
    decoder = decoder_of(breaking(body)(max_message_size=64), b"abcdef")
    for _ in range(2):
        with pytest.raises(CodecBug, match=f"^bug in codec 'broken': decode {what}") as caught:
            decoder.next_message()
    assert decoder.is_broken
    assert isinstance(caught.value, CodecError)


def test_the_cause_of_a_bug_is_kept_for_its_author() -> None:
    decoder = decoder_of(breaking("return {}['x']")(), b"abc")
    with pytest.raises(CodecBug) as caught:
        decoder.next_message()
    assert isinstance(caught.value.__cause__, KeyError)


def test_an_interrupt_is_nobodys_bug() -> None:
    decoder = decoder_of(breaking("raise KeyboardInterrupt")(), b"abc")
    with pytest.raises(KeyboardInterrupt):
        decoder.next_message()
    assert not decoder.is_broken
