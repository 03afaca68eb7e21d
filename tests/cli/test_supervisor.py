"""What a process that is gone was doing: whole programs, since a test cannot fork itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from metaprotocol_sdk.cli.supervisor import Board, supervised

PROGRAM = """
import os, signal, sys
from metaprotocol_sdk.cli import supervisor
supervisor.STALL_SECONDS = 0.5
try:
    board = supervisor.supervised()
    board.write({"law": "x"})
    print("begun", flush=True)
    WHAT
except supervisor.Lost as lost:
    print("lost:", lost.how, lost.note)
    sys.exit(1)
"""


def outcome(what: str) -> tuple[int, str]:
    """The exit code of a program that does that under supervision, and what it printed after it had begun."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("WHAT", what)], capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("begun\n"), done.stderr
    return done.returncode, done.stdout.removeprefix("begun\n")


@pytest.mark.parametrize(
    ("what", "code"),
    [("pass", 0), ("sys.exit(2)", 2), ("sys.exit('text')", 1), ("os.kill(os.getpid(), signal.SIGTERM)", 143)],
)
def test_a_process_that_ends_by_itself_gives_its_exit_code(what: str, code: int) -> None:
    assert outcome(what) == (code, "")


@pytest.mark.parametrize(
    ("what", "how"),
    [
        ("os._exit(0)", "ended the whole process, with exit code 0"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "crashed the whole process (SIGKILL)"),
        ("sum(range(1 << 62))", "did not end within 0.5 s, and Python could not interrupt it"),
    ],
)
def test_a_process_that_is_gone_is_told_of_with_what_it_did(what: str, how: str) -> None:
    assert outcome(what) == (1, f"lost: {how} {{'law': 'x'}}\n")


def test_an_interrupt_ends_both() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.replace("WHAT", "signal.pause()").replace("0.5", "60")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    os.killpg(process.pid, 2)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Lost" not in errors


def test_inside_another_program_nothing_forks(capsys: pytest.CaptureFixture[str]) -> None:
    before = os.getpid()
    board = supervised()
    assert os.getpid() == before
    assert not board.is_finished


def test_a_board_holds_the_last_note() -> None:
    board = Board()
    assert (board.count, board.note) == (0, {})
    board.write({"law": "a" * 100})
    board.write({"law": "b"})
    assert (board.count, board.note) == (2, {"law": "b"})
    board.write({"law": "b" * (1 << 23)})
    assert (board.count, board.note) == (3, {})


def test_a_note_that_is_only_half_written_is_no_note() -> None:
    board = Board()
    board.write({"law": "whole"})
    board._memory[20:24] = b"\0\0\0\0"
    assert (board.has_note, board.note) == (True, {})
    board.write({})
    assert not board.has_note


def test_a_codec_that_ends_the_process_fails_its_law_for_whoever_runs_the_command(tmp_path: Path) -> None:
    (tmp_path / "ending.py").write_text(
        "import os\nfrom hypothesis import strategies as st\n"
        "from metaprotocol_sdk.conformance import Sample, Subject\nfrom tests.helpers import TinyCodec, tiny\n"
        "class Ending(TinyCodec):\n    def decode(self, buffer, metadata):\n        os._exit(0)\n"
        "subject = Subject(Ending, st.just(Sample(tiny())), None)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "metaprotocol_sdk", "conformance", "ending:subject", "--law", "sizes_add_up"]
    for _ in "12":
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 1, done.stderr
        assert "the codec ended the whole process, with exit code 0" in done.stdout
        assert len(list(tmp_path.glob(".metaproto/failures/tiny/sizes_add_up-*.json"))) == 1
