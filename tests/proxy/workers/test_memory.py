"""The block: whose a word is, and that no two things share one."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.exceptions import WorkerError
from metaprotocol_sdk.proxy.workers.memory import ABSENT, GAUGES, PLACES, Block, Places


@pytest.mark.parametrize("workers", [1, 2, 9])
def test_what_is_written_at_one_place_is_seen_there_alone_and_by_another_process(workers: int) -> None:
    block = Block.create(workers)
    other = Block(os.dup(block.descriptor), workers)
    try:
        words = []
        for place in (0, 1, 77, PLACES - 1):
            words += [(block.gauges(place), other.gauges(place), index) for index in range(GAUGES * workers)]
            words += [(block.tokens(place), other.tokens(place), 0)]
        words += [(block.clients, other.clients, index) for index in range(workers)]
        assert list(block.clients) == [ABSENT] * workers
        for value, (mine, _, index) in enumerate(words, start=1):
            mine[index] = value
        for place in (0, 1, 77, PLACES - 1):
            block.due(place)[0] = place + 0.5
        assert [theirs[index] for _, theirs, index in words] == list(range(1, len(words) + 1))
        assert [other.due(place)[0] for place in (0, 1, 77, PLACES - 1)] == [0.5, 1.5, 77.5, PLACES - 0.5]
    finally:
        other.close()
        block.close()
        block.close()


@given(st.integers(1, 8), st.data())
def test_a_dead_worker_has_nothing_and_the_others_keep_what_is_theirs(workers: int, data: st.DataObject) -> None:
    block = Block.create(workers)
    try:
        dead = data.draw(st.integers(0, workers - 1))
        for place in range(3):
            for index in range(GAUGES * workers):
                block.gauges(place)[index] = index + 1
        block.forget(dead, range(3))
        for place in range(3):
            found = list(block.gauges(place))
            assert found == [0 if index % workers == dead else index + 1 for index in range(GAUGES * workers)]
        assert block.clients[dead] == ABSENT
    finally:
        block.close()


def test_a_file_stands_in_where_the_system_has_no_anonymous_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create", raising=False)
    block = Block.create(2)
    block.tokens(3)[0] = 7
    assert Block(os.dup(block.descriptor), 2).tokens(3)[0] == 7
    block.close()


@given(st.lists(st.integers(0, 6) | st.none(), max_size=60))
def test_a_place_is_nobody_elses_and_a_free_one_comes_last(steps: list[int | None]) -> None:
    places, used, freed = Places("things", 8), set[int](), list[int]()
    for step in steps:
        if step is None:
            try:
                taken = places.take()
            except WorkerError:
                assert len(used) == 8
                continue
            assert taken not in used
            if taken in freed:
                assert freed.pop(0) == taken
                assert len(places.touched) == 8
            used.add(taken)
        else:
            kept = {place for place in used if place != step}
            freed += sorted(used - kept)
            used = kept
            places.keep(used)
        assert used <= set(places.touched)


def test_the_sentence_when_no_place_is_left() -> None:
    places = Places("token buckets", 1)
    places.take()
    with pytest.raises(WorkerError, match="can have 1 token buckets and no more"):
        places.take()
