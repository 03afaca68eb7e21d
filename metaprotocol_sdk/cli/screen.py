"""Where ``metaproto conformance`` tells what it does while it does it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO

import click

from metaprotocol_sdk.cli.output import settings
from metaprotocol_sdk.cli.progress import ProgressLine, can_redraw
from metaprotocol_sdk.cli.supervisor import Board

if TYPE_CHECKING:
    from metaprotocol_sdk.conformance import Case, Check, Outcome


class Screen:
    """Where the run is told: lines on stdout, how far it is on the terminal that stderr is."""

    def __init__(self, stream: TextIO, *, as_json: bool) -> None:
        self._stream = stream
        self.as_json = as_json
        self.board = Board()
        self.about: dict[str, str] = {}
        color = click.get_current_context().color
        self.color = stream.isatty() if color is None else color
        self.ascii_only = (stream.encoding or "").lower().replace("-", "") != "utf8"
        # Times differ from run to run; a log that is compared with another one has none.
        self.timed = stream.isatty() or settings().verbosity > 0
        self._bar = ProgressLine(sys.stderr, can_redraw(sys.stderr) and not settings().is_quiet, self.ascii_only)

    def print(self, text: str) -> None:
        """Prints on stdout as it was when the command began."""
        self._bar.clear()
        click.echo(text, file=self._stream, color=self.color)

    def case(self, check: Check, case: Case, begun: int, total: int) -> None:
        """Notes what begins, and draws how far a law is."""
        self.board.write({**self.about, "law": check.name, "case": case.to_json()})
        self._bar.show(check.name, begun, total)

    def outcome(self, outcome: Outcome, *, strict: bool, known_failing: frozenset[str]) -> None:
        """Prints a law's line; a quiet run says only what is not as it should be."""
        from metaprotocol_sdk.conformance.outcome import Report, Standing
        from metaprotocol_sdk.conformance.report import law_line

        self.board.write({})
        self._bar.clear()
        if self.as_json:
            return
        standing = Report(codec="", outcomes=(), strict=strict, known_failing=known_failing).standing(outcome)
        if settings().is_quiet and standing in (Standing.PASSED, Standing.SKIPPED):
            return
        line = law_line(outcome, standing=standing, timed=self.timed, color=self.color, ascii_only=self.ascii_only)
        self.print(line)
