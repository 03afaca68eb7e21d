"""Runs what may never come back in a process of its own.

A codec that loops inside a C function, crashes the interpreter or calls ``os._exit`` cannot be told by the process it
runs in. So the command forks: the child goes on, and notes in shared memory which case it begins; the parent waits,
and when the child says nothing for too long, or ends without having come to its end, tells what it was doing.
"""

from __future__ import annotations

import atexit
import json
import mmap
import os
import signal
import sys
import time
from typing import Any, NoReturn

STALL_SECONDS = 15.0
"""How long a case may take before the process is ended: far longer than what Python itself can interrupt takes."""
QUIET_SECONDS = 120.0
"""The same before the first case and between two laws, while imports run and tables are made."""

_HELD = {getattr(signal, name) for name in ("SIGCHLD", "SIGINT") if hasattr(signal, name)}
_SIZE = 1 << 22
_HEAD = 17
"""The board: how many notes were made u64, whether the child came to its end u8, length of the last note u64."""


class Lost(Exception):
    """The process that judged is gone; nothing more will come from it.

    Args:
        how: What became of it, as a clause.
        note: What it was doing; empty when no case had begun.
    """

    def __init__(self, how: str, note: dict[str, Any]) -> None:
        super().__init__(how)
        self.how = how
        self.note = note


class Board:
    """Memory that the child writes and the parent reads."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _SIZE)
        self._parent = os.getppid()
        self._count = 0

    def belongs_to_child(self) -> None:
        """Has the board note when the child comes to its end, and the child end when its parent is gone."""
        self._parent = os.getppid()
        atexit.register(self._finish)

    def write(self, note: dict[str, Any]) -> None:
        """Notes what begins now; an empty note is a sign of life. One that is too long for the board is cut to one."""
        if os.getppid() != self._parent:
            os._exit(1)
        text = json.dumps(note).encode() if note else b""
        text = text if len(text) <= _SIZE - _HEAD else b""
        self._count += 1
        self._memory[_HEAD : _HEAD + len(text)] = text
        self._memory[9:_HEAD] = len(text).to_bytes(8, "little")
        self._memory[:8] = self._count.to_bytes(8, "little")

    def _finish(self) -> None:
        self._memory[8] = 1

    @property
    def count(self) -> int:
        """How many notes were made."""
        return int.from_bytes(self._memory[:8], "little")

    @property
    def is_finished(self) -> bool:
        """Whether the child came to its end."""
        return bool(self._memory[8])

    @property
    def has_note(self) -> bool:
        """Whether the last note was more than a sign of life."""
        return self._memory[9:_HEAD] != bytes(_HEAD - 9)

    @property
    def note(self) -> dict[str, Any]:
        """The last note; empty when the child ended while it wrote one. Only to be read when the child is gone."""
        size = int.from_bytes(self._memory[9:_HEAD], "little")
        try:
            found = json.loads(bytes(self._memory[_HEAD : _HEAD + size]) or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


def supervised() -> Board:
    """Forks; returns in the child, which goes on with the board. Where there is no fork nothing is supervised.

    In the parent it ends the program with the child's exit code.

    Raises:
        Lost: In the parent: the child stalled, crashed, or ended before its end.
    """
    board = Board()
    if not _can_fork():
        return board
    sys.stdout.flush()
    sys.stderr.flush()
    # An interrupt between the fork and the wait would end the parent alone, and nobody would tell how the child ended.
    signal.pthread_sigmask(signal.SIG_BLOCK, _HELD)
    child = os.fork()
    if child:
        _wait(child, board)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD)
    board.belongs_to_child()
    return board


def _can_fork() -> bool:
    """Whether this is a program of its own, not a call from another one whose output is an object."""
    try:
        is_program = sys.stdout.fileno() == 1 and sys.stderr.fileno() == 2
    except (OSError, ValueError):
        return False
    return is_program and hasattr(os, "fork") and hasattr(signal, "sigtimedwait")


def _wait(child: int, board: Board) -> NoReturn:
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    # The terminal interrupts the child as well, and its exit code says so.
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    seen, since = -1, time.monotonic()
    while True:
        signal.sigtimedwait({signal.SIGCHLD}, 0.5)
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            _leave(status, board)
        if board.count != seen:
            seen, since = board.count, time.monotonic()
        limit = STALL_SECONDS if board.has_note else QUIET_SECONDS
        if time.monotonic() - since > limit:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise Lost(f"did not end within {limit:g} s, and Python could not interrupt it", board.note)


def _leave(status: int, board: Board) -> NoReturn:
    code = os.waitstatus_to_exitcode(status)
    if board.is_finished and code >= 0:
        sys.exit(code)
    if code >= 0:
        raise Lost(f"ended the whole process, with exit code {code}", board.note)
    name = signal.Signals(-code).name
    if -code in (signal.SIGTERM, signal.SIGINT):
        sys.exit(128 - code)
    raise Lost(f"crashed the whole process ({name})", board.note)
