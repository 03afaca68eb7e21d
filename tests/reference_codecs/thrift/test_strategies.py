"""The strategies: every transport and protocol is drawn, a peer agrees with them, and the laws hold."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from metaprotocol_sdk import Buffer, Decoder, MessageType, Metadata, Mutation
from metaprotocol_sdk.conformance import CHECKS, Sample, find_subject, verify
from reference_codecs.thrift.codec import ThriftCodec
from reference_codecs.thrift.strategies import Wire, requests, responses, subject, wires

FORMS = {
    *((transport, protocol) for transport in ("framed", "unframed") for protocol in ("binary", "compact", "json")),
    ("header", "binary"),
    ("header", "compact"),
}


def test_every_form_is_drawn() -> None:
    drawn = set()

    @settings(max_examples=300, database=None, phases=[Phase.generate])
    @given(wires)
    def draw(wire: Wire) -> None:
        drawn.add((str(wire.transport), wire.protocol.name))

    draw()
    assert drawn == FORMS


@pytest.mark.parametrize("law", CHECKS)
def test_thrift_keeps_the_law(law: str) -> None:
    verify(subject, law, max_examples=20)


def test_the_subject_is_found_by_the_codecs_name() -> None:
    assert find_subject("thrift") is subject


class Connection(RuleBasedStateMachine):
    """One connection on which messages of every kind follow each other, in any pieces."""

    def __init__(self) -> None:
        super().__init__()
        self.codec = ThriftCodec()
        self.sent: list[Sample] = []
        self.received: list[Metadata] = []
        self.waiting = b""

    @initialize(side=st.sampled_from((MessageType.REQUEST, MessageType.RESPONSE)))
    def open(self, side: MessageType) -> None:
        self.side = side
        self.decoder = Decoder(self.codec, side)

    @rule(data=st.data())
    def send(self, data: st.DataObject) -> None:
        sample = data.draw(requests if self.side is MessageType.REQUEST else responses)
        self.sent.append(sample)
        self.waiting += sample.data

    @rule(size=st.integers(1, 60))
    def arrive(self, size: int) -> None:
        self.decoder.receive_data(self.waiting[:size])
        self.waiting = self.waiting[size:]
        while (message := self.decoder.next_message()) is not None:
            self.received.append(message)

    @rule()
    def arrive_whole(self) -> None:
        self.arrive(max(1, len(self.waiting)))
        assert len(self.received) == len(self.sent)

    @rule(seqid=st.integers(1, 2**31 - 1))
    def forward_the_last(self, seqid: int) -> None:
        if self.received:
            message = self.received[-1]
            before, message.request_id = message.request_id, seqid
            buffer = Buffer()
            self.codec.encode(message, Mutation(), buffer)
            message.request_id = before
            assert bytes(buffer)

    @invariant()
    def what_came_is_what_was_sent(self) -> None:
        for message, sample in zip(self.received, self.sent, strict=False):
            assert sample.data.endswith(message.origin_message)
            assert (message.message_type, message.request_id) == (sample.message_type, sample.request_id)
            assert all(message.get(key) == value for key, value in (sample.strings or {}).items())


Connection.TestCase.settings = settings(
    max_examples=15, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
TestConnection = Connection.TestCase
