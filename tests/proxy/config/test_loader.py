from __future__ import annotations

import gc
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import metaprotocol_sdk.proxy.config as config_package
from metaprotocol_sdk.exceptions import ConfigError
from metaprotocol_sdk.proxy.config import load_config, load_document, parse_config
from tests.proxy.config.reading import PROXY_TYPE, WITH_IDS, parse

WHOLE = f"""\
node: {{id: n}}
admin: {{access_log_path: /dev/null}}
static_resources:
  listeners:
  - name: l
    address: {{socket_address: {{address: 127.0.0.1, port_value: 9090}}}}
    filter_chains:
    - filters:
      - name: aeraki.meta_protocol_proxy
        typed_config:
          '@type': {PROXY_TYPE}
          stat_prefix: s
          protocol: {{name: p, codec: {{name: '{WITH_IDS}'}}}}
          route_config:
            routes:
            - route: {{cluster: c}}
  clusters:
  - name: c
    load_assignment:
      cluster_name: c
      endpoints:
        lb_endpoints:
        - endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: 9091}}}}}}
"""


def test_a_whole_file_becomes_what_the_runtime_reads() -> None:
    config, findings = parse(WHOLE)
    assert config is not None
    assert [each.name for each in config.listeners] == ["l"]
    assert [each.cluster for each in config.listeners[0].routes.routes] == ["c"]
    assert [str(each.address) for each in config.clusters[0].endpoints] == ["127.0.0.1:9091"]
    assert findings == ["2:9 note admin.access_log_path: accepted; what is changed there is in the proxy's log alone"]


def test_every_finding_is_told_at_once_in_the_files_order() -> None:
    replacements = {
        "9090": "abc", "stat_prefix: s": "stat_prefixx: s", WITH_IDS: "nobody_has_this",
        "cluster: c}": "cluster: d, timeout: 5}", "name: c\n    load": "name: c\n    lb_policy: RANDOMLY\n    load",
        "name: p": "name: p, multiplexing: 1",
    }  # fmt: skip
    text = WHOLE
    for old, new in replacements.items():
        assert old in text
        text = text.replace(old, new, 1)
    config, findings = parse(text)
    assert config is None
    inside = "static_resources.listeners[0].filter_chains[0].filters[0].typed_config"
    assert [each.split(": ")[0] for each in findings] == [
        "2:9 note admin.access_log_path",
        "6:64 error static_resources.listeners[0].address.socket_address.port_value",
        f"11:11 error {inside}.stat_prefix",
        f"12:11 error {inside}.stat_prefixx",
        f"13:45 error {inside}.protocol.multiplexing",
        f"13:62 error {inside}.protocol.codec.name",
        f"16:32 warning {inside}.route_config.routes[0].route.cluster",
        f"16:44 error {inside}.route_config.routes[0].route.timeout",
        "19:16 error static_resources.clusters[0].lb_policy",
    ]


def test_an_error_is_one_line_with_file_line_column_and_path() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config("nodes: {}\nwatchdog: {}\n", file="envoy.yaml")
    assert str(caught.value).splitlines() == [
        "envoy.yaml:1:1: error: nodes: unknown key 'nodes'; did you mean node?",
        "envoy.yaml:2:1: note: watchdog: accepted, and without effect in this proxy",
    ]
    assert caught.value.exit_code == 2


def test_a_proxy_that_serves_nobody_is_a_warning() -> None:
    assert parse("node: {id: n}")[1] == [
        "1:1 warning static_resources: no listener is defined: this proxy serves nobody"
    ]


def test_a_file_is_read_and_named_as_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "proxy.yaml"
    path.write_text(WHOLE)
    assert load_config(path) == load_config(str(path))
    path.write_text("x: 1")
    with pytest.raises(ConfigError, match=f"^{re.escape(str(path))}:1:1: error: x: unknown key"):
        load_config(path)


def test_a_document_has_the_bytes_its_configuration_was_read_from(tmp_path: Path) -> None:
    file = tmp_path / "proxy.yaml"
    file.write_bytes("# \u00fc\nstatic_resources: {}\n".encode())
    document = load_document(file)
    assert (document.text, document.file) == (file.read_bytes(), str(file))
    assert document.config == parse_config(document.text, file=document.file) == load_config(file)


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    for path, reason in [(tmp_path / "none.yaml", "No such file or directory"), (tmp_path, "Is a directory")]:
        with pytest.raises(ConfigError) as caught:
            load_config(path)
        assert str(caught.value) == f"{path}: error: the file cannot be read: {reason}"
    with pytest.raises(ConfigError, match="cannot be read: embedded null byte"):
        load_config("a\0b")


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("text", [WHOLE, "x: 1", "["])
def test_the_garbage_collector_is_left_as_it_was(enabled: bool, text: str) -> None:
    was = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        parse(text)
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if was else gc.disable)()


EVERYTHING = f"""\
node: {{id: n, cluster: c, metadata: {{a: 1}}}}
layered_runtime: {{layers: [{{name: l, static_layer: {{a: {{b: 5}}, c: {{numerator: 1}}}}}}]}}
static_resources:
  listeners:
  - name: l
    address: {{socket_address: {{address: 127.0.0.1, port_value: 9090}}}}
    traffic_direction: INBOUND
    max_connections: 10
    per_connection_buffer_limit_bytes: 1024
    filter_chains:
    - filters:
      - name: aeraki.meta_protocol_proxy
        typed_config:
          '@type': {PROXY_TYPE}
          stat_prefix: s
          protocol: {{name: p, codec: {{name: '{WITH_IDS}', config: {{max_message_size: 99}}}}, multiplexing: true}}
          idle_timeout: 5s
          max_concurrent_requests: 4
          tracing: {{client_sampling: {{value: 5}}}}
          access_log: [{{name: a, typed_config: {{'@type': t}}}}]
          meta_protocol_filters:
          - {{name: aeraki.meta_protocol.filters.istio_stats}}
          - {{name: aeraki.meta_protocol.filters.router}}
          route_config:
            name: r
            routes:
            - name: one
              match:
                metadata:
                - {{name: a, range_match: {{start: 1, end: 5}}, invert_match: true}}
                - {{name: b, string_match: {{safe_regex: {{regex: 'a+'}}}}}}
                - {{name: c, string_match: {{suffix: x, ignore_case: true}}, treat_missing_header_as_empty: true}}
                - {{name: d, present_match: false}}
              route:
                weighted_clusters: {{clusters: [{{name: c, weight: 1}}, {{name: d, weight: 2}}]}}
                hash_policy: [x, y]
                timeout: 5s
                idle_timeout: 0s
                request_mirror_policies:
                - cluster: d
                  runtime_fraction: {{default_value: {{numerator: 5, denominator: MILLION}}, runtime_key: a.b}}
                retry_policy:
                  retry_on: reset,retriable-headers
                  num_retries: 2
                  per_try_timeout: 1s
                  retry_back_off: {{base_interval: 0.1s, max_interval: 1s}}
                  retriable_headers: [{{name: n, exact_match: x}}]
              request_mutation: [{{key: k, value: v}}]
              request_headers_to_remove: [k, m]
              mutation_required: true
  clusters:
  - name: c
    connect_timeout: 1s
    lb_policy: RING_HASH
    ring_hash_lb_config: {{minimum_ring_size: 5, maximum_ring_size: 50}}
    common_http_protocol_options: {{idle_timeout: 5s, max_requests_per_connection: 5}}
    circuit_breakers:
      thresholds:
      - {{priority: HIGH, max_connections: 5}}
      - {{max_requests: 5, retry_budget: {{budget_percent: {{value: 5}}, min_retry_concurrency: 1}}}}
    load_assignment:
      cluster_name: c
      endpoints:
        lb_endpoints:
        - endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: 9091}}}}}}
          load_balancing_weight: 3
  - name: d
    lb_policy: MAGLEV
    maglev_lb_config: {{table_size: 101}}
    typed_extension_protocol_options:
      envoy.extensions.upstreams.tcp.v3.TcpProtocolOptions:
        '@type': type.googleapis.com/envoy.extensions.upstreams.tcp.v3.TcpProtocolOptions
        idle_timeout: 5s
"""


def test_a_file_with_everything_in_it_has_no_error() -> None:
    config, findings = parse(EVERYTHING)
    assert config is not None
    assert not [each for each in findings if " error " in each]


@st.composite
def near_files(draw: st.DrawFn) -> str:
    """A whole file with a few pieces exchanged, dropped or doubled."""
    pieces = re.split(r"(\W)", draw(st.sampled_from([WHOLE, EVERYTHING])))
    for _ in range(draw(st.integers(1, 4))):
        index = draw(st.integers(0, len(pieces) - 1))
        other = draw(
            st.sampled_from(pieces) | st.sampled_from(["5", "~", "[]", "{}", "- ", "&a ", "*a", "<<", "yes", "-1s"])
        )
        pieces[index] = draw(st.sampled_from(["", other, pieces[index] * 2, pieces[index] + other]))
    return "".join(pieces)


@given(near_files())
def test_anything_near_a_configuration_is_one_or_says_what_is_wrong(text: str) -> None:
    config, findings = parse(text)
    lines = text.count("\n") + 1
    assert config is not None or any(" error " in each for each in findings)
    assert all(1 <= int(each.split(":")[0]) <= lines for each in findings)


keys = st.sampled_from(
    ["node", "static_resources", "listeners", "clusters", "name", "address", "filters", "config", "id", "x"]
)
trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["a", "5s", PROXY_TYPE]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
)


@given(st.dictionaries(keys, trees, max_size=4))
def test_any_tree_of_known_keys_is_a_configuration_or_says_what_is_wrong(tree: dict[str, object]) -> None:
    config, findings = parse(repr(tree).replace("None", "null").replace("True", "true").replace("False", "false"))
    assert config is not None or any(" error " in each for each in findings)


def test_the_package_gives_its_public_names_and_no_others() -> None:
    for name in config_package.__all__:
        assert getattr(config_package, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = config_package.nothing
