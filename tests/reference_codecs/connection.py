"""A stateful test that every reference codec has: messages of every kind on one connection, in any pieces."""

from __future__ import annotations

from typing import ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from metaprotocol_sdk import Buffer, Codec, Decoder, MessageType, Metadata, Mutation
from metaprotocol_sdk.conformance import Sample

SETTINGS = settings(max_examples=15, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck))
"""What a subclass's ``TestCase.settings`` are."""


class Connection(RuleBasedStateMachine):
    """One connection on which messages of every kind follow each other. A subclass says of which protocol."""

    codec: ClassVar[Codec]
    requests: ClassVar[st.SearchStrategy[Sample]]
    responses: ClassVar[st.SearchStrategy[Sample]]
    ids: ClassVar[st.SearchStrategy[int]]
    """The request ids a message may be forwarded with."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Sample] = []
        self.received: list[Metadata] = []
        self.waiting = b""

    def is_carried(self, sample: Sample, message: Metadata) -> bool:
        """Whether the message is the one that was sent."""
        return sample.data == message.origin_message

    def check_forwarded(self, message: Metadata, written: bytes) -> None:
        """Looks at what became of a message that was written with another id."""
        assert written

    @initialize(side=st.sampled_from((MessageType.REQUEST, MessageType.RESPONSE)))
    def open(self, side: MessageType) -> None:
        self.side = side
        self.decoder = Decoder(self.codec, side)

    @rule(data=st.data())
    def send(self, data: st.DataObject) -> None:
        sample = data.draw(self.requests if self.side is MessageType.REQUEST else self.responses)
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

    @rule(data=st.data())
    def forward_the_last(self, data: st.DataObject) -> None:
        request_id = data.draw(self.ids)
        if self.received:
            message = self.received[-1]
            before, message.request_id = message.request_id, request_id
            buffer = Buffer()
            self.codec.encode(message, Mutation(), buffer)
            message.request_id = before
            self.check_forwarded(message, bytes(buffer))

    @invariant()
    def what_came_is_what_was_sent(self) -> None:
        for message, sample in zip(self.received, self.sent, strict=False):
            assert self.is_carried(sample, message)
            assert (message.message_type, message.request_id) == (sample.message_type, sample.request_id)
            assert all(message.get(key) == value for key, value in (sample.strings or {}).items())
