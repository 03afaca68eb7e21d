from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.conformance import Case, Sample
from metaprotocol_sdk.conformance.case import nearly_every_cut
from metaprotocol_sdk.exceptions import ConformanceError
from metaprotocol_sdk.metadata import MessageType, ResponseStatus
from metaprotocol_sdk.mutation import Mutation

texts = st.text(st.characters())
optional_texts = st.none() | texts


@st.composite
def any_cases(draw: st.DrawFn, *, depth: int = 1) -> Case:
    wire = draw(st.binary(min_size=1, max_size=20))
    facts = Sample(
        wire,
        strings=draw(st.none() | st.dictionaries(texts, optional_texts, max_size=2)),
        request_id=draw(st.none() | st.integers()),
        message_type=draw(st.none() | st.sampled_from(MessageType)),
        operation_name=draw(optional_texts),
        response_status=draw(st.none() | st.sampled_from(ResponseStatus)),
    )
    return Case(
        side=draw(st.sampled_from((MessageType.REQUEST, MessageType.RESPONSE))),
        wire=wire,
        sample=draw(st.sampled_from((None, facts))),
        requests=tuple(draw(st.lists(st.binary(max_size=4), max_size=2))),
        cuts=tuple(sorted(draw(st.sets(st.integers(1, 19))))),
        trailing=draw(st.binary(max_size=4)),
        mutation=Mutation(draw(st.dictionaries(texts, optional_texts, max_size=2))),
        request_id=draw(st.none() | st.integers()),
        limit=draw(st.none() | st.integers(0)),
        others=tuple(draw(st.lists(any_cases(depth=0), max_size=2))) if depth else (),
    )


@given(any_cases())
def test_a_case_comes_back_from_json_as_it_was(case: Case) -> None:
    assert Case.from_json(json.loads(json.dumps(case.to_json()))) == case


@given(any_cases())
def test_chunks_are_the_wire(case: Case) -> None:
    assert b"".join(case.chunks) == case.wire
    assert all(case.chunks)


def test_json_leaves_out_what_is_not_used_and_writes_bytes_as_hex() -> None:
    case = Case(side=MessageType.RESPONSE, wire=b"\x01\xff", request_id=0)
    assert case.to_json() == {"schema_version": 1, "side": "RESPONSE", "wire": "01ff", "request_id": 0}


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ({}, "schema_version None and this version reads 1"),
        ({"schema_version": 2}, "schema_version 2"),
        ({"schema_version": 1}, "KeyError: 'wire'"),
        ({"schema_version": 1, "wire": "0g", "side": "REQUEST"}, "ValueError"),
        ({"schema_version": 1, "wire": "00", "side": "BOTH"}, "KeyError: 'BOTH'"),
        ({"schema_version": 1, "wire": "00", "side": "REQUEST", "mutation": [[1, "x"]]}, "TypeError"),
        ({"schema_version": 1, "wire": "00", "side": "REQUEST", "sample": {"colour": 1}}, "TypeError"),
        ({"schema_version": 1, "wire": "00", "side": "REQUEST", "others": [{}]}, "schema_version None"),
    ],
)
def test_what_is_no_case_is_a_sentence(parts: dict[str, Any], text: str) -> None:
    with pytest.raises(ConformanceError, match=text):
        Case.from_json(parts)


@given(st.integers(1, 100_000))
def test_nearly_every_cut_cuts_at_both_ends_in_order_and_not_too_often(size: int) -> None:
    cuts = nearly_every_cut(size)
    assert list(cuts) == sorted(set(cuts))
    assert len(cuts) <= 200
    assert size == 1 or (cuts[0] == 1 and cuts[-1] == size - 1)


def test_fewer_bytes_make_a_case_smaller_before_fewer_cuts_do() -> None:
    small = Case(side=MessageType.REQUEST, wire=b"aa", cuts=(1,))
    assert small.weight < Case(side=MessageType.REQUEST, wire=b"aaa").weight
    assert Case(side=MessageType.REQUEST, wire=b"aa").weight < small.weight


def test_what_others_do_meanwhile_weighs_too() -> None:
    alone = Case(side=MessageType.REQUEST, wire=b"aa")
    assert alone.weight < Case(side=MessageType.REQUEST, wire=b"a", others=(alone,)).weight


def test_a_case_is_shown_in_a_line_however_long_it_is() -> None:
    other = Case(side=MessageType.REQUEST, wire=b"a")
    assert repr(Case(side=MessageType.RESPONSE, wire=bytes(80_000), others=(other,))) == (
        "<Case RESPONSE 80000 bytes, 1 others>"
    )
