from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pytest
from pydantic import ValidationError

from metaprotocol_sdk.proxy.config.message import Message, OneOf, not_yet, without_effect
from tests.proxy.config.reading import bad, good, read


class Fruit(Message):
    refused: ClassVar[Mapping[str, str]] = {**not_yet("peel"), "juice": "that is a drink"}
    ignored = without_effect("colour")
    one_of = (OneOf(("seed_count", "stone"), "expected seed_count"), OneOf(("stalk", "leaf", "peel")))

    seed_count: int = 0
    stone: str = ""
    stalk: str = ""
    leaf: str = ""


def test_both_spellings_of_a_key_are_read() -> None:
    assert good(Fruit, "seedCount: 1").seed_count == 1
    assert good(Fruit, "seed_count: 1").seed_count == 1


def test_null_is_absent() -> None:
    assert good(Fruit, "{stone: x, leaf: ~, seed_count: null, peel: null}").leaf == ""


def test_every_key_that_is_not_taken_says_why_at_once() -> None:
    text = "{stone: x, peel: 1, colour: red, juice: 1, seedCont: 2, xyzzy: 3, Leaf: 4}"
    assert bad(Fruit, text) == [
        "1:12 error peel: not supported yet by this proxy",
        "1:21 note colour: accepted, and without effect in this proxy",
        "1:34 error juice: that is a drink",
        "1:44 error seed_cont: unknown key 'seedCont'; did you mean seed_count?",
        "1:57 error xyzzy: unknown key 'xyzzy'; known are seed_count, stone, stalk, leaf",
        "1:67 error Leaf: unknown key 'Leaf'; did you mean leaf?",
    ]


def test_a_key_is_reported_though_values_are_wrong_too() -> None:
    assert bad(Fruit, "{seed_count: x, peal: 1}") == [
        "1:14 error seed_count: expected a whole number, found 'x'",
        "1:17 error peal: unknown key 'peal'; did you mean peel?",
    ]


def test_of_a_oneof_one_is_there() -> None:
    assert bad(Fruit, "{seed_count: 1, stone: x}") == [
        "1:17 error stone: only one of seed_count and stone can be given"
    ]
    assert bad(Fruit, "{leaf: x}") == ["1:1 error seed_count: expected seed_count"]
    assert bad(Fruit, "{stone: x, peel: 1, leaf: y}") == ["1:12 error peel: not supported yet by this proxy"]


def test_two_spellings_of_one_key_are_a_repeated_key() -> None:
    assert read(Fruit, "{seedCount: 1, seed_count: 1}")[1] == [
        "1:16 warning seed_count: given already at line 1 as seedCount, with the same value"
    ]
    assert read(Fruit, "{seed_count: 1, seedCount: 2}")[1] == [
        "1:17 error seed_count: given already at line 1 as seed_count, with another value"
    ]


def test_a_very_long_key_is_answered_at_once_and_short() -> None:
    (finding,) = bad(Fruit, f"stone: x\n? {'seed_count' * 10_000}\n: 1\n")
    assert len(finding) < 300


def test_a_message_outside_of_a_file_takes_its_fields_and_no_others() -> None:
    assert Fruit(seed_count=2).seed_count == 2
    with pytest.raises(ValidationError, match="Extra inputs"):
        Fruit.model_validate({"peel": 1})
