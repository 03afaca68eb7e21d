"""The process of a far side: what it is told apart by when it does not answer, and that another one is started."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from metaprotocol_sdk.conformance.foreign.codec import HELLO
from metaprotocol_sdk.conformance.foreign.far_side import FarSide
from metaprotocol_sdk.conformance.foreign.fault import FaultKind, ForeignFault
from metaprotocol_sdk.conformance.memory import address_space, memory_limit
from tests.conformance.foreign.helpers import answering, program

DECODE = {"op": "decode", "data": "0102"}


def ask(far_side: FarSide) -> str:
    return far_side.ask(DECODE, lambda answer: answer.text("said"))


def ask_without_end(far_side: FarSide) -> None:
    while True:
        ask(far_side)


def fault(command: Sequence[str], *, timeout: float = 30) -> ForeignFault:
    with FarSide(command, timeout=timeout, start_timeout=30) as far_side:
        far_side.start(HELLO, lambda _: None)
        with pytest.raises(ForeignFault) as caught:
            ask(far_side)
    return caught.value


def test_questions_are_answered_in_turn_by_one_process() -> None:
    with FarSide(answering('{"said": str(os.getpid())}'), start_timeout=30) as far_side:
        assert far_side.start(HELLO, lambda answer: answer.text("name")) == "far"
        assert ask(far_side) == ask(far_side)


def test_large_frames_and_a_talkative_stderr_fill_no_pipe() -> None:
    body = '[sys.stderr.write("x" * 200_000), {"said": "y" * 300_000, "echo": question["more"]}][1]'
    with FarSide(answering(body), timeout=30, start_timeout=30) as far_side:
        far_side.start(HELLO, lambda _: None)
        question = DECODE | {"more": "z" * 400_000}
        assert far_side.ask(question, lambda answer: len(answer.text("said") + answer.text("echo"))) == 700_000


def test_a_crash_is_told_with_its_signal_and_its_last_words() -> None:
    found = fault(answering('[sys.stderr.write("no such thing\\n"), sys.stderr.flush(), os.abort()]'))
    assert found.kind is FaultKind.CRASH
    assert "it ended with SIGABRT when it was asked decode of 2 bytes (01 02)" in found.text
    assert found.text.endswith("The last it said on stderr: no such thing")


def test_an_exit_is_told_with_its_code() -> None:
    assert "it ended with exit code 7" in fault(answering("os._exit(7)")).text


def test_output_that_is_closed_while_the_program_runs_on_is_a_crash() -> None:
    found = fault(answering("[os.close(1), time.sleep(60)]"))
    assert (found.kind, "it ended its output and not itself" in found.text) == (FaultKind.CRASH, True)


def test_a_hang_is_told_with_the_time_it_had() -> None:
    found = fault(answering("time.sleep(60)"), timeout=0.2)
    assert found.kind is FaultKind.HANG
    assert "it did not answer within 0.2 s when it was asked decode of 2 bytes (01 02)" in found.text


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("[print('decoding', flush=True), {}][1]", "it begins with b'decoding"),
        ("7", "it is int, not a JSON object: b'7'"),
        ('{"said": 7}', "its said is 7; it is a string"),
    ],
)
def test_garbage_is_told_with_what_it_was(answer: str, told: str) -> None:
    found = fault(answering(answer))
    assert found.kind is FaultKind.GARBAGE
    assert told in found.text


def test_answers_that_nobody_asked_for_are_garbage_however_late_they_come() -> None:
    with FarSide(answering('[write({"said": ""}), {"said": ""}][1]'), timeout=30, start_timeout=30) as far_side:
        far_side.start(HELLO, lambda _: None)
        with pytest.raises(ForeignFault, match="bytes follow an answer that nobody asked for") as caught:
            ask_without_end(far_side)  # each question leaves one answer more behind it
    assert caught.value.kind is FaultKind.GARBAGE


def test_after_a_fault_another_process_answers(tmp_path: Path) -> None:
    mark = tmp_path / "crashed"
    once = f'{{"said": str(os.getpid())}} if os.path.exists({str(mark)!r}) else [open({str(mark)!r}, "w"), os.abort()]'
    with FarSide(answering(once), start_timeout=30) as far_side:
        far_side.start(HELLO, lambda _: None)
        with pytest.raises(ForeignFault):
            ask(far_side)
        assert ask(far_side) == ask(far_side)


def test_a_question_that_was_interrupted_is_not_answered_by_the_next_answer() -> None:
    class Interrupted(BaseException):
        pass

    with FarSide(answering('{"said": str(os.getpid())}'), timeout=30, start_timeout=30) as far_side:
        far_side.start(HELLO, lambda _: None)
        first = ask(far_side)
        exchange = far_side._exchange

        def interrupted(question: bytes, timeout: float) -> bytes:
            far_side._exchange = exchange  # type: ignore[method-assign]
            raise Interrupted

        far_side._exchange = interrupted  # type: ignore[method-assign]
        with pytest.raises(Interrupted):
            ask(far_side)
        assert ask(far_side) != first


def test_a_program_that_is_gone_cannot_be_started_again(tmp_path: Path) -> None:
    path = tmp_path / "far"
    command = answering("os.abort()")
    path.write_text(f"#!{command[0]}\n{command[2]}")
    path.chmod(0o755)
    with FarSide([str(path)], start_timeout=30) as far_side:
        far_side.start(HELLO, lambda _: None)
        with pytest.raises(ForeignFault):
            ask(far_side)
        path.unlink()
        with pytest.raises(ForeignFault, match="cannot be started again: No such file"):
            ask(far_side)


def test_what_bounds_a_codec_in_this_process_does_not_bound_the_far_side() -> None:
    command = program("""
        import resource
        while True:
            read()
            write(HELLO | {"said": str(resource.getrlimit(resource.RLIMIT_AS)[0])})
    """)
    with FarSide(command, start_timeout=30) as far_side:
        before = far_side.start(HELLO, lambda answer: answer.text("said"))
        far_side.close()
        space = address_space()
        with memory_limit(None if space is None else space + (1 << 30)):
            assert ask(far_side) == before


def test_closing_ends_the_program_and_what_it_started() -> None:
    far_side = FarSide(answering('{"said": str(os.getpid())}'), start_timeout=30)
    far_side.start(HELLO, lambda _: None)
    pid = int(ask(far_side))
    far_side.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    far_side.close()


def test_a_far_side_that_nobody_holds_ends() -> None:
    far_side = FarSide(answering('{"said": str(os.getpid())}'), start_timeout=30)
    far_side.start(HELLO, lambda _: None)
    pid = int(ask(far_side))
    del far_side
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
