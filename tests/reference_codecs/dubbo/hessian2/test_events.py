"""What a walk is asked to tell, and how much of it is kept."""

from __future__ import annotations

from reference_codecs.dubbo.hessian2.events import ADDED, MAX_EVENTS, Event, Finder, Recorder, Table


def test_a_recorder_keeps_one_event_more_than_are_enough() -> None:
    recorder = Recorder()
    for at in range(MAX_EVENTS + 10):
        recorder.append(Event(at, at, Table.OBJECT, ADDED))
    assert [each.start for each in recorder.events] == list(range(MAX_EVENTS + 1))


def test_a_finder_counts_what_starts_and_nothing_else() -> None:
    finder = Finder(1)
    for event in (
        Event(1, 1, Table.OBJECT, ADDED),
        Event(2, 4, Table.TYPE, ADDED),
        Event(5, 6, Table.OBJECT, 0),
        Event(7, 8, Table.CLASS, ADDED),
        Event(9, 9, Table.OBJECT, ADDED),
        Event(10, 10, Table.OBJECT, ADDED),
    ):
        finder.append(event)
    assert finder.start == 9
