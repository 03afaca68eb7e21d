"""CodecConformance in projects of their own, run as their authors would."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from metaprotocol_sdk.conformance import CHECKS

ROOT = Path(__file__).parents[2]

SUBJECTS = """
from hypothesis import strategies as st
from metaprotocol_sdk.conformance import CodecConformance, Sample, Subject
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

IDS = "carries_the_request_id"


def run(folder: Path, tests: str, *args: str) -> subprocess.CompletedProcess[str]:
    (folder / "subjects.py").write_text(SUBJECTS)
    (folder / "test_mine.py").write_text(f"from subjects import *\n\n{tests}")
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\nfilterwarnings = error\n")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    environment["PYTHONPATH"] = os.pathsep.join([str(folder), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", "test_mine.py", *args],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_three_lines_make_one_test_of_each_law(tmp_path: Path) -> None:
    tests = "class TestMine(CodecConformance):\n    subject = right\n"
    done = run(tmp_path, tests, "--collect-only", "-q", "-m", "conformance")
    listed = [line for line in done.stdout.splitlines() if "::" in line]
    assert listed == [f"test_mine.py::TestMine::test_law[{law}]" for law in CHECKS]
    done = run(tmp_path, tests, "-n", "2", "-k", "split or ids or headers or types")
    assert done.returncode == 0, done.stdout
    assert "Traceback" not in done.stdout


def test_a_broken_law_teaches_without_a_traceback_and_is_in_the_xml(tmp_path: Path) -> None:
    tests = "class TestMine(CodecConformance):\n    subject = wrong\n"
    done = run(tmp_path, tests, "-k", f"{IDS} or leaves_trailing", "--junitxml=report.xml", "-n", "1")
    assert done.returncode == 1
    assert f"{IDS} (MUST): For every id" in done.stdout
    assert "likely mistake: encode writes the origin bytes" in done.stdout
    assert "law_tests.py" not in done.stdout.partition("= FAILURES =")[2].partition("= PASSES =")[0]
    (case,) = [each for each in ET.parse(tmp_path / "report.xml").iter("testcase") if IDS in str(each.get("name"))]
    properties = {each.get("name"): str(each.get("value")) for each in case.iter("property")}
    assert properties["law"] == CHECKS[IDS].law
    assert bytes.fromhex(properties["bytes"])[:1] == b"\xab"
    assert (tmp_path / properties["saved"]).is_file()
    assert properties["replay"] == f"metaproto conformance subjects:wrong --replay {properties['saved']}"


def test_a_law_that_does_not_apply_is_skipped_by_name(tmp_path: Path) -> None:
    tests = """
class TestMine(CodecConformance):
    subject = right
    skip = {"split_invariance": "not today"}
"""
    done = run(tmp_path, tests, "-k", "split or deadline")
    assert done.returncode == 0, done.stdout
    assert "split_invariance: not today" in done.stdout
    assert "tells_a_deadline_in_seconds: the codec overrides no deadline()" in done.stdout


@pytest.mark.parametrize(("name", "code", "told"), [("wrong", 0, "XFAIL"), ("right", 1, "take it off the list")])
def test_a_known_failure_is_expected_and_a_pass_is_not(tmp_path: Path, name: str, code: int, told: str) -> None:
    tests = f"""
class TestMine(CodecConformance):
    subject = {name}
    known_failing = {{"{IDS}": "issue 12"}}
"""
    done = run(tmp_path, tests, "-k", IDS)
    assert done.returncode == code, done.stdout
    assert told in done.stdout


def test_a_should_that_is_broken_fails_only_when_strict(tmp_path: Path) -> None:
    tests = """
class NoNames(TinyCodec):
    def fields(self, data):
        return []

class TestMine(CodecConformance):
    subject = Subject(NoNames, samples, samples)

class TestStrict(TestMine):
    strict = True
"""
    done = run(tmp_path, tests, "-k", "names_every_byte")
    assert "XFAIL test_mine.py::TestMine::test_law[names_every_byte]" in done.stdout
    assert "FAILED test_mine.py::TestStrict::test_law[names_every_byte]" in done.stdout


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("subject = unfit", "split_invariance cannot be judged: the strategy requests gives int"),
        ("pass", "TestMine says no subject; write `subject = subject` in it"),
        ("subject = TinyCodec", "the subject is ABCMeta"),
        ("subject = 'nowhere:subject'", "there is no module 'nowhere'"),
        ("subject = right; profile = 'hasty'", "no profile is named 'hasty'; there are quick, default, thorough"),
        ("subject = right; skip = {'x': ''}", "TestMine names 'x', which is no law"),
    ],
)
def test_what_cannot_be_judged_is_a_sentence(tmp_path: Path, body: str, told: str) -> None:
    done = run(tmp_path, f"class TestMine(CodecConformance):\n    {body}\n", "-k", "split_invariance")
    assert done.returncode == 1
    assert told in done.stdout
    assert "Traceback" not in done.stdout


def test_a_subject_may_be_named_as_on_the_command_line(tmp_path: Path) -> None:
    tests = "class TestMine(CodecConformance):\n    subject = 'subjects:right'\n"
    done = run(tmp_path, tests, "-k", "leaves_trailing", "--conformance-profile", "default", "-p", "no:xdist")
    assert done.returncode == 0, done.stdout


def test_each_golden_vector_of_the_subject_is_a_test(tmp_path: Path) -> None:
    tests = """
class TestAwesomerpc(CodecConformance):
    subject = "awesomerpc"
"""
    done = run(tmp_path, tests, "-k", "scaffold", "-n", "1")
    assert done.returncode == 0, done.stdout
    assert "PASSED test_mine.py::TestAwesomerpc::test_law[scaffold.yaml::" in done.stdout


def test_vectors_that_cannot_be_read_are_a_failure_that_says_where(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("nothing: here\n")
    tests = """
from pathlib import Path

class TestMine(CodecConformance):
    subject = Subject(TinyCodec, samples, samples, vectors=Path("mine.yaml"))
"""
    done = run(tmp_path, tests, "-k", "golden or trailing")
    assert done.returncode == 1
    assert "test_law[golden vectors]" in done.stdout
    assert "mine.yaml" in done.stdout
    assert "Traceback" not in done.stdout
