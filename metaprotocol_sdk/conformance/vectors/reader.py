"""Files of golden vectors to values.

YAML is composed to nodes, which know their lines, and read by what each key means: ``hex: 00000012`` is text, not a
number, and so is the ``1`` of ``strings: {cmd: 1}``. JSON is read the same way, as it is YAML but for a few letters.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from metaprotocol_sdk.conformance.vectors.document import Document, compose
from metaprotocol_sdk.conformance.vectors.entry import read_entry
from metaprotocol_sdk.conformance.vectors.vector import SCHEMA_VERSION, Vector
from metaprotocol_sdk.exceptions import ConfigError, Finding

MAX_SIZE = 16 * 1024 * 1024
"""Bytes a file may have."""

_KEYS = ("schema_version", "codec", "provenance", "vectors")
_SURROGATES = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")


@dataclass(frozen=True, slots=True)
class VectorFile:
    """One file of golden vectors.

    Args:
        path: Where it is.
        codec: The codec it is for, as ``metaproto vectors check`` finds it; empty: it does not say.
        vectors: What it holds, in its order.
    """

    path: Path
    codec: str
    vectors: tuple[Vector, ...]


def load_vectors(path: Path) -> VectorFile:
    """The vectors of a file.

    Raises:
        ConfigError: It cannot be read; every finding is there at once, with file and line.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SIZE + 1)
    except OSError as error:
        raise ConfigError([Finding(message=f"cannot be read: {error.strerror or error}", file=str(path))]) from error
    if len(data) > MAX_SIZE:
        raise ConfigError([Finding(message=f"has more than {MAX_SIZE >> 20} MiB; split it", file=str(path))])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(
            [Finding(message=f"byte {data[error.start]:#04x} is not UTF-8", file=str(path), line=line, column=1)]
        ) from error
    return parse_vectors(text, path=path)


def parse_vectors(text: str, *, path: Path) -> VectorFile:
    """The vectors that the text of a file says.

    Args:
        text: YAML, or JSON where ``path`` ends in ``.json``.
        path: What findings and vectors say they come from.

    Raises:
        ConfigError: As :func:`load_vectors` says.
    """
    document = Document(path)
    if path.suffix.lower() == ".json":
        text = _checked_json(text, path)
    root = compose(text, document)
    keys = document.mapping(root, _KEYS, what="the file")
    document.require(root, keys, ("schema_version", "vectors"), what="the file")
    if (version := keys.get("schema_version")) is not None and document.integer(version) not in (SCHEMA_VERSION, None):
        document.fault(version, f"this version of metaproto reads schema_version {SCHEMA_VERSION}, and no other")
    codec = document.text(keys["codec"]) if "codec" in keys else ""
    provenance = document.text(keys["provenance"]) if "provenance" in keys else ""
    vectors: dict[str, Vector] = {}
    for node in document.items(keys.get("vectors"), what="vectors"):
        vector = read_entry(document, node, provenance=provenance)
        if vector is not None and (other := vectors.setdefault(vector.name, vector)) is not vector:
            document.fault(node, f"line {other.line} has a vector {vector.name!r} already; give each its own name")
    document.check()
    return VectorFile(path, codec, tuple(vectors.values()))


def _checked_json(text: str, path: Path) -> str:
    """JSON as YAML that says the same at the same lines."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        finding = Finding(
            message=f"this is no JSON: {error.msg}", file=str(path), line=error.lineno, column=error.colno
        )
        raise ConfigError([finding]) from error
    except RecursionError as error:
        raise ConfigError([Finding(message="lists and mappings nest too deep", file=str(path))]) from error
    # Inside strings JSON has no tabs; and where it has two surrogates, YAML has the letter they stand for.
    return _SURROGATES.sub(_paired, text.replace("\t", " "))


def _paired(found: re.Match[str]) -> str:
    high, low = (int(found[index], 16) for index in (2, 3))
    return f"{found[1]}\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08x}"
