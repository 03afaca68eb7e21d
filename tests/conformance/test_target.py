from __future__ import annotations

import sys
from pathlib import Path

import pytest

from metaprotocol_sdk.conformance import find_subject
from metaprotocol_sdk.exceptions import CodecLoadError, CodecNotFound, ConformanceError

CODEC = """
from tests.helpers import TinyCodec
class C(TinyCodec):
    pass
"""
SUBJECT = """
from metaprotocol_sdk.conformance import Subject
from .codec import C
subject = Subject(C, None, None)
wrong = 7
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package with a codec and its strategies, importable for one test."""
    name = f"target_{tmp_path.name.replace('-', '_')}"
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "codec.py").write_text(CODEC)
    (folder / "strategies.py").write_text(SUBJECT)
    monkeypatch.syspath_prepend(tmp_path)
    return name


def test_a_registered_name_leads_to_the_strategies_beside_the_codec() -> None:
    from reference_codecs.awesomerpc.strategies import subject  # noqa: PLC0415

    for name in ("awesomerpc", "aeraki.meta_protocol.codec.awesomerpc"):
        assert find_subject(name) is subject


def test_a_class_leads_there_too_and_a_subject_is_itself(package: str) -> None:
    subject = find_subject(f"{package}.strategies:subject")
    assert subject.factory.__name__ == "C"
    assert find_subject(f"{package}.codec:C") is subject


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (":", "':' is no target"),
        ("nowhere_at_all:subject", "there is no module 'nowhere_at_all'. The working folder"),
        ("{}.nothing:subject", "there is no module '{}.nothing'"),
        ("{}.strategies:nothing", "has no 'nothing'; write subject = Subject"),
        ("{}.strategies:wrong", "strategies:wrong is int; it must be a metaprotocol_sdk.conformance.Subject"),
    ],
)
def test_a_target_that_leads_nowhere_is_a_sentence(target: str, text: str, package: str) -> None:
    with pytest.raises(ConformanceError) as caught:
        find_subject(target.format(package))
    assert text.format(package) in str(caught.value)


def test_an_unknown_name_answers_with_the_nearest() -> None:
    with pytest.raises(CodecNotFound, match="did you mean 'awesomerpc'"):
        find_subject("awesomerp")


@pytest.mark.parametrize(
    ("strategies", "text"),
    [
        (None, "are looked for in {}.strategies, and there is no such module; write it"),
        ("x = 1", "module '{}.strategies' has no 'subject'; write subject = Subject(C, ...) there"),
        ("subject = 1", "{}.strategies:subject is int"),
        ("import nothing_such", "{}.strategies imports 'nothing_such', which is not there"),
        ("1 / 0", "{}.strategies fails with ZeroDivisionError"),
    ],
)
def test_strategies_that_are_missing_or_broken_are_a_sentence(
    strategies: str | None, text: str, package: str, tmp_path: Path
) -> None:
    file = tmp_path / package / "strategies.py"
    file.unlink()
    if strategies is not None:
        file.write_text(strategies)
    with pytest.raises(ConformanceError) as caught:
        find_subject(f"{package}.codec:C")
    assert text.format(package) in str(caught.value)
    sys.modules.pop(f"{package}.strategies", None)


def test_a_codec_that_cannot_be_loaded_says_why(package: str, tmp_path: Path) -> None:
    (tmp_path / package / "codec.py").write_text("1 / 0")
    with pytest.raises((CodecLoadError, ConformanceError), match="ZeroDivisionError"):
        find_subject(f"{package}.codec:C")
