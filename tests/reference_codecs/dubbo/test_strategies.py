"""The strategies: every form is drawn, and the laws hold."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from metaprotocol_sdk import Buffer, Decoder, MessageType, Metadata, Mutation
from metaprotocol_sdk.conformance import CHECKS, Sample, find_subject, vectors_of, verify, verify_vector
from reference_codecs.dubbo.codec import DubboCodec
from reference_codecs.dubbo.frame import HEADER_SIZE
from reference_codecs.dubbo.hessian2 import Reader
from reference_codecs.dubbo.strategies import FORMS, Body, Node, nodes, requests, responses, subject

VECTORS = vectors_of(subject)


def test_every_tag_of_hessian2_is_in_the_forms_or_drawn() -> None:
    drawn: set[int] = set()

    @settings(max_examples=400, database=None, phases=[Phase.generate])
    @given(nodes)
    def draw(node: Node) -> None:
        drawn.add(Body().write(node)[0])

    draw()
    assert set(b"HMUVWXCN") <= drawn
    assert drawn & set(range(0x70, 0x78))
    assert drawn & set(range(0x78, 0x80))
    tags = {form[0] for form in FORMS} | drawn
    assert set(b"NTFDIYLJKSRBA") | {0, 0x1F, 0x20, 0x2F, 0x30, 0x34, 0x38, 0x3F, 0x5B, 0x5C, 0x5D, 0x5E, 0x5F} <= tags
    assert {0x80, 0xBF, 0xC0, 0xCF, 0xD0, 0xD7, 0xD8, 0xEF, 0xF0, 0xFF} <= tags


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form[:8].hex())
def test_a_form_is_one_whole_value(form: bytes) -> None:
    reader = Reader(form)
    reader.read()
    assert reader.is_at_end


@given(nodes)
def test_a_drawn_value_is_one_that_is_read(node: Node) -> None:
    data = Body().write(node)
    reader = Reader(data)
    reader.read()
    assert reader.is_at_end


def test_every_kind_of_message_is_drawn() -> None:
    drawn: set[tuple[int, bool]] = set()

    @settings(max_examples=400, database=None, phases=[Phase.generate])
    @given(st.one_of(requests, responses))
    def draw(sample: Sample) -> None:
        drawn.add((sample.data[2], sample.data[HEADER_SIZE:] == b"N"))

    draw()
    assert {(0xC2, False), (0x82, False), (0xC6, False), (2, False), (0xE2, True), (0xE6, False), (0x22, True)} <= drawn


@pytest.mark.parametrize("law", CHECKS)
def test_dubbo_keeps_the_law(law: str) -> None:
    verify(subject, law, max_examples=40)


@pytest.mark.parametrize("name", VECTORS)
def test_vector(name: str) -> None:
    verify_vector(subject, VECTORS[name], target="dubbo")


def test_the_subject_is_found_by_the_codecs_name() -> None:
    assert find_subject("dubbo") is subject


class Connection(RuleBasedStateMachine):
    """One connection on which messages of every kind follow each other, in any pieces."""

    def __init__(self) -> None:
        super().__init__()
        self.codec = DubboCodec()
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

    @rule(request_id=st.integers(0, (1 << 64) - 1))
    def forward_the_last(self, request_id: int) -> None:
        if self.received:
            message = self.received[-1]
            before, message.request_id = message.request_id, request_id
            buffer = Buffer()
            self.codec.encode(message, Mutation(), buffer)
            message.request_id = before
            assert bytes(buffer)[12:] == message.origin_message[12:]

    @invariant()
    def what_came_is_what_was_sent(self) -> None:
        for message, sample in zip(self.received, self.sent, strict=False):
            assert sample.data == message.origin_message
            assert (message.message_type, message.request_id) == (sample.message_type, sample.request_id)
            assert all(message.get(key) == value for key, value in (sample.strings or {}).items())


Connection.TestCase.settings = settings(
    max_examples=15, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
TestConnection = Connection.TestCase
