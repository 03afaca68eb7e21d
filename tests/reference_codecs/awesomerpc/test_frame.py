"""The wire layout of awesomerpc, by bytes made by hand from its header file's layout."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk import DecodeError, EncodeError
from reference_codecs.awesomerpc.frame import AWESOMERPC

i8, i16, u32 = st.integers(-128, 127), st.integers(-(1 << 15), (1 << 15) - 1), st.integers(0, (1 << 32) - 1)


@given(i8, u32, i16, i16, st.binary(max_size=20))
def test_a_message_is_the_thirteen_bytes_of_its_header_and_a_body(
    version: int, flow: int, cmd: int, code: int, body: bytes
) -> None:
    built = AWESOMERPC.build(body, version=version, pack_flow=flow, req_cmd=cmd, rsp_code=code)
    assert built == struct.pack(">bIIhh", version, flow, 13 + len(body), cmd, code) + body
    assert AWESOMERPC.header(built) == (version, flow, 13 + len(body), cmd, code)
    assert AWESOMERPC.body(built) == body


def test_the_header_is_compiled_and_has_thirteen_bytes() -> None:
    assert AWESOMERPC.is_compiled
    assert AWESOMERPC.layout.size == 13
    assert [(slot.name, slot.start, slot.end) for slot in AWESOMERPC.layout.slots] == [
        ("version", 0, 1),
        ("pack_flow", 1, 5),
        ("pack_len", 5, 9),
        ("req_cmd", 9, 11),
        ("rsp_code", 11, 13),
    ]


def test_a_request_needs_its_command_alone() -> None:
    assert AWESOMERPC.build(req_cmd=1) == bytes.fromhex("01 00000000 0000000d 0001 0000")
    with pytest.raises(EncodeError, match="cannot encode 'req_cmd': the header field has no value and no default"):
        AWESOMERPC.build()


def test_twelve_bytes_are_no_header() -> None:
    with pytest.raises(DecodeError, match="12 bytes are too few for its header"):
        AWESOMERPC.header(bytes(12))
