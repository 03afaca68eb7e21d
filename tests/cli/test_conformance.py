"""``metaproto conformance``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis.configuration import set_hypothesis_home_dir

from metaprotocol_sdk.conformance import CHECKS
from tests.cli.helpers import run, run_process

SUBJECTS = """
from hypothesis import strategies as st
from metaprotocol_sdk.conformance import Sample, Subject
from tests.helpers import TinyCodec, tiny

class KeepsItsId(TinyCodec):
    def encode(self, metadata, mutation, buffer):
        metadata.request_id = int.from_bytes(metadata.origin_message[2:4])
        super().encode(metadata, mutation, buffer)

samples = st.binary(max_size=9).map(lambda body: Sample(tiny(body)))
right = Subject(TinyCodec, samples, samples)
wrong = Subject(KeepsItsId, samples, samples)
unfit = Subject(TinyCodec, st.just(7), None)
"""


@pytest.fixture(autouse=True)
def _hypothesis_at_home() -> Iterator[None]:
    """The command moves Hypothesis' files for the whole process."""
    yield
    set_hypothesis_home_dir(None)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module in the working folder, which is not on ``sys.path``."""
    name = f"subjects_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(SUBJECTS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return name


def test_a_right_codec_gets_a_line_for_each_law_and_exit_code_0(module: str) -> None:
    result = run("conformance", f"{module}:right", "--profile", "quick")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert [line.split()[1] for line in lines[: len(CHECKS)]] == list(CHECKS)
    assert lines[len(CHECKS) - 2].startswith("\u2013 describes_what_it_was_given      skipped: no sample states")
    assert lines[-1].startswith("tiny: 9 passed, 1 skipped in ")
    assert not Path(".metaproto/failures").exists()
    assert not Path(".hypothesis").exists()


def test_a_broken_law_is_1_and_the_printed_command_replays_it(module: str) -> None:
    result = run("conformance", f"{module}:wrong", "--law", "carries_the_request_id")
    assert result.exit_code == 1
    assert result.stdout.startswith("✗ carries_the_request_id")
    command = next(line for line in result.stdout.splitlines() if "replay:" in line).split()[1:]
    assert command[:3] == ["metaproto", "conformance", f"{module}:wrong"]
    again = run(*command[1:])
    assert again.exit_code == 1
    assert again.stdout.startswith("✗ carries_the_request_id               1 case ")
    repaired = run("conformance", f"{module}:right", *command[3:])
    assert repaired.exit_code == 0, repaired.output


def test_a_subject_that_cannot_be_judged_is_2(module: str) -> None:
    result = run("conformance", f"{module}:unfit", "--law", "split_invariance")
    assert result.exit_code == 2
    assert "! split_invariance                 error: the strategy requests gives int" in result.stdout


def test_json_is_one_document(module: str) -> None:
    result = run("conformance", f"{module}:wrong", "-k", "request_id or trailing", "--format", "json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert [each["verdict"] for each in told["laws"]] == ["passed", "failed"]
    assert Path(told["laws"][1]["saved"]).is_file()
    assert told["schema_version"] == 1


def test_the_laws_are_listed_without_a_target() -> None:
    result = run("conformance", "--list")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines() if not line.startswith(" ")] == list(CHECKS)
    told = json.loads(run("conformance", "--list", "--skip", "split_invariance", "--format", "json").stdout)
    assert {each["name"] for each in told["laws"]} == CHECKS.keys() - {"split_invariance"}


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ([], "name a codec, or module:subject"),
        (["nowhere:subject"], "there is no module 'nowhere'"),
        (["awesomerp"], "did you mean 'awesomerpc'?"),
        (["awesomerpc", "--law", "nothing"], "no law is named 'nothing'"),
        (["awesomerpc", "-k", "nothing"], "no law is selected"),
        (["awesomerpc", "-k", "a b"], "cannot be read"),
        (["awesomerpc", "--replay", "nothing.json"], "nothing.json cannot be read"),
    ],
)
def test_a_call_that_cannot_start_is_a_sentence_and_2(args: list[str], text: str) -> None:
    result = run("conformance", *args)
    assert result.exit_code == 2
    assert text in result.stderr
    assert "Traceback" not in result.output


def test_a_terminal_without_utf8_gets_ascii(module: str) -> None:
    environment = {
        **os.environ,
        "PYTHONIOENCODING": "ascii",
        "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path]),
    }
    result = run_process("conformance", f"{module}:wrong", "--law", "carries_the_request_id", env=environment)
    assert result.returncode == 1, result.stderr
    assert result.stdout.startswith("FAIL  carries_the_request_id")
    assert result.stdout.isascii()
