from __future__ import annotations

from metaprotocol_sdk.proxy.config.report import Report
from metaprotocol_sdk.proxy.config.runtime import Runtime
from metaprotocol_sdk.proxy.config.tree import Place
from tests.proxy.config.reading import said

FIRST = Place(1, 1, "first")
SECOND = Place(2, 1, "second")
TEXT = "without effect in this proxy, which looks up the runtime_key of fractions only: "


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
