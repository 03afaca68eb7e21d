"""New projects: every answer is checked before anything is written, and a project appears whole or not at all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement

from metaprotocol_sdk import scaffold
from metaprotocol_sdk.demo.project import Project
from metaprotocol_sdk.exceptions import ScaffoldError
from metaprotocol_sdk.scaffold import (
    MAX_NAME,
    MAX_TEXT,
    check_answers,
    names_of,
    new_project,
    questions,
    sdk_requirement,
    template_folder,
)

ROOT = Path(__file__).parent.parent


def everything_in(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def test_a_project_is_written_where_it_was_asked_for(tmp_path: Path) -> None:
    folder = new_project("My Parcel", output=tmp_path / "deep" / "er")
    assert folder == tmp_path / "deep" / "er" / "my-parcel"
    assert (folder / "my_parcel" / "codec.py").is_file()
    assert list((tmp_path / "deep" / "er").iterdir()) == [folder]


def test_the_output_folder_may_look_like_a_template(tmp_path: Path) -> None:
    folder = new_project("parcel", output=tmp_path / "{{ 1/0 }}{% raw %}")
    assert (folder / "parcel" / "codec.py").is_file()


def test_a_relative_output_folder_is_the_callers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert new_project("parcel", output=Path("here")) == tmp_path / "here" / "parcel"
    assert Path.cwd() == tmp_path


# -- what is asked -----------------------------------------------------------------------------------------------------


BAD_NAMES = [
    ("1st", "'1st' is no name for a protocol: it takes letters a-z"),
    ("../up", "like my-protocol"),
    ("{{ 1 }}", "like my-protocol"),
    ("", "like my-protocol"),
    ("class", "try class-rpc"),
    ("json", "try json-rpc"),
    ("metaprotocol-sdk", "is a module that exists already"),
    ("Awesome RPC", "is registered already"),
    ("framed", "would call its class FramedCodec"),
    ("a" * (MAX_NAME + 1), f"is too long: it has at most {MAX_NAME} characters"),
    ("a" * 100, f"is too long: it has at most {MAX_NAME} characters"),
]


@pytest.mark.parametrize(("name", "sentence"), BAD_NAMES)
def test_a_bad_name_is_refused_before_anything_is_written(tmp_path: Path, name: str, sentence: str) -> None:
    with pytest.raises(ScaffoldError) as caught:
        new_project(name, output=tmp_path / "out")
    assert sentence in str(caught.value)
    assert everything_in(tmp_path) == []


BAD_ANSWERS = [
    ({"framng": "text"}, "nothing is asked under 'framng'; did you mean framing?"),
    ({"colour": "red"}, "nothing is asked under 'colour'; there are description, framing, headers"),
    ({"__package": "x"}, "nothing is asked under '__package'"),
    ({"protocol_name": "x"}, "protocol_name is the NAME that was given; it is not answered again"),
    ({"framing": "json"}, "framing is length or varint or text, not 'json'"),
    ({"headers": "maybe"}, "headers is yes or no, not 'maybe'"),
    ({"headers": ""}, "headers is yes or no, not ''"),
    ({"description": ""}, "description is one line of at most"),
    ({"description": "two\nlines"}, "description is one line of at most"),
    ({"description": 'a "quoted" word'}, "without double quotes and backslashes"),
    ({"description": "back\\slash"}, "without double quotes and backslashes"),
    ({"description": "x" * (MAX_TEXT + 1)}, f"at most {MAX_TEXT} printable characters"),
]


@pytest.mark.parametrize(("answers", "sentence"), BAD_ANSWERS)
def test_a_bad_answer_is_refused_before_anything_is_written(
    tmp_path: Path, answers: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ScaffoldError) as caught:
        new_project("parcel", output=tmp_path / "out", answers=answers)
    assert sentence in str(caught.value)
    assert everything_in(tmp_path) == []


def test_answers_are_taken_in_any_case_and_with_spaces_around_them() -> None:
    assert check_answers({"framing": " TEXT ", "headers": "No"}) == {"framing": "text", "headers": "no"}


def test_every_question_has_a_good_default_or_none() -> None:
    for question in questions():
        assert question.text
        if question.choices:
            assert question.accept(question.default) == question.default
        else:
            assert question.default == ""


INERT = [  # each would say or do something else if anything read it as code of its own
    "{{ 7 * 7 }}",
    "{% raw %}",
    "{{ cookiecutter.__class__ }}",
    "{# gone? #}",
    "{% for x in range(9) %}x{% endfor %}",
    "}} %} #}",
    "[tool.ruff]",
    "our team's protocol",
    "{'it' ''' }",
    "naïve 日本 😀 ${HOME} #!",
]


@pytest.mark.parametrize("text", INERT)
def test_an_answer_says_itself_and_nothing_else(tmp_path: Path, text: str) -> None:
    folder = new_project("parcel", output=tmp_path, answers={"description": text})
    assert tomllib.loads((folder / "pyproject.toml").read_text())["project"]["description"] == text
    assert f'"""{text.rstrip(".")}."""' in (folder / "parcel" / "codec.py").read_text()


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=MAX_TEXT))
def test_any_text_is_refused_or_leaves_a_project_that_parses(tmp_path: Path, text: str) -> None:
    try:
        folder = new_project("parcel", output=tmp_path, answers={"description": text}, force=True)
    except ScaffoldError:
        return
    assert tomllib.loads((folder / "pyproject.toml").read_text())["project"]["description"] == text.strip()
    for path in folder.rglob("*.py"):
        compile(path.read_text(), str(path), "exec")


# -- what is there already ---------------------------------------------------------------------------------------------


def test_a_folder_that_exists_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "parcel").mkdir()
    with pytest.raises(ScaffoldError, match="exists already; choose another name, or overwrite its files with --force"):
        new_project("parcel", output=tmp_path)
    assert everything_in(tmp_path) == [tmp_path / "parcel"]


def test_force_replaces_the_projects_files_and_keeps_strangers(tmp_path: Path) -> None:
    folder = new_project("parcel", output=tmp_path, answers={"framing": "text"})
    before = (folder / "parcel" / "frame.py").read_text()
    (folder / "parcel" / "mine.py").write_text("mine")
    (folder / "notes.txt").write_text("mine too")
    assert new_project("parcel", output=tmp_path, answers={"framing": "length"}, force=True) == folder
    assert (folder / "parcel" / "frame.py").read_text() != before
    assert (folder / "parcel" / "mine.py").read_text() == "mine"
    assert (folder / "notes.txt").read_text() == "mine too"
    assert list(tmp_path.iterdir()) == [folder]


def test_force_writes_a_new_project_too(tmp_path: Path) -> None:
    assert (new_project("parcel", output=tmp_path, force=True) / "pyproject.toml").is_file()


def test_force_overwrites_a_project_that_is_installed_and_no_other(tmp_path: Path) -> None:
    project = Project.in_folder(tmp_path)
    with project.importable():
        with pytest.raises(ScaffoldError, match="is registered already"):
            new_project(project.name, output=tmp_path)
        assert new_project(project.name, output=tmp_path, force=True) == project.folder
        with pytest.raises(ScaffoldError, match="is registered already"):
            new_project("awesomerpc", output=tmp_path, force=True)


def test_a_file_in_the_projects_place_is_refused_even_by_force(tmp_path: Path) -> None:
    (tmp_path / "parcel").write_text("a file")
    with pytest.raises(ScaffoldError, match="exists and is no folder"):
        new_project("parcel", output=tmp_path, force=True)
    assert (tmp_path / "parcel").read_text() == "a file"


def test_what_stands_in_a_files_or_a_folders_way_is_named_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "parcel" / "pyproject.toml").mkdir(parents=True)
    with pytest.raises(ScaffoldError, match=r"pyproject.toml is a folder, where the project has a file"):
        new_project("parcel", output=tmp_path, force=True)
    (tmp_path / "parcel" / "pyproject.toml").rmdir()
    (tmp_path / "parcel" / "tests").write_text("a file")
    with pytest.raises(ScaffoldError, match="tests is a file, where the project has a folder"):
        new_project("parcel", output=tmp_path, force=True)
    assert everything_in(tmp_path) == [tmp_path / "parcel", tmp_path / "parcel" / "tests"]


def test_an_output_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(ScaffoldError, match="is no folder, so"):
        new_project("parcel", output=tmp_path / "out" / "deeper")


def test_an_output_that_may_not_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)  # root may write anything
    with pytest.raises(ScaffoldError, match="may not be written by this user; choose another output folder"):
        new_project("parcel", output=tmp_path / "out")
    assert everything_in(tmp_path) == []


# -- when it fails -----------------------------------------------------------------------------------------------------


def full_disk(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("broken", ["copytree", "rename"])
def test_nothing_is_left_when_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    monkeypatch.setattr(*{"copytree": (shutil, "copytree"), "rename": (Path, "rename")}[broken], full_disk)
    with pytest.raises(ScaffoldError, match="parcel cannot be written: No space left on device"):
        new_project("parcel", output=tmp_path / "a" / "b")
    assert everything_in(tmp_path) == []


def test_nothing_is_left_when_it_is_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "rename", interrupt)
    with pytest.raises(KeyboardInterrupt):
        new_project("parcel", output=tmp_path / "a")
    assert everything_in(tmp_path) == []


def test_nothing_is_left_when_the_template_cannot_be_rendered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "template"
    shutil.copytree(template_folder(), broken)
    (broken / "{{cookiecutter.__project}}" / "zzz.txt").write_text("{{ cookiecutter.nothing }}")
    monkeypatch.setattr(scaffold, "template_folder", lambda: broken)
    with pytest.raises(Exception, match=r"zzz\.txt"):
        new_project("parcel", output=tmp_path / "out")
    assert list(tmp_path.iterdir()) == [broken]


# -- where it looks and what it touches --------------------------------------------------------------------------------


def in_a_fresh_process(folder: Path, *, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    program = (
        "import sys; from pathlib import Path; from metaprotocol_sdk import scaffold\n"
        "print(scaffold.template_folder()); print(scaffold.new_project('parcel', output=Path(sys.argv[1])))"
    )
    return subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        env={"PATH": os.environ["PATH"], "HOME": str(home), **environment},
        cwd=folder.parent,
        capture_output=True,
        text=True,
        check=True,
    )


def test_the_home_folder_is_not_touched_and_need_not_be_one(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".cookiecutterrc").write_text("default_context: {framing: text, description: from home}")
    before = everything_in(home)
    in_a_fresh_process(tmp_path / "one", home=home)
    assert everything_in(home) == before
    assert "Frame(" in (tmp_path / "one" / "parcel" / "parcel" / "frame.py").read_text()
    assert "from home" not in (tmp_path / "one" / "parcel" / "README.md").read_text()
    in_a_fresh_process(tmp_path / "two", home=Path("/dev/null"))
    assert (tmp_path / "two" / "parcel" / "pyproject.toml").is_file()


def test_a_checkout_uses_the_template_beside_the_package() -> None:
    assert template_folder() == ROOT / "template"


def test_an_installed_wheel_brings_the_template_along(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path / "dist")]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    done = in_a_fresh_process(tmp_path / "out", home=tmp_path, PYTHONPATH=str(tmp_path / "site"))
    assert done.stdout.splitlines()[0] == str(tmp_path / "site" / "metaprotocol_sdk" / "_template")
    from_checkout = new_project("parcel", output=tmp_path / "checkout")
    from_wheel = tmp_path / "out" / "parcel"
    assert [path.relative_to(from_wheel) for path in everything_in(from_wheel)] == [
        path.relative_to(from_checkout) for path in everything_in(from_checkout)
    ]


def test_a_template_that_is_nowhere_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(scaffold, "__file__", str(tmp_path / "metaprotocol_sdk" / "scaffold.py"))
    with pytest.raises(ScaffoldError, match="install metaprotocol-sdk again"):
        template_folder()


REQUIREMENTS = [
    ("0.1.0", "metaprotocol-sdk>=0.1.0,<0.2"),
    ("0.2.0.dev3", "metaprotocol-sdk>=0.2.0.dev3,<0.3"),
    ("1.0.0rc1", "metaprotocol-sdk>=1.0.0rc1,<2"),
    ("1.4.2+local", "metaprotocol-sdk>=1.4.2,<2"),
    ("2.0.0.post1", "metaprotocol-sdk>=2.0.0.post1,<3"),
]


@pytest.mark.parametrize(("sdk", "requirement"), REQUIREMENTS)
def test_a_project_accepts_the_version_that_rendered_it(sdk: str, requirement: str) -> None:
    assert sdk_requirement(sdk) == requirement
    assert Requirement(requirement).specifier.contains(sdk)


def test_names_follow_from_what_a_person_typed() -> None:
    assert names_of(" My  Parcel".replace("  ", " ")).project == "my-parcel"
