from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.replies import Replies, Turn


@given(st.data())
def test_replies_leave_in_request_order_per_id_and_as_they_complete_across_ids(data: st.DataObject) -> None:
    keys = data.draw(st.lists(st.integers(0, 2), max_size=12))
    turns = [Turn(key) for key in keys]
    replies: Replies[Turn] = Replies()
    for turn in turns:
        replies.open(turn)
    assert set(replies) == set(turns)
    waiting = {key: [turn for turn in turns if turn.key == key] for key in set(keys)}
    texts = {turn: b"%d" % index for index, turn in enumerate(turns)}
    finished: set[Turn] = set()
    for index, turn in enumerate(data.draw(st.permutations(turns))):
        out = replies.finish(turn, texts[turn])
        finished.add(turn)
        expected = []
        queue = waiting[turn.key]
        while queue and queue[0] in finished:
            expected.append(texts[queue.pop(0)])
        assert out == expected
        left = sum(map(len, waiting.values()))
        assert replies.count == left
        assert replies.held == sum(len(texts[each]) for queue in waiting.values() for each in queue if each in finished)
        assert index < len(turns) - 1 or left == 0
    assert list(replies) == []


def opened(*keys: int) -> tuple[Replies[Turn], list[Turn]]:
    replies: Replies[Turn] = Replies()
    turns = [Turn(key) for key in keys]
    for turn in turns:
        replies.open(turn)
    return replies, turns


def test_nothing_of_an_id_leaves_behind_a_missing_reply() -> None:
    replies, (first, missing, held, still_out, other) = opened(1, 1, 1, 1, 2)
    assert replies.finish(held, b"held") == []
    assert replies.finish(missing, None) == []
    assert replies.finish(first, b"first") == [b"first"]
    assert replies.abandoned == [still_out]
    assert (replies.count, replies.held) == (1, 0)
    assert replies.finish(other, b"other") == [b"other"]


def test_a_missing_reply_at_the_front_abandons_at_once() -> None:
    replies, (missing, behind) = opened(1, 1)
    assert replies.finish(missing, None) == []
    assert replies.abandoned == [behind]
    assert replies.count == 0


def test_a_reply_that_needs_no_bytes_lets_the_next_one_go() -> None:
    replies, (silent, behind) = opened(1, 1)
    assert replies.finish(behind, b"behind") == []
    assert replies.finish(silent, b"") == [b"", b"behind"]


def test_a_finished_turn_keeps_nothing_alive() -> None:
    replies, (first, second) = opened(1, 1)
    replies.finish(first, b"1")
    replies.finish(second, b"2")
    assert first.last is None
    assert second.last is None


def test_requests_that_are_let_go_refer_to_nothing_but_the_next_one() -> None:
    replies, (first, second, other) = opened(1, 1, 2)
    replies.finish(second, b"held")
    replies.clear()
    assert (list(replies), replies.count, replies.held) == ([], 0, 0)
    assert [first.last, second.last, other.last] == [None, None, None]
