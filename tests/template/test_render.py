"""A fresh project is green: every shape is rendered, and its own checks pass before a line is edited."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from metaprotocol_sdk.conformance import CHECKS as LAWS
from metaprotocol_sdk.demo.project import Project
from tests.template.projects import SHAPES, rendered, shape_id

ROOT = Path(__file__).parent.parent.parent
MYPY_CACHE = ROOT / ".mypy_cache" / f"rendered-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
"""One for each worker: two programs must not write one cache at a time."""
CHECKS = {
    "pytest": ["pytest", "-q", "-p", "no:cacheprovider"],
    "mypy": ["mypy", "--strict", "--cache-dir", str(MYPY_CACHE), "."],
    "ruff check": ["ruff", "check", "--no-cache", "."],
    "ruff format": ["ruff", "format", "--no-cache", "--diff", "."],
}
"""What the rendered README and CI run, with caches where they are shared or not at all."""


def run(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What ``python -m ARGUMENTS`` says in the project's folder, as somebody who installed it would run it."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "HYPOTHESIS_"))}
    environment["PYTHONPATH"] = os.pathsep.join(map(str, project.path))
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=project.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("shape", SHAPES, ids=shape_id)
def test_a_fresh_project_is_green(tmp_path: Path, shape: dict[str, str], check: str) -> None:
    done = run(rendered(tmp_path, shape), *CHECKS[check])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["x", "the-longest-name-that-a-project-may-have"])
@pytest.mark.parametrize("shape", SHAPES, ids=shape_id)
def test_a_name_of_any_length_leaves_the_code_formatted(tmp_path: Path, shape: dict[str, str], name: str) -> None:
    project = rendered(tmp_path, shape, name)
    for check in ("ruff check", "ruff format"):
        done = run(project, *CHECKS[check])
        assert done.returncode == 0, done.stdout + done.stderr


def test_an_installed_project_keeps_every_law_by_its_name(tmp_path: Path) -> None:
    project = rendered(tmp_path, SHAPES[0])
    done = run(project, "metaprotocol_sdk", "conformance", project.package, "--profile", "quick")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "failed" not in done.stdout


def test_each_law_is_a_test_of_its_own(tmp_path: Path) -> None:
    done = run(rendered(tmp_path, SHAPES[0]), "pytest", "-q", "-p", "no:cacheprovider", "--collect-only")
    assert {f"tests/test_conformance.py::TestConformance::test_law[{law}]" for law in LAWS} <= set(done.stdout.splitlines())


def code_lines(source: str) -> int:
    """Lines that hold code: neither empty, nor a comment, nor part of a docstring."""
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            docstrings.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = enumerate(source.splitlines(), 1)
    return sum(bool(line.strip()) and not line.strip().startswith("#") and at not in docstrings for at, line in lines)


@pytest.mark.parametrize("shape", SHAPES, ids=shape_id)
def test_the_protocol_is_at_most_sixty_lines_of_code(tmp_path: Path, shape: dict[str, str]) -> None:
    project = rendered(tmp_path, shape)
    assert sum(code_lines(project.read(f"{project.package}/{file}.py")) for file in ("frame", "codec")) <= 60
