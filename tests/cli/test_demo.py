"""``metaproto demo`` as a program: what it prints, and that a signal ends it in order."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from metaprotocol_sdk.cli.demo import Terminal


def demo(folder: Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "metaprotocol_sdk", "demo"],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def running_in(folder: Path) -> list[str]:
    """Command lines of programs whose working folder is, or was, under ``folder``."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "cwd").startswith(str(folder)):
                found.append((process / "cmdline").read_text())
        except OSError:  # it ended meanwhile, or is somebody else's
            continue
    return found


def test_it_tells_the_story_without_a_terminal_and_leaves_nothing(tmp_path: Path) -> None:
    with demo(tmp_path) as process:
        out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    headings = re.findall(r"^(\d)  (.+)$", out, re.MULTILINE)
    assert [number for number, _ in headings] == ["1", "2", "3", "4", "5"]
    assert "\x1b" not in out
    assert "-> v2  -> 'v2: hello [stage=canary]'" in out
    assert out.endswith("Now your own protocol:\n\n    metaproto new my-protocol\n\n")
    assert max(map(len, out.splitlines())) <= 80
    assert "\n\n\n" not in out
    assert not re.search(r" +$", out, re.MULTILINE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="asks the kernel of Linux what still runs")
@pytest.mark.parametrize(
    ("number", "moment"),
    [(signal.SIGHUP, "1  A new protocol"), (signal.SIGTERM, "3  Two versions"), (signal.SIGINT, "4  Requests")],
    ids=["SIGHUP", "SIGTERM", "SIGINT"],
)
def test_a_signal_ends_it_and_everything_it_started(tmp_path: Path, number: signal.Signals, moment: str) -> None:
    with demo(tmp_path, NO_COLOR="1") as process:
        assert process.stdout is not None
        assert any(line.startswith(moment) for line in process.stdout)
        process.send_signal(number)
        _, err = process.communicate()
    assert process.returncode == 130
    assert err.endswith("\ninterrupted\n")
    assert list(tmp_path.iterdir()) == []
    assert running_in(tmp_path) == []


def test_an_interrupt_that_was_swallowed_ends_it_at_the_next_word(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    terminal.say("one")
    with pytest.raises(KeyboardInterrupt):
        terminal.interrupt(signal.SIGINT, None)
    with pytest.raises(KeyboardInterrupt):
        terminal.say("two")
    assert capsys.readouterr().out == "\n    one\n"


def test_what_belongs_together_stands_together(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    terminal.scene("Title")
    terminal.command("one", "port 1")
    terminal.command("two")
    terminal.show(["a", ""])
    terminal.show(["b"])
    terminal.table([["x", "long"], ["wider", "y"]])
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in capsys.readouterr().out.split("\n")]
    assert lines[0:4] == ["", "1  Title", "", "    $ one" + " " * 57 + "port 1"]
    assert lines[4:] == ["    $ two", "", "      a", "", "      b", "", "      x      long", "      wider  y", ""]
