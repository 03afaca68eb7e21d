"""What every frame offers, and two frames together."""

from __future__ import annotations

from typing import Any

import pytest
from construct import Int8ub, Int16ub, Int32ub, Int64ub, this
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.framing import DelimitedFrame, Frame, Frames
from metaprotocol_sdk.framing.contract import _common, refuse_reserved

ranges = st.builds(range, st.integers(-20, 40), st.integers(-20, 60), st.integers(1, 12))


@given(ranges, ranges)
def test_the_common_ids_are_those_in_both(one: range, other: range) -> None:
    assert list(_common(one, other)) == sorted(set(one) & set(other))


def frame(width: object, scale: int = 1, offset: int = 0) -> Frame:
    return Frame("len" / Int32ub, "id" / width, length=this.len, request_id=this.id * scale + offset)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("request_frame", "response_frame", "ids"),
    [
        (frame(Int32ub), frame(Int16ub), range(1, 1 << 16)),
        (frame(Int16ub), frame(Int32ub), range(1, 1 << 16)),
        (frame(Int64ub), frame(Int64ub), range(1, 1 << 64)),
        (frame(Int8ub, 4), frame(Int8ub), range(4, 256, 4)),
        (frame(Int8ub, 2), frame(Int8ub, 2, 1), range(0)),
        (frame(Int32ub), Frame("len" / Int8ub, length=this.len), range(0)),
        (DelimitedFrame("id", request_id=this.id), frame(Int64ub), range(1, 1 << 63)),
    ],
)
def test_two_frames_have_the_ids_both_can_say(request_frame: Frame, response_frame: Frame, ids: range) -> None:
    assert Frames(request=request_frame, response=response_frame).request_ids == ids


def test_one_frame_is_the_frame_of_both_sides() -> None:
    one = frame(Int8ub)
    assert one.request is one.response is one


@pytest.mark.parametrize("names", [("headers",), ("a", "headers")])
def test_a_field_named_headers_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="a field cannot be named 'headers'"):
        refuse_reserved(names, "")


def test_a_field_named_request_id_is_the_id() -> None:
    refuse_reserved(("a", "request_id"), "request_id")
    with pytest.raises(ValueError, match="a field named 'request_id' is the id"):
        refuse_reserved(("a", "request_id"), "a")


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        ({"idd": 3}, "the header has no field 'idd'; did you mean id?"),
        ({"body": 3}, "the header has no field 'body'; there are len, id"),
    ],
)
def test_a_field_that_is_none_is_a_type_error_that_names_the_nearest(field: Any, sentence: str) -> None:
    with pytest.raises(TypeError) as caught:
        frame(Int8ub).build(**field)
    assert str(caught.value) == sentence
