"""Where a subject's golden vectors are."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from metaprotocol_sdk.conformance.check import Factory
from metaprotocol_sdk.conformance.subject import Subject
from metaprotocol_sdk.conformance.vectors.reader import load_vectors
from metaprotocol_sdk.conformance.vectors.vector import Vector
from metaprotocol_sdk.exceptions import ConfigError, ConformanceError, Finding

FOLDER = "vectors"
"""The folder beside a codec that holds its vectors."""
SUFFIXES = (".yaml", ".yml", ".json")
"""What a file of vectors ends in; others in the folder are not read."""


def vectors_of(subject: Subject, path: Path | None = None) -> dict[str, Vector]:
    """Every golden vector of a subject by its name, ``file::name``, in the order of files and of lines.

    With pytest it makes one test of each::

        VECTORS = vectors_of(subject)

        @pytest.mark.parametrize("name", VECTORS)
        def test_vector(name: str) -> None:
            verify_vector(subject, VECTORS[name])

    Args:
        subject: Whose vectors.
        path: A file or folder of them, instead of where :attr:`Subject.vectors` says.

    Raises:
        ConformanceError: A file that was named is not there, or two files have the same name.
        ConfigError: Files cannot be read; every finding is there at once.
    """
    return read_vectors(vector_files(subject, path))


def vector_files(subject: Subject, path: Path | None = None) -> list[Path]:
    """The files that :func:`vectors_of` reads; none, when no place was named and there is no folder beside the codec.

    Raises:
        ConformanceError: What was named is not there, or holds no vectors.
    """
    place = path or place_of(subject)
    return files_in(place) if place is not None else []


def place_of(subject: Subject) -> Path | None:
    """The file or folder of a subject's vectors; None: it has none."""
    if subject.vectors is not None:
        return subject.vectors
    folder = _beside(subject.factory)
    return folder if folder is not None and folder.is_dir() and _listed(folder) else None


def files_in(path: Path) -> list[Path]:
    """The file that ``path`` is, or the files of vectors in the folder that it is.

    Raises:
        ConformanceError: There is nothing, or none of vectors.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise ConformanceError(f"{path} is not there; it is a file of golden vectors, or a folder of such files")
    if files := _listed(path):
        return files
    raise ConformanceError(f"the folder {path} has no golden vectors: no file in it ends in {', '.join(SUFFIXES)}")


def read_vectors(files: list[Path]) -> dict[str, Vector]:
    """The vectors of several files by their names.

    Raises:
        ConformanceError: Two files have the same name.
        ConfigError: Files cannot be read; every finding is there at once.
    """
    found: dict[str, Vector] = {}
    findings: list[Finding] = []
    for file in files:
        try:
            vectors = load_vectors(file).vectors
        except ConfigError as error:
            findings += error.findings
            continue
        for vector in vectors:
            if (other := found.setdefault(vector.id, vector)) is not vector:
                raise ConformanceError(
                    f"{file} and {other.file} have the same name and a vector {vector.name!r} each; rename one file, "
                    "because a vector is called file::name"
                )
    if findings:
        raise ConfigError(findings)
    return found


def _listed(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())


def _beside(factory: Factory) -> Path | None:
    """The folder of vectors of the module that defines a factory; None: it has no file."""
    while isinstance(factory, partial):
        factory = factory.func
    module = sys.modules.get(getattr(factory, "__module__", None) or type(factory).__module__)
    file = getattr(module, "__file__", None)
    return Path(file).parent / FOLDER if file else None
