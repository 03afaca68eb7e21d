"""The demonstration's project: importable and registered in a block, and forgotten after it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from metaprotocol_sdk.conformance.target import find_subject
from metaprotocol_sdk.demo import project as module
from metaprotocol_sdk.demo.project import Project
from metaprotocol_sdk.exceptions import CodecNotFound
from metaprotocol_sdk.registry import find_codec, registrations


def test_its_codec_is_found_by_name_in_the_block_and_not_after_it(tmp_path: Path) -> None:
    project = Project.in_folder(tmp_path)
    path = list(sys.path)
    with project.importable():
        codec = find_codec(project.name)
        assert codec.name == project.package
        assert find_subject(project.package).factory is codec
        (registration,) = [each for each in registrations() if each.name == project.package]
        assert registration.distribution == f"{project.name} 0.1.0"
    with pytest.raises(CodecNotFound):
        find_codec(project.name)
    assert sys.path == path
    assert not [each for each in sys.modules if each.startswith(project.package)]


def test_a_name_that_is_taken_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "codec_names", lambda: ["parcel_rpc", "awesomerpc"])
    assert Project.in_folder(tmp_path).name == "parcel-line"


def test_two_projects_of_one_name_do_not_mix(tmp_path: Path) -> None:
    for each in ("one", "two"):
        project = Project.in_folder(tmp_path / each)
        with project.importable():
            module_file = sys.modules[find_codec(project.package).__module__].__file__
        assert module_file is not None
        assert Path(module_file).is_relative_to(tmp_path / each)
