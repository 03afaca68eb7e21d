"""The new protocol's project, made importable and registered without installing it."""

from __future__ import annotations

import importlib
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from metaprotocol_sdk.names import objection
from metaprotocol_sdk.registry import codec_names
from metaprotocol_sdk.scaffold import names_of, new_project

ANSWERS = {"framing": "length", "headers": "yes"}

_NAMES = ("parcel-rpc", "parcel-line", "parcel-wire", "newcomer-rpc")


@dataclass(frozen=True, slots=True)
class Project:
    """A project of the template.

    Args:
        folder: Where it is.
        package: Its Python package, and its codec's name.
        registry: A folder that, being on a program's path, registers its codec there.
    """

    folder: Path
    package: str
    registry: Path

    @classmethod
    def in_folder(cls, folder: Path) -> Project:
        """A new one in ``folder``, under a name that no installed codec has.

        Raises:
            ScaffoldError: It cannot be made.
        """
        taken = codec_names()
        name = next((each for each in _NAMES if not objection(each, taken=taken)), _NAMES[0])
        made = new_project(name, output=folder, answers=ANSWERS)
        registry = folder / "registry"
        register(made, registry)
        return cls(made, names_of(name).package, registry)

    @property
    def path(self) -> tuple[Path, Path]:
        """What a program must have on its path to import the package and find the codec by its name."""
        return self.folder, self.registry

    @property
    def name(self) -> str:
        """The protocol's."""
        return self.folder.name

    def read(self, path: str) -> str:
        """The text of one of its files."""
        return (self.folder / path).read_text(encoding="utf-8")

    @contextmanager
    def importable(self) -> Iterator[None]:
        """Its package can be imported and its codec found in the block; both are forgotten after it."""
        added = [*map(str, self.path)]
        sys.path[:0] = added
        importlib.invalidate_caches()
        try:
            yield
        finally:
            for folder in added:
                sys.path.remove(folder)
            for module in [each for each in sys.modules if each.partition(".")[0] == self.package]:
                del sys.modules[module]


def register(folder: Path, registry: Path) -> None:
    """Writes what an installation of ``folder`` leaves behind for entry points to be found: a distribution's metadata.

    Args:
        folder: The project's.
        registry: Where to write it; a program that has this on its path finds the project's codec by its name.
    """
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = registry / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(metadata, encoding="utf-8")
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {target}" for name, target in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
