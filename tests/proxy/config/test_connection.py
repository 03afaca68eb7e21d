from __future__ import annotations

import pytest

from metaprotocol_sdk.proxy.config.cluster import Cluster
from metaprotocol_sdk.proxy.config.connection import HTTP_OPTIONS, NO_HTTP, TCP_OPTIONS
from metaprotocol_sdk.proxy.config.values import ConnectionConfig
from tests.proxy.config.reading import bad, good, read

TCP = f"typed_extension_protocol_options: {{{TCP_OPTIONS}: {{'@type': type.googleapis.com/{TCP_OPTIONS}, %s}}}}"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", ConnectionConfig()),
        ("common_http_protocol_options: {}", ConnectionConfig()),
        ("common_http_protocol_options: {idle_timeout: 0s}", ConnectionConfig(idle_timeout=None)),
        ("commonHttpProtocolOptions: {idleTimeout: 2s}", ConnectionConfig(idle_timeout=2.0)),
        (TCP % "idle_timeout: 2s", ConnectionConfig(idle_timeout=2.0)),
        (TCP % "idleTimeout: 0s", ConnectionConfig(idle_timeout=None)),
        (TCP % "idle_timeout: ~", ConnectionConfig()),
        ("common_http_protocol_options: {max_connection_duration: 3s}", ConnectionConfig(max_duration=3.0)),
        ("common_http_protocol_options: {max_connection_duration: 0s}", ConnectionConfig(max_duration=None)),
        ("common_http_protocol_options: {max_requests_per_connection: 4}", ConnectionConfig(max_requests=4)),
        ("common_http_protocol_options: {max_requests_per_connection: 0}", ConnectionConfig(max_requests=None)),
        ("max_requests_per_connection: 5", ConnectionConfig(max_requests=5)),
        (
            TCP % "idle_timeout: 2s" + ", common_http_protocol_options: {max_connection_duration: 3s}",
            ConnectionConfig(idle_timeout=2.0, max_duration=3.0),
        ),
    ],
)
def test_options_say_how_long_connections_are_used(text: str, value: ConnectionConfig) -> None:
    assert good(Cluster, f"{{name: c, {text}}}").value().connections == value


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (
            "common_http_protocol_options: {idle_timeout: 5}",
            (
                "2:46 error common_http_protocol_options.idle_timeout: expected seconds with an s, such as 5s or "
                "0.25s, found 5"
            ),
        ),
        (
            "common_http_protocol_options: {max_headers_count: 5}",
            "2:32 error common_http_protocol_options.max_headers_count: not supported yet by this proxy",
        ),
        (
            "common_http_protocol_options: {max_requests_per_connection: 1}\nmax_requests_per_connection: 1",
            (
                "3:1 error max_requests_per_connection: given already at line 2, as "
                "common_http_protocol_options.max_requests_per_connection"
            ),
        ),
        (
            TCP % "idle_timeout: 1s" + "\ncommon_http_protocol_options: {idle_timeout: 1s}",
            (
                f"2:174 error typed_extension_protocol_options.{TCP_OPTIONS}.idle_timeout: given already at line 3, as "
                "common_http_protocol_options.idle_timeout"
            ),
        ),
        (
            TCP % "idle_timout: 1s",
            (
                f"2:174 error typed_extension_protocol_options.{TCP_OPTIONS}.idle_timout: unknown key 'idle_timout'; "
                "did you mean idle_timeout?"
            ),
        ),
        (
            "typed_extension_protocol_options: 5",
            "2:35 error typed_extension_protocol_options: expected a mapping, found 5",
        ),
        (
            f"typed_extension_protocol_options: {{{TCP_OPTIONS}: 5}}",
            f"2:90 error typed_extension_protocol_options.{TCP_OPTIONS}: expected a mapping, found 5",
        ),
        (
            f"typed_extension_protocol_options: {{{TCP_OPTIONS}: {{'@type': x}}}}",
            (
                f"2:100 error typed_extension_protocol_options.{TCP_OPTIONS}.@type: expected "
                f"type.googleapis.com/{TCP_OPTIONS}, found 'x'"
            ),
        ),
        (
            "typed_extension_protocol_options: {my.options: {}}",
            (
                "2:36 error typed_extension_protocol_options.my.options: 'my.options' is not supported yet by this "
                f"proxy; supported: {TCP_OPTIONS}"
            ),
        ),
    ],
)
def test_wrong_options_say_where_and_why(text: str, finding: str) -> None:
    assert bad(Cluster, f"name: c\n{text}\n") == [finding]


def test_options_of_http_are_accepted_and_do_nothing() -> None:
    options = f"typed_extension_protocol_options: {{{HTTP_OPTIONS}: {{'@type': x, explicit_http_config: {{}}}}}}"
    cluster, findings = read(Cluster, f"name: c\n{options}\n")
    assert cluster is not None
    assert cluster.value().connections == ConnectionConfig()
    assert findings == [f"2:36 note typed_extension_protocol_options.{HTTP_OPTIONS}: {NO_HTTP}"]
