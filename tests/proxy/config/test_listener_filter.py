"""What a connection says before its protocol begins."""

from __future__ import annotations

import pytest

from metaprotocol_sdk.proxy.config.listener_filter import TYPE_URL, ListenerFilter
from metaprotocol_sdk.proxy.config.values import ProxyProtocolConfig
from tests.proxy.config.reading import bad, good

NAME = "name: envoy.filters.listener.proxy_protocol\n"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", ProxyProtocolConfig()),
        (f"typed_config: {{'@type': {TYPE_URL}}}", ProxyProtocolConfig()),
        (
            (
                f"typed_config: {{'@type': {TYPE_URL}, allowRequestsWithoutProxyProtocol: true, "
                f"disallowed_versions: [V1]}}"
            ),
            ProxyProtocolConfig(is_optional=True, versions=frozenset({2})),
        ),
    ],
)
def test_it_says_which_headers_are_taken(text: str, value: ProxyProtocolConfig) -> None:
    assert good(ListenerFilter, NAME + text).typed_config.value() == value


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            "name: envoy.filters.listener.original_dst",
            [
                (
                    "1:7 error name: the listener filter 'envoy.filters.listener.original_dst' is not "
                    "supported yet by this "
                    "proxy; supported: envoy.filters.listener.proxy_protocol"
                )
            ],
        ),
        (
            "name: envoy.filters.listener.tls_inspector",
            [
                (
                    "1:7 note name: accepted, and without effect: there is one filter chain, which needs no "
                    "telling from others"
                )
            ],
        ),
        (NAME + "typed_config: 1", ["2:15 error typed_config: expected a mapping, found 1"]),
        (
            NAME + "typed_config: {'@type': type.googleapis.com/x}",
            [f"2:25 error typed_config.@type: expected {TYPE_URL}, found 'type.googleapis.com/x'"],
        ),
        (
            NAME + f"typed_config: {{'@type': {TYPE_URL}, disallowed_versions: [V1, V2]}}",
            [
                "2:133 error typed_config.disallowed_versions: expected to leave one version, and both are listed",
            ],
        ),
        (
            NAME + f"typed_config: {{'@type': {TYPE_URL}, disallowed_versions: [V3]}}",
            ["2:134 error typed_config.disallowed_versions[0]: expected one of V1, V2, found 'V3'"],
        ),
    ],
)
def test_what_is_wrong_is_told(text: str, problems: list[str]) -> None:
    assert bad(ListenerFilter, text) == problems
