from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.ids import RequestIds


@given(st.integers(1, 12), st.integers(1, 12), st.lists(st.sampled_from(["take", "give", "lose", "late"]), max_size=80))
def test_an_id_is_never_out_twice_and_none_is_lost(size: int, limit: int, actions: list[str]) -> None:
    ids = RequestIds(range(10, 10 + size), limit=limit)
    out: list[int] = []
    quarantined: list[int] = []
    for action in actions:
        assert ids.has_free == (len(out) + len(quarantined) < min(size, limit))
        assert ids.is_spoilt == (len(quarantined) >= min(size, limit))
        if action == "take" and ids.has_free:
            taken = ids.take()
            assert taken in range(10, 10 + size)
            assert taken not in [*out, *quarantined]
            out.append(taken)
        elif action == "give" and out:
            ids.give_back(out.pop(0))
        elif action == "lose" and out:
            quarantined.append(out.pop(0))
            ids.quarantine(quarantined[-1])
        elif action == "late" and quarantined:
            assert ids.is_late(quarantined.pop(0))


def test_no_id_is_taken_again_before_its_turn_comes_round() -> None:
    ids = RequestIds(range(3), limit=3)
    first = ids.take()
    ids.give_back(first)
    assert [ids.take(), ids.take()] == [1, 2]
    assert ids.take() == first


def test_none_left_is_an_error_that_was_foretold() -> None:
    ids = RequestIds(range(1), limit=5)
    ids.take()
    assert not ids.has_free
    with pytest.raises(LookupError):
        ids.take()


def test_a_late_answer_is_late_once() -> None:
    ids = RequestIds(range(2), limit=2)
    taken = ids.take()
    assert not ids.is_late(taken)
    ids.quarantine(taken)
    assert ids.is_late(taken)
    assert not ids.is_late(taken)


@pytest.mark.parametrize("wide", [range(1 << 64), range(-(1 << 63), 1 << 63), range(1, 1 << 64, 2), range(9, 0, -3)])
def test_ranges_of_every_shape_serve(wide: range) -> None:
    ids = RequestIds(wide, limit=3)
    taken = [ids.take() for _ in range(3)]
    assert taken == list(wide[:3])
    assert not ids.has_free
