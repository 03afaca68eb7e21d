from __future__ import annotations

import pytest

from benchmarks.comparison.wire import INTERFACE, METHOD, WIRES
from metaprotocol_sdk import Decoder, MessageType, Metadata, ResponseStatus
from metaprotocol_sdk.registry import load_codec


def decoded(protocol: str, data: bytes, side: MessageType) -> Metadata:
    decoder = Decoder(load_codec(protocol), side)
    decoder.receive_data(data)
    message = decoder.next_message()
    assert message is not None
    assert not decoder.buffered
    return message


@pytest.mark.parametrize("size", [0, 100, 4096, 65536])
@pytest.mark.parametrize("protocol", WIRES)
def test_a_request_is_a_call_and_its_reply_echoes_it(protocol: str, size: int) -> None:
    wire = WIRES[protocol]
    request = decoded(protocol, wire.request(size), MessageType.REQUEST)
    reply = decoded(protocol, wire.reply(size), MessageType.RESPONSE)
    assert (request["method"], request.message_type) == (METHOD, MessageType.REQUEST)
    assert (reply.message_type, reply.response_status) == (MessageType.RESPONSE, ResponseStatus.OK)
    for message in (request, reply):
        assert message.origin_message.count(b"x") >= size
        assert size <= message.message_size <= size + 250


@pytest.mark.parametrize("side", [MessageType.REQUEST, MessageType.RESPONSE])
@pytest.mark.parametrize("protocol", WIRES)
def test_the_framing_says_where_the_length_and_the_id_are(protocol: str, side: MessageType) -> None:
    wire = WIRES[protocol]
    framing = wire.framing
    message = wire.request(100) if side is MessageType.REQUEST else wire.reply(100)
    length = int.from_bytes(message[framing.length_at : framing.length_at + framing.length_size], "big")
    assert length + framing.length_adds == len(message)
    at = framing.id_at
    changed = message[:at] + (77).to_bytes(framing.id_size, "big") + message[at + framing.id_size :]
    assert decoded(protocol, changed, side).request_id == 77


@pytest.mark.parametrize("size", [0, 31, 32, 32768, 32769, 65536])
def test_a_string_of_dubbo_is_what_its_reader_reads(size: int) -> None:
    request = decoded("dubbo", WIRES["dubbo"].request(size), MessageType.REQUEST)
    assert request["interface"] == INTERFACE  # an attachment, which is behind the argument
