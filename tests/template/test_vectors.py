"""Golden vectors and the fuzzer of a rendered project, in every shape."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from metaprotocol_sdk.conformance import FuzzTarget, find_subject
from metaprotocol_sdk.conformance.fuzz import mutants
from metaprotocol_sdk.conformance.vectors import vectors_of, verify_vector
from tests.template.projects import SHAPES, rendered, shape_id


@pytest.mark.parametrize("shape", SHAPES, ids=shape_id)
def test_the_codec_agrees_with_its_vector_and_keeps_the_invariant(tmp_path: Path, shape: dict[str, str]) -> None:
    project = rendered(tmp_path, shape)
    with project.importable():
        subject = find_subject(f"{project.package}.strategies:subject")
        (vector,) = vectors_of(subject).values()
        assert vector.id == "hello.yaml::hello"
        verify_vector(subject, vector, folder=tmp_path)
        target = FuzzTarget(subject)
        for data in mutants(target.seeds, 300):
            target(data)


def test_the_harness_fuzzes_the_project_s_own_codec(tmp_path: Path) -> None:
    project = rendered(tmp_path, SHAPES[0])
    tree = ast.parse((project.folder / "fuzz/fuzz_decode.py").read_text())
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported == {"metaprotocol_sdk.conformance.fuzz", f"{project.package}.strategies"}
    assert f'"{project.package}"' in (project.folder / "fuzz/fuzz_decode.py").read_text()
