"""What one string of a message must be: ``envoy.config.route.v3.HeaderMatcher``.

Shared by everything that chooses by content. Keys are folded once, when the matcher is made; values are compared
as they are. A string that is not there matches nothing.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.proxy.config.values import MatcherConfig, MatchKind

_TESTS: dict[MatchKind, Callable[[str], Callable[[str], bool]]] = {
    MatchKind.EXACT: lambda wanted: wanted.__eq__,
    MatchKind.PREFIX: lambda prefix: operator.methodcaller("startswith", prefix),
}


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one string.

    Args:
        key: The string's key, lower-case.
        test: Whether a value is what it must be.
    """

    key: str
    test: Callable[[str], bool]

    @classmethod
    def from_config(cls, config: MatcherConfig) -> Matcher:
        """The condition that ``config`` spells."""
        return cls(config.name.lower(), _TESTS[config.kind](config.value))


def all_match(matchers: Iterable[Matcher], metadata: Metadata) -> bool:
    """Whether every condition holds for the message; true when there is none.

    Raises:
        DecodeError: Reaching a deferred string found the message malformed.
    """
    for matcher in matchers:  # a loop, not all(): a generator costs as much as three matchers
        value = metadata.lookup(matcher.key)
        if value is None or not matcher.test(value):
            return False
    return True
