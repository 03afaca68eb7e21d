"""The strategies: every form is drawn, and the laws hold."""

from __future__ import annotations

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from metaprotocol_sdk import Metadata
from metaprotocol_sdk.conformance import CHECKS, Sample, find_subject, vectors_of, verify, verify_vector
from reference_codecs.dubbo.codec import DubboCodec
from reference_codecs.dubbo.frame import HEADER_SIZE
from reference_codecs.dubbo.hessian2 import Reader
from reference_codecs.dubbo.strategies import FORMS, Body, Node, nodes, requests, responses, subject
from tests.reference_codecs.connection import SETTINGS, Connection

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


class DubboConnection(Connection):
    codec = DubboCodec()
    requests = requests
    responses = responses
    ids = st.integers(0, (1 << 64) - 1)

    def check_forwarded(self, message: Metadata, written: bytes) -> None:
        assert written[12:] == message.origin_message[12:]


TestConnection = DubboConnection.TestCase
TestConnection.settings = SETTINGS
