from __future__ import annotations

import pytest

from metaprotocol_sdk.proxy.config.bootstrap import Bootstrap, LayeredRuntime, Node, StaticResources
from metaprotocol_sdk.proxy.config.values import NodeConfig, ProxyConfig
from tests.proxy.config.reading import bad, good, read


def test_a_node_becomes_its_value_and_the_keys_of_its_metadata_stay() -> None:
    text = "{id: i, cluster: c, metadata: {LABELS: {app: x, fooBar: no}, fooBar: 1, foo_bar: 2, port: 010}}"
    assert good(Node, text).value() == NodeConfig(
        id="i",
        cluster="c",
        metadata={"LABELS": {"app": "x", "fooBar": "no"}, "fooBar": 1, "foo_bar": 2, "port": "010"},
    )


def test_an_empty_bootstrap_is_an_empty_proxy() -> None:
    assert good(Bootstrap, "{}").value() == ProxyConfig()


@pytest.mark.parametrize("section", ["stats_config", "statsSinks", "overload_manager", "watchdogs"])
def test_sections_that_cannot_matter_are_accepted_unread_and_told_once(section: str) -> None:
    bootstrap, findings = read(Bootstrap, f"{section}: {{anything: [goes]}}")
    assert bootstrap is not None
    assert [each.split(" ", 1)[1].split(": ")[1] for each in findings] == ["accepted, and without effect in this proxy"]


def test_what_waits_is_accepted_and_says_what_happens_meanwhile() -> None:
    admin = "accepted, and without effect: this proxy's admin interface changes no runtime values"
    assert read(Bootstrap, "tracing: {http: {name: zipkin}}")[1] == [
        "1:1 note tracing: accepted; tracing is not there yet: no request leaves a trace",
    ]
    assert read(LayeredRuntime, "layers: {name: a, admin_layer: {}}")[1] == [f"1:19 note layers.admin_layer: {admin}"]


def test_a_layer_has_a_name_and_one_kind() -> None:
    assert bad(
        LayeredRuntime, "layers: [{static_layer: {}}, {name: a, static_layer: 5}, {name: b, rtds_layer: {}}]"
    ) == [
        "1:10 error layers[0].name: required, and not there",
        "1:54 error layers[1].static_layer: expected a mapping, found 5",
        "1:68 error layers[2].rtds_layer: not supported yet by this proxy",
    ]


@pytest.mark.parametrize("section", ["dynamic_resources", "cluster_manager"])
def test_sections_that_matter_and_are_not_there_are_refused(section: str) -> None:
    assert bad(Bootstrap, f"{section}: {{}}") == [f"1:1 error {section}: not supported yet by this proxy"]


def test_two_layers_have_two_names() -> None:
    assert bad(LayeredRuntime, "layers:\n- {name: a, static_layer: {}}\n- {name: a, static_layer: {}}\n") == [
        "3:10 error layers[1].name: a layer is named 'a' already, at line 2"
    ]
    assert bad(LayeredRuntime, "layers: {name: a}") == ["1:9 error layers.static_layer: required, and not there"]


def test_a_list_of_one_may_be_the_one() -> None:
    assert [each.name for each in good(StaticResources, "clusters: {name: c}").clusters] == ["c"]
    assert [each.name for each in good(StaticResources, "clusters: [{name: c}, {name: d}]").clusters] == ["c", "d"]


def test_cluster_names_are_taken_once() -> None:
    assert bad(StaticResources, "clusters:\n- name: c\n- name: d\n- name: c\n") == [
        "4:9 error clusters[2].name: the cluster name 'c' is taken already, at line 2"
    ]


def test_messages_say_what_they_want() -> None:
    assert bad(Bootstrap, "{node: [], static_resources: {listeners: 5, clusters: [~], secrets: []}}") == [
        "1:8 error node: expected a mapping, found a list",
        "1:42 error static_resources.listeners: expected a list, found 5",
        "1:56 error static_resources.clusters[0]: expected a mapping, found null",
        "1:60 error static_resources.secrets: not supported yet by this proxy",
    ]
