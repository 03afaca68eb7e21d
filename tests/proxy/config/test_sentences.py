from __future__ import annotations

import enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, create_model

from metaprotocol_sdk.proxy.config.sentences import expected, shown
from tests.proxy.config.reading import bad


class Colour(enum.Enum):
    RED = "RED"
    BLUE = "BLUE"


class Inner(BaseModel):
    n: int = 0


@pytest.mark.parametrize(
    ("kind", "text", "sentence"),
    [
        (str, "5", "expected text, found 5; put it in quotes"),
        (str, "true", "expected text, found true; put it in quotes"),
        (str, "[1]", "expected text, found a list"),
        (int, "x", "expected a whole number, found 'x'"),
        (int, "1.5", "expected a whole number, found 1.5"),
        (int, "{}", "expected a whole number, found a mapping"),
        (float, "x", "expected a number, found 'x'"),
        (float, "[]", "expected a number, found a list"),
        (bool, "maybe", "expected true or false, found 'maybe'"),
        (bool, "[]", "expected true or false, found a list"),
        (dict[str, Any], "5", "expected a mapping, found 5"),
        (Inner, "x", "expected a mapping, found 'x'"),
        (list[int], "null", "expected a list, found null"),
        (tuple[int, ...], "x", "expected a list, found 'x'"),
        (Colour, "GREEN", "expected RED or BLUE, found 'GREEN'"),
        (Literal["a", "b"], "c", "expected a or b, found 'c'"),
        (Annotated[int, Field(ge=1)], "0", "expected a number from 1 up, found 0"),
        (Annotated[int, Field(le=9)], "10", "expected a number up to 9, found 10"),
        (Annotated[float, Field(gt=0)], "0", "expected a number over 0.0, found 0"),
        (Annotated[float, Field(lt=1)], "1", "expected a number under 1.0, found 1"),
        (Annotated[float, Field(allow_inf_nan=False)], ".inf", "expected a finite number, found inf"),
        (Annotated[str, Field(min_length=1)], "''", "expected text that is not empty"),
        (Annotated[str, Field(max_length=2)], "abc", "expected text of at most 2 characters, found 'abc'"),
        (Annotated[str, Field(pattern="^a")], "b", "expected text that matches ^a, found 'b'"),
        (Annotated[list[int], Field(max_length=1)], "[1, 2]", "expected a list of at most 1, found a list"),
        (Annotated[list[int], Field(min_length=1)], "[]", "expected a list of at least 1, found a list"),
        (bytes, "5", "found 5: input should be a valid bytes"),
    ],
)  # fmt: skip
def test_every_error_says_what_was_expected_and_what_is_there(kind: Any, text: str, sentence: str) -> None:
    model = create_model("Model", key=(kind, ...))
    assert bad(model, f"key: {text}") == [f"1:6 error key: {sentence}"]


def test_a_missing_key_is_told_where_its_mapping_starts_and_an_unknown_one_where_it_stands() -> None:
    class Strict(BaseModel, extra="forbid"):
        key: int

    assert bad(Strict, "# comment\nkez: 1\n") == [
        "2:1 error key: required, and not there",
        "2:6 error kez: unknown key",
    ]


def test_values_are_shown_as_the_file_has_them_and_short() -> None:
    values: list[object] = [True, None, 5, 1.5, {}, [], "a'b"]
    assert [shown(each) for each in values] == [
        "true", "null", "5", "1.5", "a mapping", "a list", '"a\'b"',
    ]  # fmt: skip
    assert len(shown("x" * 10_000)) < 80


def test_expected_is_an_error_a_validator_can_raise() -> None:
    assert str(expected("a number", "x")) == "expected a number, found 'x'"
