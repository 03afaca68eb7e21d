"""Mutations against a naive model, and the laws of the mapping they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.mutation import NO_MUTATION, Mutation

# Few letters in both cases, so that keys meet often; one letter whose lower case is longer than itself.
KEYS = st.text("aAbBİ", min_size=0, max_size=2)
VALUES = st.text("xyz", max_size=2)
PAIRS = st.lists(st.tuples(KEYS, VALUES), max_size=8)
CHANGES = st.lists(st.tuples(KEYS, st.none() | VALUES), max_size=6)
MUTATIONS = CHANGES.map(Mutation)


def folded(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(key.lower(), value) for key, value in pairs]


def naive(mutation: Mutation, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The rules, one key at a time and slowly."""
    result = list(pairs)
    for key, value in mutation.items():
        places = [index for index, (each, _) in enumerate(result) if each.lower() == key.lower()]
        if places and value is not None:
            result[places[0]] = (result[places[0]][0], value)
            places = places[1:]
        elif value is not None:
            result.append((key, value))
        result = [pair for index, pair in enumerate(result) if index not in places]
    return result


@given(MUTATIONS, PAIRS)
def test_apply_does_what_the_rules_say_key_by_key(mutation: Mutation, pairs: list[tuple[str, str]]) -> None:
    assert mutation.apply(pairs) == naive(mutation, pairs)


@given(MUTATIONS, PAIRS)
def test_applying_twice_is_applying_once(mutation: Mutation, pairs: list[tuple[str, str]]) -> None:
    once = mutation.apply(pairs)
    assert mutation.apply(once) == once


@given(PAIRS)
def test_no_mutation_changes_nothing(pairs: list[tuple[str, str]]) -> None:
    assert NO_MUTATION.apply(pairs) == pairs
    assert not NO_MUTATION


@given(MUTATIONS, PAIRS)
def test_what_a_mutation_does_not_name_stays_in_place_and_order(
    mutation: Mutation, pairs: list[tuple[str, str]]
) -> None:
    unnamed = [pair for pair in pairs if pair[0] not in mutation]
    assert [pair for pair in mutation.apply(pairs) if pair[0] not in mutation] == unnamed


@given(MUTATIONS, PAIRS)
def test_apply_leaves_its_arguments_alone(mutation: Mutation, pairs: list[tuple[str, str]]) -> None:
    before = list(pairs), list(mutation.items())
    mutation.apply(pairs)
    assert (pairs, list(mutation.items())) == before


@given(MUTATIONS, MUTATIONS, PAIRS)
def test_a_merge_says_what_one_after_the_other_says(
    first: Mutation, second: Mutation, pairs: list[tuple[str, str]]
) -> None:
    assert sorted(folded((first | second).apply(pairs))) == sorted(folded(second.apply(first.apply(pairs))))


@given(MUTATIONS, MUTATIONS)
def test_in_a_merge_the_second_wins(first: Mutation, second: Mutation) -> None:
    merged = first | second
    assert dict(merged.items()).keys() >= dict(second.items()).keys()
    for key in (*first, *second):
        assert merged[key] == (second[key] if key in second else first[key])


@given(MUTATIONS)
def test_it_merges_with_any_mapping(mutation: Mutation) -> None:
    assert mutation | {"q": "1"} == mutation | Mutation(q="1")


@given(CHANGES)
def test_keys_compare_without_case_and_the_last_spelling_stays(changes: list[tuple[str, str | None]]) -> None:
    mutation = Mutation(changes)
    model: dict[str, tuple[str, str | None]] = {}
    for key, value in changes:
        model[key.lower()] = (key, value)
    assert list(mutation.items()) == list(model.values())
    assert len(mutation) == len(model)
    assert bool(mutation) is bool(model)
    for key, value in model.values():
        assert key.upper() not in mutation or mutation[key.upper()] == mutation[key.upper().lower()]
        assert mutation[key] == mutation[key.lower()] == value
    assert mutation.folded == model


@given(CHANGES)
def test_equality_and_hash_forget_order_and_case(changes: list[tuple[str, str | None]]) -> None:
    one = Mutation(changes)
    other = Mutation([(key.lower(), value) for key, value in reversed(list(one.items()))])
    assert one == other
    assert hash(one) == hash(other)
    assert one == dict(one.items())


def test_unequal_to_other_values_and_to_what_is_no_mapping() -> None:
    assert Mutation(a="1") != Mutation(a="2")
    assert Mutation(a="1") != Mutation(a=None)
    assert Mutation(a="1") != [("a", "1")]


def test_folded_is_the_callers_own() -> None:
    mutation = Mutation(a="1")
    mutation.folded.clear()
    assert mutation == {"a": "1"}


@pytest.mark.parametrize("changes", [{1: "a"}, {"a": 1}, {"a": b"1"}, [(None, "a")]])
def test_only_str_to_str_or_none(changes: object) -> None:
    with pytest.raises(TypeError, match="a mutation maps str to str or None, not "):
        Mutation(changes)  # type: ignore[arg-type]


def test_the_key_asked_for_is_the_key_that_is_missing() -> None:
    with pytest.raises(KeyError, match="Nope"):
        Mutation(a="1")["Nope"]
    assert object() not in Mutation(a="1")


def test_it_merges_with_mappings_only() -> None:
    with pytest.raises(TypeError, match="unsupported operand"):
        Mutation(a="1") | 3  # type: ignore[operator]


def test_it_cannot_be_changed_and_shows_itself() -> None:
    mutation = Mutation({"User": "x"}, gone=None)
    assert repr(mutation) == "Mutation({'User': 'x', 'gone': None})"
    with pytest.raises(TypeError):
        mutation["User"] = "y"  # type: ignore[index]
    with pytest.raises(AttributeError):
        mutation.more = 1  # type: ignore[attr-defined]
