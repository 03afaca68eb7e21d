from __future__ import annotations

import io

import pytest

from metaprotocol_sdk.cli import progress
from metaprotocol_sdk.cli.progress import ProgressLine, can_redraw


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_line_is_drawn_over_itself_and_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_EVERY", 0.0)
    stream = Terminal()
    line = ProgressLine(stream, is_shown=True, ascii_only=True)
    line.show("split_invariance", 1, 2)
    assert stream.getvalue() == "\r\x1b[K  ##########.......... split_invariance 1/2"
    line.clear()
    line.clear()
    assert stream.getvalue().count("\r\x1b[K") == 2


def test_it_is_not_drawn_more_often_than_it_can_be_read() -> None:
    stream = Terminal()
    line = ProgressLine(stream, is_shown=True)
    for number in range(1000):
        line.show("x", number, 1000)
    assert 1 <= stream.getvalue().count("x ") < 100


def test_what_is_no_terminal_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert can_redraw(Terminal())
    assert not can_redraw(io.StringIO())
    monkeypatch.setenv("TERM", "dumb")
    assert not can_redraw(Terminal())
    stream = io.StringIO()
    line = ProgressLine(stream, is_shown=False)
    line.show("x", 1, 2)
    line.clear()
    assert stream.getvalue() == ""
