"""What keeps the house in order and no linter checks: sizes, a test file for every module, what imports cost."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = [ROOT / "metaprotocol_sdk", ROOT / "reference_codecs"]
MODULES = sorted(path for package in PACKAGES for path in package.rglob("*.py"))

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50

TESTED_ELSEWHERE = {
    "metaprotocol_sdk/proxy/net/owner.py": "a protocol class, which mypy holds pools to",
    "metaprotocol_sdk/__main__.py": "one call, run by tests/cli/test_cli.py",
}
"""Modules without a test file of their own, and why."""


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_module_is_short_enough_to_read_at_once(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_FILE_LINES


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function, its docstring left out."""
    docstring = ast.get_docstring(function, clean=False)
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    return lines - (len(docstring.split("\n")) if docstring else 0)


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_function_is_short_enough_to_see_at_once(path: Path) -> None:
    functions = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert {each.name: code_lines(each) for each in functions if code_lines(each) > MAX_FUNCTION_LINES} == {}


LAZY_FACE = {"__all__", "_HOMES", "_HOME_OF", "__getattr__", "__dir__"}
"""What a package whose names load on use is made of (PEP 562)."""


def has_code(path: Path) -> bool:
    """Whether a module does more than import, re-export and say what its package is."""

    def is_passive(node: ast.stmt) -> bool:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            return {ast.unparse(target) for target in targets} <= LAZY_FACE
        if isinstance(node, ast.FunctionDef):
            return node.name in LAZY_FACE
        return isinstance(node, ast.Import | ast.ImportFrom | ast.Expr) or ast.unparse(node).startswith("if TYPE_CHECK")

    return not all(map(is_passive, ast.parse(path.read_text()).body))


def mirror_of(path: Path) -> Path:
    """Where the tests of a module are: ``tests/`` mirrors the package."""
    inside = path.relative_to(ROOT / "metaprotocol_sdk") if path.is_relative_to(PACKAGES[0]) else path.relative_to(ROOT)
    if path.name == "__init__.py":
        inside = inside.parent / ("exports.py" if path.parent == PACKAGES[0] else f"{path.parent.name}.py")
    return ROOT / "tests" / inside.with_name(f"test_{inside.name}")


@pytest.mark.parametrize("path", [path for path in MODULES if has_code(path)], ids=relative)
def test_every_module_has_its_test_file(path: Path) -> None:
    assert relative(path) in TESTED_ELSEWHERE or mirror_of(path).is_file(), f"expected {mirror_of(path)}"


def test_the_exceptions_are_still_needed() -> None:
    for name in TESTED_ELSEWHERE:
        assert (ROOT / name).is_file(), f"{name} is gone"
        assert not mirror_of(ROOT / name).is_file(), f"{name} has a test file now"


def imported_by(statement: str) -> set[str]:
    """Every module that a fresh interpreter loads for a statement."""
    program = (
        "import json, sys; before = set(sys.modules)\n"
        f"{statement}\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    run = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(run.stdout.splitlines()[-1]))


def foreign(modules: set[str]) -> set[str]:
    """The top-level packages among them that are neither ours nor the standard library's."""
    return {name.partition(".")[0] for name in modules} - sys.stdlib_module_names - {"metaprotocol_sdk"}


IO = {"asyncio", "socket", "ssl", "selectors", "threading"}


def test_importing_the_package_loads_nothing_but_itself() -> None:
    loaded = imported_by("import metaprotocol_sdk")
    assert {name for name in loaded if name.startswith("metaprotocol_sdk")} == {"metaprotocol_sdk"}
    assert foreign(loaded) == set()
    assert loaded & IO == set()


def test_the_values_of_the_core_load_no_library_and_no_io() -> None:
    loaded = imported_by("from metaprotocol_sdk import Buffer, Codec, Decoder, Error, Metadata, Mutation")
    assert foreign(loaded) == set()
    assert loaded & IO == set()


def test_the_frames_load_construct_alone() -> None:
    banned = {"click", "hypothesis", "yaml", "cookiecutter", "pydantic", "rich", "grpc", "pytest", "prometheus_client"}
    loaded = imported_by("from metaprotocol_sdk import FramedCodec")
    assert "construct" in foreign(loaded)
    assert foreign(loaded) & banned == set()
    assert "asyncio" not in loaded


HELP = """
from metaprotocol_sdk.cli import main
sys.argv = ["metaproto", "--help"]
try:
    main()
except SystemExit as end:
    assert end.code == 0
"""


def test_help_imports_click_and_no_command() -> None:
    loaded = imported_by(HELP)
    assert foreign(loaded) == {"click"}
    assert {name for name in loaded if name.startswith("metaprotocol_sdk")} == {
        "metaprotocol_sdk",
        "metaprotocol_sdk.cli",
        "metaprotocol_sdk.cli.failure",
        "metaprotocol_sdk.cli.group",
        "metaprotocol_sdk.cli.output",
        "metaprotocol_sdk.errors",
        "metaprotocol_sdk.exceptions",
    }
    assert loaded & {"asyncio", "ssl", "unittest", "importlib.metadata"} == set()
    assert len(loaded) < 250


TOP_LEVEL = {
    ".ci",
    ".dockerignore",
    ".gitignore",
    "Dockerfile",
    "LICENSE",
    "Makefile",
    "README.md",
    "benchmarks",
    "docs",
    "metaprotocol_sdk",
    "pyproject.toml",
    "reference_codecs",
    "template",
    "tests",
}


def test_the_top_level_stays_small() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout")
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {line.partition("/")[0] for line in listing.splitlines()} == TOP_LEVEL


def test_continuous_integration_runs_the_test_command_of_the_readme() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "set -euo pipefail" in script.read_text()
    assert "make test " in script.read_text()
    assert "make test " in (ROOT / "README.md").read_text()
