"""What passes between the suite and a far side, as bytes and as JSON; both sides use it.

Each question and each answer is one frame::

    +-------------+--------------------------------+
    | size u32 BE | one JSON object, size bytes    |
    +-------------+--------------------------------+

A frame of ours is ASCII, has no space outside strings, and no key twice at any depth, so that a far side can find a
value by searching for ``"key":``. Bytes are lower-case hex. ``docs/reference/foreign-codecs.md`` lists the questions.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

PROTOCOL = 1
"""The version that ``hello`` asks for. It grows when a question or an answer changes its meaning; new keys do not
change it, and a side ignores keys it does not know."""

MAX_FRAME = 64 * 1024 * 1024
"""Bytes of JSON in a frame: a message of 16 MiB as hex fits. A first byte that is a letter, or ends a line, is more, so
a program that prints is found out at once."""

HEADER = struct.Struct(">I")


class BadFrame(ValueError):
    """Bytes that are no frame; the text is a clause."""


def to_frame(message: Mapping[str, Any]) -> bytes:
    """A question or an answer as the bytes that pass."""
    data = json.dumps(message, separators=(",", ":")).encode("ascii")
    return HEADER.pack(len(data)) + data


def frame_size(data: bytes | bytearray) -> int | None:
    """Bytes of the frame at the front of ``data``, its header included; None: more must come.

    Raises:
        BadFrame: No frame begins like that.
    """
    if len(data) < HEADER.size:
        return None
    (size,) = HEADER.unpack_from(data)
    if size > MAX_FRAME:
        raise BadFrame(
            f"it begins with {bytes(data[:16])!r}, where the size of the frame belongs in four bytes; a program that "
            "prints does so on stderr"
        )
    return HEADER.size + int(size)


def from_frame(data: bytes) -> dict[str, Any]:
    """What a whole frame says.

    Raises:
        BadFrame: It is no JSON object.
    """
    text = data[HEADER.size :]
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadFrame(f"it is no JSON: {text[:80]!r} ({error})") from error
    if not isinstance(message, dict):
        raise BadFrame(f"it is {type(message).__name__}, not a JSON object: {text[:80]!r}")
    return message


class Answer:
    """Reads the values of an answer, and says which one is not what it should be.

    Args:
        values: The JSON object.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __contains__(self, key: str) -> bool:
        return self._values.get(key) is not None

    def text(self, key: str, default: str | None = None) -> str:
        """A string.

        Raises:
            BadFrame: It is none, or not there and has no default; so for the others.
        """
        return str(self._read(key, str, default))

    def number(self, key: str, default: int | None = None) -> int:
        """A whole number that is not negative."""
        number = int(self._read(key, int, default))
        if number < 0 or isinstance(self._values.get(key), bool):
            raise BadFrame(f"its {key} is {self._values[key]!r}, not a number of 0 or more")
        return number

    def signed(self, key: str, default: int | None = None) -> int:
        """A whole number of either sign."""
        return int(self._read(key, int, default))

    def flag(self, key: str) -> bool:
        """True or false; false when it is not there."""
        return bool(self._read(key, bool, default=False))

    def data(self, key: str) -> bytes:
        """Bytes."""
        text = self.text(key)
        try:
            return bytes.fromhex(text)
        except ValueError as error:
            raise BadFrame(f"its {key} is {text[:40]!r}, which is no hex") from error

    def choice(self, key: str, choices: Mapping[str, Any], default: Any = None) -> Any:
        """One of several names, as what it stands for."""
        if default is not None and key not in self:
            return default
        name = self.text(key)
        if name not in choices:
            raise BadFrame(f"its {key} is {name!r}, which is none of {', '.join(choices)}")
        return choices[name]

    def part(self, key: str) -> Answer:
        """A JSON object in it; an empty one when it is not there."""
        return Answer(self._read(key, dict, {}))

    def items(self, key: str) -> list[Any]:
        """A list; an empty one when it is not there."""
        return list(self._read(key, list, []))

    def strings(self, key: str) -> dict[str, str]:
        """A JSON object of strings; an empty one when it is not there."""
        found = self._read(key, dict, {})
        wrong = next((name for name, value in found.items() if not isinstance(value, str)), None)
        if wrong is not None:
            raise BadFrame(f"{wrong!r} in its {key} is {found[wrong]!r}, not a string")
        return dict(found)

    def _read(self, key: str, kind: type, default: Any) -> Any:
        value = self._values.get(key)
        if value is None:
            value = default
        if not isinstance(value, kind):
            what = "is not there" if value is None else f"is {value!r}"
            raise BadFrame(f"its {key} {what}; it is {_KINDS[kind]}")
        return value


_KINDS = {str: "a string", int: "a whole number", bool: "true or false", dict: "an object", list: "a list"}
