"""Messages for a person to read: every byte with the name and value of its field.

::

    00000000  01                       version    1
    00000001  00 00 00 07              pack_flow  7
    00000005  00 00 00 12              pack_len   18
    0000000d  68 65 6c 6c 6f           body       b'hello'
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from metaprotocol_sdk.codec import Codec, Field

_ROW = 8
"""Bytes a row shows: nearly every field is no wider, and a row fits 80 columns."""
_MOST_ROWS = 4
"""Rows a field may take; of a longer one the first rows and the last are shown."""
_VALUE_WIDTH = 40
_NAME_WIDTH = 24

_COLORS = ("\x1b[36m", "\x1b[33m", "\x1b[32m", "\x1b[35m", "\x1b[34m")
_BAD, _MARK, _DIM, _RESET = "\x1b[31m", "\x1b[1;7;31m", "\x1b[2m", "\x1b[0m"


def dump(codec: Codec, data: bytes, *, color: bool = False, mark: int | None = None, reason: str = "") -> str:
    """``data`` as annotated hex, one field after another; a partial or broken message too. Never raises for data.

    Args:
        codec: Names the fields.
        data: A message, the beginning of one, or bytes that claim to be one.
        color: Whether to colour fields with ANSI escapes.
        mark: Index of the byte where something went wrong; it is pointed at.
        reason: What went wrong there.
    """
    if not data and mark is None:
        return "(no bytes)"
    fields = list(_every_byte(codec, data))
    width = min(max((len(field.name) for field in fields), default=0), _NAME_WIDTH)
    painter = _Painter(data, color, mark, reason, width)
    lines = [line for index, field in enumerate(fields) for line in painter.rows(field, index)]
    if mark is not None and mark >= len(data):
        lines.append(painter.end())
    return "\n".join(lines)


def shown_fields(codec: Codec, data: bytes) -> Iterator[tuple[Field, str]]:
    """Each field of ``data`` with its value as a dump shows it; every byte once, whatever the codec says."""
    for field in _every_byte(codec, data):
        yield field, _shown(field)


def _every_byte(codec: Codec, data: bytes) -> Iterator[Field]:
    """The codec's fields, with what it leaves out or names twice put right: a dump shows every byte once."""
    try:
        found = sorted(codec.fields(data), key=lambda field: (field.start, field.end))
    except Exception as error:  # the codec's bug must not hide the bytes that show it
        yield Field("message", 0, len(data), data, f"fields() of this codec raised {type(error).__name__}: {error}")
        return
    at = 0
    for field in found:
        start, end = max(field.start, at), min(field.end, len(data))
        if end <= start:
            continue
        if start > at:
            yield Field("(no name)", at, start, data[at:start])
        yield field if (start, end) == (field.start, field.end) else replace(field, start=start, end=end)
        at = end
    if at < len(data):
        yield Field("(no name)", at, len(data), data[at:])


@dataclass(frozen=True, slots=True)
class _Painter:
    data: bytes
    color: bool
    mark: int | None
    reason: str
    name_width: int

    def rows(self, field: Field, index: int) -> Iterator[str]:
        starts = list(range(field.start, field.end, _ROW))
        hidden = len(starts) - _MOST_ROWS
        color = _COLORS[index % len(_COLORS)]
        for number, start in enumerate(starts):
            if hidden > 0 and _MOST_ROWS - 1 <= number < len(starts) - 1 and not self._is_marked(start, field.end):
                if number == _MOST_ROWS - 1:
                    yield self._paint(_DIM, f"{'...':>8}  {hidden * _ROW} bytes more")
                continue
            note = self._note(field, color) if number == 0 else ""
            yield self._row(start, min(start + _ROW, field.end), color, note)

    def _is_marked(self, start: int, end: int) -> bool:
        return self.mark is not None and start <= self.mark < min(start + _ROW, end)

    def _row(self, start: int, end: int, color: str, note: str) -> str:
        cells = [self._paint(_MARK if at == self.mark else color, f"{self.data[at]:02x}") for at in range(start, end)]
        padding = " " * (3 * _ROW - 3 * (end - start))
        arrow = self._pointer() if self._is_marked(start, end) else ""
        return f"{self._paint(_DIM, f'{start:08x}')}  {' '.join(cells)}{padding} {note}{arrow}".rstrip()

    def _note(self, field: Field, color: str) -> str:
        name = self._paint(color, f"{field.name:<{self.name_width}}")
        problem = self._paint(_BAD, f"  ! {field.problem}") if field.problem else ""
        return f"{name}  {_shown(field)}{problem}"

    def _pointer(self) -> str:
        return self._paint(_BAD, f"  <-- {self.reason or 'here'}")

    def end(self) -> str:
        """The row that points behind the last byte."""
        return f"{self._paint(_DIM, f'{len(self.data):08x}')}  {' ' * 3 * _ROW}{self._pointer()}"

    def _paint(self, color: str, text: str) -> str:
        return f"{color}{text}{_RESET}" if self.color else text


def _shown(field: Field) -> str:
    value = field.value
    if value is None:
        return ""
    size = field.end - field.start
    if isinstance(value, bytes | bytearray | memoryview):
        value = bytes(value[: _VALUE_WIDTH + 1])
    text = str(value) if isinstance(value, bool | int | float) else repr(value)
    if len(text) > _VALUE_WIDTH:
        return f"{text[: _VALUE_WIDTH - 3]}... ({size} bytes)"
    return text
