"""What one string of a message must be: ``envoy.config.route.v3.HeaderMatcher``.

Shared by everything that chooses by content. Keys are folded once, when the matcher is made; values are compared
as they are, unless the matcher says otherwise. A string that is not there matches nothing, not even a matcher that
is turned round; only PRESENT asks whether it is there, and ``treat_missing_as_empty`` makes it an empty one.
"""

from __future__ import annotations

import operator
import re
import string
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import re2

from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.proxy.config.values import MatcherConfig, MatchKind

Test = Callable[[str], bool]
"""Whether a value is what it must be."""

_INTEGER = re.compile(r"([+-]?)0*([0-9]{1,19})")  # 19 digits hold every int64; int() would take more than digits
_ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def _contains(part: str) -> Test:
    return lambda value: part in value


def _matches(pattern: str) -> Test:
    full_match = re2.compile(pattern).fullmatch
    # Bytes spare re2 its counting of characters, which is half of its time. Text that UTF-8 cannot write matches
    # nothing, as the bytes it was made of would not.
    return lambda value: full_match(value.encode("utf-8", "surrogatepass")) is not None


def _is_in(bounds: tuple[int, int]) -> Test:
    start, end = bounds

    def is_in(value: str) -> bool:
        found = _INTEGER.fullmatch(value)
        return found is not None and start <= int(found[1] + found[2]) < end

    return is_in


_TESTS: dict[MatchKind, Callable[[Any], Test]] = {
    MatchKind.EXACT: lambda wanted: wanted.__eq__,
    MatchKind.PREFIX: lambda prefix: operator.methodcaller("startswith", prefix),
    MatchKind.SUFFIX: lambda suffix: operator.methodcaller("endswith", suffix),
    MatchKind.CONTAINS: _contains,
    MatchKind.SAFE_REGEX: _matches,
    MatchKind.RANGE: _is_in,
    MatchKind.PRESENT: lambda is_wanted: lambda _: is_wanted,
}
_FOLDABLE = frozenset({MatchKind.EXACT, MatchKind.PREFIX, MatchKind.SUFFIX, MatchKind.CONTAINS})


def _fold(text: str) -> str:
    # str.lower() folds more than ASCII: U+212A, the Kelvin sign, would become a "k".
    return text.lower() if text.isascii() else text.translate(_ASCII_LOWER)


def _folded(test: Test) -> Test:
    return lambda value: test(_fold(value))


def _inverted(test: Test) -> Test:
    return lambda value: not test(value)


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one string.

    The rules are Envoy's:

    * SAFE_REGEX matches the whole value, in RE2's syntax; ``ignore_case`` does not touch it.
    * RANGE takes a value that is an integer of 64 bits in base 10 and nothing else, an optional sign before it.
    * ``ignore_case`` folds ASCII letters alone.
    * A string that is not there matches only PRESENT turned round, PRESENT with ``value=False``, and a matcher with
      ``treat_missing_as_empty`` that takes the empty string; for that one PRESENT, too, finds it there.

    Args:
        config: What it was made of.
        key: The string's key, lower-case.
        test: Whether a value is what it must be.
        accepts_missing: Whether a string that is not there is what it must be.
    """

    config: MatcherConfig
    key: str
    test: Test = field(compare=False, repr=False)
    accepts_missing: bool = field(compare=False, repr=False)

    @classmethod
    def from_config(cls, config: MatcherConfig) -> Matcher:
        """The condition that ``config`` spells.

        Raises:
            re2.error: SAFE_REGEX has no regular expression; the loader has refused it before.
        """
        is_folded = config.ignore_case and config.kind in _FOLDABLE
        test = _TESTS[config.kind](_fold(str(config.value)) if is_folded else config.value)
        if is_folded:
            test = _folded(test)
        if config.invert:
            test = _inverted(test)
        if config.treat_missing_as_empty:
            accepts_missing = test("")
        else:
            accepts_missing = config.kind is MatchKind.PRESENT and config.value == config.invert
        return cls(config, config.name.lower(), test, accepts_missing)


def all_match(matchers: Iterable[Matcher], metadata: Metadata) -> bool:
    """Whether every condition holds for the message; true when there is none.

    Strings are looked up in order, and none after the first condition that does not hold.

    Raises:
        DecodeError: Reaching a deferred string found the message malformed.
    """
    strings = metadata.folded
    for matcher in matchers:  # a loop, not all(): a generator costs as much as three matchers
        value = strings.get(matcher.key)
        if value is None and (value := metadata.lookup(matcher.key)) is None:
            if not matcher.accepts_missing:
                return False
        elif not matcher.test(value):
            return False
    return True
