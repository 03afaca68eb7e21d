"""What a client is told when its request fails: type, text and flag of every row of the page about error replies."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.error_rows import CODEC, ROWS, Row
from tests.proxy.codecs import ERROR
from tests.proxy.harness import run

PAGE = (Path(__file__).parents[2] / "docs/reference/error-replies.md").read_text()
VARYING = {
    "<id>": "7",
    "<cluster>": "(all|missing|dead)",
    "<address>": r"127\.0\.0\.1:\d+",
    "<seconds>": r"\d+(\.\d+)?",
    CODEC: r"(?!meta protocol ).+",
}


def pattern(text: str) -> str:
    found = re.escape(text)
    for name, value in VARYING.items():
        found = found.replace(re.escape(name), value)
    return found


@pytest.mark.parametrize("row", ROWS, ids=[row.situation for row in ROWS])
def test_a_client_is_told_what_went_wrong_and_the_stream_keeps_the_flag(row: Row) -> None:
    failure = run(row.drive(), "asyncio")
    error, reply = failure.stream.error, failure.reply
    assert error is not None
    assert (error.type, error.flag) == (row.kind, row.flag)
    assert re.fullmatch(pattern(row.text), error.message)
    assert reply.origin_message[1] == ERROR
    assert reply["type"] == error.type.name
    assert reply.origin_message[reply.header_size :].decode() == error.message


def test_the_page_lists_what_is_tested_here() -> None:
    table = re.search(r"<!-- table: error replies -->\n(.*?)<!-- end -->", PAGE, re.DOTALL)
    assert table is not None
    said = [
        f"| {row.situation} | `{row.kind.name}` | {row.text if row.text == CODEC else f'`{row.text}`'} | "
        f"{row.flag.replace(',', ', ')} |".replace("|  |", "| |")
        for row in ROWS
    ]
    assert table[1].splitlines()[2:] == [each.replace(CODEC, CODEC.strip("<>")) for each in said]


UNREAD = (
    "meta protocol upstream request: the proxy stops",  # after its clients have been cut off
    "meta protocol upstream request: its client has gone",
)
"""Texts that nobody is there to read."""


def sentences() -> Iterator[str]:
    """Expressions for the texts of errors in the proxy's source."""
    for path in (Path(__file__).parents[2] / "metaprotocol_sdk/proxy").rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        parts = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in nodes:
            pieces = node.values if isinstance(node, ast.JoinedStr) else [] if id(node) in parts else [node]
            texts = [piece.value if isinstance(piece, ast.Constant) else None for piece in pieces]
            if texts and isinstance(texts[0], str) and texts[0].startswith("meta protocol "):
                yield "".join(".+" if text is None else re.escape(str(text)) for text in texts)


def test_no_error_of_the_source_is_without_a_row() -> None:
    found = list(sentences())
    assert len(found) > 10
    texts = [*UNREAD, *(row.text for row in ROWS)]
    assert [each for each in found if not any(re.fullmatch(each, text) for text in texts)] == []
