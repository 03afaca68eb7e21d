"""A program that is started, says where it listens, and is stopped."""

from __future__ import annotations

import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from metaprotocol_sdk.exceptions import DemoError

START_SECONDS = 30.0
"""How long a program may take to say what is waited for; a slow disk imports slowly."""
STOP_SECONDS = 5.0
"""How long a program may take to end after SIGTERM."""

_PORT = re.compile(r"(?:ready: listener '\S+' on|listens on) \S+:(\d+)$")


class Process:
    """One Python program. Leaving the block it manages ends the program, whatever happened.

    Args:
        label: What to call it where it fails.
        arguments: What follows ``python``.
        folder: Its working folder.
        path: Folders it imports from.
    """

    def __init__(self, label: str, arguments: Sequence[str], *, folder: Path, path: Sequence[Path]) -> None:
        self.label = label
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._said: list[str] = []
        # A session of its own: Ctrl-C reaches this program alone, which then ends the others in order.
        self._popen = subprocess.Popen(  # noqa: S603 - this very Python, with arguments of ours
            [sys.executable, *arguments],
            cwd=folder,
            env=_environment(path),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        assert self._popen.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self._popen.stdout,), daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _read(self, stream: IO[str]) -> None:
        # A thread, because a program whose pipe nobody reads stops when the pipe is full.
        with stream:
            for line in stream:
                self._lines.put(line.rstrip())
        self._lines.put(None)

    def wait_for(self, pattern: re.Pattern[str]) -> re.Match[str]:
        """The first match of ``pattern`` in a line it has said since the last call.

        Raises:
            DemoError: It ended, or did not say it in time; has its last words.
        """
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                line = self._lines.get(timeout=max(end - time.monotonic(), 0))
            except queue.Empty:
                raise DemoError(f"{self.label} did not start within {START_SECONDS:g} s{self._last_words()}") from None
            if line is None:
                raise DemoError(f"{self.label} ended by itself{self._last_words()}")
            self._said.append(line)
            if match := pattern.search(line):
                return match

    def wait_for_port(self) -> int:
        """The port it says it listens on; see :meth:`wait_for`."""
        return int(self.wait_for(_PORT).group(1))

    def _last_words(self) -> str:
        return "; it said:\n  " + "\n  ".join(self._said[-8:]) if self._said else " and said nothing"

    def stop(self) -> None:
        """Ends it: SIGTERM, and SIGKILL when that does not help. Twice is fine."""
        try:
            self._popen.terminate()
            self._popen.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:  # Ctrl-C while waiting must not leave it running
            self._popen.kill()
            self._popen.wait()
            self._reader.join(STOP_SECONDS)


def _environment(path: Sequence[Path]) -> Mapping[str, str]:
    inherited = os.environ.get("PYTHONPATH")
    folders = [*map(str, path), *([inherited] if inherited else [])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(folders), "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
