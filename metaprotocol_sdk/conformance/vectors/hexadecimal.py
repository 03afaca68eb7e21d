"""Bytes as people write them: hex digits in any grouping, over several lines, with comments."""

from __future__ import annotations

import re
from collections.abc import Iterator

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.dump import shown_fields

PER_LINE = 16
"""Bytes of one line that :func:`annotated_hex` writes."""

_DIGITS = re.compile(r"[0-9A-Fa-f]*")


class NoHex(ValueError):
    """What was given is no hex; the text is a clause.

    Args:
        text: The clause.
        line: Index of the line, from 0.
    """

    def __init__(self, text: str, *, line: int) -> None:
        super().__init__(text)
        self.line = line


def read_hex(text: str) -> bytes:
    """The bytes that ``text`` says: pairs of hex digits, white space anywhere, comments from ``#`` to a line's end.

    Raises:
        NoHex: It holds something else, a lone digit, or nothing.
    """
    digits = ""
    number = 0
    for number, line in enumerate(text.splitlines()):
        part = "".join(line.partition("#")[0].split())
        good = _DIGITS.match(part)
        assert good is not None
        if good.end() < len(part):
            raise NoHex(f"{part[good.end()]!r} is no hex digit; comments begin with #", line=number)
        digits += part
    if len(digits) % 2:
        raise NoHex(f"it has {len(digits)} hex digits, and a byte has two", line=number)
    if not digits:
        raise NoHex("it has no bytes", line=0)
    return bytes.fromhex(digits)


def annotated_hex(codec: Codec, data: bytes) -> list[str]:
    """``data`` as lines of hex, field after field, with a comment that names each; :func:`read_hex` reads it."""
    rows: list[tuple[str, str]] = []
    for field, value in shown_fields(codec, data):
        comment = f"# {field.name} {value}".rstrip()
        rows += zip(_lines(data[field.start : field.end]), [comment, *[""] * (field.end - field.start)], strict=False)
    width = max((len(line) for line, _ in rows), default=0)
    return [f"{line:<{width}}  {_printable(comment)}".rstrip() for line, comment in rows]


def _lines(data: bytes) -> Iterator[str]:
    for start in range(0, len(data), PER_LINE):
        yield data[start : start + PER_LINE].hex(" ")


def _printable(text: str) -> str:
    # repr() leaves letters of every language; what a file of vectors cannot hold is escaped.
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
