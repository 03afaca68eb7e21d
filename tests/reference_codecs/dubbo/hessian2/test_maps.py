"""Rewriting a map: only what changes changes, and every number still says what it said."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reference_codecs.dubbo.hessian2 import (
    List,
    Map,
    Object,
    StillInUse,
    Value,
    WalkedMap,
    Walker,
    write_entry,
    write_string,
)
from tests.reference_codecs.dubbo.hessian2.helpers import TEXTS, VALUES, containers, read, written


def walk(*before: Value, attachments: Value) -> tuple[bytes, WalkedMap]:
    """A message whose last value is a map, and that map."""
    data = written(*before, attachments)
    walker = Walker(data)
    for _ in before:
        walker.skip()
    found = walker.read_map()
    assert found is not None
    return data, found


def rewritten(
    *before: Value, attachments: Value, changes: Mapping[int, bytes | None], added: bytes = b""
) -> list[Value]:
    """What is read of the message after the change."""
    data, found = walk(*before, attachments=attachments)
    return read(data[: found.start] + found.rewrite(data, changes, added))


def person(name: str) -> Object:
    return Object("Person", ("name",), [name])


@given(st.lists(VALUES, max_size=2), st.lists(st.tuples(VALUES, VALUES), max_size=4))
def test_a_map_without_changes_stays_as_it_is(before: list[Value], entries: list[tuple[Value, Value]]) -> None:
    data, found = walk(*before, attachments=Map(entries, "T"))
    assert found.rewrite(data, {}) == data[found.start : found.end]


@given(
    st.lists(VALUES, max_size=2),
    st.lists(st.tuples(VALUES, VALUES), max_size=5),
    st.dictionaries(st.integers(0, 4), st.none() | TEXTS),
    st.lists(st.tuples(TEXTS, TEXTS), max_size=2),
)
def test_other_entries_say_what_they_said(
    before: list[Value],
    entries: list[tuple[Value, Value]],
    changes: dict[int, str | None],
    added: list[tuple[str, str]],
) -> None:
    changes = {index: value for index, value in changes.items() if index < len(entries)}
    after = rewritten(
        *before,
        attachments=Map(entries),
        changes={index: None if value is None else write_string(value) for index, value in changes.items()},
        added=b"".join(write_entry(*each) for each in added),
    )
    kept = [(key, changes.get(index, value)) for index, (key, value) in enumerate(entries)]
    kept = [each for index, each in enumerate(kept) if changes.get(index, "") is not None]
    assert after == [*before, Map([*kept, *added])]


@given(st.data(), st.lists(st.tuples(st.just("k"), VALUES), min_size=2, max_size=5), VALUES)
def test_references_are_to_what_they_were_or_the_change_is_refused(
    draw: st.DataObject, entries: list[tuple[Value, Value]], first: Value
) -> None:
    known = [each for value in [first, *(value for _, value in entries)] for each in containers(value)]
    assume(known)
    entries += [("again", draw.draw(st.sampled_from(known))) for _ in range(2)]
    gone = draw.draw(st.sets(st.integers(0, len(entries) - 1), min_size=1, max_size=3))
    kept = [each for index, each in enumerate(entries) if index not in gone]
    cut = [each for index in gone for each in containers(entries[index][1])]
    stay = [each for value in [first, *(value for _, value in kept)] for each in containers(value)]
    data, found = walk(first, attachments=Map(list(entries)))
    try:
        new = found.rewrite(data, dict.fromkeys(gone))
    except StillInUse:
        assert {id(each) for each in cut} & {id(each) for each in stay}
    else:
        expected = read(written(first, Map(list(kept))))
        after = read(data[: found.start] + new)
        assert after == expected
        assert shape(after) == shape(expected)


def shape(values: list[Value]) -> list[int]:
    """For each list, map or object of a tree in order, where the same one was first."""
    found = [id(each) for value in values for each in containers(value)]
    return [found.index(each) for each in found]


def test_a_replaced_value_keeps_every_other_byte() -> None:
    data, found = walk(1, attachments=Map([("a", "1"), ("b", List([1])), ("c", "3")], "T"))
    assert found.rewrite(data, {0: b"\x02xy", 2: None}, b"\x01d\x014") == b"M\x01T\x01a\x02xy\x01by\x91\x01d\x014Z"


def test_numbers_after_a_value_that_goes_are_less() -> None:
    again = person("b")
    attachments = Map([("a", List([Map()])), ("b", again), ("c", again)])
    data, found = walk(List(), attachments=attachments)
    assert data.endswith(b"\x01cQ\x94Z")
    assert found.rewrite(data, {0: None}).endswith(b"\x01cQ\x92Z")


def test_what_was_before_the_map_keeps_its_number() -> None:
    early = List()
    attachments = Map([("a", List()), ("b", early)])
    assert rewritten(early, attachments=attachments, changes={0: b"N"}) == [early, Map([("a", None), ("b", early)])]


def test_a_class_that_is_needed_later_is_defined_there() -> None:
    attachments = Map([("a", person("a")), ("b", person("b")), ("c", person("c"))])
    data, found = walk(Object("Other"), attachments=attachments)
    assert found.rewrite(data, {0: b"\x00"}) == b"H\x01a\x00\x01bC\x06Person\x91\x04namea\x01b\x01ca\x01cZ"


def test_classes_change_their_numbers_when_one_goes() -> None:
    many: list[tuple[Value, Value]] = [(str(index), Object(f"C{index}")) for index in range(18)]
    again: list[tuple[Value, Value]] = [(str(index), Object(f"C{index}")) for index in (15, 16, 17, 0)]
    (after,) = rewritten(attachments=Map([*many, *again]), changes={0: None})
    assert after == Map([*many[1:], *again])


def test_a_type_that_is_needed_later_is_said_there() -> None:
    attachments = Map([("a", List([], "T")), ("b", List([], "T")), ("c", List([], "T"))])
    data, found = walk(attachments=attachments)
    assert found.rewrite(data, {0: None}) == b"H\x01bp\x01T\x01cp\x90Z"


def test_a_value_that_another_refers_to_stays() -> None:
    shared = List()
    data, found = walk(attachments=Map([("a", List([shared])), ("b", shared)]))
    with pytest.raises(StillInUse) as refused:
        found.rewrite(data, {0: b"N"})
    assert str(refused.value) == "at byte 8: the reference is to a value that would be taken out"
    assert found.rewrite(data, {1: b"N"}) == b"H\x01ayx\x01bNZ"
    assert found.rewrite(data, {0: None, 1: None}) == b"HZ"


def test_a_map_that_holds_itself_is_rewritten() -> None:
    attachments = Map([("a", List())])
    attachments.entries.append(("itself", attachments))
    (after,) = rewritten(attachments=attachments, changes={0: None})
    assert isinstance(after, Map)
    assert after.entries[0][1] is after


def test_a_reference_becomes_a_map_of_its_own() -> None:
    shared = Map([("a", "1"), ("b", person("b")), ("c", person("c"))], "T")
    before, after = rewritten(shared, attachments=shared, changes={0: b"\x012"}, added=b"\x01d\x014")
    assert before == shared
    assert after == Map([("a", "2"), ("b", person("b")), ("c", person("c")), ("d", "4")])
    assert rewritten(shared, attachments=shared, changes={1: None})[1] == Map([("a", "1"), ("c", person("c"))])


def test_a_map_of_too_much_to_tell_changes_only_where_nothing_is_numbered() -> None:
    attachments = Map([("a", "1"), ("b", List([List() for _ in range(70_000)])), ("c", List())])
    data, found = walk(attachments=attachments)
    assert found.rewrite(data, {0: None}) == b"H" + data[5:]
    with pytest.raises(StillInUse, match="at byte 0: the map holds more than 65536 lists, objects and references"):
        found.rewrite(data, {2: None})
