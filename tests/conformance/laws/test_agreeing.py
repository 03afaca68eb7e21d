"""The law of golden vectors, by codecs that break each part of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import DecodeStatus
from metaprotocol_sdk.conformance import CHECKS, Case, Sample
from metaprotocol_sdk.conformance.check import Broken, Level
from metaprotocol_sdk.conformance.laws.agreeing import VECTOR_MARK, agrees_with_its_vector, vector_check
from metaprotocol_sdk.metadata import MessageType, Metadata
from metaprotocol_sdk.mutation import Mutation
from tests.helpers import TinyCodec, tiny

WIRE = tiny(b"hi", request_id=7)
CASE = Case(
    side=MessageType.REQUEST,
    wire=WIRE,
    sample=Sample(WIRE, request_id=7, header_size=6, body_size=2),
    request_id=9,
    expected=tiny(b"hi", request_id=9),
)


class SwapsIds(TinyCodec):
    """Reads and writes the id little-endian: every round trip with itself is right."""

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        status = super().decode(buffer, metadata)
        metadata.request_id = int.from_bytes(metadata.request_id.to_bytes(2, "big"), "little")
        return status

    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        origin = metadata.origin_message
        buffer.append(origin[:2] + metadata.request_id.to_bytes(2, "little") + origin[4:])


class Rewrites(TinyCodec):
    rewrites = True

    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        buffer.append(tiny(metadata.origin_message[6:].upper(), request_id=metadata.request_id))


def sentence(case: Case, codec: type[TinyCodec] = TinyCodec) -> str:
    with pytest.raises(Broken) as caught:
        agrees_with_its_vector(codec, case)
    return str(caught.value)


def test_a_right_codec_agrees() -> None:
    agrees_with_its_vector(TinyCodec, CASE)
    agrees_with_its_vector(TinyCodec, replace(CASE, expected=None))
    agrees_with_its_vector(TinyCodec, replace(CASE, sample=Sample(WIRE), expected=None))


def test_a_consistent_misreading_is_found() -> None:
    assert sentence(CASE, SwapsIds) == "the sample states request_id 7 and decode finds 1792"


def test_a_consistent_miswriting_is_found() -> None:
    assert sentence(replace(CASE, sample=Sample(WIRE)), SwapsIds) == (
        "encode with the id 9 wrote 8 bytes that are not the 8 the vector knows: they differ from byte 2 on. From "
        "byte 0 on it wrote ab 00 09 00 00 02 68 69; known is ab 00 00 09 00 02 68 69"
    )


def test_sizes_are_facts() -> None:
    case = replace(CASE, sample=Sample(WIRE, header_size=8))
    assert sentence(case) == "the sample states header_size 8 and decode finds 6"


def test_bytes_that_are_refused_are_a_broken_law() -> None:
    assert "decode refuses a whole message of 8 bytes" in sentence(replace(CASE, wire=b"\x00" + WIRE[1:]))


def test_a_change_that_is_refused_is_a_broken_law() -> None:
    assert sentence(replace(CASE, mutation=Mutation({"k": "v"}))) == (
        "encode with Mutation({'k': 'v'}) and the id 9 is refused: cannot encode 'k': this protocol has no headers. "
        "The vector knows the bytes ab 00 00 09 00 02 68 69 (8 bytes)"
    )


def test_without_known_bytes_the_origin_bytes_are_asked_for_unless_the_codec_rewrites() -> None:
    case = replace(CASE, expected=None, request_id=None)
    agrees_with_its_vector(Rewrites, case)

    class Shortens(TinyCodec):
        def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
            buffer.append(metadata.origin_message[:-1])

    assert "nothing changed, and encode wrote 7 bytes" in sentence(case, Shortens)


def test_a_request_that_is_none_is_a_broken_law_and_no_skip() -> None:
    case = replace(CASE, side=MessageType.RESPONSE, requests=(b"\x00" * 6,))
    assert sentence(case).startswith("the request that this vector answers is not decoded")


def test_a_reply_is_encoded_for_its_request() -> None:
    seen = []

    class Looks(TinyCodec):
        def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
            seen.append(metadata.request and metadata.request.request_id)
            super().encode(metadata, mutation, buffer)

    agrees_with_its_vector(Looks, replace(CASE, side=MessageType.RESPONSE, requests=(tiny(request_id=3),)))
    assert seen == [3]


def test_the_check_of_a_vector_has_the_vector_s_name_and_is_binding() -> None:
    check = vector_check("v.yaml::hello")
    assert (check.name, check.level, check.exempts(TinyCodec())) == ("v.yaml::hello", Level.MUST, "")
    assert check.law.startswith("The bytes of a golden vector decode to what they are known to say")
    assert not any(VECTOR_MARK in name for name in CHECKS)
