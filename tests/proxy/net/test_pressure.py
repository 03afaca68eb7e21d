from __future__ import annotations

from metaprotocol_sdk.proxy.net.pressure import Pressure
from tests.proxy.fakes import FakeDownstream


def test_a_client_is_held_once_however_many_of_its_requests_are_there_and_let_go_once() -> None:
    pressure, client, other = Pressure(), FakeDownstream(), FakeDownstream()
    pressure.hold_all([client, client, other])
    pressure.hold(client)
    assert (client.holds, other.holds) == (1, 1)
    pressure.release()
    pressure.release()
    assert (client.holds, other.holds) == (0, 0)


def test_those_whose_oneways_this_turn_wrote_are_held_and_those_of_turns_before_are_not() -> None:
    pressure, earlier, now, too = Pressure(), FakeDownstream(), FakeDownstream(), FakeDownstream()
    pressure.note_teller(earlier, is_first=True)
    pressure.note_teller(now, is_first=True)
    pressure.note_teller(too, is_first=False)
    pressure.hold_all([])
    assert (earlier.holds, now.holds, too.holds) == (0, 1, 1)


def test_a_connection_that_has_ended_holds_nobody() -> None:
    pressure, client = Pressure(), FakeDownstream()
    pressure.note_teller(client, is_first=True)
    pressure.hold_all([])
    pressure.forget()
    pressure.hold_all([])
    assert client.holds == 0
