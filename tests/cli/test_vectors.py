"""``metaproto vectors``, and golden vectors in ``metaproto conformance``."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis.configuration import set_hypothesis_home_dir

from metaprotocol_sdk.cli import vectors
from metaprotocol_sdk.conformance.vectors import load_vectors
from tests.cli.helpers import run

HELLO = "01 00000007 00000012 0001 0000 68656c6c6f"


@pytest.fixture(autouse=True)
def _somewhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    set_hypothesis_home_dir(None)


def added(*arguments: str) -> Path:
    result = run("vectors", "add", "v.yaml", "--codec", "awesomerpc", "--hex", HELLO, *arguments)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    return Path("v.yaml")


def test_add_records_what_decode_finds_and_says_where() -> None:
    result = run("vectors", "add", "v.yaml", "--codec", "awesomerpc", "--hex", HELLO, "--provenance", "the C++ client")
    assert result.exit_code == 0
    assert result.stderr == "added request-1 at v.yaml:4; compare what it expects with what made the message\n"
    (vector,) = load_vectors(Path("v.yaml")).vectors
    assert (vector.sample.request_id, vector.sample.strings) == (7, {"cmd": "1"})
    assert vector.provenance == "the C++ client"
    assert "00 00 00 12     # pack_len 18" in Path("v.yaml").read_text()


def test_add_reads_a_file_or_stdin_and_the_codec_of_the_file_it_adds_to(monkeypatch: pytest.MonkeyPatch) -> None:
    path = added("--name", "hello")
    Path("message.bin").write_bytes(bytes.fromhex(HELLO))
    from_file = ["vectors", "add", str(path), "--from-file", "message.bin", "--direction", "response"]
    assert run(*from_file).exit_code == 0
    assert [(each.name, each.side.name) for each in load_vectors(path).vectors] == [
        ("hello", "REQUEST"),
        ("response-1", "RESPONSE"),
    ]
    stdin = io.TextIOWrapper(io.BytesIO(bytes.fromhex(HELLO)))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert vectors._message(None, None) == bytes.fromhex(HELLO)


@pytest.mark.parametrize(
    ("text", "sentence", "row"),
    [
        (
            HELLO[:-2],
            "17 bytes are no whole message",
            "00000011                            <-- 17 bytes are no whole message",
        ),
        (HELLO + "00", "1 bytes follow the message", "<-- 1 bytes follow the message"),
        ("01 00000007 00000002 0001 0000", "fewer than its header's 13", "pack_len   2  <-- the message says"),
    ],
)
def test_add_shows_bytes_that_are_no_message_and_writes_nothing(text: str, sentence: str, row: str) -> None:
    result = run("vectors", "add", "v.yaml", "--codec", "awesomerpc", "--hex", text)
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert row in result.stderr
    assert not Path("v.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--codec", "awesomerpc"], "one of --hex, --from-file and --stdin"),
        (["--codec", "awesomerpc", "--hex", "ab", "--stdin"], "one of --hex, --from-file and --stdin"),
        (["--codec", "awesomerpc", "--hex", "xx"], "'x' is no hex digit"),
        (["--hex", "ab"], "v.yaml does not name a codec; say --codec NAME"),
        (["--codec", "awesomrpc", "--hex", "ab"], "did you mean 'awesomerpc'?"),
        (["--codec", "awesomerpc", "--from-file", "gone.bin"], "gone.bin"),
        (["--codec", "awesomerpc", "--hex", HELLO, "--name", "a b"], "'a b' is no name of a vector"),
    ],
)
def test_wrong_usage_of_add_is_a_sentence(arguments: list[str], sentence: str) -> None:
    result = run("vectors", "add", "v.yaml", *arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr


def test_check_holds_codecs_to_files_and_folders() -> None:
    added()
    result = run("vectors", "check", "v.yaml", ".")
    assert result.exit_code == 0, result.output
    assert result.stdout.count("v.yaml::request-1") == 2
    assert "awesomerpc: 1 passed" in result.stdout
    assert not Path(".hypothesis").exists()


def test_check_says_what_a_codec_disagrees_with() -> None:
    path = added()
    path.write_text(path.read_text().replace("request_id: 7", "request_id: 8"))
    result = run("vectors", "check", "v.yaml", "--format", "json")
    assert result.exit_code == 1
    (file,) = json.loads(result.stdout)["files"]
    assert (file["file"], file["ok"]) == ("v.yaml", False)
    assert run("vectors", "check", "v.yaml").stdout.count("the sample states request_id 8 and decode finds 7") == 1


def test_check_says_what_is_wrong_in_a_file_with_its_line() -> None:
    path = added()
    path.write_text(path.read_text().replace("01 ", "0x ", 1))
    result = run("vectors", "check", "v.yaml")
    assert result.exit_code == 2
    assert "v.yaml:7:1: error: 'x' is no hex digit" in result.stderr


def test_check_needs_a_codec_and_a_file() -> None:
    path = added()
    path.write_text(path.read_text().replace('codec: "awesomerpc"\n', ""))
    assert "v.yaml does not name a codec" in run("vectors", "check", "v.yaml").stderr
    assert run("vectors", "check", "v.yaml", "--codec", "awesomerpc").exit_code == 0
    assert "gone is not there" in run("vectors", "check", "gone").stderr


def test_conformance_judges_the_vectors_beside_a_codec_after_the_laws() -> None:
    result = run("conformance", "awesomerpc", "-k", "decodes_one or reply")
    assert result.exit_code == 0, result.output
    names = [line.split()[1] for line in result.stdout.splitlines() if line.startswith("✓")]
    assert names[0] == "decodes_one_message"
    assert names[-2:] == ["scaffold.yaml::reply", "scaffold.yaml::failed-reply"]


def test_conformance_reads_the_vectors_that_are_named_and_selects_them_as_laws() -> None:
    path = added()
    path.write_text(path.read_text().replace("request_id: 7", "request_id: 8"))
    every = ["conformance", "awesomerpc", "--vectors", "v.yaml", "--law", "v.yaml::request-1"]
    result = run(*every)
    assert result.exit_code == 1
    assert "v.yaml::request-1" in result.stdout.splitlines()[0]
    saved = next(Path(".metaproto/failures").rglob("*.json"))
    again = run("conformance", "awesomerpc", "--replay", str(saved))
    assert again.exit_code == 1
    assert "the sample states request_id 8 and decode finds 7" in again.stdout
    Path("known").write_text("v.yaml::request-1  # the id is odd\n")
    assert run(*every, "--known-failing", "known").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--law", "v.yaml::gone"], "no golden vector is named 'v.yaml::gone'; there are v.yaml::request-1"),
        (["-k", "nothing_like_it"], "nothing is selected; the laws are decodes_one_message"),
        (["--law", "decodes_one_message", "--skip", "decodes_one_message"], "nothing is selected"),
    ],
)
def test_selecting_nothing_is_wrong_usage(arguments: list[str], sentence: str) -> None:
    added()
    result = run("conformance", "awesomerpc", "--vectors", "v.yaml", *arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr
