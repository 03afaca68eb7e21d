"""Nodes and findings; the sentences themselves are in test_reader.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.conformance.vectors.document import Document, compose, is_null
from metaprotocol_sdk.exceptions import ConfigError, Finding

PATH = Path("v.yaml")


@given(st.text() | st.text("[]{}:,-?|>&*!#%@`'\" \n\tab", max_size=30))
def test_any_text_is_a_document_or_a_finding(text: str) -> None:
    found: list[Finding] = []
    try:
        compose(text, Document(PATH))
    except ConfigError as error:
        found += error.findings
    assert [each.line > 0 for each in found] in ([], [True])


def test_faults_are_said_in_the_order_of_lines_and_all_at_once() -> None:
    document = Document(PATH)
    root = compose("a: 1\nb: 2\n", document)
    keys = document.mapping(root, ["a", "b"], what="it")
    document.fault(keys["b"], "second")
    document.fault(keys["a"], "first", line=1)
    document.fault(root, "elsewhere", line=9)
    with pytest.raises(ConfigError) as caught:
        document.check()
    assert [(each.line, each.column, each.message) for each in caught.value.findings] == [
        (1, 4, "first"),
        (2, 4, "second"),
        (9, 1, "elsewhere"),
    ]


def test_a_document_without_faults_passes() -> None:
    Document(PATH).check()


def test_text_is_what_is_written() -> None:
    document = Document(PATH)
    items = document.items(compose("[0x10, no, 1e5, 'null', ~]", document), what="items")
    assert [document.text(node) for node in items] == ["0x10", "no", "1e5", "null", "~"]
    assert [is_null(node) for node in items] == [False, False, False, False, True]
    assert [document.integer(node) for node in items[:1]] == [16]
    document.check()


def test_an_alias_that_holds_itself_ends() -> None:
    document = Document(PATH)
    root = compose("&a {name: *a}", document)
    assert document.text(document.mapping(root, ["name"], what="it")["name"]) == ""
    with pytest.raises(ConfigError, match="this is text, not a mapping"):
        document.check()
