"""The demonstration tells a true story, and leaves nothing behind however it ends."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from metaprotocol_sdk.demo import process, story
from metaprotocol_sdk.demo.project import Project
from metaprotocol_sdk.demo.story import perform
from metaprotocol_sdk.exceptions import DemoError
from tests.demo.test_process import is_running

ANSI = re.compile(r"\x1b\[[0-9;]*m")


class Listener:
    """Writes the story down."""

    def __init__(self) -> None:
        self.scenes: dict[str, list[str]] = {"": []}

    def scene(self, title: str) -> None:
        self.scenes[title] = []

    def _note(self, text: str) -> None:
        next(reversed(self.scenes.values())).append(ANSI.sub("", text))

    def command(self, line: str, result: str = "") -> None:
        self._note(f"$ {line} => {result}")

    def say(self, text: str) -> None:
        self._note(text)

    def show(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._note(line)

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        for row in rows:
            self._note(" | ".join(row))


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[process.Process]:
    """A temporary folder of the story's own, and every program it starts."""
    started: list[process.Process] = []
    start = process.Process.__init__

    def noted(self: process.Process, *args: object, **kwargs: object) -> None:
        start(self, *args, **kwargs)  # type: ignore[arg-type]
        started.append(self)

    monkeypatch.setattr(process.Process, "__init__", noted)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return started


def assert_nothing_is_left(stage: list[process.Process], folder: Path) -> None:
    assert [each.label for each in stage if is_running(each.pid)] == []
    assert list(folder.iterdir()) == []
    assert [each for each in sys.modules if each.startswith("parcel_")] == []


def test_the_story(tmp_path: Path, stage: list[process.Process]) -> None:
    listener = Listener()
    assert perform(listener)
    assert_nothing_is_left(stage, tmp_path)
    assert [each.label for each in stage] == ["server v1", "server v2", "the proxy"]

    new, laws, start, requests, lost = (scene for title, scene in listener.scenes.items() if title)
    assert "$ metaproto new parcel-rpc -d framing=length -d headers=yes => " in new
    assert '    "command" / Int16ub,' in new
    assert sum("cases" in line and ("✓" in line or "ok" in line) for line in laws) >= 9
    assert "canary | command is 2 | -> v2 | sets stage to canary" in start
    assert "#1 | command 1 | -> route default | -> v1 | -> 'v1: hello [stage=test]'" in requests
    assert "#2 | command 2 | -> route canary | -> v2 | -> 'v2: hello [stage=canary]'" in requests
    assert any("#1 reached v1 byte for byte as it was sent." in line for line in requests)
    assert any(line.endswith("headers[0].value  'test'") for line in requests)
    assert any(line.endswith("headers[0].value  'canary'") for line in requests)
    assert "#3 | command 2 | -> route canary | -> v2 | -> an error" in lost
    assert any("meta protocol upstream request" in line for line in lost)


@pytest.mark.parametrize("scene", ["_start", "_exchange", "_lose_a_server"])
@pytest.mark.parametrize("failure", [KeyboardInterrupt(), DemoError("no reply")], ids=["interrupt", "failure"])
def test_nothing_is_left_when_it_ends_early(
    tmp_path: Path,
    stage: list[process.Process],
    monkeypatch: pytest.MonkeyPatch,
    scene: str,
    failure: BaseException,
) -> None:
    monkeypatch.setattr(story, "_keeps_the_laws", lambda *_: True)
    whole = getattr(story, scene)

    def cut_short(*args: object) -> None:
        whole(*args)
        raise failure

    monkeypatch.setattr(story, scene, cut_short)
    with pytest.raises(type(failure)):
        perform(Listener())
    assert len(stage) == 3
    assert_nothing_is_left(stage, tmp_path)


def test_a_codec_that_breaks_a_law_ends_it(
    tmp_path: Path, stage: list[process.Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(story, "PROFILES", {"quick": 1})
    in_folder = Project.in_folder

    def with_a_fault(folder: Path) -> Project:
        project = in_folder(folder)
        file = project.folder / project.package / "codec.py"
        file.write_text(
            file.read_text() + "\n    def decode(self, buffer: Any, metadata: Any) -> Any:\n        return 7\n"
        )
        return project

    monkeypatch.setattr(Project, "in_folder", with_a_fault)
    listener = Listener()
    assert not perform(listener)
    assert stage == []
    assert_nothing_is_left(stage, tmp_path)
