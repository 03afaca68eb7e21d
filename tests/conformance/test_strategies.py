from __future__ import annotations

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from metaprotocol_sdk.conformance import CHECKS, Case, Sample, Subject
from metaprotocol_sdk.conformance.check import Check, Draw
from metaprotocol_sdk.conformance.strategies import (
    StrategyFault,
    cases,
    chunkings,
    corruptions,
    hostile_messages,
    mutations,
    request_ids,
    truncations,
)
from metaprotocol_sdk.metadata import MessageType
from tests.conformance.right_codecs import RIGHT, MailCodec
from tests.helpers import TinyCodec, tiny

SMALL = settings(max_examples=50)


@SMALL
@given(st.data(), st.binary(min_size=1, max_size=30))
def test_a_truncation_is_a_front(data: st.DataObject, whole: bytes) -> None:
    front = data.draw(truncations(whole))
    assert front
    assert whole.startswith(front)
    assert len(front) < len(whole) or len(whole) == 1


@SMALL
@given(st.data(), st.integers(1, 5000))
def test_a_chunking_is_ascending_and_inside(data: st.DataObject, size: int) -> None:
    cuts = data.draw(chunkings(size))
    assert list(cuts) == sorted(set(cuts))
    assert all(0 < cut < size for cut in cuts)


def test_edges_are_cut_at_often() -> None:
    assert find(chunkings(100_000, edges=[0, 77_777, 100_000]), lambda cuts: 77_777 in cuts)


def test_a_chunking_may_be_byte_by_byte() -> None:
    assert find(chunkings(9), lambda cuts: len(cuts) == 8) == tuple(range(1, 9))


@pytest.mark.parametrize("wanted", [b"\xab\0\0\0\xff\xff", b"\xab\0\0\0\0", b"\0\0\0\0\0"])
def test_a_corruption_can_plant_an_extreme_number_or_lose_bytes(wanted: bytes) -> None:
    assert find(corruptions(tiny()), lambda data: data == wanted, settings=settings(max_examples=20_000)) == wanted


@pytest.mark.parametrize("wanted", [b"SET key -17\r\n", b"SET  5\r\n", b"[]\r\n", b"SET key " + b"9" * 20 + b"\r\n"])
def test_a_corruption_can_say_another_word_in_a_text(wanted: bytes) -> None:
    text = corruptions(b"SET key 5\r\n")
    assert find(text, lambda data: data == wanted, settings=settings(max_examples=20_000)) == wanted


@SMALL
@given(hostile_messages([b"one", b"two"]))
def test_hostile_messages_are_one_corrupted_or_nothing_like_it(messages: list[bytes]) -> None:
    assert all(type(message) is bytes for message in messages)
    assert len(messages) == 1 or b"one" in messages or b"two" in messages


@pytest.mark.parametrize("ids", [range(1 << 32), range(1, 1000), range(5, 6), range(-4, 4)])
def test_ids_are_of_the_range_its_ends_among_them(ids: range) -> None:
    drawn = request_ids(ids)
    for end in (ids[0], ids[-1]):
        assert find(drawn, lambda number, end=end: number == end) == end  # type: ignore[misc]

    @SMALL
    @given(drawn)
    def all_in_range(number: int) -> None:
        assert number in ids

    all_in_range()


def test_a_mutation_changes_own_keys_in_another_case_and_removes() -> None:
    drawn = mutations(("Method",))
    assert "METHOD" in list(find(drawn, lambda mutation: "METHOD" in list(mutation)))
    assert find(drawn, lambda mutation: mutation.get("method", "") is None)
    assert find(mutations(()), lambda mutation: all(key.startswith("x-") for key in mutation))


@pytest.mark.parametrize("name", CHECKS)
def test_a_case_has_the_parts_its_check_draws_and_no_others(name: str) -> None:
    check = CHECKS[name]

    @settings(max_examples=30)
    @given(cases(RIGHT["mail"], check, MailCodec.request_ids))
    def fits(case: Case) -> None:
        if Draw.EXCHANGES in check.draws:
            assert len({each.request_id for each in (case, *case.others)}) == 1 + len(case.others)
            return
        assert len(case.others) == (Draw.NEIGHBOUR in check.draws)
        assert bool(case.trailing) == (Draw.TRAILING in check.draws)
        assert bool(case.mutation) == (Draw.MUTATION in check.draws)
        assert (case.request_id is not None) == (Draw.REQUEST_ID in check.draws)
        assert Draw.CUTS in check.draws or not case.cuts
        assert case.sample is None or case.sample.data == case.wire
        assert Draw.MESSAGE not in check.draws or Draw.CORRUPTION in check.draws or case.sample is not None

    fits()


def drawn(subject: Subject, check: Check = CHECKS["decodes_one_message"]) -> Case:
    return find(cases(subject, check, range(9)), lambda _: True)


def _raise() -> Sample:
    raise RuntimeError("no luck")


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (Subject(TinyCodec, st.builds(_raise), None), "the strategy requests raised RuntimeError: no luck"),
        (Subject(TinyCodec, st.just(b"x"), None), "gives bytes; it must give"),  # type: ignore[arg-type]
        (Subject(TinyCodec, [tiny()], None), "requests is list"),  # type: ignore[arg-type]
        (
            Subject(TinyCodec, None, st.builds(Sample, st.just(b""))),
            "the strategy responses raised ValueError: a Sample's data is empty",
        ),
    ],
)
def test_a_strategy_that_gives_no_samples_is_the_subjects_fault(subject: Subject, text: str) -> None:
    with pytest.raises(StrategyFault, match=text):
        drawn(subject)


def test_a_reply_comes_with_the_request_it_answers() -> None:
    case = find(
        cases(RIGHT["remembering"], CHECKS["split_invariance"], range(9)),
        lambda case: case.side is MessageType.RESPONSE and case.sample is not None,
    )
    assert len(case.requests) == 1
    assert case.requests[0][2:4] == case.wire[2:4]


def test_a_request_that_nothing_answers_is_not_answered() -> None:
    def reply_to(request: Sample) -> st.SearchStrategy[Sample] | None:
        return st.just(Sample(tiny(b"reply"))) if len(request.data) > 8 else None

    requests = st.builds(lambda body: Sample(tiny(body)), st.binary(max_size=9))
    subject = Subject(TinyCodec, requests, st.nothing(), reply_to)
    case = find(cases(subject, CHECKS["decodes_one_message"], range(9)), lambda case: bool(case.requests))
    assert len(case.requests[0]) > 8


def test_a_reply_to_that_raises_is_the_subjects_fault() -> None:
    def reply_to(request: Sample) -> st.SearchStrategy[Sample] | None:
        raise LookupError("which")

    with pytest.raises(StrategyFault, match="reply_to raised LookupError: which"):
        find(
            cases(
                Subject(TinyCodec, st.just(Sample(tiny())), st.nothing(), reply_to),
                CHECKS["split_invariance"],
                range(9),
            ),
            lambda case: case.side is MessageType.RESPONSE,
        )
