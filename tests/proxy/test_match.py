from __future__ import annotations

import pytest

from metaprotocol_sdk.exceptions import DecodeError
from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.proxy.config.values import MatcherConfig, MatchKind
from metaprotocol_sdk.proxy.match import Matcher, all_match
from tests.proxy.fakes import request

CASES = [
    (MatchKind.EXACT, "say", "say", True),
    (MatchKind.EXACT, "say", "sayHello", False),
    (MatchKind.EXACT, "say", "Say", False),
    (MatchKind.EXACT, "", "", True),
    (MatchKind.PREFIX, "say", "sayHello", True),
    (MatchKind.PREFIX, "say", "say", True),
    (MatchKind.PREFIX, "say", "sa", False),
    (MatchKind.PREFIX, "", "anything", True),
]


@pytest.mark.parametrize(("kind", "wanted", "value", "expected"), CASES)
def test_values_compare_as_they_are(kind: MatchKind, wanted: str, value: str, expected: bool) -> None:
    matcher = Matcher.from_config(MatcherConfig("method", kind, wanted))
    assert all_match([matcher], request(method=value)) is expected


@pytest.mark.parametrize("kind", [MatchKind.EXACT, MatchKind.PREFIX])
def test_a_string_that_is_not_there_matches_nothing_not_even_empty(kind: MatchKind) -> None:
    assert not all_match([Matcher.from_config(MatcherConfig("method", kind, ""))], request(other="x"))


def test_keys_compare_without_case() -> None:
    matcher = Matcher.from_config(MatcherConfig("X-Version", MatchKind.EXACT, "v1"))
    assert matcher.key == "x-version"
    metadata = Metadata()
    metadata["x-VERSION"] = "v1"
    assert all_match([matcher], metadata)


def test_all_must_hold_and_none_always_holds() -> None:
    both = [Matcher.from_config(MatcherConfig(key, MatchKind.EXACT, "1")) for key in ("a", "b")]
    assert all_match(both, request(a="1", b="1"))
    assert not all_match(both, request(a="1", b="2"))
    assert not all_match(both, request(b="1"))
    assert all_match([], request())


def test_deferred_strings_are_reached_and_their_fault_escapes() -> None:
    matcher = Matcher.from_config(MatcherConfig("late", MatchKind.EXACT, "1"))
    metadata = request()
    metadata.defer(lambda found: found.update(late="1"))
    assert all_match([matcher], metadata)

    def broken(_: Metadata) -> None:
        raise DecodeError("no strings here")

    metadata = request()
    metadata.defer(broken)
    with pytest.raises(DecodeError):
        all_match([matcher], metadata)
