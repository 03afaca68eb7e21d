"""New projects from the template; the command line only calls this module.

The template's ``cookiecutter.json`` says what is asked. Every answer is checked before anything is written, and a
project appears whole or not at all.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from packaging.version import Version

from metaprotocol_sdk.exceptions import ScaffoldError
from metaprotocol_sdk.names import ProtocolNames, fold, nearest, objection
from metaprotocol_sdk.registry import codec_names, registrations

DISTRIBUTION = "metaprotocol-sdk"
MAX_NAME = 40
"""Characters of a protocol's name: it is in the names of modules, classes and Kubernetes objects."""
MAX_TEXT = 80
"""Characters of an answer that is a line of text."""

_NAME = "protocol_name"


@dataclass(frozen=True, slots=True)
class Question:
    """One thing ``metaproto new`` asks.

    Args:
        key: What ``-d key=value`` calls it.
        text: The question.
        default: The answer when nobody gives one; empty where it follows from the name.
        choices: The good answers and what each means; empty: a line of text.
    """

    key: str
    text: str
    default: str
    choices: Mapping[str, str]

    def accept(self, answer: str) -> str:
        """``answer`` as the template takes it.

        Raises:
            ScaffoldError: It is no good; says which answers are.
        """
        said = answer.strip()
        if self.choices:
            if said.lower() in self.choices:
                return said.lower()
            raise ScaffoldError(f"{self.key} is {' or '.join(self.choices)}, not {answer!r}")
        if not said or not said.isprintable() or len(said) > MAX_TEXT or set(said) & set('"\\'):
            raise ScaffoldError(
                f"{self.key} is one line of at most {MAX_TEXT} printable characters without double quotes and "
                f"backslashes, not {answer[: MAX_TEXT + 1]!r}"
            )
        return said


def template_folder() -> Path:
    """Where the cookiecutter template is: in the package of an installed wheel, beside it in a checkout.

    Raises:
        ScaffoldError: It is in neither place.
    """
    package = Path(__file__).parent
    for folder in (package / "_template", package.parent / "template"):
        if (folder / "cookiecutter.json").is_file():
            return folder
    raise ScaffoldError(f"the project template is neither in {package} nor beside it; install metaprotocol-sdk again")


def questions() -> list[Question]:
    """What the template asks beside the protocol's name, in order.

    Raises:
        ScaffoldError: There is no template.
    """
    asked = json.loads((template_folder() / "cookiecutter.json").read_text(encoding="utf-8"))
    return [
        _question(key, default, asked["__prompts__"][key])
        for key, default in asked.items()
        if not key.startswith("_") and key != _NAME
    ]


def _question(key: str, default: str | list[str], prompt: str | dict[str, str]) -> Question:
    if isinstance(prompt, str):
        return Question(key, prompt, "", {})
    return Question(key, prompt["__prompt__"], default[0], {choice: prompt[choice] for choice in default})


def names_of(name: str, *, force: bool = False) -> ProtocolNames:
    """Every name of a new protocol.

    Args:
        name: What a person typed.
        force: Whether the codec of a project of this very name may be installed: that project is to be overwritten.

    Raises:
        ScaffoldError: The name is no good, or taken; says which are good.
    """
    if len(name.strip()) > MAX_NAME:
        raise ScaffoldError(f"{name!r} is too long: it has at most {MAX_NAME} characters")
    if problem := objection(name, taken=_installed_by_others(name) if force else codec_names()):
        raise ScaffoldError(problem)
    names = ProtocolNames.from_name(name)
    if names.title == "Framed":
        raise ScaffoldError(f"{name!r} would call its class FramedCodec, as its base is called; try framed-rpc")
    return names


def _installed_by_others(name: str) -> list[str]:
    """The codecs that did not come with a project called ``name``."""
    return [each.name for each in registrations() if fold(each.distribution.partition(" ")[0]) != fold(name)]


def new_project(
    name: str, *, output: Path = Path(), answers: Mapping[str, str] | None = None, force: bool = False
) -> Path:
    """Writes a new project and returns its folder, ``output / names_of(name).project``.

    Args:
        name: The protocol's.
        output: The folder to write it into; made if it is not there.
        answers: By :attr:`Question.key`; what is left out gets its default.
        force: Whether the project's folder may exist. Files of the project replace those of the same name in it;
            all others stay.

    Raises:
        ScaffoldError: A name, an answer or the output is no good; nothing was written.
    """
    names = names_of(name, force=force)
    checked = check_answers(answers or {})
    target = output.absolute() / names.project
    _check_target(target, force=force)
    try:
        with tempfile.TemporaryDirectory(prefix="metaproto-new-") as scratch:
            rendered = _render(Path(scratch), names, checked)
            _check_overwrites(rendered, target)
            _deliver(rendered, target)
    except OSError as error:
        raise ScaffoldError(f"{error.filename or target} cannot be written: {error.strerror}") from error
    return target


def check_answers(answers: Mapping[str, str]) -> dict[str, str]:
    """``answers`` as the template takes them.

    Raises:
        ScaffoldError: A key is no question's, or an answer is no good.
    """
    known = {question.key: question for question in questions()}
    checked = {}
    for key, answer in answers.items():
        if key == _NAME:
            raise ScaffoldError("protocol_name is the NAME that was given; it is not answered again")
        if key not in known:
            close = nearest(key, known)
            meant = f"did you mean {close}?" if close else f"there are {', '.join(known)}"
            raise ScaffoldError(f"nothing is asked under {key!r}; {meant}")
        checked[key] = known[key].accept(answer)
    return checked


def sdk_requirement(sdk: str) -> str:
    """What a project rendered by version ``sdk`` of this library requires: that version, and those compatible with it.

    Before 1.0 a minor version may break what a codec relies on, afterwards only a major one.
    """
    release = Version(sdk)
    end = f"0.{release.minor + 1}" if release.major == 0 else str(release.major + 1)
    return f"{DISTRIBUTION}>={release.public},<{end}"


def _check_target(target: Path, *, force: bool) -> None:
    """Raises unless the project's folder may be written, as far as looking tells."""
    if target.exists() or target.is_symlink():
        if not target.is_dir():
            raise ScaffoldError(f"{target} exists and is no folder; choose another name or output folder")
        if not force:
            raise ScaffoldError(f"{target} exists already; choose another name, or overwrite its files with --force")
    there = target
    while not there.exists():
        there = there.parent
    if not there.is_dir():
        raise ScaffoldError(f"{there} is no folder, so {target} cannot be made; choose another output folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ScaffoldError(f"{there} may not be written by this user; choose another output folder")


def _render(scratch: Path, names: ProtocolNames, answers: Mapping[str, str]) -> Path:
    from cookiecutter.main import cookiecutter

    # cookiecutter keeps what it was answered and what it fetched in the home folder, unless a configuration says where.
    config = scratch / "cookiecutter.yaml"
    config.write_text(
        json.dumps({"replay_dir": str(scratch / "replay"), "cookiecutters_dir": str(scratch / "templates")}),
        encoding="utf-8",
    )
    context: dict[str, Any] = {
        **{key: _inert(answer) for key, answer in answers.items()},
        _NAME: names.project,
        "__requirement": sdk_requirement(version(DISTRIBUTION)),
    }
    folder = cookiecutter(
        str(template_folder()),
        no_input=True,
        extra_context=context,
        output_dir=str(scratch / "output"),
        config_file=str(config),
        accept_hooks=False,
    )
    return Path(folder)


def _inert(answer: str) -> str:
    # cookiecutter renders answers as templates: as a string literal of one, an answer says itself and nothing else.
    literal = json.dumps(answer, ensure_ascii=False)
    return f"{{{{ {literal} }}}}" if "{" in answer else answer


def _files(folder: Path) -> Iterator[Path]:
    """Every file under ``folder``, relative to it."""
    return (path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file())


def _check_overwrites(rendered: Path, target: Path) -> None:
    for file in _files(rendered):
        if (target / file).is_dir():
            raise ScaffoldError(f"{target / file} is a folder, where the project has a file; move it away first")
        for parent in file.parents:
            if (target / parent).exists() and not (target / parent).is_dir():
                raise ScaffoldError(f"{target / parent} is a file, where the project has a folder; move it away first")


def _deliver(rendered: Path, target: Path) -> None:
    """Moves the project into place, by renames on one file system, so that nobody sees half of it."""
    with _made(target.parent), tempfile.TemporaryDirectory(prefix=".metaproto-new-", dir=target.parent) as staging:
        staged = Path(shutil.copytree(rendered, Path(staging) / target.name))
        if not target.exists():
            staged.rename(target)
            return
        for file in _files(staged):
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            (staged / file).replace(target / file)


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """``folder`` exists in the block; if the block fails, what had to be made for it goes again."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    try:
        for each in reversed(missing):
            each.mkdir()
        yield
    except BaseException:
        for each in missing:
            with suppress(OSError):  # it was never made, or somebody else uses it by now
                each.rmdir()
        raise
