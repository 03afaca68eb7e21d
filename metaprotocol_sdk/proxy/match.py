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
from heapq import heappop, heappush
from typing import Any, Generic, TypeVar

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
    # Bytes spare re2 its counting of characters, which is half of its time.
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

    * SAFE_REGEX matches the whole value, in RE2's syntax; ``ignore_case`` is not for it. It reads characters where
      Envoy reads bytes: one ``.`` matches one "é".
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


T = TypeVar("T")
_Case = tuple[int, tuple[Matcher, ...], T]
"""Its position, those of its conditions that are still open, and the answer. Positions differ, so they alone order."""
_Step = tuple[int, tuple[Matcher, ...], "T | _Fork[T]"]
"""What to look at next: a case; or the fork before some, at the position of their first."""

_FEW = 4
"""Fewer cases than this are looked at one by one: it takes no longer."""
_DEEP = 16
"""No more conditions of one case are followed through forks."""


class FirstMatch(Generic[T]):
    """Cases in order, each with its conditions and an answer; the first whose conditions all hold wins.

    Cases that begin with EXACT and PREFIX conditions on the same strings are looked up, not gone through: a thousand
    of them cost what a few cost. Yet the answer, and the strings looked up on the way, are those of a reader who takes
    the cases in order, the conditions of each in order, and leaves a case at the first that does not hold. So a string
    that the codec has put off is reached, and its fault found, when that reader reaches it and no sooner.

    Args:
        cases: Conditions and answer of each.
    """

    __slots__ = ("_cases", "_has_forks", "_steps")

    def __init__(self, cases: Iterable[tuple[tuple[Matcher, ...], T]]) -> None:
        self._cases = tuple(cases)
        self._steps = _steps([(position, *case) for position, case in enumerate(self._cases)])
        self._has_forks = any(isinstance(each[2], _Fork) for each in self._steps)

    def find(self, metadata: Metadata) -> T | None:
        """The answer of the first case whose conditions all hold, or None.

        Raises:
            DecodeError: Reaching a deferred string found the message malformed.
        """
        if not self._has_forks:
            for matchers, answer in self._cases:
                if all_match(matchers, metadata):
                    return answer
            return None
        waiting = list(self._steps)  # in order, and so a heap
        while waiting:
            _, matchers, target = heappop(waiting)
            if isinstance(target, _Fork):
                for step in target.follow(metadata):
                    heappush(waiting, step)
            elif all_match(matchers, metadata):
                return target
        return None


class _Fork(Generic[T]):
    """Where cases part: the next condition of each is on the same string, and what that string is leads on.

    Args:
        key: The string's key.
        cases: In order.
        depth: How many forks lead here, this one included.
    """

    __slots__ = ("_by_prefix", "_by_value", "_key")

    def __init__(self, key: str, cases: Iterable[_Case[T]], depth: int) -> None:
        self._key = key
        found: dict[int | None, dict[str, list[_Case[T]]]] = {}
        for position, (matcher, *others), answer in cases:
            text = str(matcher.config.value)
            length = len(text) if matcher.config.kind is MatchKind.PREFIX else None
            found.setdefault(length, {}).setdefault(text, []).append((position, tuple(others), answer))
        ready = {
            length: {text: _steps(each, depth) for text, each in by_text.items()} for length, by_text in found.items()
        }
        self._by_value = ready.pop(None, {})
        self._by_prefix = tuple(ready.items())

    def follow(self, metadata: Metadata) -> tuple[_Step[T], ...]:
        """What the message's string leads to."""
        value = metadata.folded.get(self._key)
        if value is None and (value := metadata.lookup(self._key)) is None:
            return ()
        steps = self._by_value.get(value, ())
        for length, by_prefix in self._by_prefix:
            steps += by_prefix.get(value[:length], ())
        return steps


def _steps(cases: list[_Case[T]], depth: int = 0) -> tuple[_Step[T], ...]:
    """The cases in order, those that begin with a condition on the same string behind one fork."""
    groups: dict[str, list[_Case[T]]] = {}
    for case in cases:
        if case[1] and _can_lead(case[1][0]):
            groups.setdefault(case[1][0].key, []).append(case)
    steps: dict[int, _Step[T]] = {case[0]: case for case in cases}
    for key, group in groups.items():
        if len(group) >= _FEW and depth < _DEEP:
            for case in group:
                del steps[case[0]]
            steps[group[0][0]] = (group[0][0], (), _Fork(key, group, depth + 1))
    return tuple(steps[position] for position in sorted(steps))


def _can_lead(matcher: Matcher) -> bool:
    """Whether the values it accepts can be looked up, and no value at all is none of them."""
    config = matcher.config
    is_plain = not (config.invert or config.ignore_case or matcher.accepts_missing)
    return is_plain and config.kind in (MatchKind.EXACT, MatchKind.PREFIX)
