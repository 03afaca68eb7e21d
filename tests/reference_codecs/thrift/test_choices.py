"""Choices: what a configuration binds messages to."""

from __future__ import annotations

from typing import Any

import pytest

from metaprotocol_sdk import DecodeError
from reference_codecs.thrift.choices import Choices
from reference_codecs.thrift.codec import ThriftCodec
from tests.reference_codecs.thrift.helpers import ADD, ADD_HEADED, RESPONSE, SUM, read

UNBOUND = {"transport": "auto", "protocol": "auto", "upstream_transport": "same", "upstream_protocol": "same"}


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("transport", "auto, framed, unframed, header"),
        ("protocol", "auto, binary, compact, json"),
        ("upstream_transport", "same, framed, unframed, header"),
        ("upstream_protocol", "same, binary, compact"),
    ],
)
def test_what_is_not_on_offer_is_refused_with_what_is(name: str, choices: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} is 'http'; it is one of {choices}$"):
        Choices.parse(**UNBOUND | {name: "http"})


@pytest.mark.parametrize(
    ("config", "data"),
    [
        ({"transport": "unframed"}, ADD),
        ({"transport": "framed"}, ADD_HEADED),
        ({"transport": "header"}, ADD),
        ({"protocol": "compact"}, ADD),
        ({"protocol": "compact"}, ADD_HEADED),
        ({"transport": "framed", "protocol": "json"}, ADD),
    ],
)
def test_another_transport_or_protocol_than_configured_is_malformed(config: dict[str, Any], data: bytes) -> None:
    with pytest.raises(DecodeError, match=f"the codec is configured for {' '.join(config.values())}"):
        read(data, codec=ThriftCodec(**config))


def test_what_is_configured_is_taken() -> None:
    assert read(ADD, codec=ThriftCodec(transport="framed", protocol="binary"))["method"] == "add"
    assert read(ADD_HEADED, codec=ThriftCodec(transport="header", protocol="binary"))["method"] == "add"


def test_replies_are_bound_unless_servers_are_spoken_to_otherwise() -> None:
    with pytest.raises(DecodeError, match="configured for header"):
        read(SUM, RESPONSE, ThriftCodec(transport="header"))
    assert read(SUM, RESPONSE, ThriftCodec(transport="header", upstream_transport="framed"))["method"] == "add"


def test_a_codec_rewrites_when_servers_are_spoken_to_otherwise() -> None:
    assert not Choices.parse(**UNBOUND).rewrites
    for name, value in (("upstream_transport", "header"), ("upstream_protocol", "binary")):
        assert Choices.parse(**UNBOUND | {name: value}).rewrites
