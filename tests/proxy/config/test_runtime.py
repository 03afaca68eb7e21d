from __future__ import annotations

import pytest

from metaprotocol_sdk.proxy.config.report import Report
from metaprotocol_sdk.proxy.config.runtime import Runtime, percentage
from metaprotocol_sdk.proxy.config.tree import Place
from tests.proxy.config.reading import said

FIRST = Place(1, 1, "first")
SECOND = Place(2, 1, "second")
TEXT = (
    "without effect in this proxy, which looks up the runtime_key of fractions and numbers, and "
    "upstream.maintenance_mode.<cluster> only: "
)


def told(runtime: Runtime) -> list[str]:
    report = Report("f.yaml")
    runtime.report_unread(report)
    return [each.replace(TEXT, "") for each in said(report.findings)]


def test_keys_are_dotted_and_the_last_layer_wins() -> None:
    runtime = Runtime()
    runtime.add({"a": {"b": 1, "c": {"d": 2}}, "e.f": 3}, FIRST)
    runtime.add({"a.b": 4}, SECOND)
    assert [runtime.find(key) for key in ("a.b", "a.c.d", "e.f", "a", "a.c", "x")] == [4, 2, 3, None, None, None]
    assert told(runtime) == []


def test_a_fraction_and_an_empty_mapping_are_values() -> None:
    runtime = Runtime()
    runtime.add({"a": {"numerator": 1}, "b": {"denominator": "MILLION"}, "c": {}}, FIRST)
    assert [runtime.find(key) for key in "abc"] == [{"numerator": 1}, {"denominator": "MILLION"}, {}]


def test_keys_nothing_has_looked_up_are_told_at_once_and_a_few_of_many() -> None:
    runtime = Runtime()
    runtime.add({"b": 1, "a": 1, "c": 1}, FIRST)
    runtime.add({"a": 2}, SECOND)
    runtime.find("b")
    assert told(runtime) == ["2:1 note second: a, c"]
    runtime.add({f"k{index}": 1 for index in range(10)}, SECOND)
    assert told(runtime) == ["2:1 note second: a, c, k0, k1, k2 and 7 more"]


@pytest.mark.parametrize(
    ("found", "share"),
    [(0, 0.0), (25, 0.25), (100, 1.0), (250, 1.0), ("7", 0.07), (7.0, 0.07)]
    + [(each, None) for each in (None, True, -1, 12.5, "x", "12.5", "", {}, {"numerator": 1}, [1])],
)
def test_a_whole_number_is_a_percentage_and_nothing_else_is(found: object, share: float | None) -> None:
    assert percentage(found) == share
