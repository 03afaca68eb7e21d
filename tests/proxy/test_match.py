from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaprotocol_sdk.exceptions import DecodeError
from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.proxy.config.values import MatcherConfig, MatchKind
from metaprotocol_sdk.proxy.match import FirstMatch, Matcher, all_match
from tests.proxy.fakes import request

INT64 = (-(2**63), 2**63 - 1)

CASES: list[tuple[MatchKind, Any, str, bool]] = [
    (MatchKind.EXACT, "say", "say", True),
    (MatchKind.EXACT, "say", "sayHello", False),
    (MatchKind.EXACT, "say", "Say", False),
    (MatchKind.EXACT, "", "", True),
    (MatchKind.EXACT, "", "x", False),
    (MatchKind.PREFIX, "say", "sayHello", True),
    (MatchKind.PREFIX, "say", "say", True),
    (MatchKind.PREFIX, "say", "sa", False),
    (MatchKind.PREFIX, "say", "Sayer", False),
    (MatchKind.PREFIX, "", "anything", True),
    (MatchKind.SUFFIX, "lo", "sayHello", True),
    (MatchKind.SUFFIX, "lo", "lo", True),
    (MatchKind.SUFFIX, "lo", "hellow", False),
    (MatchKind.CONTAINS, "yH", "sayHello", True),
    (MatchKind.CONTAINS, "yh", "sayHello", False),
    (MatchKind.SAFE_REGEX, "say.*", "sayHello", True),
    (MatchKind.SAFE_REGEX, "say", "sayHello", False),  # all of the value, not its beginning
    (MatchKind.SAFE_REGEX, "Hello", "sayHello", False),
    (MatchKind.SAFE_REGEX, "s|say", "say", True),  # all of the value, whichever branch that takes
    (MatchKind.SAFE_REGEX, "^say$", "say", True),
    (MatchKind.SAFE_REGEX, "^say$", "say\n", False),
    (MatchKind.SAFE_REGEX, ".", "é", True),
    (MatchKind.SAFE_REGEX, ".", "\n", False),
    (MatchKind.SAFE_REGEX, r"\pL+", "Grüße", True),
    (MatchKind.SAFE_REGEX, "a.", "a\ud800", True),  # half a character, which UTF-8 cannot write, is one too
    (MatchKind.RANGE, (-10, 10), "-10", True),
    (MatchKind.RANGE, (-10, 10), "9", True),
    (MatchKind.RANGE, (-10, 10), "10", False),
    (MatchKind.RANGE, (-10, 10), "-11", False),
    (MatchKind.RANGE, (-10, 10), "+5", True),
    (MatchKind.RANGE, (-10, 10), "-0", True),
    (MatchKind.RANGE, (-10, 10), "007", True),
    (MatchKind.RANGE, (-10, 10), "0" * 5000 + "7", True),
    (MatchKind.RANGE, (-10, 10), "0" * 5000, True),
    (MatchKind.RANGE, (-10, 10), "7" * 5000, False),
    (MatchKind.RANGE, (-10, 10), "", False),
    (MatchKind.RANGE, (-10, 10), "+", False),
    (MatchKind.RANGE, (-10, 10), "--5", False),
    (MatchKind.RANGE, (-10, 10), " 5", False),
    (MatchKind.RANGE, (-10, 10), "5\n", False),
    (MatchKind.RANGE, (-10, 10), "5x", False),
    (MatchKind.RANGE, (-10, 10), "5.0", False),
    (MatchKind.RANGE, (-10, 10), "1_0", False),
    (MatchKind.RANGE, (-10, 10), "0x5", False),
    (MatchKind.RANGE, (-10, 10), "\u0665", False),  # a digit, and not one of ours
    (MatchKind.RANGE, (6, 5), "5", False),
    (MatchKind.RANGE, INT64, str(INT64[0]), True),
    (MatchKind.RANGE, INT64, str(INT64[1] - 1), True),
    (MatchKind.RANGE, INT64, str(INT64[1]), False),
    (MatchKind.RANGE, INT64, str(INT64[0] - 1), False),
    (MatchKind.RANGE, INT64, str(2**64), False),
    (MatchKind.PRESENT, True, "", True),
    (MatchKind.PRESENT, True, "x", True),
    (MatchKind.PRESENT, False, "x", False),
]


def matcher_of(kind: MatchKind, value: Any, **options: bool) -> Matcher:
    return Matcher.from_config(MatcherConfig("method", kind, value, **options))


@pytest.mark.parametrize(("kind", "wanted", "value", "expected"), CASES)
def test_a_value_is_what_its_kind_asks_or_with_invert_is_not(
    kind: MatchKind, wanted: Any, value: str, expected: bool
) -> None:
    message = request(method=value)
    for is_empty in (False, True):  # about strings that are not there
        assert all_match([matcher_of(kind, wanted, treat_missing_as_empty=is_empty)], message) is expected
        inverted = matcher_of(kind, wanted, invert=True, treat_missing_as_empty=is_empty)
        assert all_match([inverted], message) is not expected


@pytest.mark.parametrize(
    ("kind", "wanted", "value", "expected"),
    [
        (MatchKind.EXACT, "Say", "sAY", True),
        (MatchKind.EXACT, "Say", "sAYs", False),
        (MatchKind.PREFIX, "SAY", "sayHello", True),
        (MatchKind.SUFFIX, "LO", "sayHello", True),
        (MatchKind.CONTAINS, "Yh", "sayHello", True),
        (MatchKind.EXACT, "k", "\u212a", False),  # the Kelvin sign, a "k" to str.lower()
        (MatchKind.EXACT, "É", "é", False),
        (MatchKind.EXACT, "Éa", "ÉA", True),
        (MatchKind.EXACT, "i", "\u0130", False),
        (MatchKind.SAFE_REGEX, "say", "SAY", False),
    ],
)
def test_ignore_case_folds_ascii_letters_of_text(kind: MatchKind, wanted: str, value: str, expected: bool) -> None:
    message = request(method=value)
    assert all_match([matcher_of(kind, wanted, ignore_case=True)], message) is expected
    assert all_match([matcher_of(kind, wanted, ignore_case=True, invert=True)], message) is not expected


EVERY_KIND: list[tuple[MatchKind, Any]] = [
    (MatchKind.EXACT, ""),
    (MatchKind.PREFIX, ""),
    (MatchKind.SUFFIX, ""),
    (MatchKind.CONTAINS, ""),
    (MatchKind.SAFE_REGEX, ".*"),
    (MatchKind.RANGE, INT64),
]


@pytest.mark.parametrize(("kind", "wanted"), EVERY_KIND)
@pytest.mark.parametrize("invert", [False, True])
def test_a_string_that_is_not_there_matches_nothing_even_inverted(kind: MatchKind, wanted: Any, invert: bool) -> None:
    assert not all_match([matcher_of(kind, wanted, invert=invert)], request(other="x"))


@pytest.mark.parametrize(("kind", "wanted"), [*EVERY_KIND, (MatchKind.EXACT, "x"), (MatchKind.PREFIX, "x")])
@pytest.mark.parametrize("invert", [False, True])
def test_a_string_that_is_not_there_can_be_treated_as_empty(kind: MatchKind, wanted: Any, invert: bool) -> None:
    matcher = matcher_of(kind, wanted, invert=invert, treat_missing_as_empty=True)
    assert all_match([matcher], request()) is all_match([matcher], request(method=""))


@pytest.mark.parametrize(
    ("is_wanted", "invert", "is_empty", "expected"),
    [
        (True, False, False, False),
        (True, True, False, True),  # turned round, presence is absence
        (False, False, False, True),
        (False, True, False, False),
        (True, False, True, True),  # treated as empty it is there, as in Envoy
        (True, True, True, False),
        (False, False, True, False),
        (False, True, True, True),
    ],
)
def test_present_is_about_strings_that_are_not_there(
    is_wanted: bool, invert: bool, is_empty: bool, expected: bool
) -> None:
    matcher = matcher_of(MatchKind.PRESENT, is_wanted, invert=invert, treat_missing_as_empty=is_empty)
    assert all_match([matcher], request()) is expected


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


def test_matchers_are_equal_when_their_configurations_are() -> None:
    assert matcher_of(MatchKind.RANGE, (1, 2)) == matcher_of(MatchKind.RANGE, (1, 2))
    assert matcher_of(MatchKind.RANGE, (1, 2)) != matcher_of(MatchKind.RANGE, (1, 3))


def broken(_: Metadata) -> None:
    raise DecodeError("no strings here")


def test_deferred_strings_are_reached_and_their_fault_escapes() -> None:
    matcher = Matcher.from_config(MatcherConfig("late", MatchKind.EXACT, "1"))
    metadata = request()
    metadata.defer(lambda found: found.update(late="1"))
    assert all_match([matcher], metadata)
    metadata = request()
    metadata.defer(broken)
    with pytest.raises(DecodeError):
        all_match([matcher], metadata)


# --- the first match -----------------------------------------------------------------------------------------------

KEYS = st.sampled_from("ab")
TEXTS = st.sampled_from(["", "x", "X", "xy", "y"])
FLAGS = st.sampled_from([False, False, True])
TEXT_KINDS = st.sampled_from([MatchKind.EXACT, MatchKind.EXACT, MatchKind.PREFIX, MatchKind.SUFFIX, MatchKind.CONTAINS])
CONFIGS = st.one_of(
    st.builds(MatcherConfig, KEYS, TEXT_KINDS, TEXTS, FLAGS, FLAGS, FLAGS),
    st.builds(MatcherConfig, KEYS, st.just(MatchKind.SAFE_REGEX), st.sampled_from(["x.*", "y|x"]), invert=FLAGS),
    st.builds(MatcherConfig, KEYS, st.just(MatchKind.RANGE), st.just((0, 9)), treat_missing_as_empty=FLAGS),
    st.builds(MatcherConfig, KEYS, st.just(MatchKind.PRESENT), st.booleans(), invert=FLAGS),
)
PLAIN = st.builds(MatcherConfig, KEYS, st.sampled_from([MatchKind.EXACT, MatchKind.PREFIX]), TEXTS)
CONDITIONS = st.lists(st.one_of(PLAIN, CONFIGS), min_size=1, max_size=3)
STRINGS = st.dictionaries(KEYS, TEXTS)


def made(cases: Iterable[Sequence[MatcherConfig]]) -> list[tuple[tuple[Matcher, ...], int]]:
    return [(tuple(map(Matcher.from_config, conditions)), answer) for answer, conditions in enumerate(cases)]


def read_in_order(cases: list[tuple[tuple[Matcher, ...], int]], metadata: Metadata) -> int | None:
    return next((answer for matchers, answer in cases if all_match(matchers, metadata)), None)


def outcome(find: Any, metadata: Metadata) -> tuple[object, bool]:
    """What came of it, and whether the deferred strings were not asked for."""
    try:
        return find(metadata), metadata.is_deferred
    except DecodeError as error:
        return str(error), True


@given(st.lists(CONDITIONS, max_size=20), STRINGS, st.none() | st.just("broken") | STRINGS)
@settings(max_examples=300)
def test_the_first_match_is_that_of_a_reader_in_order_down_to_the_strings_it_asks_for(
    conditions: list[list[MatcherConfig]], strings: dict[str, str], deferred: dict[str, str] | str | None
) -> None:
    leading = [MatcherConfig("a", MatchKind.EXACT, "never"), MatcherConfig("b", MatchKind.EXACT, "never")] * 4
    cases = made([*[[each] for each in leading], *conditions])  # so that there are forks

    def message() -> Metadata:
        metadata = request()
        metadata.update(strings)
        if isinstance(deferred, dict):
            metadata.defer(lambda found: found.update(deferred))
        elif deferred is not None:
            metadata.defer(broken)
        return metadata

    expected = outcome(lambda metadata: read_in_order(cases, metadata), message())
    assert outcome(FirstMatch(cases).find, message()) == expected


@given(st.lists(st.lists(PLAIN, min_size=1, max_size=3), min_size=8, max_size=40), STRINGS)
def test_cases_of_exact_and_prefix_conditions_are_found_as_by_a_reader_in_order(
    conditions: list[list[MatcherConfig]], strings: dict[str, str]
) -> None:
    cases = made(conditions)
    message = request()
    message.update(strings)
    assert FirstMatch(cases).find(message) == read_in_order(cases, message)


def exact(key: str, value: str) -> MatcherConfig:
    return MatcherConfig(key, MatchKind.EXACT, value)


def prefix(key: str, value: str) -> MatcherConfig:
    return MatcherConfig(key, MatchKind.PREFIX, value)


@pytest.mark.parametrize(
    "odd",
    [
        MatcherConfig("method", MatchKind.EXACT, "SAY", ignore_case=True),
        MatcherConfig("method", MatchKind.PREFIX, "SA", ignore_case=True),
        MatcherConfig("method", MatchKind.EXACT, "m1", invert=True),
        MatcherConfig("other", MatchKind.EXACT, "", treat_missing_as_empty=True),
        MatcherConfig("other", MatchKind.PREFIX, "", treat_missing_as_empty=True),
        MatcherConfig("method", MatchKind.PREFIX, "s"),
    ],
)
@pytest.mark.parametrize("answer", [0, 10, 20])
def test_a_case_of_another_kind_keeps_its_place_among_those_that_are_looked_up(odd: MatcherConfig, answer: int) -> None:
    conditions = [(exact(key, f"m{i}"),) for i in range(10) for key in ("method", "other")]
    conditions.insert(answer, (odd,))
    message = request(method="say")
    assert FirstMatch(made(conditions)).find(message) == answer
    assert FirstMatch(made([*conditions, (exact("method", "say"),)])).find(message) == answer
    assert FirstMatch(made([(exact("method", "say"),), *conditions])).find(message) == 0


@pytest.mark.parametrize(
    "conditions",
    [
        [(exact("method", f"m{i}"),) for i in range(1000)],
        [(exact("interface", "a.B"), exact("method", f"m{i}")) for i in range(1000)],
        [(exact("method", f"m{i}"), exact("interface", "a.B"))[:: 1 if i % 2 else -1] for i in range(1000)],
        [(prefix("method", f"m{i}"),) for i in range(100, 1100)],
        [(exact(f"key{i % 5}", f"v{i}"),) for i in range(1000)],
    ],
    ids=["one key", "two keys", "two keys in any order", "prefixes", "five keys"],
)
def test_a_thousand_cases_that_do_not_match_are_not_looked_at(conditions: list[tuple[MatcherConfig, ...]]) -> None:
    looked_at: list[str] = []

    def watched(matcher: Matcher) -> Matcher:
        def test(value: str) -> bool:
            looked_at.append(value)
            return matcher.test(value)

        return replace(matcher, test=test)

    cases: list[tuple[tuple[Matcher, ...], int]] = [
        (tuple(map(watched, matchers)), answer) for matchers, answer in made(conditions)
    ]
    message = request(interface="a.B", method="m555", key0="v555")
    assert FirstMatch(cases).find(message) == read_in_order(cases, message)
    del looked_at[:]
    FirstMatch(cases).find(message)
    assert len(looked_at) <= 2
    FirstMatch([*cases, ((), 1000)]).find(request(interface="a.B", method="none"))
    assert len(looked_at) <= 4


def test_a_string_put_off_is_not_asked_for_while_a_case_before_it_can_still_win() -> None:
    early = [(exact("method", f"m{i}"),) for i in range(10)]
    late = [(exact("version", f"v{i}"),) for i in range(10)]
    metadata = request(method="m9")
    metadata.defer(broken)
    assert FirstMatch(made([*early, *late])).find(metadata) == 9
    assert FirstMatch(made([late[0], *early, *late[1:]])).find(request(method="m9")) == 10
    with pytest.raises(DecodeError):
        FirstMatch(made([late[0], *early, *late[1:]])).find(metadata)


def test_a_string_put_off_is_not_asked_for_when_the_condition_before_it_fails() -> None:
    cases = made([(exact("method", f"m{i}"), exact("version", f"v{i}")) for i in range(10)])
    metadata = request(method="none")
    metadata.defer(broken)
    assert FirstMatch(cases).find(metadata) is None
    metadata["method"] = "m3"
    with pytest.raises(DecodeError):
        FirstMatch(cases).find(metadata)


def test_cases_with_hundreds_of_equal_conditions_are_no_deeper_than_the_stack() -> None:
    conditions = tuple(exact("method", "m") for _ in range(3000))
    found = FirstMatch(made([(*conditions, exact("last", str(i))) for i in range(10)]))
    assert found.find(request(method="m", last="7")) == 7
    assert found.find(request(method="m", last="no")) is None
