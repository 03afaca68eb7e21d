"""The error that travels: numbers as upstream's, a message no codec can be broken by."""

from __future__ import annotations

import unicodedata
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.errors import MAX_MESSAGE_LENGTH, Error, ErrorType, one_line

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))


def test_error_types_have_the_numbers_of_meta_protocol_proxy() -> None:
    assert {each.name: each.value for each in ErrorType} == {
        "ROUTE_NOT_FOUND": 0,
        "CLUSTER_NOT_FOUND": 1,
        "NO_HEALTHY_UPSTREAM": 2,
        "BAD_RESPONSE": 3,
        "UNSPECIFIED": 4,
        "OVER_LIMIT": 5,
    }


@given(ANY_TEXT)
def test_a_message_is_one_line_of_valid_unicode(text: str) -> None:
    cleaned = one_line(text)
    cleaned.encode()
    assert not [letter for letter in cleaned if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")]
    assert len(cleaned.splitlines()) <= 1


@given(ANY_TEXT)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert one_line(one_line(text)) == one_line(text)


@given(st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"))))
def test_a_clean_message_stays_as_it_is(text: str) -> None:
    assert one_line(text) == text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("no route\r\nX-Injected: 1", "no route X-Injected: 1"),
        ("a\0\x1b\x7f\x85b", "a b"),
        ("a\u2028b\u2029c", "a b c"),
        ("lone \ud800 surrogate", "lone \ufffd surrogate"),
        ("", ""),
    ],
)
def test_what_could_break_a_frame_is_replaced(text: str, cleaned: str) -> None:
    assert Error(ErrorType.UNSPECIFIED, text).message == cleaned


@pytest.mark.parametrize(("length", "kept"), [(MAX_MESSAGE_LENGTH, MAX_MESSAGE_LENGTH), (70_000, MAX_MESSAGE_LENGTH)])
def test_a_message_is_bounded(length: int, kept: int) -> None:
    message = Error(ErrorType.UNSPECIFIED, "x" * length).message
    assert len(message) == kept
    assert message.endswith("…") is (length > kept)


def test_a_bounded_message_fits_a_u16_length_in_utf8() -> None:
    assert len(Error(ErrorType.UNSPECIFIED, "\U0001f600" * 70_000).message.encode()) < 1 << 16


def test_a_type_may_be_given_by_its_number_and_no_other_number_is_one() -> None:
    assert Error(5, "slow down").type is ErrorType.OVER_LIMIT  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="6 is not a valid ErrorType"):
        Error(6, "")  # type: ignore[arg-type]


def test_an_error_is_a_value() -> None:
    error = Error(ErrorType.UNSPECIFIED, "timeout", flag="UT")
    assert error == Error(ErrorType.UNSPECIFIED, "timeout", flag="UT")
    assert error != Error(ErrorType.UNSPECIFIED, "timeout")
    with pytest.raises(FrozenInstanceError):
        error.message = "other"  # type: ignore[misc]
