"""One entry; the sentences about wrong ones are in test_reader.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from metaprotocol_sdk.conformance.vectors.document import Document, compose
from metaprotocol_sdk.conformance.vectors.entry import read_entry
from metaprotocol_sdk.conformance.vectors.vector import Vector
from metaprotocol_sdk.metadata import MessageType
from metaprotocol_sdk.mutation import NO_MUTATION, Mutation


def entry(text: str) -> Vector | None:
    document = Document(Path("v.yaml"))
    vector = read_entry(document, compose(text, document), provenance="the file's")
    document.check()
    return vector


def test_what_an_entry_leaves_out_has_its_default() -> None:
    vector = entry("{name: a, direction: RESPONSE, hex: ab}")
    assert vector is not None
    assert (vector.side, vector.sample.facts, vector.requests) == (MessageType.RESPONSE, {}, ())
    assert (vector.mutation, vector.request_id, vector.expected) == (NO_MUTATION, None, None)
    assert vector.provenance == "the file's"


@pytest.mark.parametrize(
    ("encode", "asked"),
    [
        ("{hex: cd}", (NO_MUTATION, None)),
        ("{hex: cd, request_id: 0}", (NO_MUTATION, 0)),
        ("{hex: cd, mutation: {}}", (NO_MUTATION, None)),
        ("{hex: cd, mutation: {K: '', gone: null}}", (Mutation({"K": "", "gone": None}), None)),
    ],
)
def test_encode_may_change_the_mutation_the_id_both_or_neither(encode: str, asked: tuple[Mutation, int | None]) -> None:
    vector = entry(f"{{name: a, direction: request, hex: ab, encode: {encode}}}")
    assert vector is not None
    assert (vector.mutation, vector.request_id) == asked
    assert vector.expected == b"\xcd"


def test_an_entry_that_lacks_its_bytes_is_no_vector() -> None:
    document = Document(Path("v.yaml"))
    assert read_entry(document, compose("{name: a, direction: request}", document), provenance="") is None
