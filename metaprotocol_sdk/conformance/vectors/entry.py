"""One entry of a file of golden vectors."""

from __future__ import annotations

import enum
from typing import Any, TypeVar

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from metaprotocol_sdk.conformance.subject import FACTS, Sample
from metaprotocol_sdk.conformance.vectors.document import Document, is_null
from metaprotocol_sdk.conformance.vectors.hexadecimal import NoHex, read_hex
from metaprotocol_sdk.conformance.vectors.vector import Vector, is_name
from metaprotocol_sdk.metadata import MessageType, ResponseStatus
from metaprotocol_sdk.mutation import NO_MUTATION, Mutation

_Enum = TypeVar("_Enum", bound=enum.Enum)

_KEYS = ("name", "direction", "hex", "expect", "answers", "encode", "provenance")
_REQUIRED = ("name", "direction", "hex")
_ENCODE_KEYS = ("mutation", "request_id", "hex")
_DIRECTIONS = {"request": MessageType.REQUEST, "response": MessageType.RESPONSE}
_KINDS = {"message_type": MessageType, "response_status": ResponseStatus}
_NUMBERS = ("request_id", "header_size", "body_size")


def read_entry(document: Document, node: Node, *, provenance: str) -> Vector | None:
    """The vector that an entry says; None: it cannot be read, and what is wrong is noted.

    Args:
        document: Reads nodes, and gathers what is wrong with them.
        node: The entry.
        provenance: The file's, for an entry that has none of its own.
    """
    keys = document.mapping(node, _KEYS, what="a vector")
    document.require(node, keys, _REQUIRED, what="this vector")
    name = _name(document, keys["name"]) if "name" in keys else ""
    side = _direction(document, keys["direction"]) if "direction" in keys else None
    data = _bytes(document, keys["hex"]) if "hex" in keys else b""
    facts = _facts(document, keys["expect"]) if "expect" in keys else {}
    answers = _answers(document, keys.get("answers"), side)
    change = _change(document, keys["encode"]) if "encode" in keys else {}
    origin = document.text(keys["provenance"]) if "provenance" in keys else provenance
    if not name or side is None or not data:
        return None
    return Vector(
        name=name,
        side=side,
        sample=Sample(data, **facts),
        requests=answers,
        provenance=origin,
        file=document.path,
        line=node.start_mark.line + 1,
        **change,
    )


def _name(document: Document, node: Node) -> str:
    name = document.text(node)
    if not is_name(name):
        document.fault(node, f"a vector's name has letters, digits, '.', '_' and '-' only, and {name!r} has others")
        return ""
    return name


def _direction(document: Document, node: Node) -> MessageType | None:
    written = document.text(node)
    side = _DIRECTIONS.get(written.lower())
    if side is None:
        document.fault(node, f"the direction is request (of a client) or response (of a server), not {written!r}")
    return side


def _bytes(document: Document, node: Node) -> bytes:
    """Bytes as a scalar of hex, or as a list of its lines; empty: they cannot be read, and that is noted."""
    if isinstance(node, SequenceNode):
        parts = [_bytes_of_line(document, each) for each in node.value]
        if not parts:
            document.fault(node, "it has no bytes")
        return b"".join(parts) if all(parts) else b""
    text = document.text(node)
    literal = isinstance(node, ScalarNode) and node.style == "|"
    if "#" in text and not literal:
        # YAML has joined the lines, so nothing tells where the comment ended.
        document.fault(node, "hex with comments is written as a block (hex: |), or as a list of lines")
        return b""
    try:
        return read_hex(text)
    except NoHex as error:
        # A block's first line is the one after its `|`.
        document.fault(node, str(error), line=node.start_mark.line + 1 + error.line + literal)
        return b""


def _bytes_of_line(document: Document, node: Node) -> bytes:
    try:
        return read_hex(document.text(node))
    except NoHex as error:
        document.fault(node, str(error))
        return b""


def _facts(document: Document, node: Node) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for name, value in document.mapping(node, FACTS, what="expect").items():
        if name == "strings":
            facts[name] = _strings(document, value, what="strings")
        elif name in _KINDS:
            facts[name] = _member(document, value, _KINDS[name])
        else:
            facts[name] = document.integer(value) if name in _NUMBERS else document.text(value)
    return facts


def _member(document: Document, node: Node, kind: type[_Enum]) -> _Enum | None:
    written = document.text(node)
    found = kind.__members__.get(written.upper())
    if found is None:
        document.fault(node, f"{written!r} is none of {', '.join(kind.__members__)}")
    return found


def _strings(document: Document, node: Node, *, what: str) -> dict[str, str | None]:
    """Keys and values as they are written; null is None."""
    if not isinstance(node, MappingNode):
        document.fault(node, f"{what} is a mapping of keys to values")
        return {}
    found: dict[str, str | None] = {}
    for key_node, value in node.value:
        key = document.text(key_node)
        if key.lower() in map(str.lower, found):
            document.fault(key_node, f"{key!r} is here twice; keys are the same in upper and lower case")
        found[key] = None if is_null(value) else document.text(value)
    return found


def _answers(document: Document, node: Node | None, side: MessageType | None) -> tuple[bytes, ...]:
    if node is None:
        return ()
    if side is MessageType.REQUEST:
        document.fault(node, "a request answers nothing; answers belongs to a response")
    return (_bytes(document, node),)


def _change(document: Document, node: Node) -> dict[str, Any]:
    keys = document.mapping(node, _ENCODE_KEYS, what="encode")
    document.require(node, keys, ("hex",), what="encode")
    mutation = _strings(document, keys["mutation"], what="mutation") if "mutation" in keys else None
    return {
        "mutation": Mutation(mutation) if mutation else NO_MUTATION,
        "request_id": document.integer(keys["request_id"]) if "request_id" in keys else None,
        "expected": _bytes(document, keys["hex"]) if "hex" in keys else None,
    }
