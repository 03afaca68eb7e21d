from __future__ import annotations

from metaprotocol_sdk.proxy.cluster.load_balancer import LoadBalancer, Sole
from metaprotocol_sdk.proxy.cluster.tables import KEPT_TABLES, Key, Tables
from tests.proxy.cluster.servers import equals

SERVERS = equals(20)


def key(number: int) -> Key:
    return (SERVERS[number],), (1,), ()


class Made:
    """Tables, and which of them were made in their order."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.made: list[int] = []

    def get(self, number: int) -> LoadBalancer:
        def make() -> LoadBalancer:
            self.made.append(number)
            return Sole(SERVERS[number])

        return self.tables.get(key(number), make)

    def state(self, *numbers: int) -> list[int]:
        """Those made in a state that uses these."""
        self.tables.turn()
        self.made.clear()
        for each in numbers:
            assert self.get(each).pick() is SERVERS[each]
        return self.made


def test_what_was_in_use_is_there_in_the_next_state() -> None:
    made = Made()
    assert made.state(*range(10)) == list(range(10))
    for turn in range(10):
        assert made.state(*range(9), 10 + turn % 2) == ([10 + turn] if turn < 2 else [])


def test_of_what_is_in_use_one_at_a_time_a_few_are_kept_and_the_last_used_longest_ago_goes() -> None:
    made = Made()
    for number in range(12):
        made.state(number, 0)
    assert len(made.tables) == KEPT_TABLES + 2
    assert made.state(0) == []
    assert made.state(1) == [1]


def test_a_state_in_which_little_is_asked_for_loses_nothing_that_the_next_wants() -> None:
    made = Made()
    made.state(*range(10))
    made.state()
    made.state(3)
    assert made.state(*range(10)) == []


def test_nothing_is_left_of_another_policy() -> None:
    made = Made()
    made.state(*range(10))
    made.tables.clear()
    assert len(made.tables) == 0
    for number in range(10):
        made.state(number)
    assert len(made.tables) == KEPT_TABLES + 1
