"""What the README shows is what the repository has."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from metaprotocol_sdk.cli import COMMANDS
from metaprotocol_sdk.proxy.config.route import RouteConfiguration
from reference_codecs.awesomerpc.codec import CODES
from tests.proxy.config.reading import read

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def definitions(source: str) -> dict[str, str]:
    """The classes and constants of a module, without docstrings and annotations."""
    found = {}
    for node in ast.parse(source).body:
        for inner in ast.walk(node):
            if isinstance(inner, ast.arg):
                inner.annotation = None
            if isinstance(inner, ast.FunctionDef):
                inner.returns = None
            if isinstance(inner, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(inner):
                del inner.body[0]
        if isinstance(node, ast.ClassDef):
            found[node.name] = ast.unparse(node)
        elif isinstance(node, ast.Assign):
            found[ast.unparse(node.targets[0])] = ast.unparse(node.value)
    return found


def test_the_codec_it_shows_is_the_reference_codec() -> None:
    shown = definitions("\n".join(re.findall(r"```python\n(.*?)```", README, re.DOTALL)))
    folder = ROOT / "reference_codecs" / "awesomerpc"
    real = definitions((folder / "frame.py").read_text() + (folder / "codec.py").read_text())
    for name in ("AWESOMERPC", "AwesomerpcCodec"):
        assert shown[name] == real[name]
    assert eval(shown["CODES"], {"ErrorType": type(next(iter(CODES)))}) == CODES


@pytest.mark.parametrize("target", ["demo", "test"])
def test_its_two_commands_are_in_the_makefile(target: str) -> None:
    assert f"make {target} " in README
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_the_commands_it_names_exist() -> None:
    named = set(re.findall(r"metaproto ([a-z]+)", README))
    assert named
    assert named <= set(COMMANDS)


def test_it_says_what_debian_leaves_out() -> None:
    assert "python3-venv" in README


def test_the_routes_it_shows_are_routes() -> None:
    [shown] = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    message, findings = read(RouteConfiguration, shown)
    assert message is not None
    assert [each.name for each in message.value().routes] == ["new-command", "everything-else"]
    assert all("no cluster is named" in each for each in findings)
