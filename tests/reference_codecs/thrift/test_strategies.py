"""The strategies: every transport and protocol is drawn, a peer agrees with them, and the laws hold."""

from __future__ import annotations

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from metaprotocol_sdk import Metadata
from metaprotocol_sdk.conformance import CHECKS, Sample, find_subject, verify
from reference_codecs.thrift.codec import ThriftCodec
from reference_codecs.thrift.strategies import Wire, requests, responses, subject, wires
from tests.reference_codecs.connection import SETTINGS, Connection

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


class ThriftConnection(Connection):
    codec = ThriftCodec()
    requests = requests
    responses = responses
    ids = st.integers(1, 2**31 - 1)

    def is_carried(self, sample: Sample, message: Metadata) -> bool:
        return sample.data.endswith(message.origin_message)  # empty frames may come before it


TestConnection = ThriftConnection.TestCase
TestConnection.settings = SETTINGS
