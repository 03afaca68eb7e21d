"""Records a message as a golden vector, with what a codec finds in it for a person to check."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.conformance.report.failures import write_atomically
from metaprotocol_sdk.conformance.subject import FACTS, Sample
from metaprotocol_sdk.conformance.vectors.document import Document, compose
from metaprotocol_sdk.conformance.vectors.hexadecimal import annotated_hex
from metaprotocol_sdk.conformance.vectors.reader import VectorFile, load_vectors, parse_vectors
from metaprotocol_sdk.conformance.vectors.vector import SCHEMA_VERSION, Vector, is_name
from metaprotocol_sdk.decoder import Decoder
from metaprotocol_sdk.exceptions import ConfigError, ConformanceError, DecodeError
from metaprotocol_sdk.metadata import MessageType


def describe_bytes(codec: Codec, data: bytes, *, side: MessageType, provenance: str = "") -> Vector:
    """A vector, without a name yet, of one whole message and what the codec finds in it.

    What a codec finds is not known to be right: whoever records it compares it with what made the bytes.

    Args:
        codec: Reads the message.
        data: The message; bytes that the codec skips may stand before it.
        side: Who sends it: REQUEST or RESPONSE.
        provenance: Which software made it.

    Raises:
        DecodeError: It is not one whole message; ``offset`` is where that shows.
        CodecBug: The codec broke its contract.
    """
    decoder = Decoder(codec.for_connection(), side)
    decoder.receive_data(data)
    metadata = decoder.next_message()
    if metadata is None:
        raise DecodeError(f"{len(data)} bytes are no whole message: the codec waits for more", offset=len(data))
    metadata.load()
    if decoder.buffered:
        raise DecodeError(
            f"{decoder.buffered} bytes follow the message; a vector is one message", offset=len(data) - decoder.buffered
        )
    facts = {name: getattr(metadata, name) for name in FACTS if name != "strings"}
    if not (metadata.header_size or metadata.body_size):  # the codec does not say
        del facts["header_size"], facts["body_size"]
    return Vector(
        name="", side=side, sample=Sample(data, strings=dict(metadata) or None, **facts), provenance=provenance
    )


def add_vector(path: Path, vector: Vector, codec: Codec, *, codec_name: str = "") -> Vector:
    """Appends a vector to a file, which is made when it is not there; what is in it stays as it is written.

    Args:
        path: A file of vectors: JSON where it ends in ``.json``, else YAML.
        vector: What to append; without a name it gets one: ``request-1``, ``request-2``.
        codec: Names the bytes in the comments of YAML.
        codec_name: What a new file calls its codec; default ``codec.name``.

    Returns:
        The vector as the file has it now.

    Raises:
        ConfigError: The file cannot be read, or the vector cannot be written into it.
        ConformanceError: The name is taken or no name, or the file's layout has no place to append to.
        OSError: The file cannot be written.
    """
    is_new = not path.exists()
    there = VectorFile(path, codec_name or codec.name, ()) if is_new else load_vectors(path)
    vector = replace(vector, name=_free_name(vector, there))
    text = "" if is_new else path.read_text(encoding="utf-8-sig")
    if path.suffix.lower() == ".json":
        text = _json_with(text, vector, there)
    else:
        text = (text or _yaml_head(there)) + "\n".join([*_yaml_lines(vector, codec, _indent_of(text, path)), ""])
    try:
        written = parse_vectors(text, path=path)
    except ConfigError as error:
        findings = "; ".join(each.message for each in error.findings)
        raise ConformanceError(
            f"{path} would not be readable with this vector in it ({findings}); a file of vectors cannot say it"
        ) from error
    write_atomically(path, text)
    return written.vectors[-1]


def _free_name(vector: Vector, there: VectorFile) -> str:
    taken = {each.name for each in there.vectors}
    if not vector.name:
        numbered = (f"{vector.side.name.lower()}-{number}" for number in range(1, len(taken) + 2))
        return next(name for name in numbered if name not in taken)
    if not is_name(vector.name):
        raise ConformanceError(f"{vector.name!r} is no name of a vector; it has letters, digits, '.', '_' and '-' only")
    if vector.name in taken:
        raise ConformanceError(f"{there.path} has a vector {vector.name!r} already; give this one another name")
    return vector.name


def _yaml_head(there: VectorFile) -> str:
    return f"schema_version: {SCHEMA_VERSION}\ncodec: {_quoted(there.codec)}\nvectors:\n"


def _indent_of(text: str, path: Path) -> int:
    """How far in the entries of a YAML file stand, whose list of vectors ends it.

    Raises:
        ConformanceError: It does not, or is written in brackets.
    """
    if not text:
        return 2
    root = compose(text, Document(path))
    key, vectors = root.value[-1]
    if key.value != "vectors" or vectors.flow_style or not vectors.value or not text.endswith("\n"):
        raise ConformanceError(
            f"{path} has no place to append a vector to; end it with the key vectors, a list of at least one entry, "
            "each on lines of its own, and a line end"
        )
    return int(vectors.start_mark.column)


def _yaml_lines(vector: Vector, codec: Codec, indent: int) -> list[str]:
    lines = [f"- name: {vector.name}", f"  direction: {vector.side.name.lower()}"]
    lines += [f"  provenance: {_quoted(vector.provenance)}"] if vector.provenance else []
    lines += ["  hex: |", *(f"    {line}" for line in annotated_hex(codec, vector.sample.data)), "  expect:"]
    for name, value in _stated(vector).items():
        if isinstance(value, dict):
            lines += [f"    {name}:", *(f"      {_quoted(key)}: {_quoted(each)}" for key, each in value.items())]
        else:
            lines.append(f"    {name}: {_quoted(value) if name == 'operation_name' else value}")
    return [" " * indent + line for line in lines]


def _stated(vector: Vector) -> dict[str, Any]:
    return {name: getattr(value, "name", value) for name, value in vector.sample.facts.items()}


def _quoted(text: str) -> str:
    """Text in YAML's double quotes; what YAML cannot hold as it is is escaped."""
    return '"' + "".join(_escaped(letter) for letter in text) + '"'


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    if letter.isprintable():
        return letter
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_with(text: str, vector: Vector, there: VectorFile) -> str:
    document: dict[str, Any] = (
        json.loads(text) if text else {"schema_version": SCHEMA_VERSION, "codec": there.codec, "vectors": []}
    )
    entry: dict[str, Any] = {"name": vector.name, "direction": vector.side.name.lower()}
    entry |= {"provenance": vector.provenance} if vector.provenance else {}
    entry |= {"hex": vector.sample.data.hex(" "), "expect": _stated(vector)}
    document["vectors"].append(entry)
    return json.dumps(document, indent=2) + "\n"
