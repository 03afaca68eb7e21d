from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.config.values import (
    LbMetadata,
    SubsetsConfig,
    SubsetSelectorConfig,
    canonical,
    lb_metadata,
    merged,
    reduced,
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
STRUCTS = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["x", 1, True]), max_size=3)


@given(VALUES)
def test_a_value_is_itself_however_it_was_read(value: object) -> None:
    assert canonical(value) == canonical(value)
    if isinstance(value, dict):
        assert canonical(value) == canonical(dict(reversed(value.items())))


def test_every_number_is_a_double_and_neither_text_nor_truth() -> None:
    assert canonical(1) == canonical(1.0)
    assert len({canonical(each) for each in (1, "1", True, [1], {"1": 1}, None)}) == 6
    assert canonical([1, {"a": 2}]) == canonical([1.0, {"a": 2.0}])


@pytest.mark.parametrize(
    ("route", "cluster", "both"),
    [  # Envoy's table, "Load Balancer Subsets" in its architecture overview
        ({"stage": "canary"}, {"stage": "prod"}, {"stage": "prod"}),
        ({"v": "1.0"}, {"stage": "prod"}, {"v": "1.0", "stage": "prod"}),
        ({"v": "1.0", "stage": "prod"}, {"stage": "canary"}, {"v": "1.0", "stage": "canary"}),
        ({"v": "1.0", "stage": "prod"}, {"v": "1.1", "stage": "canary"}, {"v": "1.1", "stage": "canary"}),
        ({}, {"v": "1.0"}, {"v": "1.0"}),
        ({"v": "1.0"}, {}, {"v": "1.0"}),
    ],
)
def test_a_clusters_criteria_win_over_its_routes(
    route: dict[str, str], cluster: dict[str, str], both: dict[str, str]
) -> None:
    assert merged(lb_metadata(route), lb_metadata(cluster)) == lb_metadata(both)
    assert merged(lb_metadata(route) or None, lb_metadata(cluster) or None) == lb_metadata(both)


@given(STRUCTS, STRUCTS)
def test_merging_is_that_of_mappings(outer: dict[str, object], inner: dict[str, object]) -> None:
    assert (merged(lb_metadata(outer), lb_metadata(inner)) or ()) == lb_metadata(outer | inner)


def test_fewer_keys_are_what_is_left_of_more() -> None:
    assert reduced(lb_metadata({"a": 1, "b": 2, "c": 3}), ("a", "c")) == lb_metadata({"a": 1, "c": 3})


def config(*, list_as_any: bool = False, default: LbMetadata = ()) -> SubsetsConfig:
    selectors = (SubsetSelectorConfig(keys=("a",)), SubsetSelectorConfig(keys=("a", "b")))
    return SubsetsConfig(selectors=selectors, list_as_any=list_as_any, default_subset=default)


def test_a_server_is_in_the_subset_of_its_values() -> None:
    server = lb_metadata({"a": ["x", "y"], "b": 1, "c": 2})
    assert config().values_of(server, ("a", "b")) == [lb_metadata({"a": ["x", "y"], "b": 1})]
    assert config().values_of(server, ("a", "d")) == []
    assert config(list_as_any=True).values_of(server, ("a", "b")) == [
        lb_metadata({"a": "x", "b": 1}),
        lb_metadata({"a": "y", "b": 1}),
    ]


def test_the_default_subset_is_whoever_has_all_of_it() -> None:
    default = lb_metadata({"a": "x"})
    assert config(default=default).matches_default(lb_metadata({"a": "x", "b": 1}))
    assert not config(default=default).matches_default(lb_metadata({"a": ["x", "y"]}))
    assert not config(default=default).matches_default(lb_metadata({"b": 1}))
    assert config(default=default, list_as_any=True).matches_default(lb_metadata({"a": ["x", "y"]}))
    assert config().matches_default(())


def test_a_selector_is_found_by_exactly_its_keys() -> None:
    assert config().selector(lb_metadata({"b": 1, "a": 2})) is not None
    assert config().selector(lb_metadata({"b": 1})) is None
    assert config().selector(lb_metadata({"a": 1, "b": 1, "c": 1})) is None
