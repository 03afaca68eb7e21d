"""Failing cases as files, which the next run judges first.

A failure is saved as ``.metaproto/failures/<codec>/<law>-<hash>.json``, where the hash is of target and case, so the
same failure is the same file::

    {"schema_version": 1, "codec": "...", "target": "...", "law": "...", "failure": "...", "case": {...}}

A case in which the law holds again is moved to ``fixed`` beside it: it is not judged any more, and not lost either.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import tempfile
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from metaprotocol_sdk.conformance.case import SCHEMA_VERSION, Case
from metaprotocol_sdk.conformance.outcome import Outcome, Report, Verdict
from metaprotocol_sdk.exceptions import ConformanceError

FAILURES = Path(".metaproto/failures")
"""Where failing cases are saved, from the working folder."""
FIXED = "fixed"
"""The folder, in that of a codec, of the cases in which it keeps the law again."""


@dataclass(frozen=True, slots=True)
class SavedFailure:
    """A failing case that was saved.

    Args:
        codec: The codec's name.
        target: What the subject was found by.
        law: The name of the check.
        case: The case.
    """

    codec: str
    target: str
    law: str
    case: Case


@dataclass(frozen=True, slots=True)
class Recollection:
    """What earlier runs saved of one codec.

    Args:
        failures: The saved failures by their files.
        unreadable: A sentence for each file that holds none.
    """

    failures: Mapping[Path, SavedFailure] = field(default_factory=dict)
    unreadable: tuple[str, ...] = ()

    @property
    def cases(self) -> dict[str, list[Case]]:
        """The saved cases by their laws."""
        found: dict[str, list[Case]] = {}
        for failure in self.failures.values():
            found.setdefault(failure.law, []).append(failure.case)
        return found

    def retire(self, report: Report) -> list[Path]:
        """Moves away the files of the cases in which a run found the law kept again; where they are now.

        A file that is gone already, or cannot be moved, is left at that.
        """
        mended = [(outcome.check.name, case) for outcome in report.outcomes for case in outcome.mended]
        moved = []
        for path, failure in self.failures.items():
            if (failure.law, failure.case) not in mended:
                continue
            home = path.parent / FIXED / path.name
            with suppress(OSError):
                home.parent.mkdir(exist_ok=True)
                moved.append(path.replace(home))
        return moved


def recollect(codec: str, laws: Collection[str], *, target: str, folder: Path = FAILURES) -> Recollection:
    """What earlier runs saved of a subject under some laws, by file name; a file that holds no failure is told of.

    Args:
        codec: The codec's name.
        laws: The laws' names.
        target: What the subject is found by. Another subject of the same codec has failures of its own.
        folder: Where they are.
    """
    failures: dict[Path, SavedFailure] = {}
    unreadable = []
    for path in sorted(_folder_of(codec, folder).glob("*.json")):
        try:
            failure = load_failure(path)
        except ConformanceError as error:
            unreadable.append(str(error))
            continue
        if failure.law in laws and failure.target == target:
            failures[path] = failure
    return Recollection(failures, tuple(unreadable))


def save_failure(outcome: Outcome, *, codec: str, target: str, folder: Path = FAILURES) -> Path | None:
    """Writes a failure's case into a file of its own, whole or not at all; None: it has none, or the disk refuses.

    A folder that cannot be written must not hide the failure itself.
    """
    if outcome.case is None:
        return None
    case = outcome.case.to_json()
    path = _folder_of(codec, folder) / f"{_plain(outcome.check.name)}-{_digest(target, outcome.case)}.json"
    content = {
        "schema_version": SCHEMA_VERSION,
        "codec": codec,
        "target": target,
        "law": outcome.check.name,
        "failure": outcome.detail,
        "case": case,
    }
    try:
        write_atomically(path, json.dumps(content, indent=2) + "\n")
    except OSError:
        return None
    return path


def save_failures(report: Report, *, target: str, folder: Path = FAILURES) -> dict[str, Path]:
    """Saves every failure of a run; the files by their laws, those that could be written."""
    files = {
        outcome.check.name: save_failure(outcome, codec=report.codec, target=target, folder=folder)
        for outcome in report.of(Verdict.FAILED)
    }
    return {law: path for law, path in files.items() if path is not None}


def load_failure(path: Path) -> SavedFailure:
    """The failure that :func:`save_failure` wrote.

    Raises:
        ConformanceError: The file cannot be read, or holds no saved failure.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConformanceError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ConformanceError(f"{path} is no saved failure: it is not JSON ({error})") from error
    if not isinstance(content, Mapping) or not isinstance(content.get("case"), Mapping) or "law" not in content:
        raise ConformanceError(f"{path} is no saved failure: it has no law and case")
    codec, target, law = (str(content.get(name, "")) for name in ("codec", "target", "law"))
    try:
        return SavedFailure(codec, target, law, Case.from_json(content["case"]))
    except ConformanceError as error:
        raise ConformanceError(f"{path} is no saved failure: {error}") from error


def replay_command(target: str, saved: Path) -> str:
    """What to type to judge the saved case again; nothing is drawn."""
    return f"metaproto conformance {shlex.quote(target)} --replay {shlex.quote(str(saved))}"


def write_atomically(path: Path, text: str) -> None:
    """Writes a file whole or not at all, and the folders it stands in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _folder_of(codec: str, folder: Path) -> Path:
    return folder / _plain(codec)


def _plain(name: str) -> str:
    """A name without what would lead to another folder."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name) or "_"


def _digest(target: str, case: Case) -> str:
    return hashlib.sha256(json.dumps([target, case.to_json()], sort_keys=True).encode()).hexdigest()[:12]
