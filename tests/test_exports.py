"""The public face for codec authors."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path

import pytest

import metaprotocol_sdk

VALUES = [
    "Buffer",
    "Codec",
    "CodecBug",
    "CodecError",
    "DecodeError",
    "DecodeStatus",
    "Decoder",
    "EncodeError",
    "Error",
    "ErrorType",
    "Field",
    "FramedCodec",
    "MessageTooLarge",
    "MessageType",
    "MetaProtocolError",
    "Metadata",
    "Mutation",
    "ResponseStatus",
    "StringMap",
    "load_codec",
]
FRAMES = ["DelimitedFrame", "FixedFrame", "Frame", "Frames", "TextMap", "VarintFrame"]


def test_the_face_is_what_the_design_page_lists_and_the_frames() -> None:
    assert sorted(metaprotocol_sdk.__all__) == sorted([*VALUES, *FRAMES])


@pytest.mark.parametrize("name", metaprotocol_sdk.__all__)
def test_every_name_resolves_to_something_documented(name: str) -> None:
    value = getattr(metaprotocol_sdk, name)
    assert value.__name__ == name
    assert inspect.getdoc(value)
    assert inspect.getdoc(value) != inspect.getdoc(object)


@pytest.mark.parametrize("name", metaprotocol_sdk.__all__)
def test_every_public_method_of_the_face_is_documented(name: str) -> None:
    value = getattr(metaprotocol_sdk, name)
    methods = [
        each
        for each, member in vars(value).items()
        if not each.startswith("_") and (inspect.isfunction(member) or isinstance(member, property | classmethod))
    ]
    assert [each for each in methods if not inspect.getdoc(getattr(value, each))] == []


def test_what_a_type_checker_sees_is_what_loads() -> None:
    tree = ast.parse(Path(metaprotocol_sdk.__file__).read_text())
    seen = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("metaprotocol_sdk.")
        for alias in node.names
    }
    assert sorted(seen) == sorted(metaprotocol_sdk.__all__)
    for name, module in seen.items():
        assert getattr(importlib.import_module(module), name) is getattr(metaprotocol_sdk, name)


def test_the_version_is_the_installed_one() -> None:
    assert metaprotocol_sdk.__version__ == importlib.import_module("importlib.metadata").version("metaprotocol-sdk")


def test_dir_lists_the_face() -> None:
    assert {*metaprotocol_sdk.__all__, "__version__"} <= set(dir(metaprotocol_sdk))


def test_any_other_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'metaprotocol_sdk' has no attribute 'Codecs'"):
        metaprotocol_sdk.Codecs  # noqa: B018
