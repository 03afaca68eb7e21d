"""Values say what Java's types say."""

from __future__ import annotations

from reference_codecs.dubbo.hessian2 import Date, List, Long, Map, Object


def test_a_long_is_an_int_that_knows_its_type() -> None:
    assert Long(7) == 7
    assert type(Long(7)) is Long


def test_values_are_equal_by_what_they_hold() -> None:
    assert List([1], "T") == List([1], "T") != List([1])
    assert Map([(1, 2)]) == Map([(1, 2)]) != Map([(1, 2)], "T")
    assert Object("A", ("x",), [1]) == Object("A", ("x",), [1]) != Object("A", ("y",), [1])
    assert Date(1) == Date(1) != Date(2)


def test_empty_values_share_nothing() -> None:
    first, second = List(), List()
    first.items.append(1)
    assert second.items == []


def test_a_value_that_holds_itself_has_a_text() -> None:
    value = List()
    value.items.append(value)
    assert repr(value) == "List(items=[...], type=None)"
