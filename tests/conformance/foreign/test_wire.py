from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.conformance.foreign.wire import MAX_FRAME, Answer, BadFrame, frame_size, from_frame, to_frame

values = st.recursive(st.text() | st.integers() | st.booleans() | st.none(), st.lists, max_leaves=5)


@given(st.dictionaries(st.text(), values), st.binary(max_size=8))
def test_frames_read_back_and_know_their_end(message: dict[str, Any], rest: bytes) -> None:
    frame = to_frame(message)
    assert frame_size(frame + rest) == len(frame)
    assert from_frame(frame) == message


@given(st.lists(st.text() | st.sampled_from(['"end":', '\\"end":', '","end":"'])))
def test_a_key_is_found_by_searching_and_nothing_in_a_string_looks_like_one(values: list[str]) -> None:
    message = {**{f"v{index}": value for index, value in enumerate(values)}, "end": "y"}
    text = to_frame(message)[4:].decode("ascii")
    for key, value in message.items():
        assert text.count(f'"{key}":') == 1
        found, _ = json.JSONDecoder().raw_decode(text, text.index(f'"{key}":') + len(key) + 3)
        assert found == value


def test_a_size_is_known_with_four_bytes() -> None:
    assert frame_size(b"\0\0\0") is None
    assert frame_size(b"\0\0\0\x02") == 6


@pytest.mark.parametrize("text", [b"Hello", b"\nlog", b'{"op"', (MAX_FRAME + 1).to_bytes(4, "big")])
def test_what_a_program_prints_is_no_frame(text: bytes) -> None:
    with pytest.raises(BadFrame, match="where the size of the frame belongs in four bytes"):
        frame_size(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"{", "it is no JSON"),
        (b"\xff", "it is no JSON"),
        (b"[1]", "it is list, not a JSON object"),
        (b"[" * 9999, "it is no JSON"),
    ],
)
def test_a_frame_is_one_object(text: bytes, sentence: str) -> None:
    with pytest.raises(BadFrame, match=sentence):
        from_frame(len(text).to_bytes(4, "big") + text)


def test_values_that_are_not_there_have_their_defaults() -> None:
    answer = Answer({"null": None})
    assert "null" not in answer
    assert (answer.text("null", "t"), answer.number("n", 3), answer.signed("n", -3), answer.flag("f")) == (
        "t",
        3,
        -3,
        False,
    )
    assert (answer.items("l"), answer.strings("s"), answer.choice("c", {"a": 1}, 2)) == ([], {}, 2)
    assert "x" not in answer.part("p")


@pytest.mark.parametrize(
    ("read", "sentence"),
    [
        (lambda answer: answer.text("gone"), "its gone is not there; it is a string"),
        (lambda answer: answer.text("n"), "its n is -1; it is a string"),
        (lambda answer: answer.number("n"), "its n is -1, not a number of 0 or more"),
        (lambda answer: answer.number("flag"), "its flag is True, not a number of 0 or more"),
        (lambda answer: answer.signed("t"), "its t is 'zz'; it is a whole number"),
        (lambda answer: answer.flag("n"), "its n is -1; it is true or false"),
        (lambda answer: answer.data("t"), "its t is 'zz', which is no hex"),
        (lambda answer: answer.choice("t", {"a": 1, "b": 2}), "its t is 'zz', which is none of a, b"),
        (lambda answer: answer.part("n"), "its n is -1; it is an object"),
        (lambda answer: answer.items("t"), "its t is 'zz'; it is a list"),
        (lambda answer: answer.strings("o"), "'k' in its o is 1, not a string"),
    ],
)
def test_a_value_that_is_not_what_it_should_be_is_named(read: Any, sentence: str) -> None:
    with pytest.raises(BadFrame) as caught:
        read(Answer({"n": -1, "flag": True, "t": "zz", "o": {"k": 1}}))
    assert str(caught.value) == sentence
