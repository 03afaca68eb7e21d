"""``metaproto conformance``."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis.configuration import set_hypothesis_home_dir

from metaprotocol_sdk.conformance import CHECKS, suite
from tests.cli.helpers import run, run_process

SUBJECTS = """
from hypothesis import strategies as st
from metaprotocol_sdk.conformance import Sample, Subject
from tests.helpers import TinyCodec, tiny

class KeepsItsId(TinyCodec):
    def encode(self, metadata, mutation, buffer):
        metadata.request_id = int.from_bytes(metadata.origin_message[2:4])
        super().encode(metadata, mutation, buffer)

class Prints(TinyCodec):
    def decode(self, buffer, metadata):
        print("a codec's own print")
        return super().decode(buffer, metadata)

class NoNames(TinyCodec):
    def fields(self, data):
        return []

samples = st.binary(max_size=9).map(lambda body: Sample(tiny(body)))
right = Subject(TinyCodec, samples, samples)
wrong = Subject(KeepsItsId, samples, samples)
unfit = Subject(TinyCodec, st.just(7), None)
prints = Subject(Prints, samples, samples)
advised = Subject(NoNames, samples, samples)
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
    assert "\u2013 describes_what_it_was_given      skipped: no sample states" in result.stdout
    assert re.fullmatch(r"tiny: \d+ passed, \d+ skipped", lines[-1])
    assert result.stderr == ""
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
    assert again.stdout.startswith("✗ carries_the_request_id               1 case")
    repaired = run("conformance", f"{module}:right", *command[3:])
    assert repaired.exit_code == 0, repaired.output


def test_a_subject_that_cannot_be_judged_is_2(module: str) -> None:
    result = run("conformance", f"{module}:unfit", "--law", "split_invariance")
    assert result.exit_code == 2
    assert "! split_invariance                 error: the strategy requests gives int" in result.stdout


def test_json_is_one_document(module: str) -> None:
    result = run("conformance", f"{module}:wrong", "-k", "carries_the_request_id or trailing", "--format", "json")
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
        (["awesomerpc", "-k", "xyz"], "nothing is selected"),
        (["awesomerpc", "-k", "a b"], "cannot be read"),
        (["awesomerpc", "--replay", "nothing.json"], "nothing.json cannot be read"),
        (["awesomerpc", "--known-failing", "nothing.txt"], "nothing.txt cannot be read"),
        (["awesomerpc", "--max-time", "soon"], "'soon' is no time; write a number and its unit"),
        (["awesomerpc", "--report", "pdf=x"], "'pdf=x' names no kind and file"),
        (["awesomerpc", "--report", "html=."], ". is a folder"),
        (["awesomerpc", "--seed", "-1"], "-1 is not in the range"),
        (["awesomerpc", "--law", "split_invarience"], "did you mean 'split_invariance'?"),
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


def test_two_runs_print_the_same_bytes(module: str) -> None:
    first, second = (run("conformance", f"{module}:wrong", "-k", "id or trailing", "--profile", "quick") for _ in "12")
    assert first.exit_code == 1
    assert first.stdout == second.stdout


def test_what_a_codec_prints_is_no_part_of_the_output(module: str) -> None:
    result = run("conformance", f"{module}:prints", "--law", "split_invariance", "--format", "json")
    assert json.loads(result.stdout)["ok"]
    assert "a codec's own print" in result.stderr


def test_a_saved_failure_is_judged_first_and_moved_when_it_passes(module: str) -> None:
    asked = ("--law", "carries_the_request_id", "--profile", "quick")
    run("conformance", f"{module}:wrong", *asked)
    (saved,) = Path(".metaproto/failures/tiny").glob("*.json")
    source = Path(f"{module}.py")
    content = json.loads(saved.read_text())
    saved.write_text(json.dumps(content | {"target": f"{module}:right"}))
    result = run("conformance", f"{module}:right", *asked)
    assert result.exit_code == 0
    assert f"a saved failure is none any more: {saved.parent / 'fixed' / saved.name}" in result.stderr
    assert not saved.exists()
    assert source.is_file()


def test_should_counts_only_when_it_is_asked_to(module: str) -> None:
    asked = ("conformance", f"{module}:advised", "--law", "names_every_byte")
    result = run(*asked)
    assert result.exit_code == 0
    assert result.stdout.startswith("▲ names_every_byte")
    assert "likely mistake" in result.stdout
    assert run(*asked, "--strict").exit_code == 1


def test_a_known_failure_is_no_failure_and_an_unexpected_pass_is_one(module: str) -> None:
    Path("known.txt").write_text("carries_the_request_id  # the server answers so\n")
    asked = ("--law", "carries_the_request_id", "--known-failing", "known.txt")
    assert run("conformance", f"{module}:wrong", *asked).exit_code == 0
    result = run("conformance", f"{module}:right", *asked)
    assert result.exit_code == 1
    assert "unexpectedly passed: take it off the list of known failures" in result.stdout


def test_reports_are_files_beside_the_text(module: str) -> None:
    kinds = ("html", "json", "junit", "text")
    reports = [part for kind in kinds for part in ("--report", f"{kind}=out/{kind}.file")]
    result = run("conformance", f"{module}:wrong", "--law", "carries_the_request_id", *reports)
    assert result.exit_code == 1
    written = {kind: Path(f"out/{kind}.file").read_text() for kind in kinds}
    assert written["text"] == result.stdout
    assert json.loads(written["json"])["exit_code"] == 1
    assert ET.fromstring(written["junit"].encode()).get("failures") == "1"
    assert written["html"].startswith("<!doctype html>")


def test_a_thorough_run_draws_anew_and_says_how_to_draw_that_again(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(suite.PROFILES, "thorough", 10)
    asked = ("conformance", f"{module}:right", "-k", "split or trailing", "--profile", "thorough")
    result = run(*asked)
    line = result.stdout.splitlines()[0]
    seed = re.match(r"drawn from seed (\d+); the same again: ", line)
    assert seed is not None
    command = shlex.split(line.partition("the same again: ")[2])
    assert command == ["metaproto", *asked, "--seed", seed[1]]
    assert run(*command[1:]).stdout == result.stdout
    assert run(*asked).stdout.splitlines()[0] != line
    told = json.loads(run(*asked, "--format", "json").stdout)
    assert told["repeat"] == shlex.join(["metaproto", *asked, "--seed", str(told["seed"])])


def test_a_run_ends_in_time(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(suite.PROFILES, "default", 10**6)
    result = run("conformance", f"{module}:right", "--law", "leaves_trailing_bytes", "--max-time", "500ms")
    assert result.exit_code == 0, result.output
    assert int(result.stdout.split()[2]) < 10**6


def test_times_are_told_where_they_are_wanted(module: str) -> None:
    asked = ("conformance", f"{module}:right", "--law", "leaves_trailing_bytes", "--profile", "quick")
    assert not re.search(r"\d s\b", run(*asked).stdout)
    assert re.search(r"\d s\b", run(*asked, "-v").stdout)
