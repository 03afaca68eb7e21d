"""What lies between a connection and its protocol."""

from __future__ import annotations

import pytest

from metaprotocol_sdk.proxy.config.tls import UpstreamTlsContext
from metaprotocol_sdk.proxy.config.transport_socket import DownstreamTransportSocket, UpstreamTransportSocket
from tests.proxy.config.reading import bad, errors, good, read

TYPE = "type.googleapis.com/envoy.extensions.transport_sockets."
TLS = "name: envoy.transport_sockets.tls\n"


@pytest.mark.parametrize("model", [DownstreamTransportSocket, UpstreamTransportSocket])
@pytest.mark.parametrize("more", ["", f"\ntyped_config: {{'@type': {TYPE}raw_buffer.v3.RawBuffer}}"])
def test_a_raw_buffer_is_no_tls(model: type[DownstreamTransportSocket], more: str) -> None:
    assert good(model, "name: envoy.transport_sockets.raw_buffer" + more).typed_config is None


def test_tls_is_that_of_its_side() -> None:
    message, _ = read(
        UpstreamTransportSocket, TLS + f"typed_config: {{'@type': {TYPE}tls.v3.UpstreamTlsContext, sni: x}}"
    )
    assert message is not None
    assert isinstance(message.typed_config, UpstreamTlsContext)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", f"typed_config: required, and not there: a mapping with '@type', {TYPE}tls.v3.DownstreamTlsContext"),
        ("typed_config: 1", "typed_config: expected a mapping, found 1"),
        (
            f"typed_config: {{'@type': {TYPE}tls.v3.UpstreamTlsContext}}",
            (
                f"typed_config.@type: '{TYPE}tls.v3.UpstreamTlsContext' is the other side's; supported: "
                f"{TYPE}tls.v3.DownstreamTlsContext, {TYPE}raw_buffer.v3.RawBuffer"
            ),
        ),
        (
            f"typed_config: {{'@type': {TYPE}alts.v3.Alts}}",
            (
                f"typed_config.@type: '{TYPE}alts.v3.Alts' is not supported yet by this proxy; supported: "
                f"{TYPE}tls.v3.DownstreamTlsContext, {TYPE}raw_buffer.v3.RawBuffer"
            ),
        ),
        (
            "typed_config: {}",
            f"typed_config.@type: required, and not there: it says the type, {TYPE}tls.v3.DownstreamTlsContext",
        ),
    ],
)
def test_anything_else_is_told(text: str, problem: str) -> None:
    found = [each.replace("…'", "'") for each in errors(bad(DownstreamTransportSocket, TLS + text))]
    assert [each[:80] for each in found] == [problem[:80]]
