from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

from metaprotocol_sdk.conformance import Subject, vectors_of
from metaprotocol_sdk.conformance.vectors.places import files_in, place_of
from metaprotocol_sdk.exceptions import ConfigError, ConformanceError
from tests.helpers import TinyCodec

ONE = "schema_version: 1\nvectors:\n  - {name: a, direction: request, hex: ab00 0007 0000}\n"


@pytest.fixture
def subject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Subject:
    """A subject whose codec is defined in a module of ``tmp_path``."""
    module = ModuleType("places_of_vectors")
    module.__file__ = str(tmp_path / "codec.py")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return Subject(type("Tiny", (TinyCodec,), {"__module__": module.__name__}), None, None)


def test_a_folder_beside_the_codec_is_read_file_after_file(tmp_path: Path, subject: Subject) -> None:
    assert vectors_of(subject) == {}
    folder = tmp_path / "vectors"
    folder.mkdir()
    (folder / "README.md").write_text("words")
    assert place_of(subject) is None
    for name in ("b.yml", "a.json"):
        (folder / name).write_text(
            ONE
            if name == "b.yml"
            else '{"schema_version": 1, "vectors": [{"name": "x", "direction": "response", "hex": "ab"}]}'
        )
    assert list(vectors_of(subject)) == ["a.json::x", "b.yml::a"]
    made = Subject(partial(partial(subject.factory), max_message_size=9), None, None)
    assert list(vectors_of(made)) == ["a.json::x", "b.yml::a"]


def test_a_place_that_is_named_is_read_instead(tmp_path: Path, subject: Subject) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(ONE)
    assert list(vectors_of(subject, other)) == ["other.yaml::a"]
    assert list(vectors_of(Subject(TinyCodec, None, None, vectors=tmp_path))) == ["other.yaml::a"]


def test_a_place_that_is_named_and_holds_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConformanceError, match="gone is not there; it is a file of golden vectors, or a folder"):
        files_in(tmp_path / "gone")
    with pytest.raises(ConformanceError, match=r"has no golden vectors: no file in it ends in \.yaml, \.yml, \.json"):
        files_in(tmp_path)


def test_a_factory_without_a_file_has_no_place() -> None:
    assert place_of(Subject(eval("lambda: None", {"__name__": "nowhere"}), None, None)) is None


def test_what_is_wrong_in_several_files_is_said_at_once(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("schema_version: 2\n")
    with pytest.raises(ConfigError) as caught:
        vectors_of(Subject(TinyCodec, None, None), tmp_path)
    assert len(caught.value.findings) == 4
