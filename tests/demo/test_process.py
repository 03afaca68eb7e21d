"""A program that is started, says where it listens, and is stopped, whatever happens."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from metaprotocol_sdk.demo import process as module
from metaprotocol_sdk.demo.process import Process
from metaprotocol_sdk.exceptions import DemoError


def started(program: str, folder: Path) -> Process:
    return Process("the program", ["-c", program], folder=folder, path=())


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("line", "port"),
    [("v1 listens on 127.0.0.1:4711", 4711), ("ready: listener 'parcel' on 127.0.0.1:4712", 4712)],
)
def test_the_port_is_read_from_what_it_says(tmp_path: Path, line: str, port: int) -> None:
    with started(f"print('hello'); print({line!r})", tmp_path) as process:
        assert process.wait_for_port() == port


def test_leaving_the_block_ends_it(tmp_path: Path) -> None:
    with started("import signal; print('ready', flush=True); signal.pause()", tmp_path) as process:
        process.wait_for(re.compile("ready"))
        assert is_running(process.pid)
    assert not is_running(process.pid)
    process.stop()  # twice is fine


def test_one_that_ignores_sigterm_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STOP_SECONDS", 0.2)
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True)"
    program = f"{deaf}\nwhile True: signal.pause()"
    with started(program, tmp_path) as process:
        process.wait_for(re.compile("ready"))
    assert not is_running(process.pid)


def test_an_interrupt_while_it_is_stopped_still_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = started("import signal; print('ready', flush=True); signal.pause()", tmp_path)
    process.wait_for(re.compile("ready"))
    wait = process._popen.wait
    calls: list[float | None] = []

    def interrupted_once(timeout: float | None = None) -> int:
        calls.append(timeout)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return wait(timeout)

    monkeypatch.setattr(process._popen, "wait", interrupted_once)
    with pytest.raises(KeyboardInterrupt):
        process.stop()
    assert not is_running(process.pid)


def test_one_that_ends_by_itself_leaves_its_last_words(tmp_path: Path) -> None:
    with (
        started("raise SystemExit('no such codec')", tmp_path) as process,
        pytest.raises(DemoError, match="the program ended by itself; it said:\n  no such codec"),
    ):
        process.wait_for_port()


def test_one_that_says_nothing_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "START_SECONDS", 0.1)
    with (
        started("import signal; signal.pause()", tmp_path) as process,
        pytest.raises(DemoError, match=r"did not start within 0\.1 s and said nothing"),
    ):
        process.wait_for_port()


def test_one_that_says_a_lot_is_not_stopped_by_a_full_pipe(tmp_path: Path) -> None:
    with started("[print('y' * 1000) for _ in range(500)]; print('end')", tmp_path) as it:
        assert it.wait_for(re.compile("^end$")).string == "end"
