from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from metaprotocol_sdk.conformance.case import Case
from metaprotocol_sdk.conformance.subject import Sample
from metaprotocol_sdk.conformance.vectors.vector import Vector, is_name
from metaprotocol_sdk.metadata import MessageType


@pytest.mark.parametrize("name", ["a", "hello-1", "0", "A.b_c"])
def test_good_names_need_no_quotes_in_a_shell(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize("name", ["", "-a", ".a", "a b", "a/b", "a::b", "ä", "a\n"])
def test_other_names_are_none(name: str) -> None:
    assert not is_name(name)


def test_a_vector_is_called_by_its_file_without_folders_and_its_name() -> None:
    vector = Vector(name="a", side=MessageType.REQUEST, sample=Sample(b"x"), file=Path("some/where/v.yaml"))
    assert vector.id == "v.yaml::a"


def test_its_case_survives_a_saved_failure() -> None:
    sample = Sample(b"x", header_size=0, body_size=1, strings={"gone": None})
    vector = Vector(name="a", side=MessageType.RESPONSE, sample=sample, requests=(b"y",), request_id=3, expected=b"z")
    assert Case.from_json(vector.case.to_json()) == vector.case


def test_a_vector_is_frozen() -> None:
    vector = Vector(name="a", side=MessageType.REQUEST, sample=Sample(b"x"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        vector.name = "b"  # type: ignore[misc]
