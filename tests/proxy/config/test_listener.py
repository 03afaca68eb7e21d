from __future__ import annotations

import textwrap

import pytest

from metaprotocol_sdk.proxy.config.bootstrap import StaticResources
from metaprotocol_sdk.proxy.config.listener import FILTER_NAMES, FilterChain, Listener, NetworkFilter
from metaprotocol_sdk.proxy.config.values import (
    Address,
    FilterConfig,
    ListenerConfig,
    ProtocolConfig,
    RouteTableConfig,
    TrafficDirection,
)
from tests.proxy.config.reading import PROXY_FILTER, PROXY_TYPE, WITH_IDS, bad, good

NOT_YET = "not supported yet by this proxy"
EVERY = "; every address: 0.0.0.0 or ::"
CHAINS = "filter_chains:\n- filters:\n  - " + textwrap.indent(PROXY_FILTER, "    ").lstrip()


def listener(head: str) -> str:
    return head + CHAINS


def test_a_listener_becomes_its_value() -> None:
    text = listener("name: l\ntrafficDirection: INBOUND\naddress: {socketAddress: {address: '::', portValue: 9090}}\n")
    assert good(Listener, text).value() == ListenerConfig(
        name="l",
        address=Address("::", 9090),
        traffic_direction=TrafficDirection.INBOUND,
        stat_prefix="s",
        protocol=ProtocolConfig(name=WITH_IDS, codec=WITH_IDS),
        routes=RouteTableConfig(),
        filters=(FilterConfig(name="aeraki.meta_protocol.filters.router"),),
        idle_timeout=None,
    )


def test_what_a_listener_holds_at_once_is_said_or_the_default() -> None:
    head = "address: {socket_address: {address: '::1', port_value: 80}}\n"
    limits = "per_connection_buffer_limit_bytes: 4096\nmaxConnections: 7\n"
    value = good(Listener, listener(head + limits).replace("route_config", "max_concurrent_requests: 3, route_config"))
    assert (value.value().buffer_limit, value.value().max_connections, value.value().max_concurrent_requests) == (
        4096, 7, 3,
    )  # fmt: skip
    assert bad(Listener, listener(head + "max_connections: 0\nper_connection_buffer_limit_bytes: 0\n")) == [
        "2:18 error max_connections: expected a whole number from 1 to 4294967295, found 0",
        "3:36 error per_connection_buffer_limit_bytes: expected a whole number from 1 to 4294967295, found 0",
    ]


def test_a_listener_without_a_name_goes_by_its_address() -> None:
    value = good(Listener, listener("address: {socket_address: {address: '::1', port_value: 80}}\n")).value()
    assert value.name == "[::1]:80"
    assert value.traffic_direction is TrafficDirection.UNSPECIFIED


@pytest.mark.parametrize("name", FILTER_NAMES)
@pytest.mark.parametrize(
    "config",
    [
        f"{{'@type': {PROXY_TYPE}, FIELDS}}",
        f"{{'@type': type.googleapis.com/udpa.type.v1.TypedStruct, type_url: {PROXY_TYPE}, value: {{FIELDS}}}}",
        f"{{'@type': type.googleapis.com/xds.type.v3.TypedStruct, typeUrl: {PROXY_TYPE}, value: {{FIELDS}}}}",
    ],
)
def test_the_network_filter_has_two_names_and_three_spellings(name: str, config: str) -> None:
    config = config.replace(
        "FIELDS", f"statPrefix: s, codec: {{name: '{WITH_IDS}'}}, routeConfig: {{}}, idleTimeout: 5s"
    )
    proxy = good(NetworkFilter, f"{{name: {name}, typedConfig: {config}}}").typed_config
    assert (proxy.stat_prefix, proxy.idle_timeout) == ("s", 5.0)


def test_mistakes_in_a_typed_struct_stand_under_value() -> None:
    text = f"""\
name: aeraki.meta_protocol_proxy
typed_config:
  '@type': type.googleapis.com/udpa.type.v1.TypedStruct
  type_url: {PROXY_TYPE}
  value:
    statPrefix: 5
    codec: {{name: '{WITH_IDS}'}}
    routeConfg: {{}}
"""
    assert bad(NetworkFilter, text) == [
        "6:5 error typed_config.value.route_config: required, and not there",
        "6:17 error typed_config.value.stat_prefix: expected text, found 5; put it in quotes",
        "8:5 error typed_config.value.route_confg: unknown key 'routeConfg'; did you mean route_config?",
    ]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (
            "{name: aeraki.meta_protocol_prox, typed_config: {'@type': x}}",
            f"1:8 error name: no network filter is named 'aeraki.meta_protocol_prox'; did you mean {FILTER_NAMES[0]}?",
        ),
        (
            "{name: envoy.tcp_proxy, typed_config: {'@type': x}}",
            f"1:8 error name: the network filter 'envoy.tcp_proxy' is {NOT_YET}; supported: {FILTER_NAMES[0]}",
        ),
        (
            "{name: aeraki.meta_protocol_proxy, typed_config: {'@type': x}}",
            f"1:60 error typed_config.@type: expected {PROXY_TYPE}, found 'x'",
        ),
        ("name: aeraki.meta_protocol_proxy", "1:1 error typed_config: required, and not there"),
        ("{name: aeraki.meta_protocol_proxy, typed_config: 5}", "1:50 error typed_config: expected a mapping, found 5"),
    ],
)
def test_a_wrong_network_filter_says_where_and_why(text: str, finding: str) -> None:
    assert bad(NetworkFilter, text) == [finding]


def test_there_is_one_filter_chain_with_one_filter() -> None:
    one = "{" + ", ".join(PROXY_FILTER.splitlines()) + "}"
    assert bad(FilterChain, f"filters: [{one}]") == []
    more = f"; more than one is {NOT_YET}"
    assert bad(FilterChain, "filters: []") == ["1:10 error filters: expected one network filter, found 0"]
    assert bad(FilterChain, f"filters:\n- {one}\n- {one}\n") == [
        f"3:3 error filters[1]: expected one network filter, found 2{more}"
    ]
    address = "address: {socket_address: {address: '::', port_value: 1}}\n"
    chain = f"{{filters: {one}}}"
    assert bad(Listener, f"{address}filter_chains:\n- {chain}\n- {chain}\n") == [
        f"4:3 error filter_chains[1]: expected one filter chain, found 2{more}"
    ]
    assert bad(Listener, address) == ["1:1 error filter_chains: required, and not there"]


@pytest.mark.parametrize(
    ("head", "findings"),
    [
        ("address: {socket_address: {address: localhost, port_value: 1}}\n",
         ["1:37 error address.socket_address.address: expected an IP address to listen on, found 'localhost'" + EVERY]),
        ("address: {pipe: {}}\n", ["1:17 error address.pipe.path: required, and not there"]),
        ("{}", ["1:1 error address: required, and not there"]),
        ("address: {socket_address: {address: '::', port_value: 1}}\ntraffic_direction: INBOUNDS\n",
         ["2:20 error traffic_direction: expected one of UNSPECIFIED, INBOUND, OUTBOUND, found 'INBOUNDS'"]),
        ("address: {socket_address: {address: '::', port_value: 1}}\ntransparent: true\nenable_reuse_port: true\n",
         [f"2:1 error transparent: {NOT_YET}",
          "3:1 note enable_reuse_port: accepted, and without effect in this proxy"]),
    ],
)  # fmt: skip
def test_a_wrong_listener_says_where_and_why(head: str, findings: list[str]) -> None:
    assert bad(Listener, listener("" if head == "{}" else head)) == findings


def test_names_and_addresses_are_taken_once_however_they_are_written() -> None:
    def item(name: str, host: str, port: str) -> str:
        head = f"name: {name}\naddress: {{socketAddress: {{address: '{host}', port_value: {port}}}}}\n"
        return "- " + textwrap.indent(listener(head), "  ").lstrip()

    several = [
        item("a", "::1", "80"),
        item("b", "0:0::1", "80"),
        item("a", "::1", "81"),
        item("c", "::1", "0"),
        item("d", "::1", "0"),
    ]
    path = "listeners[1].address.socket_address.address"
    assert bad(StaticResources, "listeners:\n" + "".join(several)) == [
        f"9:38 error {path}: the listener address '[::1]:80' is taken already, at line 3",
        "14:9 error listeners[2].name: the listener name 'a' is taken already, at line 2",
    ]
