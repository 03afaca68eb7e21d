from __future__ import annotations

import pytest

from metaprotocol_sdk.proxy.config.cluster import Cluster
from metaprotocol_sdk.proxy.config.subset import LbSubsetConfig, LbSubsetSelector
from metaprotocol_sdk.proxy.config.values import SubsetFallback, SubsetsConfig, SubsetSelectorConfig, lb_metadata
from tests.proxy.config.reading import bad, good

WHOLE = """\
fallback_policy: DEFAULT_SUBSET
default_subset: {stage: prod, weightClass: 1}
subset_selectors:
- {keys: [version, stage], fallback_policy: KEYS_SUBSET, fallback_keys_subset: [stage]}
- {keys: [stage], fallback_policy: NO_FALLBACK}
- {keys: [host], single_host_per_subset: true, fallback_policy: NOT_DEFINED}
locality_weight_aware: true
scale_locality_weight: true
panic_mode_any: true
list_as_any: true
metadata_fallback_policy: METADATA_NO_FALLBACK
"""


def test_everything_said_is_in_the_value() -> None:
    assert good(LbSubsetConfig, WHOLE).value() == SubsetsConfig(
        selectors=(
            SubsetSelectorConfig(
                keys=("stage", "version"), fallback=SubsetFallback.KEYS_SUBSET, fallback_keys=("stage",)
            ),
            SubsetSelectorConfig(keys=("stage",), fallback=SubsetFallback.NO_FALLBACK),
            SubsetSelectorConfig(keys=("host",), single_host=True),
        ),
        fallback=SubsetFallback.DEFAULT_SUBSET,
        default_subset=lb_metadata({"stage": "prod", "weightClass": 1}),
        locality_weight_aware=True,
        scale_locality_weight=True,
        panic_mode_any=True,
        list_as_any=True,
    )


def test_what_is_not_said_is_envoys_default() -> None:
    value = good(LbSubsetConfig, "subset_selectors: {keys: [a]}").value()
    assert value == SubsetsConfig(selectors=(SubsetSelectorConfig(keys=("a",)),))


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("{}", ["1:1 error keys: required, and not there"]),
        ("keys: []", ["1:7 error keys: expected at least one key"]),
        ("keys: ['']", ["1:8 error keys[0]: expected text that is not empty"]),
        ("keys: [a, a]", ["1:7 error keys: expected each key once"]),
        (
            "{keys: [a], fallback_policy: KEYS_SUBSET}",
            ["1:1 error fallback_keys_subset: required with fallback_policy KEYS_SUBSET, and not there"],
        ),
        (
            "{keys: [a, b], fallback_policy: KEYS_SUBSET, fallback_keys_subset: [b, a]}",
            ["1:68 error fallback_keys_subset: expected fewer than keys has"],
        ),
        (
            "{keys: [a, b], fallback_policy: KEYS_SUBSET, fallback_keys_subset: [c]}",
            ["1:68 error fallback_keys_subset: expected some of keys, found 'c'"],
        ),
        (
            "{keys: [a, b], fallback_policy: ANY_ENDPOINT, fallback_keys_subset: [b]}",
            ["1:69 error fallback_keys_subset: only with fallback_policy KEYS_SUBSET"],
        ),
        (
            "{keys: [a], fallback_policy: NOBODY}",
            [
                (
                    "1:30 error fallback_policy: expected one of NOT_DEFINED, NO_FALLBACK, ANY_ENDPOINT, "
                    "DEFAULT_SUBSET, "
                    "KEYS_SUBSET, found 'NOBODY'"
                )
            ],
        ),
    ],
)
def test_a_wrong_selector_says_where_and_why(text: str, findings: list[str]) -> None:
    assert bad(LbSubsetSelector, text) == findings


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("{}", ["1:1 warning lb: without effect: it has no subset_selectors"]),
        (
            "{fallback_policy: DEFAULT_SUBSET, subset_selectors: {keys: [a]}}",
            ["1:1 warning lb: without default_subset, DEFAULT_SUBSET means every server"],
        ),
        (
            "{default_subset: {a: b}, subset_selectors: {keys: [a]}}",
            ["1:2 warning default_subset: without effect: no fallback_policy is DEFAULT_SUBSET"],
        ),
        (
            "{scale_locality_weight: true, subset_selectors: {keys: [a]}}",
            ["1:2 warning scale_locality_weight: without effect: it scales what locality_weight_aware has count"],
        ),
        (
            "{subset_selectors: [{keys: [a, b]},\n{keys: [b, a]}]}",
            ["2:1 warning subset_selectors[1]: never used: the selector at line 1 has the same keys"],
        ),
        (
            "{fallback_policy: KEYS_SUBSET, subset_selectors: {keys: [a]}}",
            [
                (
                    "1:19 error fallback_policy: expected one of NO_FALLBACK, ANY_ENDPOINT, DEFAULT_SUBSET, found "
                    "'KEYS_SUBSET'"
                )
            ],
        ),
        (
            "{metadata_fallback_policy: FALLBACK_LIST, subset_selectors: {keys: [a]}}",
            [
                (
                    "1:28 error metadata_fallback_policy: 'FALLBACK_LIST' is not supported yet by this proxy; "
                    "supported: "
                    "METADATA_NO_FALLBACK"
                )
            ],
        ),
    ],
)
def test_a_wrong_message_says_where_and_why(text: str, findings: list[str]) -> None:
    assert [each.replace("warning : ", "warning lb: ") for each in bad(LbSubsetConfig, text)] == findings


CLUSTER = """\
name: c
lb_subset_config: {subset_selectors: [{keys: %s}]}
load_assignment:
  cluster_name: c
  endpoints:
    lb_endpoints:
    - endpoint: {address: {socket_address: {address: 1.1.1.1, port_value: 1}}}
      metadata: {filter_metadata: {envoy.lb: {stage: prod}}}
    - endpoint: {address: {socket_address: {address: 1.1.1.1, port_value: 2}}}
      metadata: {filterMetadata: {envoy.lb: {version: 1}}}
"""


def test_a_selector_that_no_endpoint_has_the_keys_for_is_an_error() -> None:
    assert bad(Cluster, CLUSTER % "[stage]") == []
    assert bad(Cluster, CLUSTER % "[stage, version]") == [
        (
            "2:46 error lb_subset_config.subset_selectors[0].keys: no endpoint of the cluster has 'stage' and "
            "'version' in "
            "its metadata's envoy.lb"
        )
    ]
    assert bad(Cluster, "name: c\nlb_subset_config: {subset_selectors: [{keys: [a]}]}") == []
