"""The one place where construct's errors become ours.

construct raises the same StreamError for a short read and for a malformed whole, so it never sees a partial message
here: whatever it raises on a whole one means the message is malformed.
"""

from __future__ import annotations

import io
from typing import Any

import construct

from metaprotocol_sdk.exceptions import DecodeError, EncodeError
from metaprotocol_sdk.metadata import DATA_ERRORS

READ_ERRORS = (construct.ConstructError, *DATA_ERRORS)
"""What an author's reading of a message's bytes may raise when the bytes make no sense."""


def parse(declaration: Any, data: bytes, *, path: str = "body", offset: int = 0) -> Any:
    """What a construct ``declaration`` reads from the whole of ``data``.

    Args:
        declaration: Any construct; its result goes no further than the codec.
        data: All of it: more bytes never come.
        path: What ``data`` is, for the error.
        offset: Where ``data`` starts in its message, for the error.

    Raises:
        DecodeError: With the path into the declaration and the offset at which reading stopped.
    """
    stream = io.BytesIO(data)
    try:
        return declaration.parse_stream(stream)
    except (*READ_ERRORS, RecursionError) as error:
        inner = str(getattr(error, "path", "") or "").removeprefix("(parsing)").strip(" ->")
        full = ".".join(part for part in (path, inner.replace(" -> ", ".")) if part)
        raise DecodeError(reason_of(error), path=full, offset=offset + stream.tell()) from error


def moved(error: DecodeError, by: int) -> DecodeError:
    """``error``, whose offset counted from ``by`` bytes into the message, counting from the message's first byte."""
    if error.offset is not None:
        error.offset += by
    return error


def build(declaration: Any, value: Any, *, key: str) -> bytes:
    """The bytes a construct ``declaration`` makes of ``value``.

    Raises:
        EncodeError: It cannot say that value; names ``key``.
    """
    try:
        return bytes(declaration.build(value))
    except (*READ_ERRORS, TypeError, AttributeError) as error:
        raise EncodeError(f"{value!r} does not fit: {reason_of(error)}", key=key) from error


def reason_of(error: Exception) -> str:
    """The clause in an error of construct or of Python: construct's first line is its path, which we say apart."""
    lines = [line for line in str(error).splitlines() if line and not line.startswith("Error in path")]
    text = " ".join(lines) or type(error).__name__
    return text if isinstance(error, construct.ConstructError) else f"{type(error).__name__}: {text}"
