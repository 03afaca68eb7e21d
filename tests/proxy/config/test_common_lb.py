from __future__ import annotations

import pytest

from metaprotocol_sdk.proxy.config.cluster import Cluster
from metaprotocol_sdk.proxy.config.common_lb import CommonLbConfig
from tests.proxy.config.reading import bad, good


def test_what_is_not_said_is_envoys_default() -> None:
    common = good(CommonLbConfig, "{}")
    assert common.healthy_panic_threshold.value == 50
    assert not common.fails_on_panic
    assert common.hash_balance_factor is None


def test_everything_said_is_in_a_clusters_value() -> None:
    text = """\
name: c
lb_policy: RING_HASH
common_lb_config:
  healthy_panic_threshold: {value: 33.9}
  consistent_hashing_lb_config: {hash_balance_factor: 150}
  locality_weighted_lb_config: {}
"""
    value = good(Cluster, text).value()
    assert (value.panic_threshold, value.hash_balance_factor, value.is_locality_weighted) == (33, 150, True)
    text = "{name: c, common_lb_config: {zone_aware_lb_config: {fail_traffic_on_panic: true}}}"
    assert good(Cluster, text).value().fails_on_panic


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (
            "healthy_panic_threshold: {value: 101}",
            "1:34 error healthy_panic_threshold.value: expected a number from 0 to 100, found 101",
        ),
        (
            "{zone_aware_lb_config: {}, locality_weighted_lb_config: {}}",
            (
                "1:28 error locality_weighted_lb_config: only one of zone_aware_lb_config and "
                "locality_weighted_lb_config "
                "can be given"
            ),
        ),
        (
            "zone_aware_lb_config: {min_cluster_size: 3}",
            "1:24 error zone_aware_lb_config.min_cluster_size: not supported yet by this proxy",
        ),
        (
            "consistent_hashing_lb_config: {hash_balance_factor: 99}",
            (
                "1:53 error consistent_hashing_lb_config.hash_balance_factor: expected a whole number from 100 to "
                "4294967295, found 99"
            ),
        ),
        (
            "consistent_hashing_lb_config: {use_hostname_for_hashing: true}",
            "1:32 error consistent_hashing_lb_config.use_hostname_for_hashing: not supported yet by this proxy",
        ),
        (
            "update_merge_window: 1s",
            "1:1 note update_merge_window: without effect: every change counts from the next request on",
        ),
    ],
)
def test_a_wrong_message_says_where_and_why(text: str, finding: str) -> None:
    assert bad(CommonLbConfig, text) == [finding]


EMPTY = "lb_endpoints: []"


@pytest.mark.parametrize(
    ("cluster", "finding"),
    [
        (
            "common_lb_config: {consistent_hashing_lb_config: {hash_balance_factor: 150}}",
            (
                "1:30 warning common_lb_config.consistent_hashing_lb_config: without effect: this cluster's lb_policy "
                "is "
                "not RING_HASH or MAGLEV"
            ),
        ),
        (
            "common_lb_config: {zone_aware_lb_config: {fail_traffic_on_panic: true}}, lb_policy: MAGLEV",
            (
                "1:53 warning common_lb_config.zone_aware_lb_config.fail_traffic_on_panic: without effect on "
                "RING_HASH and "
                "MAGLEV, as in Envoy"
            ),
        ),
        (
            "load_assignment: {cluster_name: c, endpoints: [{load_balancing_weight: 2}]}",
            (
                "1:59 note load_assignment.endpoints[0].load_balancing_weight: without effect: the cluster has no "
                "common_lb_config.locality_weighted_lb_config"
            ),
        ),
        (
            (
                f"common_lb_config: {{locality_weighted_lb_config: {{}}}}, "
                f"load_assignment: {{cluster_name: c, endpoints: [{{{EMPTY}}}]}}"
            ),
            (
                "1:30 warning common_lb_config.locality_weighted_lb_config: without effect: no locality has a "
                "load_balancing_weight"
            ),
        ),
        (
            (
                f"common_lb_config: {{locality_weighted_lb_config: {{}}}}, "
                f"load_assignment: {{cluster_name: c, endpoints: [{{load_balancing_weight: 2}}, {{{EMPTY}}}]}}"
            ),
            (
                "1:139 warning load_assignment.endpoints[1]: its endpoints get no requests: other localities have a "
                "load_balancing_weight, it has none"
            ),
        ),
    ],
)
def test_what_does_nothing_in_a_cluster_is_said(cluster: str, finding: str) -> None:
    assert bad(Cluster, f"{{name: c, {cluster}}}") == [finding]


def test_weights_that_a_ring_has_no_numbers_for_are_refused_as_in_envoy() -> None:
    def text(policy: str) -> str:
        endpoint = (
            "endpoint: {address: {socket_address: {address: 1.1.1.1, port_value: %d}}}, load_balancing_weight: %d"
        )
        both = f"[{{{endpoint % (1, 2**32 - 1)}}}, {{{endpoint % (2, 1)}}}]"
        return (
            f"{{name: c, lb_policy: {policy}, "
            f"load_assignment: {{cluster_name: c, endpoints: [{{lb_endpoints: {both}}}]}}}}"
        )

    assert bad(Cluster, text("ROUND_ROBIN")) == []
    assert bad(Cluster, text("RING_HASH")) == [
        (
            "1:95 error load_assignment.endpoints[0].lb_endpoints: expected weights whose sum is at most 4294967295, "
            "found "
            "4294967296"
        )
    ]
