"""Valid messages from a frame alone, for a FramedCodec that has no strategies of its own.

Only what a message must say is drawn: the body, the id, string headers, and the fields that have no default. A codec
whose ``describe`` refuses some values of its fields needs strategies of its own, which know what the fields mean.
"""

from __future__ import annotations

import string
from typing import Any

from hypothesis import strategies as st

from metaprotocol_sdk.conformance.strategies import request_ids
from metaprotocol_sdk.conformance.subject import Sample, Subject
from metaprotocol_sdk.exceptions import ConformanceError, EncodeError
from metaprotocol_sdk.framing import FixedFrame, FramedCodec, MessageFrame
from metaprotocol_sdk.framing.binary import BinaryFrame

Fields = dict[str, st.SearchStrategy[Any]]

_WORDS = st.text(string.ascii_lowercase, min_size=1, max_size=8)
_HEADERS = st.dictionaries(_WORDS.map("x-{}".format), _WORDS, max_size=3)
_LARGEST_BODY = 48


def subject_of(codec: type[FramedCodec]) -> Subject:
    """What the frame of a codec says its messages look like.

    Raises:
        ConformanceError: The frame does not say where a message ends, or no message can be built from it.
    """
    return Subject(codec, samples(codec.frame.request), samples(codec.frame.response))


def samples(frame: MessageFrame) -> st.SearchStrategy[Sample]:
    """Messages of a frame; they state the id, and the string headers they carry.

    Raises:
        ConformanceError: As :func:`subject_of` says.
    """
    if not frame.tells_length:
        raise ConformanceError(
            "the frame does not say where a message ends (frame_length() does), so no message can be built from it; "
            "write strategies for this codec"
        )
    sizes, fields = _buildable(frame)
    # A text frame's body must not contain the delimiter; letters hardly ever are one.
    letters = st.binary() if isinstance(frame, BinaryFrame) else st.text(string.ascii_letters).map(str.encode)
    bodies = st.builds(lambda size, data: (data + b"a" * size)[:size], st.sampled_from(sizes), letters)
    ids = request_ids(frame.request_ids) if frame.request_ids else st.none()
    headers = _HEADERS if frame.carries_headers else st.just({})

    def build(body: bytes, request_id: int | None, headers: dict[str, str], said: dict[str, Any]) -> Sample:
        data = frame.build(body, headers=headers, request_id=request_id, **said)
        return Sample(data, request_id=request_id, strings=dict(headers) or None)

    return st.builds(build, bodies, ids, headers, st.fixed_dictionaries(fields))


def _buildable(frame: MessageFrame) -> tuple[list[int], Fields]:
    """The sizes of bodies that the frame can carry, and the fields that it must be told."""
    room = [frame.size - frame.layout.size] if isinstance(frame, FixedFrame) else range(_LARGEST_BODY + 1)
    found = {size: fields for size in room if (fields := _needed_fields(frame, b"a" * size)) is not None}
    if not found:
        raise ConformanceError("no message can be built from the frame alone; write strategies for this codec")
    return list(found), next(iter(found.values()))


def _needed_fields(frame: MessageFrame, body: bytes) -> Fields | None:
    """The fields that a message with this body must be told, as the frame asks for them; None: it cannot have it."""
    values: dict[str, Any] = {}
    fields: Fields = {}
    while True:
        try:
            frame.build(body, **values)
        except EncodeError as error:
            name = error.key
            if name not in frame.names or name in fields or not (choices := _values(frame, name)):
                return None
            values[name], fields[name] = choices
        else:
            return fields


def _values(frame: MessageFrame, name: str) -> tuple[Any, st.SearchStrategy[Any]] | None:
    """One value that a field can hold, and a strategy of them."""
    if not isinstance(frame, BinaryFrame):
        return "a", _WORDS
    slot = frame.layout.by_name[name]
    if slot.numbers:
        return 0, st.integers(0, slot.numbers[-1])
    choices = [choice for choice in (False, True, 0, 1, 0.5, bytes(slot.width), "a", "") if _holds(slot.pack, choice)]
    return (choices[0], st.sampled_from(choices)) if choices else None


def _holds(pack: Any, value: object) -> bool:
    try:
        pack(value)
    except EncodeError:
        return False
    return True
