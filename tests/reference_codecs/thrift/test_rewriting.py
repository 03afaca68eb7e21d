"""Messages written again: another id, other headers, another transport or protocol."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk import EncodeError
from metaprotocol_sdk.conformance import Sample
from reference_codecs.thrift.codec import ThriftCodec
from reference_codecs.thrift.frame import HEADER
from reference_codecs.thrift.header_transport import write_frame
from reference_codecs.thrift.strategies import requests, seqids
from tests.reference_codecs.thrift.helpers import ADD, ADD_HEADED, CODEC, RESPONSE, SUM, golden, listen, read, written


@given(requests, seqids)
def test_another_id_and_the_old_one_again_is_the_same_message(sample: Sample, seqid: int) -> None:
    message = listen(sample.data, read(ADD).side, len(sample.data))[0]
    before = message.request_id
    message.request_id = seqid
    changed = read(written(message))
    assert changed.request_id == seqid
    assert (dict(changed), changed.body_size) == (dict(message), message.body_size)
    changed.request_id = before
    again = read(written(changed))
    assert (dict(again), again.request_id) == (dict(message), before)


@pytest.mark.parametrize("outer", [7, 0])
def test_the_headers_own_id_follows_where_it_was_the_messages(outer: int) -> None:
    message = read(ADD_HEADED[:8] + outer.to_bytes(4, "big") + ADD_HEADED[12:])
    message.request_id = 9
    data = written(message)
    assert HEADER.unpack_from(data)[3] == (9 if outer == 7 else 0)
    assert read(data).request_id == 9


def test_a_compressed_message_stays_compressed() -> None:
    message = read(write_frame(0, 7, b"\0\1\1\0", zlib.compress(ADD[4:])))
    message.request_id = 9
    data = written(message)
    assert zlib.decompress(data[18:])[11:15] == b"\0\0\0\x09"
    assert read(written(message, x="1"))["x"] == "1"


def test_headers_are_added_replaced_and_removed() -> None:
    data = written(read(ADD_HEADED), TRACE="new", user="größe")
    assert {key: read(data)[key] for key in ("trace", "user")} == {"trace": "new", "user": "größe"}
    assert data.endswith(ADD_HEADED[30:])
    assert "trace" not in read(written(read(ADD_HEADED), trace=None))
    assert written(read(data), user=None, trace="abcd") == ADD_HEADED


def test_info_headers_of_other_kinds_are_kept_by_a_mutation() -> None:
    block = bytes.fromhex("00 00 01 01 01 61 01 31 02 01 01 7a 01 7a 00 00")
    data = written(read(write_frame(0, 7, block, ADD[4:])), a="2")
    assert data[14:30] == block.replace(b"a\x011", b"a\x012")


def test_zeros_that_end_an_info_header_of_another_kind_are_kept() -> None:
    pairs, rest = bytes.fromhex("00 00 01 01 01 61 01 31"), bytes.fromhex("02 01 01 7a 05 0000000000")
    data = written(read(write_frame(0, 7, pairs + rest + b"\0\0", ADD[4:])), a="22")
    assert data[14:].startswith(pairs[:-2] + b"\x0222" + rest)
    assert written(read(data), a=None)[14:].startswith(b"\0\0" + rest)


@pytest.mark.parametrize("seqid", [1 << 31, -(1 << 31) - 1])
def test_an_id_over_32_bits_cannot_be_written(seqid: int) -> None:
    for data in (ADD, ADD_HEADED):
        message = read(data)
        message.request_id = seqid
        with pytest.raises(EncodeError, match="is not of 32 bits"):
            written(message)


def test_without_headers_there_is_no_place_for_a_mutation() -> None:
    with pytest.raises(EncodeError, match="cannot encode 'user': a message in the framed transport has no headers"):
        written(read(ADD), user="me")
    assert not CODEC.can_mutate(read(ADD))
    assert CODEC.can_mutate(read(ADD_HEADED))


@pytest.mark.parametrize("key", ["method", "Service", "transport", "protocol", "result"])
def test_what_a_message_is_cannot_be_changed(key: str) -> None:
    with pytest.raises(EncodeError, match=f"cannot encode '{key}': it says what the message is"):
        written(read(ADD_HEADED), **{key: "other"})


def test_an_upgrade_carries_headers_and_its_reply_comes_back_as_the_client_speaks() -> None:
    codec = ThriftCodec(upstream_transport="header")
    request = read(ADD, codec=codec)
    assert codec.rewrites
    assert codec.can_mutate(request)
    upgraded = read(written(request, codec, user="me"))
    assert (upgraded["transport"], upgraded["user"], upgraded["method"], upgraded.request_id) == (
        "header",
        "me",
        "add",
        7,
    )
    reply = read(write_frame(0, 7, bytes(4), SUM[4:]), RESPONSE, codec)
    reply.request = request
    assert written(reply, codec) == SUM
    assert not codec.can_mutate(reply)


FORMS = ["framed binary", "framed compact", "unframed binary", "unframed compact", "header binary", "header compact"]


def rows(form: str) -> list[dict[str, object]]:
    return [
        row for row in golden() if row["form"] == form and row.get("is_strict", True) and "is_compressed" not in row
    ]


@pytest.mark.parametrize("target", FORMS)
@pytest.mark.parametrize("source", FORMS)
def test_a_message_of_a_peer_in_one_form_becomes_that_peers_message_in_another(source: str, target: str) -> None:
    transport, protocol = target.split()
    codec = ThriftCodec(upstream_transport=transport, upstream_protocol=protocol)
    client = read(bytes.fromhex(str(rows(target)[0]["hex"])))
    for row, wanted in zip(rows(source)[:6], rows(target)[:6], strict=True):
        message = read(
            bytes.fromhex(str(row["hex"])), side=RESPONSE if row["kind"] in (2, 3) else client.side, codec=codec
        )
        if message.side is RESPONSE:
            message.request = client
        found = read(written(message, codec), side=message.side, codec=codec)
        peers = read(bytes.fromhex(str(wanted["hex"])), side=message.side)
        assert (found["transport"], found["protocol"]) == (transport, protocol)
        assert found.origin_message[found.header_size :] == peers.origin_message[peers.header_size :]
        assert (found["method"], found.request_id) == (peers["method"], peers.request_id)
        if transport != "header":
            assert found.origin_message == peers.origin_message


@pytest.mark.parametrize("transport", ["framed", "unframed"])
def test_a_message_without_a_version_gets_one_for_a_server_of_binary_and_its_reply_loses_it_again(
    transport: str,
) -> None:
    codec = ThriftCodec(upstream_protocol="binary")
    bare, strict = (
        [
            bytes.fromhex(row["hex"])
            for row in golden()
            if row["form"] == f"{transport} binary" and row.get("is_strict", True) is is_strict
        ]
        for is_strict in (False, True)
    )
    request = read(bare[0], codec=codec)
    assert written(request, codec) == strict[0]
    reply = read(strict[3], RESPONSE, codec)
    reply.request = request
    assert written(reply, codec) == bare[3]
    assert written(read(bare[0], codec=CODEC)) == bare[0]


def test_a_json_message_keeps_its_protocol() -> None:
    message = read(bytes.fromhex(str(rows("framed json")[0]["hex"])))
    data = written(message, ThriftCodec(upstream_transport="unframed"))
    assert data.hex() == rows("unframed json")[0]["hex"]
    for codec in (ThriftCodec(upstream_protocol="compact"), ThriftCodec(upstream_transport="header")):
        with pytest.raises(EncodeError, match="json"):
            written(message, codec)


@given(st.sampled_from(FORMS), st.sampled_from(FORMS))
def test_a_reply_without_its_request_stays_as_it_came(form: str, target: str) -> None:
    transport, protocol = target.split()
    reply = read(bytes.fromhex(str(rows(form)[3]["hex"])), RESPONSE)
    assert written(reply, ThriftCodec(upstream_transport=transport, upstream_protocol=protocol)) == reply.origin_message
