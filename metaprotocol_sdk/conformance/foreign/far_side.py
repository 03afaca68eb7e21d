"""The program that a codec in another language is: started, asked, watched, started again.

It is one process for a whole run, so that what it keeps between two questions shows. After a crash, a hang or garbage
it is another one.
"""

from __future__ import annotations

import os
import selectors
import shlex
import signal
import subprocess
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import IO, Any, Self, TypeVar

from metaprotocol_sdk.conformance.foreign.fault import FaultKind, ForeignFault
from metaprotocol_sdk.conformance.foreign.wire import Answer, BadFrame, frame_size, from_frame, to_frame
from metaprotocol_sdk.conformance.memory import address_limit, with_address_limit

TIMEOUT = 2.0
"""Seconds an answer may take; less than what one case of a law may take as a whole."""
START_TIMEOUT = 10.0
"""Seconds the first answer may take, as some languages start slowly."""

_READ_SIZE = 1 << 16
_LAST_WORDS = 2000
"""Bytes of stderr that are kept for the report of a crash."""
_SHOWN = 64
"""Bytes of a message that a report shows."""

_T = TypeVar("_T")


class FarSide:
    """One program that answers questions.

    Args:
        command: The program and its arguments; no shell reads them.
        timeout: Seconds an answer may take.
        start_timeout: Seconds the first answer of a new process may take.
    """

    def __init__(
        self, command: Sequence[str], *, timeout: float = TIMEOUT, start_timeout: float = START_TIMEOUT
    ) -> None:
        self.command = tuple(command)
        self.timeout = timeout
        self.start_timeout = start_timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._end: Callable[[], object] = _nothing
        self._is_asking = False
        self._first_question: Mapping[str, Any] | None = None
        self._words = bytearray()
        self._limit = address_limit()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, question: Mapping[str, Any], read: Callable[[Answer], _T]) -> _T:
        """Starts the program and asks the question that every new process is asked first.

        Raises:
            OSError: It cannot be started.
            ForeignFault: It does not answer.
        """
        self._first_question = question
        self._renew()
        return self._asked(question, read, self.start_timeout)

    def ask(self, question: Mapping[str, Any], read: Callable[[Answer], _T]) -> _T:
        """Asks one question.

        Args:
            question: The JSON object, its ``op`` first.
            read: Makes a value of the answer; a BadFrame it raises is garbage.

        Raises:
            ForeignFault: There is no answer: the program crashed, hangs, or wrote something else.
        """
        if self._process is None or self._is_asking:
            self._again()
        return self._asked(question, read, self.timeout)

    def close(self) -> None:
        """Ends the program."""
        self._end()
        self._end = _nothing
        self._process = None
        self._is_asking = False

    def _again(self) -> None:
        """A new process, after the last one failed or was left in the middle of an answer."""
        assert self._first_question is not None
        try:
            self._renew()
        except OSError as error:
            raise ForeignFault(FaultKind.CRASH, f"it cannot be started again: {error.strerror or error}") from error
        self._asked(self._first_question, lambda _: None, self.start_timeout)

    def _renew(self) -> None:
        self.close()
        self._words.clear()
        # What bounds a codec in this process would bound the far side from its start.
        with with_address_limit(self._limit):
            process = subprocess.Popen(  # noqa: S603 - running it is what was asked for
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,  # an interrupt is for us; it would look like a crash of its own
            )
        for stream in _streams(process):
            os.set_blocking(stream.fileno(), False)
        self._process = process
        self._end = weakref.finalize(self, _ended, process)

    def _asked(self, question: Mapping[str, Any], read: Callable[[Answer], _T], timeout: float) -> _T:
        self._is_asking = True
        try:
            self._refuse_late()
            frame = self._exchange(to_frame(question), timeout)
            self._is_asking = False
            return read(Answer(from_frame(frame)))
        except BadFrame as error:
            self.close()
            raise self._fault(
                FaultKind.GARBAGE, f"what it wrote when it was {_told(question)} is no answer: {error}"
            ) from error
        except _Ended:
            raise self._fault(FaultKind.CRASH, f"it ended {self._how()} when it was {_told(question)}") from None
        except TimeoutError:
            self.close()
            told = f"it did not answer within {timeout:g} s when it was {_told(question)}"
            raise self._fault(FaultKind.HANG, told) from None

    def _refuse_late(self) -> None:
        """Raises BadFrame when bytes are there before the question is: they would be taken for its answer."""
        assert self._process is not None
        if late := _read(_streams(self._process)[1]):
            raise _unasked(late)

    def _exchange(self, question: bytes, timeout: float) -> bytes:
        """Writes a frame and reads one, while stderr is read too, so that no pipe is ever full.

        Raises:
            TimeoutError: It takes longer.
            BadFrame: What comes is no frame, or more than one.
            _Ended: The process closed its stdout.
        """
        assert self._process is not None
        stdin, stdout, stderr = _streams(self._process)
        left, answer = memoryview(question), bytearray()
        deadline = time.monotonic() + timeout
        with selectors.DefaultSelector() as selector:
            selector.register(stdin, selectors.EVENT_WRITE)
            selector.register(stdout, selectors.EVENT_READ)
            selector.register(stderr, selectors.EVENT_READ)
            while True:
                for key, _ in _ready(selector, deadline):
                    if key.fileobj is stdin:
                        left = left[_written(stdin, left) :]
                        if not left:
                            selector.unregister(stdin)
                    elif key.fileobj is stderr:
                        if self._hear(stderr) == b"":
                            selector.unregister(stderr)
                    elif _is_whole(answer, stdout):
                        return bytes(answer)

    def _hear(self, stderr: IO[bytes]) -> bytes | None:
        """Keeps the end of what the program says on stderr; what it said now is as :func:`_read` gives it."""
        said = _read(stderr)
        self._words += said or b""
        del self._words[:-_LAST_WORDS]
        return said

    def _how(self) -> str:
        """How the process ended; what it said before is heard to the end."""
        process = self._process
        assert process is not None
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=1)
        while self._hear(_streams(process)[2]):
            pass
        code = process.returncode
        self.close()
        if code is None:
            return "its output and not itself"
        return f"with {_signal_name(-code)}" if code < 0 else f"with exit code {code}"

    def _fault(self, kind: FaultKind, text: str) -> ForeignFault:
        words = " ".join(self._words.decode("utf-8", "replace").split())
        said = f". The last it said on stderr: {words[-400:]}" if words else ""
        return ForeignFault(kind, f"the far side, `{shlex.join(self.command)}`, is at fault: {text}{said}")


class _Ended(Exception):
    """The process closed its stdout."""


def _nothing() -> None:
    """What there is to end when nothing runs."""


def _streams(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    return process.stdin, process.stdout, process.stderr


def _ready(selector: selectors.BaseSelector, deadline: float) -> Iterator[tuple[selectors.SelectorKey, int]]:
    events = selector.select(max(deadline - time.monotonic(), 0))
    if not events and time.monotonic() >= deadline:
        raise TimeoutError
    return iter(events)


def _written(stream: IO[bytes], data: memoryview) -> int:
    try:
        return os.write(stream.fileno(), data[:_READ_SIZE])
    except BlockingIOError:
        return 0
    except BrokenPipeError:
        return len(data)  # it has ended, which reading tells


def _read(stream: IO[bytes]) -> bytes | None:
    """What is there; empty at the end, None when there is nothing now."""
    try:
        return os.read(stream.fileno(), _READ_SIZE)
    except BlockingIOError:
        return None


def _is_whole(answer: bytearray, stdout: IO[bytes]) -> bool:
    """Reads on; whether the answer is there."""
    data = _read(stdout)
    if data == b"":
        raise _Ended
    answer += data or b""
    size = frame_size(answer)
    if size is not None and len(answer) > size:
        raise _unasked(bytes(answer[size:]))
    return size == len(answer)


def _unasked(data: bytes) -> BadFrame:
    return BadFrame(f"{len(data)} bytes follow an answer that nobody asked for: {data[:40]!r}")


def _ended(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in _streams(process):
        stream.close()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _told(question: Mapping[str, Any]) -> str:
    """What was asked, for a sentence: ``asked to decode 13 bytes (01 02)``."""
    data = next((question[key] for key in ("data", "message", "request") if key in question), "")
    shown = bytes.fromhex(data[: 2 * _SHOWN]).hex(" ")
    size = len(data) // 2
    more = " ..." if size > _SHOWN else ""
    return f"asked {question['op']}" + (f" of {size} bytes ({shown}{more})" if data else "")
