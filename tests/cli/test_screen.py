from __future__ import annotations

import io
from collections.abc import Iterator

import click
import pytest

from metaprotocol_sdk.cli.output import Settings
from metaprotocol_sdk.cli.screen import Screen
from metaprotocol_sdk.conformance import Outcome
from tests.conformance.report.outcomes import ADVISED, CASE, FAILED, KNOWN, PASSED, SKIPPED

NOTHING: frozenset[str] = frozenset()


@pytest.fixture(autouse=True)
def context() -> Iterator[click.Context]:
    with click.Context(click.Command("x")) as found:
        yield found


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class Pipe(io.StringIO):
    encoding = "ascii"


def printed(stream: io.StringIO, *outcomes: Outcome, strict: bool = False, as_json: bool = False) -> str:
    screen = Screen(stream, as_json=as_json)
    for outcome in outcomes:
        screen.outcome(outcome, strict=strict, known_failing=frozenset({KNOWN.check.name}))
    return stream.getvalue()


def test_a_terminal_gets_colours_and_times_and_a_pipe_neither() -> None:
    assert printed(Terminal(), PASSED) == "\x1b[32m✓ \x1b[0mdecodes_one_message                  1 case     0.25 s\n"
    assert printed(Pipe(), PASSED) == "ok    decodes_one_message                  1 case\n"


def test_a_line_says_what_the_outcome_means_for_this_run() -> None:
    assert printed(Pipe(), ADVISED).startswith("warn ")
    assert printed(Pipe(), ADVISED, strict=True).startswith("FAIL ")
    assert printed(Pipe(), KNOWN).startswith("known ")


def test_a_run_told_in_json_prints_no_lines() -> None:
    assert printed(Terminal(), PASSED, FAILED, as_json=True) == ""


def test_a_quiet_run_says_what_is_not_as_it_should_be(context: click.Context) -> None:
    context.obj = Settings(verbosity=Settings.QUIET)
    assert printed(Pipe(), PASSED, SKIPPED, FAILED).split()[:2] == ["FAIL", FAILED.check.name]


def test_what_begins_is_noted_until_it_has_ended() -> None:
    screen = Screen(Pipe(), as_json=False)
    screen.about = {"codec": "tiny", "home": "a:b"}
    screen.case(FAILED.check, CASE, 0, 1)
    assert screen.board.note == {"codec": "tiny", "home": "a:b", "law": FAILED.check.name, "case": CASE.to_json()}
    screen.outcome(FAILED, strict=False, known_failing=NOTHING)
    assert screen.board.note == {}
