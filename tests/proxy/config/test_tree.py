from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.config.document import read_document
from metaprotocol_sdk.proxy.config.report import Report
from metaprotocol_sdk.proxy.config.tree import Entries, Items, Place, join, locate, path_of, plain, snake

TEXT = """\
node:
  id: a
staticResources:
  listeners:
  - name: one
  - {name: two, statPrefix: s}
  clusters: {name: c}
"""


def tree() -> Entries:
    return read_document(TEXT, Report("f.yaml"))


@given(st.from_regex(r"[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*", fullmatch=True))
def test_camel_case_comes_back_as_the_snake_case_it_was_made_of(name: str) -> None:
    camel = re.sub("_([a-z])", lambda match: match[1].upper(), name)
    assert snake(camel) == name
    assert snake(name) == name


@pytest.mark.parametrize(
    "key", ["Name", "APP_CONTAINERS", "envoy.extensions.TcpOptions", "@type", "9090", "a-b", "", "É"]
)
def test_what_is_no_field_name_stays_as_it_is(key: str) -> None:
    assert snake(key) == key


def test_places_count_from_one_and_paths_are_in_snake_case() -> None:
    resources = tree()["staticResources"]
    assert resources.place == Place(4, 3, "static_resources")
    listeners = resources["listeners"]
    assert listeners.place == Place(5, 3, "static_resources.listeners")
    assert listeners.item_place(1) == Place(6, 5, "static_resources.listeners[1]")
    assert listeners[1].key_place("statPrefix") == Place(6, 17, "static_resources.listeners[1].statPrefix")
    assert listeners[1].renamed(snake).value_place("stat_prefix") == Place(
        6, 29, "static_resources.listeners[1].stat_prefix"
    )


def test_a_missing_key_stands_where_its_mapping_starts() -> None:
    assert tree()["node"].value_place("cluster") == Place(2, 3, "node.cluster")
    assert tree()["node"].key_place("cluster") == Place(2, 3, "node.cluster")


def test_children_are_there_even_when_they_are_not() -> None:
    root = tree().renamed(snake)
    resources = root.child("static_resources")
    assert [each["name"] for each in resources.children("listeners")] == ["one", "two"]
    assert [each["name"] for each in resources.children("clusters")] == ["c"]
    assert resources.children("secrets") == []
    assert root.child("node").child("id").children("x") == []
    assert path_of(root.child("a").child("b")) == "a.b"


def test_the_first_of_two_keys_that_become_one_stays() -> None:
    renamed = read_document("{aB: 1, a_b: 2}", Report("f")).renamed(snake)
    assert renamed == {"a_b": 1}
    assert renamed.value_place("a_b").column == 6


def test_without_leaves_the_others_in_place() -> None:
    node = tree()["staticResources"]["listeners"][1]
    less = node.without("name", "absent")
    assert less == {"statPrefix": "s"}
    assert less.value_place("statPrefix") == node.value_place("statPrefix")
    assert "name" in node


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ((), Place(1, 1, "")),
        (("node", "id"), Place(2, 7, "node.id")),
        (
            ("static_resources", "listeners", 1, "stat_prefix"),
            Place(6, 29, "static_resources.listeners[1].stat_prefix"),
        ),
        (("static_resources", "clusters", 0, "name"), Place(7, 20, "static_resources.clusters.name")),
        (("static_resources", "clusters", 0, "type"), Place(7, 13, "static_resources.clusters.type")),
        (("node", "id", "deeper"), Place(2, 7, "node.id")),
        (("static_resources", "listeners", 7), Place(5, 3, "static_resources.listeners")),
    ],
)
def test_a_validators_location_is_found_in_the_file(location: tuple[str | int, ...], place: Place) -> None:
    assert locate(tree(), location) == place


def test_plain_data_holds_nothing_of_the_file() -> None:
    data = plain(tree())
    assert data == tree()
    pending = [data]
    while pending:
        value = pending.pop()
        assert not isinstance(value, Entries | Items)
        pending.extend(value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())


def test_a_long_key_is_cut_in_a_path() -> None:
    assert join("a", "k" * 1000) == "a." + "k" * 80 + "…"
    assert join("", 3) == "[3]"
