from __future__ import annotations

import pytest

from metaprotocol_sdk.proxy.config.cluster import Cluster
from metaprotocol_sdk.proxy.config.keepalive import TcpKeepalive
from metaprotocol_sdk.proxy.config.listener import Listener
from metaprotocol_sdk.proxy.config.values import TcpKeepaliveConfig
from tests.proxy.config.reading import PROXY_FILTER, bad, good

LISTENER = f"""\
name: l
address: {{socket_address: {{address: 127.0.0.1, port_value: 1}}}}
filter_chains:
- filters:
  - {PROXY_FILTER.strip().replace(chr(10), chr(10) + "    ")}
"""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("tcp_keepalive: ~", None),
        ("tcp_keepalive: {}", TcpKeepaliveConfig()),
        ("tcp_keepalive: {keepalive_time: 30}", TcpKeepaliveConfig(time=30)),
        (
            "tcpKeepalive: {keepaliveProbes: 3, keepaliveTime: '30', keepaliveInterval: 5}",
            TcpKeepaliveConfig(probes=3, time=30, interval=5),
        ),
    ],
)
def test_a_listener_and_a_cluster_have_it(text: str, value: TcpKeepaliveConfig | None) -> None:
    assert good(Listener, LISTENER + text).value().tcp_keepalive == value
    options = f"{{name: c, upstream_connection_options: {{{text}}}}}"
    assert good(Cluster, options).value().tcp_keepalive == value
    assert good(Cluster, "{name: c}").value().tcp_keepalive is None


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("keepalive_time: 0", "1:17 error keepalive_time: expected a whole number from 1 to 32767, found 0"),
        (
            "keepalive_interval: 32768",
            "1:21 error keepalive_interval: expected a whole number from 1 to 32767, found 32768",
        ),
        ("keepalive_probes: 128", "1:19 error keepalive_probes: expected a whole number from 1 to 127, found 128"),
        ("keepalive_time: 30s", "1:17 error keepalive_time: expected a whole number from 1 to 32767, found '30s'"),
        ("keepalive_tme: 3", "1:1 error keepalive_tme: unknown key 'keepalive_tme'; did you mean keepalive_time?"),
    ],
)
def test_what_the_system_would_refuse_is_a_mistake(text: str, finding: str) -> None:
    assert bad(TcpKeepalive, text) == [finding]


def test_what_else_envoy_has_there_is_refused() -> None:
    text = "{name: c, upstream_connection_options: {happy_eyeballs_config: {}}}"
    (finding,) = bad(Cluster, text)
    assert finding.endswith("upstream_connection_options.happy_eyeballs_config: not supported yet by this proxy")
