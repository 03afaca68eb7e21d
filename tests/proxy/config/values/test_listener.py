from __future__ import annotations

from metaprotocol_sdk.proxy.config import parse_config
from metaprotocol_sdk.proxy.config.values import Address, FilterConfig, ListenerConfig, ProtocolConfig

CONFIG = """
static_resources:
  listeners:
    - name: front
      address: {socket_address: {address: 127.0.0.1, port_value: 9000}}
      filter_chains:
        - filters:
            - name: aeraki.meta_protocol_proxy
              typed_config:
                "@type": type.googleapis.com/aeraki.meta_protocol_proxy.v1alpha.MetaProtocolProxy
                stat_prefix: front
                protocol: {name: app, codec: {name: awesomerpc}}
                route_config: {routes: [{route: {cluster: c}}]}
"""


def test_what_is_not_configured_is_what_the_reader_of_files_makes_of_nothing() -> None:
    [listener] = parse_config(CONFIG).listeners
    assert listener == ListenerConfig(
        name="front",
        address=Address("127.0.0.1", 9000),
        stat_prefix="front",
        protocol=ProtocolConfig(name="app", codec="awesomerpc"),
        routes=listener.routes,
        filters=(FilterConfig(name="aeraki.meta_protocol.filters.router"),),
    )
