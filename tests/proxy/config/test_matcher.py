from __future__ import annotations

import pytest

from metaprotocol_sdk.proxy.config.matcher import HeaderMatcher, RegexMatcher
from metaprotocol_sdk.proxy.config.values import MatcherConfig, MatchKind
from tests.proxy.config.reading import bad, good, read

KIND = "expected one of exact, prefix, suffix, contains, safe_regex"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("exact_match: x", MatcherConfig("n", MatchKind.EXACT, "x")),
        ("exact_match: ''", MatcherConfig("n", MatchKind.EXACT, "")),
        ("prefix_match: x, invert_match: false", MatcherConfig("n", MatchKind.PREFIX, "x")),
        ("suffixMatch: x, invertMatch: true", MatcherConfig("n", MatchKind.SUFFIX, "x", invert=True)),
        (
            "contains_match: x, treat_missing_header_as_empty: true",
            MatcherConfig("n", MatchKind.CONTAINS, "x", treat_missing_as_empty=True),
        ),
        ("safe_regex_match: {regex: a.c}", MatcherConfig("n", MatchKind.SAFE_REGEX, "a.c")),
        (
            "safeRegexMatch: {googleRe2: {}, regex: '[[:alpha:]]+'}",
            MatcherConfig("n", MatchKind.SAFE_REGEX, "[[:alpha:]]+"),
        ),
        ("range_match: {start: -5, end: '10'}", MatcherConfig("n", MatchKind.RANGE, (-5, 10))),
        ("range_match: {end: 1}", MatcherConfig("n", MatchKind.RANGE, (0, 1))),
        (
            "range_match: {start: '-9223372036854775808', end: 9223372036854775807}",
            MatcherConfig("n", MatchKind.RANGE, (-(2**63), 2**63 - 1)),
        ),
        ("present_match: true", MatcherConfig("n", MatchKind.PRESENT, True)),
        ("present_match: false", MatcherConfig("n", MatchKind.PRESENT, False)),
        ("", MatcherConfig("n", MatchKind.PRESENT, True)),
        ("exact_match: ~, invert_match: true", MatcherConfig("n", MatchKind.PRESENT, True, invert=True)),
        ("string_match: {exact: ''}", MatcherConfig("n", MatchKind.EXACT, "")),
        ("stringMatch: {prefix: x, ignoreCase: false}", MatcherConfig("n", MatchKind.PREFIX, "x")),
        ("string_match: {suffix: x, ignore_case: true}", MatcherConfig("n", MatchKind.SUFFIX, "x", ignore_case=True)),
        ("string_match: {contains: x}", MatcherConfig("n", MatchKind.CONTAINS, "x")),
        ("string_match: {safe_regex: {regex: (?i)x}}", MatcherConfig("n", MatchKind.SAFE_REGEX, "(?i)x")),
    ],
)
def test_a_matcher_becomes_its_value(text: str, value: MatcherConfig) -> None:
    assert good(HeaderMatcher, f"{{name: n, {text}}}").value() == value


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        (
            "{name: n, exact_match: x, prefix_match: y}",
            ["1:27 error prefix_match: only one of exact_match and prefix_match can be given"],
        ),
        (
            "{name: n, present_match: true, string_match: {exact: x}}",
            ["1:32 error string_match: only one of present_match and string_match can be given"],
        ),
        ("{name: n, exact_match: 1}", ["1:24 error exact_match: expected text, found 1; put it in quotes"]),
        ("{name: n, invert_match: 1}", ["1:25 error invert_match: expected true or false, found 1"]),
        ("{name: n, prefix_match: ''}", ["1:25 error prefix_match: expected text that is not empty"]),
        ("{name: n, suffix_match: ''}", ["1:25 error suffix_match: expected text that is not empty"]),
        ("{name: n, contains_match: ''}", ["1:27 error contains_match: expected text that is not empty"]),
        ("{exact_match: x}", ["1:1 error name: required, and not there"]),
        ("{name: n, string_match: {}}", [f"1:25 error string_match.exact: {KIND}"]),
        ("{name: n, string_match: {custom: {}}}", ["1:26 error string_match.custom: not supported yet by this proxy"]),
        (
            "{name: n, string_match: {exact: x, safe_regex: {regex: y}}}",
            ["1:36 error string_match.safe_regex: only one of exact and safe_regex can be given"],
        ),
        ("{name: n, exactMach: x}", ["1:11 error exact_mach: unknown key 'exactMach'; did you mean exact_match?"]),
        ("{name: n, safe_regex_match: {}}", ["1:29 error safe_regex_match.regex: required, and not there"]),
        ("{name: n, range_match: {start: x, end: 5}}", [
            ("1:32 error range_match.start: expected a whole number from -9223372036854775808 to 9223372036854775807, "
            "found 'x'"),
        ]),
        ("{name: n, range_match: {start: 5, end: 5}}", [
            ("1:40 error range_match.end: expected a number over start, 5: end is excluded, so nothing would match; "
            "found 5"),
        ]),
        ("{name: n, range_match: {start: 5}}", [
            ("1:24 error range_match.end: expected a number over start, 5: end is excluded, so nothing would match; "
            "found 0"),
        ]),
    ],
)  # fmt: skip
def test_a_wrong_matcher_says_where_and_why(text: str, findings: list[str]) -> None:
    assert bad(HeaderMatcher, text) == findings


@pytest.mark.parametrize(
    ("regex", "reason"),
    [
        ("(", "missing ): ("),
        ("a**", "bad repetition operator: **"),
        ("(?=a)", "invalid perl operator: (?="),
        ("(a)\\1", "invalid escape sequence: \\1"),
        ("x{2000}", "invalid repetition size: {2000}"),
        ("[é", "missing ]: [é"),
    ],
)
def test_a_regular_expression_that_re2_refuses_is_an_error_at_its_place(
    regex: str, reason: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert bad(RegexMatcher, f"regex:\n  '{regex}'\n") == [
        f"2:3 error regex: expected a regular expression in RE2's syntax: {reason}"
    ]
    assert capfd.readouterr().err == ""


def test_what_no_longer_matters_in_envoy_is_accepted() -> None:
    _, findings = read(RegexMatcher, "{regex: x, google_re2: {max_program_size: 5}}")
    assert findings == ["1:25 note google_re2.max_program_size: accepted, and without effect in this proxy"]


def test_ignoring_the_case_of_a_regular_expression_is_an_error_as_in_envoy() -> None:
    (finding,) = bad(HeaderMatcher, "{name: n, string_match: {safe_regex: {regex: x}, ignore_case: true}}")
    path = "string_match.ignore_case"
    assert (
        finding == f"1:63 error {path}: expected false: it has no effect on safe_regex, which begins with (?i) instead"
    )
