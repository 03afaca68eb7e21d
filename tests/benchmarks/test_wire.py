from __future__ import annotations

import pytest

from benchmarks.comparison.wire import METHOD, THRIFT
from metaprotocol_sdk import Decoder, MessageType, Metadata
from reference_codecs.thrift.codec import ThriftCodec


def decoded(data: bytes, side: MessageType) -> Metadata:
    decoder = Decoder(ThriftCodec(), side)
    decoder.receive_data(data)
    message = decoder.next_message()
    assert message is not None
    assert not decoder.buffered
    return message


@pytest.mark.parametrize("size", [0, 100, 65536])
def test_a_request_is_a_call_and_its_reply_echoes_it(size: int) -> None:
    request = decoded(THRIFT.request(size), MessageType.REQUEST)
    reply = decoded(THRIFT.reply(size), MessageType.RESPONSE)
    assert (request["method"], request.message_type) == (METHOD, MessageType.REQUEST)
    assert (reply["method"], reply["result"]) == (METHOD, "success")
    assert b"x" * size in request.origin_message
    assert request.message_size == reply.message_size


@pytest.mark.parametrize("message", [THRIFT.request(100), THRIFT.reply(100)])
def test_the_framing_says_where_the_length_and_the_id_are(message: bytes) -> None:
    framing = THRIFT.framing
    length = int.from_bytes(message[framing.length_at : framing.length_at + framing.length_size], "big")
    assert length + framing.length_adds == len(message)
    at = framing.id_at
    changed = message[:at] + (77).to_bytes(framing.id_size, "big") + message[at + framing.id_size :]
    side = MessageType.REQUEST if message == THRIFT.request(100) else MessageType.RESPONSE
    assert decoded(changed, side).request_id == 77
