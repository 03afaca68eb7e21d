"""What an unquoted YAML scalar is, by the core schema of YAML 1.2 (§10.3.2).

YAML 1.1 reads ``no`` as false, ``22:22`` as 1342 and ``010`` as 8. Here only what YAML 1.2 calls null, a boolean or a
number is one, and a number with leading zeros is text, because readers disagree about what it is.
"""

from __future__ import annotations

import math
import re

Scalar = str | int | float | bool | None
"""What one scalar can be."""

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **{sign + word: math.inf for sign in ("", "+") for word in (".inf", ".Inf", ".INF")},
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_NUMBER_STARTS = frozenset("+-.0123456789")
# Digits are bounded, or one scalar could cost quadratic time; a longer run is a float or text.
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,99})")
_OCTAL = re.compile(r"0o[0-7]{1,99}")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]{1,99}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


def read_scalar(text: str) -> Scalar:
    """The value of an unquoted scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    if _DECIMAL.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _OCTAL.fullmatch(text) or _HEXADECIMAL.fullmatch(text):
        return int(text, 0)
    return text


def read_tagged(text: str, kind: str) -> Scalar:
    """The value of a scalar with an explicit tag, such as ``!!int``.

    Args:
        text: The scalar.
        kind: The tag's last part: str, int, float, bool or null.

    Raises:
        ValueError: The text is not of that kind, or there is no such kind.
    """
    if kind == "str":
        return text
    value = read_scalar(text)
    if kind == "float" and type(value) is int:
        return float(value)
    if type(value) is not {"int": int, "float": float, "bool": bool, "null": type(None)}.get(kind):
        raise ValueError(f"{text!r} is no {kind}")
    return value
