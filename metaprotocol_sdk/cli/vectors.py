"""``metaproto vectors``: golden vectors, recorded and checked."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from metaprotocol_sdk.cli.codecs import complete_codec
from metaprotocol_sdk.cli.output import format_option, note, write_json

if TYPE_CHECKING:
    from metaprotocol_sdk.codec import Codec
    from metaprotocol_sdk.conformance.session import Findings
    from metaprotocol_sdk.conformance.vectors import Vector

_FINDINGS = 1
_PATH = click.Path(path_type=Path)

_codec_option = click.option(
    "--codec",
    "codec_name",
    metavar="NAME",
    shell_complete=complete_codec,
    help="A registered codec, or module:Class. Default: the one the file names.",
)


@click.group(name="vectors")
def command() -> None:
    """Record golden vectors, and check codecs against them.

    A golden vector is a message that other software made, with what is known of it. `metaproto conformance` holds a
    codec to the vectors beside it too.
    """


@command.command()
@click.argument("file", type=_PATH)
@_codec_option
@click.option("--hex", "hex_text", metavar="HEX", help="The message as hex digits, spaced as you like.")
@click.option("--from-file", "source", metavar="FILE", type=_PATH, help="The message is what this file holds.")
@click.option("--stdin", "from_stdin", is_flag=True, help="The message is what comes on stdin, to its end.")
@click.option(
    "--direction",
    type=click.Choice(["request", "response"]),
    default="request",
    show_default=True,
    help="Whether a client or a server sends it.",
)
@click.option("--name", default="", help="What to call it. Default: request-1, request-2 and so on.")
@click.option("--provenance", default="", metavar="TEXT", help="Which software made it.")
def add(
    *,
    file: Path,
    codec_name: str | None,
    hex_text: str | None,
    source: Path | None,
    from_stdin: bool,
    direction: str,
    name: str,
    provenance: str,
) -> None:
    """Append one message to FILE, with what the codec finds in it.

    FILE is YAML, or JSON where its name ends in .json, and is made when it is not there. What the codec finds is not
    known to be right: compare it with what made the message. Bytes that are no whole message are shown, and nothing is
    written; the exit code is 1 then.
    """
    from dataclasses import replace

    from metaprotocol_sdk.conformance.vectors import add_vector, describe_bytes
    from metaprotocol_sdk.exceptions import DecodeError
    from metaprotocol_sdk.metadata import MessageType

    if (hex_text is not None) + (source is not None) + from_stdin != 1:
        raise click.UsageError("say where the message is: one of --hex, --from-file and --stdin")
    data = _message(hex_text, source)
    name_of_codec = codec_name or _codec_of(file)
    codec = _codec(name_of_codec)
    try:
        with redirect_stdout(sys.stderr):
            vector = describe_bytes(codec, data, side=MessageType[direction.upper()], provenance=provenance)
    except DecodeError as error:
        _show_refusal(codec, data, error)
        sys.exit(_FINDINGS)
    added = add_vector(file, replace(vector, name=name), codec, codec_name=name_of_codec)
    note(f"added {added.name} at {added.file}:{added.line}; compare what it expects with what made the message")


@command.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=_PATH)
@_codec_option
@format_option
def check(*, paths: Sequence[Path], codec_name: str | None, output_format: str) -> None:
    """Hold codecs to the vectors of files, or of the files in folders.

    Exit codes: 0 the codecs agree with every vector, 1 one does not, 2 a file or a codec cannot be read.
    """
    from metaprotocol_sdk.conformance.vectors import files_in, load_vectors

    files = [load_vectors(file) for path in paths for file in files_in(path)]
    found = [_held(each.vectors, codec_name or each.codec or _codec_of(each.path)) for each in files]
    if output_format == "json":
        write_json({"files": [_as_json(findings, each.path) for findings, each in zip(found, files, strict=True)]})
    else:
        click.echo("\n\n".join(findings.rendered("text").rstrip() for findings in found))
    sys.exit(max((findings.report.exit_code for findings in found), key=(0, 2, 1).index))


def _message(hex_text: str | None, source: Path | None) -> bytes:
    from metaprotocol_sdk.conformance.vectors.hexadecimal import NoHex, read_hex

    if hex_text is None:
        return source.read_bytes() if source is not None else sys.stdin.buffer.read()
    try:
        return read_hex(hex_text)
    except NoHex as error:
        raise click.BadParameter(str(error), param_hint="--hex") from error


def _codec_of(file: Path) -> str:
    """The codec that a file of vectors is for."""
    from metaprotocol_sdk.conformance.vectors import load_vectors

    if file.exists() and (name := load_vectors(file).codec):
        return name
    raise click.UsageError(f"{file} does not name a codec; say --codec NAME, or write `codec: NAME` in it")


def _codec(name: str) -> Codec:
    from metaprotocol_sdk.registry import load_codec

    sys.path[:0] = [] if os.getcwd() in sys.path else [os.getcwd()]
    with redirect_stdout(sys.stderr):
        return load_codec(name)


def _show_refusal(codec: Codec, data: bytes, error: Any) -> None:
    from metaprotocol_sdk.dump import dump

    shown = dump(codec, data, mark=error.offset, reason=error.reason)
    click.echo(f"Error: {error}; nothing is recorded\n{shown}", err=True)


def _held(vectors: Sequence[Vector], codec_name: str) -> Findings:
    from hypothesis import strategies as st

    from metaprotocol_sdk.conformance import Subject
    from metaprotocol_sdk.conformance.report import FAILURES
    from metaprotocol_sdk.conformance.session import hold
    from metaprotocol_sdk.conformance.suite import keep_files_in

    keep_files_in(FAILURES.parent)
    codec = type(_codec(codec_name))
    # No law is asked for, so nothing is drawn.
    with redirect_stdout(sys.stderr):
        return hold(Subject(codec, st.nothing(), None), [], target=codec_name, vectors=vectors)


def _as_json(found: Findings, path: Path) -> dict[str, Any]:
    from metaprotocol_sdk.conformance.report import to_json

    return {"file": str(path)} | to_json(found.report, target=found.target, saved=found.saved)
