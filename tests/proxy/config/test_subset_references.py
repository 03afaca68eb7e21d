"""Findings about what routes ask of clusters."""

from __future__ import annotations

import pytest

from tests.proxy.config.reading import PROXY_TYPE, WITH_IDS, parse

FILE = f"""\
static_resources:
  listeners:
  - name: l
    address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}
    filter_chains:
      filters:
        name: aeraki.meta_protocol_proxy
        typed_config:
          '@type': {PROXY_TYPE}
          stat_prefix: s
          codec: {{name: '{WITH_IDS}'}}
          route_config: {{routes: [{{route: {{%s}}}}]}}
  clusters:
  - {{name: plain}}
  - name: parted
    lb_subset_config:
      fallback_policy: %s
      default_subset: {{stage: prod}}
      subset_selectors:
      - {{keys: [stage]}}
      - {{keys: [stage, version], fallback_policy: KEYS_SUBSET, fallback_keys_subset: [stage]}}
      - {{keys: [version], fallback_policy: NO_FALLBACK}}
    load_assignment:
      cluster_name: parted
      endpoints:
        lb_endpoints:
        - endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: 1}}}}}}
          metadata: {{filter_metadata: {{envoy.lb: {{stage: prod, version: 1}}}}}}
"""

ASK = "metadata_match: {filter_metadata: {envoy.lb: {%s}}}"
ROUTE = "static_resources.listeners[0].filter_chains.filters.typed_config.route_config.routes[0].route"


def said(action: str, fallback: str = "NO_FALLBACK") -> list[str]:
    config, findings = parse(FILE % (action, fallback))
    assert config is not None
    return [each for each in findings if "DEFAULT_SUBSET" not in each]


@pytest.mark.parametrize(
    "match",
    ["stage: prod", "stage: prod, version: 1.0", "version: 1", "stage: prod, version: 7"],
)
def test_nothing_is_said_of_what_is_there(match: str) -> None:
    assert said(f"cluster: parted, {ASK % match}") == []


@pytest.mark.parametrize(
    ("match", "fallback", "problem"),
    [
        (
            "other: x",
            "NO_FALLBACK",
            "no selector of cluster 'parted' has exactly these keys, 'other': the requests get an error reply",
        ),
        (
            "stage: prod, other: x",
            "ANY_ENDPOINT",
            "no selector of cluster 'parted' has exactly these keys, 'other' and 'stage': they go to any endpoint",
        ),
        (
            "other: x",
            "DEFAULT_SUBSET",
            "no selector of cluster 'parted' has exactly these keys, 'other': they go to the default_subset",
        ),
        (
            "stage: dev",
            "NO_FALLBACK",
            "no endpoint of cluster 'parted' has stage: \"dev\": the requests get an error reply",
        ),
        (
            "version: 2",
            "ANY_ENDPOINT",
            "no endpoint of cluster 'parted' has version: 2.0: the requests get an error reply",
        ),
        (
            "stage: dev, version: 2",
            "NO_FALLBACK",
            "no endpoint of cluster 'parted' has stage: \"dev\": the requests get an error reply",
        ),
    ],
)
def test_what_is_asked_for_and_not_there_is_said(match: str, fallback: str, problem: str) -> None:
    (finding,) = said(f"cluster: parted, {ASK % match}", fallback)
    assert finding == f"12:77 warning {ROUTE}.metadata_match: {problem}"


def test_values_that_are_not_there_are_no_finding_where_others_take_the_requests() -> None:
    for fallback in ("ANY_ENDPOINT", "DEFAULT_SUBSET"):
        assert said(f"cluster: parted, {ASK % 'stage: dev'}", fallback) == []


def test_a_cluster_without_subsets_does_not_look_at_it() -> None:
    (finding,) = said(f"cluster: plain, {ASK % 'stage: dev'}")
    assert finding.endswith(
        "metadata_match: without effect on cluster 'plain', which has no lb_subset_config with selectors"
    )


@pytest.mark.parametrize("written", ["{}", "{filter_metadata: {}}", "{filter_metadata: {envoy.lbs: {stage: prod}}}"])
def test_what_asks_for_nothing_is_said(written: str) -> None:
    problem = "without effect: only what stands under filter_metadata, in envoy.lb, chooses servers"
    for action in (
        f"cluster: parted, metadata_match: {written}",
        f"weighted_clusters: {{clusters: [{{name: parted, weight: 1, metadata_match: {written}}}]}}",
    ):
        (finding,) = said(action)
        assert finding.endswith(f"metadata_match: {problem}")


def test_a_cluster_that_is_not_there_is_one_finding() -> None:
    (finding,) = said(f"cluster: nowhere, {ASK % 'stage: dev'}")
    assert "no cluster is named 'nowhere'" in finding


def test_weighted_clusters_ask_for_what_both_say_together() -> None:
    prod, dev = (ASK % f"stage: {each}" for each in ("prod", "dev"))
    weighted = "weighted_clusters: {clusters: [{name: parted, weight: 1, %s}, {name: parted, weight: 1}]}"
    assert said(f"{weighted % (ASK % 'version: 1')}, {prod}") == []
    assert said(f"{weighted % prod}, {prod}") == []
    assert len(said(f"{weighted % prod}, {dev}")) == 1
    assert len(said(f"{weighted % dev}, {dev}")) == 2
